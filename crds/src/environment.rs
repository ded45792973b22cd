//! The environment of a member: as its agent reports it, and as the status of its `MemberCluster` keeps it.

use stevedore_proto_core::Environment;
use stevedore_proto_core::environment::{Fact, HostedCluster, HyperShift, OpenShift, Proxy};

use crate::v1alpha1 as api;

/// Names of facts in `absent`.
const OPEN_SHIFT: &str = "OpenShift";
const PROXY: &str = "Proxy";
const HYPER_SHIFT: &str = "HyperShift";

/// What the status says after a report. What the agent cannot tell is what it was: one that loses a right, or is set back
/// to an earlier release, does not change what packages see.
pub fn status(reported: &Environment, before: Option<&api::Environment>) -> api::Environment {
    let before = before.map(facts).unwrap_or_default();
    let reported = reported.clone();
    let open_shift = reported.open_shift.or(before.open_shift);
    let proxy = reported.proxy.or(before.proxy);
    let hyper_shift = reported.hyper_shift.or(before.hyper_shift);
    let absent = [
        (OPEN_SHIFT, open_shift == Fact::Absent),
        (PROXY, proxy == Fact::Absent),
        (HYPER_SHIFT, hyper_shift == Fact::Absent),
    ];
    let absent = absent.into_iter().filter(|(_, is_absent)| *is_absent);
    api::Environment {
        kubernetes_version: text(&reported.kubernetes_version),
        platform: text(&reported.platform),
        open_shift: open_shift.present().map(|found| api::OpenShift {
            version: text(&found.version),
            managed: found
                .managed
                .clone()
                .map(|data| api::ManagedOpenShift { data }),
        }),
        proxy: proxy.present().map(|found| api::Proxy {
            http_proxy: text(&found.http_proxy),
            https_proxy: text(&found.https_proxy),
            no_proxy: text(&found.no_proxy),
        }),
        hyper_shift: hyper_shift.present().map(|found| api::HyperShift {
            hosted_clusters: found.hosted_clusters.iter().map(hosted_status).collect(),
        }),
        absent: absent.map(|(name, _)| name.to_owned()).collect(),
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn hosted_status(hosted: &HostedCluster) -> api::HostedCluster {
    let HostedCluster {
        namespace,
        name,
        labels,
        annotations,
        node_selector,
    } = hosted.clone();
    api::HostedCluster {
        namespace,
        name,
        labels,
        annotations,
        node_selector,
    }
}

/// What is known of a member, as its status says it.
pub fn facts(status: &api::Environment) -> Environment {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let open_shift = status.open_shift.as_ref().map(|found| OpenShift {
        version: text(&found.version),
        managed: found.managed.clone().map(|managed| managed.data),
    });
    let proxy = status.proxy.as_ref().map(|found| Proxy {
        http_proxy: text(&found.http_proxy),
        https_proxy: text(&found.https_proxy),
        no_proxy: text(&found.no_proxy),
    });
    let hyper_shift = status.hyper_shift.as_ref().map(|found| HyperShift {
        hosted_clusters: found.hosted_clusters.iter().map(hosted_facts).collect(),
    });
    Environment {
        kubernetes_version: text(&status.kubernetes_version),
        platform: text(&status.platform),
        open_shift: fact(status, open_shift, OPEN_SHIFT),
        proxy: fact(status, proxy, PROXY),
        hyper_shift: fact(status, hyper_shift, HYPER_SHIFT),
    }
}

fn fact<T>(status: &api::Environment, found: Option<T>, name: &str) -> Fact<T> {
    match found {
        Some(found) => Fact::Present(found),
        None if status.absent.iter().any(|absent| absent == name) => Fact::Absent,
        None => Fact::Unknown,
    }
}

fn hosted_facts(hosted: &api::HostedCluster) -> HostedCluster {
    let api::HostedCluster {
        namespace,
        name,
        labels,
        annotations,
        node_selector,
    } = hosted.clone();
    HostedCluster {
        namespace,
        name,
        labels,
        annotations,
        node_selector,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stevedore_proto_core::limit;

    use super::*;

    fn map(key: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), "value".to_owned())])
    }

    fn everything() -> Environment {
        Environment {
            kubernetes_version: "v1.33.1".into(),
            platform: "linux/amd64".into(),
            open_shift: Fact::Present(OpenShift {
                version: "4.17.3".into(),
                managed: Some(map("plan")),
            }),
            proxy: Fact::Present(Proxy {
                http_proxy: "http://proxy.example".into(),
                ..Proxy::default()
            }),
            hyper_shift: Fact::Present(HyperShift {
                hosted_clusters: vec![HostedCluster {
                    namespace: "clusters".into(),
                    name: "east".into(),
                    labels: map("label"),
                    annotations: map("annotation"),
                    node_selector: map("role"),
                }],
            }),
        }
    }

    fn plain() -> Environment {
        Environment {
            open_shift: Fact::Absent,
            proxy: Fact::Absent,
            hyper_shift: Fact::Absent,
            ..everything()
        }
    }

    #[test]
    fn a_status_keeps_every_fact() {
        for reported in [everything(), plain(), Environment::default()] {
            assert_eq!(facts(&status(&reported, None)), reported);
        }
    }

    #[test]
    fn what_an_agent_of_the_release_before_does_not_say_is_what_it_was() {
        let older = || Environment {
            kubernetes_version: "v1.34.0".into(),
            ..Environment::default()
        };
        for before in [everything(), plain()] {
            let known = status(&before, None);
            let expected = Environment {
                kubernetes_version: "v1.34.0".into(),
                platform: String::new(),
                ..before
            };
            assert_eq!(facts(&status(&older(), Some(&known))), expected);
        }
        let known = status(&everything(), None);
        assert_eq!(facts(&status(&plain(), Some(&known))), plain());
        assert_eq!(facts(&status(&older(), None)).open_shift, Fact::Unknown);
    }

    #[test]
    fn whatever_a_message_may_hold_a_status_may_hold() {
        const {
            assert!(limit::MAP_ENTRIES <= api::FACT_ENTRIES);
            assert!(limit::MAP_VALUE <= api::FACT_VALUE);
        }
        let definitions = crate::definitions();
        let member = definitions
            .iter()
            .find(|(_, crd)| crd.spec.names.kind == "MemberCluster");
        let schema = &member.expect("the kind").1.spec.versions[0].schema;
        let schema = serde_json::to_value(schema).unwrap();
        let environment = "/openAPIV3Schema/properties/status/properties/environment/properties";
        for (field, bound, most) in [
            ("openShift/properties/version", "maxLength", limit::VERSION),
            ("proxy/properties/noProxy", "maxLength", limit::PROXY),
            ("proxy/properties/httpProxy", "maxLength", limit::PROXY),
            (
                "hyperShift/properties/hostedClusters",
                "maxItems",
                limit::HOSTED_CLUSTERS,
            ),
            (
                "hyperShift/properties/hostedClusters/items/properties/name",
                "maxLength",
                limit::NAME,
            ),
        ] {
            let pointer = format!("{environment}/{field}/{bound}");
            let found = schema.pointer(&pointer).and_then(serde_json::Value::as_u64);
            assert!(
                found.is_some_and(|found| found >= most as u64),
                "{pointer}: {found:?}"
            );
        }
    }
}
