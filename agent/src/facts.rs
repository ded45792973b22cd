//! Facts of this member: its UID, and what packages may read.

use std::time::Duration;

use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_proto_core::{ClusterUid, Environment};
use stevedore_runtime::retry::spread;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::cluster_api::agent_client::Identified;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// The namespace whose UID is the cluster's.
const CLUSTER: &str = "kube-system";
/// Between two readings of the facts.
const INTERVAL: Duration = Duration::from_secs(30 * 60);
/// A changed fact counts when it is the same after this time: an API server that is being upgraded answers
/// with two versions in turn.
const DEBOUNCE: Duration = Duration::from_secs(60);

/// The UID of the cluster: that of its namespace `kube-system`.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn cluster_uid(client: &AgentClient) -> Answer<ClusterUid> {
    let broken =
        |what: &str| Failure::new(FailureKind::NotFound, format!("namespace {CLUSTER} {what}"));
    let namespace = client
        .get::<Identified>(Resource::NAMESPACE, None, CLUSTER)
        .await?;
    let namespace = namespace.ok_or_else(|| broken("is not there"))?;
    namespace
        .metadata
        .uid
        .parse()
        .map_err(|_| broken("has a UID that is no UUID"))
}

/// Reads the facts.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn read(client: &AgentClient) -> Answer<Environment> {
    let version = client.server_version().await?;
    let environment = Environment {
        kubernetes_version: version.git_version,
        platform: version.platform,
    };
    Ok(environment.bounded())
}

/// Keeps `facts` current, for ever.
pub async fn follow(client: AgentClient, facts: watch::Sender<Environment>) {
    loop {
        sleep(spread(INTERVAL, 10, rand::random())).await;
        let Ok(new) = read(&client).await else {
            continue;
        };
        if *facts.borrow() == new {
            continue;
        }
        sleep(DEBOUNCE).await;
        if read(&client).await.as_ref() == Ok(&new) {
            facts.send_replace(new);
        }
    }
}
