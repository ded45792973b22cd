//! The environment of a member, with every text and map within its bound.

use std::collections::BTreeMap;

use stevedore_proto_core::environment::{Fact, HostedCluster, HyperShift, OpenShift, Proxy};
use stevedore_proto_core::{Environment, limit};

use super::{Error, list, text, within};
use crate::v1;

impl TryFrom<v1::Environment> for Environment {
    type Error = Error;

    fn try_from(environment: v1::Environment) -> Result<Self, Error> {
        // A fact of a later release is none of ours; the list is bounded by the message.
        let absent = |fact: v1::Fact| environment.absent.contains(&i32::from(fact));
        let decoded = Self {
            kubernetes_version: text(
                environment.kubernetes_version,
                limit::VERSION,
                "kubernetes_version",
            )?,
            platform: text(environment.platform, limit::VERSION, "platform")?,
            open_shift: fact(environment.open_shift, absent(v1::Fact::OpenShift))?,
            proxy: fact(environment.proxy, absent(v1::Fact::Proxy))?,
            hyper_shift: fact(environment.hyper_shift, absent(v1::Fact::HyperShift))?,
        };
        let (is, max) = (decoded.map_bytes(), limit::ENVIRONMENT_MAPS);
        within(is, max, "environment")?;
        Ok(decoded)
    }
}

fn fact<T, U: TryFrom<T, Error = Error>>(
    present: Option<T>,
    is_absent: bool,
) -> Result<Fact<U>, Error> {
    Ok(match (present, is_absent) {
        (Some(found), _) => Fact::Present(found.try_into()?),
        (None, true) => Fact::Absent,
        (None, false) => Fact::Unknown,
    })
}

impl TryFrom<v1::OpenShift> for OpenShift {
    type Error = Error;

    fn try_from(found: v1::OpenShift) -> Result<Self, Error> {
        let managed = found
            .managed
            .map(|managed| map(managed.data, "managed.data"));
        Ok(Self {
            version: text(found.version, limit::VERSION, "open_shift.version")?,
            managed: managed.transpose()?,
        })
    }
}

impl TryFrom<v1::Proxy> for Proxy {
    type Error = Error;

    fn try_from(found: v1::Proxy) -> Result<Self, Error> {
        Ok(Self {
            http_proxy: text(found.http_proxy, limit::PROXY, "http_proxy")?,
            https_proxy: text(found.https_proxy, limit::PROXY, "https_proxy")?,
            no_proxy: text(found.no_proxy, limit::PROXY, "no_proxy")?,
        })
    }
}

impl TryFrom<v1::HyperShift> for HyperShift {
    type Error = Error;

    fn try_from(found: v1::HyperShift) -> Result<Self, Error> {
        let max = limit::HOSTED_CLUSTERS;
        Ok(Self {
            hosted_clusters: list(found.hosted_clusters, max, "hosted_clusters")?,
        })
    }
}

impl TryFrom<v1::HostedCluster> for HostedCluster {
    type Error = Error;

    fn try_from(found: v1::HostedCluster) -> Result<Self, Error> {
        Ok(Self {
            namespace: text(found.namespace, limit::NAME, "hosted_cluster.namespace")?,
            name: text(found.name, limit::NAME, "hosted_cluster.name")?,
            labels: map(found.labels, "hosted_cluster.labels")?,
            annotations: map(found.annotations, "hosted_cluster.annotations")?,
            node_selector: map(found.node_selector, "hosted_cluster.node_selector")?,
        })
    }
}

fn map(
    entries: BTreeMap<String, String>,
    field: &'static str,
) -> Result<BTreeMap<String, String>, Error> {
    within(entries.len(), limit::MAP_ENTRIES, field)?;
    for (key, value) in &entries {
        within(key.len(), limit::MAP_KEY, field)?;
        within(value.len(), limit::MAP_VALUE, field)?;
    }
    Ok(entries)
}
