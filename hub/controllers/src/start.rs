//! The hub's tasks: watches feed indexes, indexes feed queues, queues feed workers.

use std::sync::Arc;
use std::time::Duration;

use stevedore_client::InvalidSegment;
use stevedore_runtime::retry;
use stevedore_runtime::supervise::Tasks;

use crate::api_server::ApiServer;
use crate::hub::Hub;
use crate::leadership::{lease, raise_epoch};
use crate::package::garbage_collection;
use crate::rollout::ledger_store;
use crate::watch::entry::{Entry, Watched};
use crate::watch::index::{Index, everything, follow};
use crate::watch::kinds::ObjectKey;
use crate::watch::queue::{Queue, drive};
use crate::watch::unreadable;
use crate::{changes, member, package, rollout};

/// Packages that may be pulled at the same time. One that hangs does not hold up another: each has its own
/// task and its own deadline.
const PULLS: usize = 256;
/// Packages that may be planned at the same time.
const PLANS: usize = 16;
/// Objects that are not the hub's own, or unreadable, and may be shown at the same time: however many somebody
/// makes, the hub writes about few.
const FEW: usize = 2;
/// Statuses that may be written at the same time.
const STATUSES: usize = 32;

/// How long keys wait while the Lease is not trusted.
const NOT_LEADING: Duration = Duration::from_secs(1);

/// The hub could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Leading.
    #[error(transparent)]
    Leader(#[from] lease::Error),
    /// The API server.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// A segment of a path that is written in the code is not valid.
    #[error(transparent)]
    Path(#[from] InvalidSegment),
}

/// Leads, loads, and works; returns when everything is loaded and sessions may start.
///
/// # Errors
/// When epoch or term cannot be read, or the API server does not answer: then nothing may be ordered. A ledger that
/// cannot be decoded holds up its own package only.
pub async fn start(hub: &Arc<Hub>, tasks: &Tasks) -> Result<(), Error> {
    let tasks = tasks.owner("controllers");
    let ApiServer {
        unguarded: client,
        settings,
        leader,
        ..
    } = &hub.api;
    leader
        .take(client, &settings.namespace, &settings.holder)
        .await?;
    keep_leading(hub, &tasks);
    watch(hub, &tasks)?;
    tokio::join!(
        hub.members.objects().loaded(),
        hub.packages.namespaced.loaded(),
        hub.packages.cluster.loaded(),
        hub.revisions.objects().loaded(),
        hub.packages.actions.loaded(),
    );
    let loaded = ledger_store::load(hub).await?;
    let leadership = leader.current().ok_or(lease::Error::Lost)?;
    for stored in loaded.values() {
        rollout::assignment::assume(&hub.fleet, stored, leadership.epoch);
    }
    hub.orders.load(loaded.into_values(), leadership);
    work(hub, &tasks);
    for uid in hub.package_uids() {
        hub.queues.content_changed(uid);
    }
    for uid in hub.members.objects().uids() {
        hub.queues.member_status.add(uid);
    }
    if let Some(sessions) = hub.sessions() {
        sessions.reloaded();
    }
    Ok(())
}

fn keep_leading(hub: &Arc<Hub>, tasks: &Tasks) {
    let shared = Arc::clone(hub);
    let stop = tasks.shutdown();
    tasks.essential("lease", async move {
        let ApiServer {
            unguarded: client,
            settings,
            leader,
            ..
        } = &shared.api;
        tokio::select! {
            result = leader.keep(client, &settings.namespace, &settings.holder) => result,
            () = stop.cancelled() => {
                leader.release(client, &settings.namespace, &settings.holder).await;
                Ok(())
            }
        }
    });
}

fn watch(hub: &Arc<Hub>, tasks: &Tasks) -> Result<(), InvalidSegment> {
    let packages = &hub.packages;
    follow_kind(
        hub,
        tasks,
        "members",
        hub.members.objects(),
        changes::member,
    )?;
    follow_kind(
        hub,
        tasks,
        "packages",
        &packages.namespaced,
        |hub, entry| {
            changes::package(hub, ObjectKey::Package, entry);
        },
    )?;
    follow_kind(
        hub,
        tasks,
        "clusterpackages",
        &packages.cluster,
        |hub, entry| {
            changes::package(hub, ObjectKey::ClusterPackage, entry);
        },
    )?;
    let revisions = hub.revisions.objects();
    follow_kind(hub, tasks, "revisions", revisions, changes::revision)?;
    follow_kind(hub, tasks, "actions", &packages.actions, changes::action)
}

fn follow_kind<K: Watched>(
    hub: &Arc<Hub>,
    tasks: &Tasks,
    name: &'static str,
    index: &Arc<Index<K>>,
    changed: fn(&Hub, &Entry<K>),
) -> Result<(), InvalidSegment> {
    let (shared, client) = (Arc::clone(hub), hub.api.client.clone());
    let told = move |entry: &Entry<K>| changed(&shared, entry);
    let following = follow(client, everything::<K>()?, Arc::clone(index), told);
    tasks.run_until_shutdown(name, following);
    Ok(())
}

/// Starts a controller for each queue, and what runs without one.
fn work(hub: &Arc<Hub>, tasks: &Tasks) {
    let (queues, workers) = (&hub.queues, Workers { hub, tasks });
    workers.start("unreadable", &queues.unreadable, FEW, unreadable::reconcile);
    let foreign = package::foreign_revisions::reconcile;
    workers.start("verify", &queues.verify, FEW, foreign);
    workers.start("pull", &queues.pull, PULLS, package::controller::reconcile);
    workers.start("plan", &queues.plan, PLANS, rollout::controller::reconcile);
    let status = package::status::reconcile;
    workers.start("package-status", &queues.package_status, STATUSES, status);
    let status = rollout::ledger_status::reconcile;
    workers.start("ledger-status", &queues.ledger_status, 1, status);
    let status = member::controller::reconcile;
    workers.start("member-status", &queues.member_status, STATUSES, status);
    tasks.try_until_shutdown("raise", raise_epoch::run(Arc::clone(hub)));
    tasks.run_until_shutdown("strays", garbage_collection::run(Arc::clone(hub)));
    tasks.run_until_shutdown("unreadable-ledgers", ledger_store::recheck(Arc::clone(hub)));
}

struct Workers<'a> {
    hub: &'a Arc<Hub>,
    tasks: &'a Tasks,
}

impl Workers<'_> {
    /// Starts a controller: `reconcile` for every key of a queue, at most `limit` at a time. While the Lease is not
    /// trusted keys wait: it may be again in a moment.
    fn start<K, F>(
        &self,
        name: &'static str,
        queue: &Arc<Queue<K>>,
        limit: usize,
        reconcile: fn(Arc<Hub>, K) -> F,
    ) where
        K: Ord + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Duration>> + Send + 'static,
    {
        let hub = Arc::clone(self.hub);
        let work = move |key| {
            let hub = Arc::clone(&hub);
            async move {
                match hub.api.leads() {
                    true => reconcile(hub, key).await,
                    false => Some(retry::spread(NOT_LEADING, 50, rand::random())),
                }
            }
        };
        let (queue, tasks) = (Arc::clone(queue), self.tasks.clone());
        let driving = drive(name, queue, limit, tasks, work);
        self.tasks.run_until_shutdown(name, driving);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use stevedore_runtime::supervise::Supervisor;
    use tokio::time::Instant;

    use super::*;
    use crate::mock_api;

    static WORKED: AtomicU32 = AtomicU32::new(0);

    async fn work_once(_: Arc<Hub>, _: u8) -> Option<Duration> {
        WORKED.fetch_add(1, Ordering::Relaxed);
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_comes_while_the_lease_is_not_trusted_is_worked_on_when_it_is_again() {
        let (hub, _) = mock_api::hub(|_| mock_api::status(404, "NotFound")).await;
        hub.leader().believe_until(Instant::now());
        let supervisor = Supervisor::new(Default::default());
        let (tasks, queue) = (supervisor.tasks(), Arc::default());
        let workers = Workers {
            hub: &hub,
            tasks: &tasks,
        };
        workers.start("test", &queue, 1, work_once);
        queue.add(7);
        tokio::time::sleep(NOT_LEADING * 5).await;
        assert_eq!(WORKED.load(Ordering::Relaxed), 0);
        hub.leader()
            .believe_until(Instant::now() + NOT_LEADING * 10);
        tokio::time::sleep(NOT_LEADING * 5).await;
        assert_eq!(WORKED.load(Ordering::Relaxed), 1);
    }
}
