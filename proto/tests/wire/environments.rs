//! Samples of what a member has, known, absent and unknown.

use std::collections::BTreeMap;

use stevedore_proto_core::environment::{Fact, HostedCluster, HyperShift, OpenShift, Proxy};
use stevedore_proto_core::{Environment, ToHub};

pub(super) fn environment() -> Environment {
    Environment {
        kubernetes_version: "v1.36.3".into(),
        platform: "linux/amd64".into(),
        ..Environment::default()
    }
}

fn map(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.into(), value.into())])
}

/// Of a managed OpenShift cluster behind a proxy, with control planes of others.
pub(super) fn environment_with_everything() -> Environment {
    Environment {
        open_shift: Fact::Present(OpenShift {
            version: "4.17.3".into(),
            managed: Some(map("api.example/plan", "large")),
        }),
        proxy: Fact::Present(Proxy {
            http_proxy: "http://proxy.example:3128".into(),
            https_proxy: String::new(),
            no_proxy: ".cluster.local".into(),
        }),
        hyper_shift: Fact::Present(HyperShift {
            hosted_clusters: vec![HostedCluster {
                namespace: "clusters".into(),
                name: "east".into(),
                labels: map("tier", "edge"),
                annotations: map("note.example/by", "us"),
                node_selector: map("role", "infra"),
            }],
        }),
        ..environment()
    }
}

fn environment_of_plain_kubernetes() -> Environment {
    Environment {
        open_shift: Fact::Absent,
        proxy: Fact::Absent,
        hyper_shift: Fact::Absent,
        ..environment()
    }
}

/// Every one of them as a message.
pub(super) fn to_hub() -> Vec<(&'static str, ToHub)> {
    [
        ("environment", environment()),
        ("environment-with-everything", environment_with_everything()),
        (
            "environment-of-plain-kubernetes",
            environment_of_plain_kubernetes(),
        ),
    ]
    .map(|(name, environment)| (name, ToHub::Environment(Box::new(environment))))
    .into()
}
