//! The tree that templates and conditions see as `.environment`, of a member or as a test case has it.
//!
//! What a cluster does not have, or of which it is not known, is absent from the tree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stevedore_proto_core::Environment;
use stevedore_proto_core::environment as facts;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tree {
    kubernetes: Kubernetes,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_shift: Option<OpenShift>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<Proxy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hyper_shift: Option<HyperShift>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kubernetes {
    version: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct OpenShift {
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed: Option<Managed>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Managed {
    data: BTreeMap<String, String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Proxy {
    #[serde(skip_serializing_if = "String::is_empty")]
    http_proxy: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    https_proxy: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    no_proxy: String,
}

/// `hostedCluster` is null where the package's namespace is not that of a control plane.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HyperShift {
    hosted_cluster: Option<HostedCluster>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HostedCluster {
    metadata: Metadata,
    hosted_cluster_namespace: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    node_selector: BTreeMap<String, String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// What a package sees of a member. A package in the namespace of a control plane, and no other, sees whose that is.
pub fn tree(environment: &Environment, namespace: Option<&str>) -> Value {
    let text = Clone::clone;
    let open_shift = environment.open_shift.present().map(|found| OpenShift {
        version: text(&found.version),
        managed: found.managed.clone().map(|data| Managed { data }),
    });
    let proxy = environment.proxy.present().map(|found| Proxy {
        http_proxy: text(&found.http_proxy),
        https_proxy: text(&found.https_proxy),
        no_proxy: text(&found.no_proxy),
    });
    let hyper_shift = environment.hyper_shift.present();
    let hyper_shift = hyper_shift.map(|found| HyperShift {
        hosted_cluster: namespace.and_then(|namespace| hosted_cluster(found, namespace)),
    });
    value(&Tree {
        kubernetes: Kubernetes {
            version: text(&environment.kubernetes_version),
        },
        open_shift,
        proxy,
        hyper_shift,
    })
}

fn hosted_cluster(found: &facts::HyperShift, namespace: &str) -> Option<HostedCluster> {
    let mut hosted = found.hosted_clusters.iter();
    let hosted = hosted.find(|one| one.control_plane_namespace() == namespace)?;
    Some(HostedCluster {
        metadata: Metadata {
            name: hosted.name.clone(),
            namespace: hosted.namespace.clone(),
            labels: hosted.labels.clone(),
            annotations: hosted.annotations.clone(),
        },
        hosted_cluster_namespace: namespace.to_owned(),
        node_selector: hosted.node_selector.clone(),
    })
}

/// The environment of a test case in the shape that a member's has: a version is always there, and what a member does
/// not report is left out.
///
/// # Errors
/// When a part of it has another form.
pub(crate) fn of_test(given: Option<&Value>) -> Result<Value, serde_json::Error> {
    let tree = given.map_or_else(|| Ok(Tree::default()), Tree::deserialize)?;
    Ok(value(&tree))
}

fn value(tree: &Tree) -> Value {
    serde_json::to_value(tree).expect("a tree of texts is JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stevedore_proto_core::environment::{Fact, HyperShift, OpenShift, Proxy};

    use super::*;

    fn map(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    fn member() -> Environment {
        Environment {
            kubernetes_version: "v1.33.1".into(),
            platform: "linux/amd64".into(),
            open_shift: Fact::Present(OpenShift {
                version: "4.17.3".into(),
                managed: Some(map("plan", "large")),
            }),
            proxy: Fact::Present(Proxy {
                https_proxy: "http://proxy.example:3128".into(),
                ..Proxy::default()
            }),
            hyper_shift: Fact::Present(HyperShift {
                hosted_clusters: vec![facts::HostedCluster {
                    namespace: "clusters".into(),
                    name: "east.one".into(),
                    labels: map("tier", "edge"),
                    node_selector: map("role", "infra"),
                    ..facts::HostedCluster::default()
                }],
            }),
        }
    }

    #[test]
    fn every_fact_has_the_name_that_packages_know() {
        let expected = json!({
            "kubernetes": {"version": "v1.33.1"},
            "openShift": {"version": "4.17.3", "managed": {"data": {"plan": "large"}}},
            "proxy": {"httpsProxy": "http://proxy.example:3128"},
            "hyperShift": {"hostedCluster": {
                "metadata": {
                    "name": "east.one",
                    "namespace": "clusters",
                    "labels": {"tier": "edge"},
                    "annotations": {},
                },
                "hostedClusterNamespace": "clusters-east-one",
                "nodeSelector": {"role": "infra"},
            }},
        });
        assert_eq!(tree(&member(), Some("clusters-east-one")), expected);
    }

    #[test]
    fn a_hosted_cluster_is_seen_from_the_namespace_of_its_control_plane_alone() {
        for namespace in [None, Some("clusters"), Some("clusters-east")] {
            let seen = tree(&member(), namespace);
            assert_eq!(seen["hyperShift"], json!({"hostedCluster": null}));
        }
    }

    #[test]
    fn what_is_not_there_or_not_known_is_absent() {
        let plain = |fact: fn() -> Fact<OpenShift>| Environment {
            kubernetes_version: "v1.33.1".into(),
            open_shift: fact(),
            ..Environment::default()
        };
        let expected = json!({"kubernetes": {"version": "v1.33.1"}});
        for fact in [|| Fact::Absent, || Fact::Unknown] {
            assert_eq!(tree(&plain(fact), None), expected);
        }
    }

    #[test]
    fn the_environment_of_a_test_case_has_the_shape_of_a_members() {
        let of = |given: Value| of_test(Some(&given)).unwrap();
        let version = json!({"kubernetes": {"version": ""}});
        assert_eq!(of_test(None).unwrap(), version);
        assert_eq!(of(json!({"other": 1})), version);
        let given = json!({"openShift": {}, "hyperShift": {}, "proxy": {}});
        let expected = json!({
            "kubernetes": {"version": ""},
            "openShift": {"version": ""},
            "proxy": {},
            "hyperShift": {"hostedCluster": null},
        });
        assert_eq!(of(given), expected);
        let whole = tree(&member(), Some("clusters-east-one"));
        assert_eq!(of(whole.clone()), whole);
        assert!(of_test(Some(&json!({"kubernetes": "v1"}))).is_err());
    }
}
