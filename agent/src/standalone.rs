//! `ObjectDeployment` and `ClusterObjectDeployment`: object sets one after the other, without a hub.
//!
//! As Package Operator does it: a changed template is a new numbered set; the newest set that is available
//! retires what is older (paused first, archived once it says that it is paused, so that no two sets act on
//! one object); `revisionHistoryLimit` archived sets are kept. Different on purpose: only sets that this
//! deployment controls count, status is also written when something fails, and history is trimmed whenever
//! there is too much of it.

mod child;
mod new_set;
mod plan;
pub mod queue;
mod reconcile;
mod status;

use std::sync::Arc;

use stevedore_agent_core::failure::Failure;
use stevedore_client::decode::Identity;
use stevedore_client::watch::{self, Circumstances, Handler, Notice};
use stevedore_runtime::supervise::Tasks;

use crate::cluster_api::watch_requests::WatchRequests;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;
use queue::Queue;

/// Starts the watches and the controller as tasks.
///
/// # Errors
/// Never in practice: the paths are our own.
pub(crate) fn start(
    client: &AgentClient,
    queue: &Arc<Queue>,
    circumstances: &Circumstances,
    tasks: &Tasks,
) -> Answer<()> {
    let tasks = tasks.owner("deployments");
    for resource in [
        Resource::OBJECT_DEPLOYMENT,
        Resource::CLUSTER_OBJECT_DEPLOYMENT,
    ] {
        watch(resource, client, queue, circumstances, &tasks)?;
    }
    let controller = reconcile::Controller::new(client.clone(), Arc::clone(queue), &tasks);
    tasks.run_until_shutdown("controller", async move { controller.run().await });
    Ok(())
}

fn watch(
    resource: Resource,
    client: &AgentClient,
    queue: &Arc<Queue>,
    circumstances: &Circumstances,
    tasks: &Tasks,
) -> Answer<()> {
    let subject = AgentClient::subject(resource, false)?;
    let requests = WatchRequests::own(client.transport().clone());
    let circumstances = circumstances.clone();
    let mut handler = DeploymentHandler(Arc::clone(queue));
    tasks.run_until_shutdown(resource.plural(), async move {
        watch::run(&requests, &subject, circumstances, &mut handler).await;
    });
    Ok(())
}

struct DeploymentHandler(Arc<Queue>);

impl Handler<Failure> for DeploymentHandler {
    async fn take(&mut self, notice: Notice<Failure>) {
        match notice {
            // It is read again in the pass, and may be unreadable.
            Notice::Seen(object) => {
                if let Some(identity) = Identity::of(&object) {
                    self.0.add((identity.namespace, identity.name));
                }
            }
            Notice::Failed(failure) => {
                tracing::debug!(%failure, "cannot watch object deployments");
            }
            // What is gone is cleaned up by the garbage collector, through owner references.
            Notice::Removed(_) | Notice::Restarted | Notice::Synced => {}
        }
    }
}
