//! Facts about OpenShift and HyperShift on a member, as their objects say them.
//!
//! A kind that nobody defined is absent, which the agent may always find out. Where a kind is defined and its objects
//! cannot be read, the fact is not known: `deploy/agent-openshift.yaml` has the rights.

use std::collections::BTreeMap;

use serde::Deserialize;
use stevedore_proto_core::environment::{Fact, HostedCluster, HyperShift, OpenShift, Proxy};
use stevedore_proto_core::limit;

use crate::cluster_api::agent_client::Select;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// The one `ClusterVersion`.
pub(super) const CLUSTER_VERSION: &str = "version";
/// The one `Proxy`.
pub(super) const PROXY: &str = "cluster";
/// What a managed cluster says about itself.
pub(super) const MANAGED: (&str, &str) = ("openshift-config", "osd-cluster-metadata");
/// Hosted clusters in one page of a list.
const PAGE: &str = "50";
/// A whole copy of the object, which nobody needs in an annotation.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClusterVersion {
    status: ClusterVersionStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClusterVersionStatus {
    /// The newest first.
    history: Option<Vec<Update>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Update {
    state: String,
    version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClusterProxy {
    status: ProxyStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ProxyStatus {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Managed {
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Hosted {
    metadata: HostedMetadata,
    #[serde(default)]
    spec: HostedSpec,
}

#[derive(Deserialize)]
struct HostedMetadata {
    name: String,
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct HostedSpec {
    node_selector: Option<BTreeMap<String, String>>,
}

/// OpenShift, and the proxy that only OpenShift has.
pub(super) async fn platform(client: &AgentClient) -> (Fact<OpenShift>, Fact<Proxy>) {
    let open_shift = known("OpenShift", open_shift(client).await);
    let proxy = match open_shift {
        Fact::Present(_) => known("the proxy", proxy(client).await),
        Fact::Absent => Fact::Absent,
        Fact::Unknown => Fact::Unknown,
    };
    (open_shift, proxy)
}

/// The control planes that this cluster holds for others.
pub(super) async fn hyper_shift(client: &AgentClient) -> Fact<HyperShift> {
    known("HyperShift", hosted_clusters(client).await)
}

/// What was found out, if it could be. Only the version of the API server is worth waiting for.
fn known<T>(what: &str, found: Answer<Option<T>>) -> Fact<T> {
    match found {
        Ok(Some(fact)) => Fact::Present(fact),
        Ok(None) => Fact::Absent,
        Err(failure) => {
            tracing::warn!(%failure, "what this cluster has of {what} is not known");
            Fact::Unknown
        }
    }
}

async fn open_shift(client: &AgentClient) -> Answer<Option<OpenShift>> {
    if !client.is_defined(Resource::CLUSTER_VERSION).await? {
        return Ok(None);
    }
    let found = client
        .get::<ClusterVersion>(Resource::CLUSTER_VERSION, None, CLUSTER_VERSION)
        .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let (namespace, name) = MANAGED;
    let managed = client
        .get::<Managed>(Resource::CONFIG_MAP, Some(namespace), name)
        .await?;
    Ok(Some(OpenShift {
        version: completed(found.status.history.unwrap_or_default()),
        managed: managed.map(|managed| managed.data),
    }))
}

/// The version of the last completed update; empty while the first one is under way.
fn completed(history: Vec<Update>) -> String {
    let mut history = history.into_iter();
    let completed = history.find(|update| update.state == "Completed");
    completed.map_or_else(String::new, |update| update.version)
}

async fn proxy(client: &AgentClient) -> Answer<Option<Proxy>> {
    if !client.is_defined(Resource::PROXY).await? {
        return Ok(None);
    }
    let found = client
        .get::<ClusterProxy>(Resource::PROXY, None, PROXY)
        .await?;
    let status = found.unwrap_or_default().status;
    let proxy = Proxy {
        http_proxy: without_credentials(&status.http_proxy),
        https_proxy: without_credentials(&status.https_proxy),
        no_proxy: status.no_proxy,
    };
    Ok(Some(proxy).filter(|proxy| *proxy != Proxy::default()))
}

/// The address of a proxy without user and password: no secret leaves the cluster but in Secrets.
fn without_credentials(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    // A password with a slash in it ends up in what looks like the path.
    match path.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}{rest}"),
        None => format!("{scheme}{host}{path}"),
    }
}

async fn hosted_clusters(client: &AgentClient) -> Answer<Option<HyperShift>> {
    if !client.is_defined(Resource::HOSTED_CLUSTER).await? {
        return Ok(None);
    }
    let select = Select {
        labels: None,
        fields: None,
        limit: PAGE,
        metadata_only: false,
    };
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    while found.len() <= limit::HOSTED_CLUSTERS {
        let kind = Resource::HOSTED_CLUSTER;
        let (page, next) = client
            .list::<Hosted>(kind, None, select, after.as_deref())
            .await?;
        found.extend(page.into_iter().map(hosted));
        after = next;
        if after.is_none() {
            break;
        }
    }
    // Pages are in this order already; an API server need not promise it.
    found.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    Ok(Some(HyperShift {
        hosted_clusters: found,
    }))
}

fn hosted(found: Hosted) -> HostedCluster {
    let HostedMetadata {
        name,
        namespace,
        labels,
        mut annotations,
    } = found.metadata;
    annotations.remove(LAST_APPLIED);
    HostedCluster {
        namespace,
        name,
        labels,
        annotations,
        node_selector: found.spec.node_selector.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_reported_without_user_and_password() {
        for (address, reported) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            (
                "http://me:secret@proxy.example:3128/",
                "http://proxy.example:3128/",
            ),
            ("http://me:se@cret@proxy.example", "http://proxy.example"),
            ("http://me:se/cret@proxy.example", "http://proxy.example"),
            ("me:secret@proxy.example:3128", "proxy.example:3128"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(address), reported);
        }
    }

    #[test]
    fn the_version_is_that_of_the_last_completed_update() {
        let update = |state: &str, version: &str| Update {
            state: state.into(),
            version: version.into(),
        };
        let history = vec![
            update("Partial", "4.18.0"),
            update("Completed", "4.17.3"),
            update("Completed", "4.16.0"),
        ];
        assert_eq!(completed(history), "4.17.3");
        assert_eq!(completed(vec![update("Partial", "4.18.0")]), "");
    }
}
