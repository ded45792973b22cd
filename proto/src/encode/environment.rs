//! The environment of a member.

use stevedore_proto_core::Environment;
use stevedore_proto_core::environment::{Fact, HostedCluster, HyperShift, OpenShift, Proxy};

use super::all;
use crate::v1;

impl From<Environment> for v1::Environment {
    fn from(environment: Environment) -> Self {
        let mut absent = Vec::new();
        Self {
            kubernetes_version: environment.kubernetes_version,
            platform: environment.platform,
            open_shift: fact(environment.open_shift, v1::Fact::OpenShift, &mut absent),
            proxy: fact(environment.proxy, v1::Fact::Proxy, &mut absent),
            hyper_shift: fact(environment.hyper_shift, v1::Fact::HyperShift, &mut absent),
            absent,
        }
    }
}

fn fact<T, U: From<T>>(fact: Fact<T>, name: v1::Fact, absent: &mut Vec<i32>) -> Option<U> {
    match fact {
        Fact::Unknown => None,
        Fact::Absent => {
            absent.push(name.into());
            None
        }
        Fact::Present(found) => Some(found.into()),
    }
}

impl From<OpenShift> for v1::OpenShift {
    fn from(found: OpenShift) -> Self {
        Self {
            version: found.version,
            managed: found.managed.map(|data| v1::ManagedOpenShift { data }),
        }
    }
}

impl From<Proxy> for v1::Proxy {
    fn from(found: Proxy) -> Self {
        Self {
            http_proxy: found.http_proxy,
            https_proxy: found.https_proxy,
            no_proxy: found.no_proxy,
        }
    }
}

impl From<HyperShift> for v1::HyperShift {
    fn from(found: HyperShift) -> Self {
        Self {
            hosted_clusters: all(found.hosted_clusters),
        }
    }
}

impl From<HostedCluster> for v1::HostedCluster {
    fn from(found: HostedCluster) -> Self {
        Self {
            namespace: found.namespace,
            name: found.name,
            labels: found.labels,
            annotations: found.annotations,
            node_selector: found.node_selector,
        }
    }
}
