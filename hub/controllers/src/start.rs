//! The hub's tasks: watches feed indexes, indexes feed queues, queues feed workers.

use std::sync::Arc;

use kube::ResourceExt as _;
use stevedore_client::InvalidSegment;
use stevedore_crds::v1alpha1::{PackageAction, PackageKind};
use stevedore_runtime::supervise::Tasks;
use tokio::time::Instant;

use crate::hub::{Hub, is_joined, lock};
use crate::leadership::{lease, raise_epoch};
use crate::package::any_package::PackageLike as _;
use crate::package::garbage_collection;
use crate::rollout::{ledger_status, ledger_store};
use crate::watch::entry::{Entry, Watched};
use crate::watch::index::{Index, everything, follow};
use crate::watch::queue::drive;
use crate::watch::unreadable::{self, Kind};
use crate::write;
use crate::{member, package, rollout};

/// Packages that may be pulled at the same time. One that hangs does not hold up another: each has its own
/// task and its own deadline.
const PULLS: usize = 256;
/// Packages that may be planned at the same time.
const PLANS: usize = 16;
/// Objects that are not the hub's own, or unreadable, and may be shown at the same time: however many somebody
/// makes, the hub writes about few.
const VERIFICATIONS: usize = 2;
/// Statuses that may be written at the same time.
const SHOWS: usize = 32;

/// The hub could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Leading.
    #[error(transparent)]
    Leader(#[from] lease::Error),
    /// The API server.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// A path that is written in the code is none.
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
    let (client, settings) = (hub.unguarded.clone(), hub.settings.clone());
    hub.leader
        .take(&client, &settings.namespace, &settings.holder)
        .await?;
    keep_leading(hub, &tasks);
    watch(hub, &tasks)?;
    tokio::join!(
        hub.members.loaded(),
        hub.packages.loaded(),
        hub.cluster_packages.loaded(),
        hub.revisions.objects().loaded(),
        hub.actions.loaded(),
    );
    let loaded = ledger_store::load(hub).await?;
    let leadership = hub.leader.current().ok_or(lease::Error::Lost)?;
    for stored in loaded.values() {
        rollout::assignment::assume(hub, &stored.ledger, leadership.epoch);
    }
    hub.orders.load(loaded.into_values(), leadership);
    let _ = hub.loaded.set(Instant::now());
    work(hub, &tasks);
    let shared = Arc::clone(hub);
    endless(&tasks, "strays", garbage_collection::run(shared));
    hub.plan_all();
    for uid in hub.package_uids() {
        hub.to_pull.add(uid);
    }
    for member in hub.members.all() {
        hub.to_note.add(write::uid(&*member).to_owned());
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
        let Hub {
            unguarded: client,
            settings,
            leader,
            ..
        } = &*shared;
        tokio::select! {
            result = leader.keep(client, &settings.namespace, &settings.holder) => result,
            () = stop.cancelled() => {
                leader.release(client, &settings.namespace, &settings.holder).await;
                Ok(())
            }
        }
    });
}

/// Starts a task that ends with the process and has nothing to finish.
fn endless<F, E>(tasks: &Tasks, name: &'static str, future: F)
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let stop = tasks.shutdown();
    tasks.essential(name, async move {
        tokio::select! {
            result = future => result,
            () = stop.cancelled() => Ok(()),
        }
    });
}

fn watch(hub: &Arc<Hub>, tasks: &Tasks) -> Result<(), InvalidSegment> {
    watch_kind(
        hub,
        tasks,
        "members",
        &hub.members,
        |hub, entry| match entry {
            Entry::Readable(member) => member_changed(hub, member),
            Entry::Unreadable(found) => hub.unreadable_member_changed(found),
        },
    )?;
    watch_kind(
        hub,
        tasks,
        "packages",
        &hub.packages,
        |hub, entry| match entry {
            Entry::Readable(package) => package_changed(hub, package.view()),
            Entry::Unreadable(found) => hub.unreadable_package_changed(Kind::Package, found),
        },
    )?;
    watch_kind(
        hub,
        tasks,
        "clusterpackages",
        &hub.cluster_packages,
        |hub, entry| match entry {
            Entry::Readable(package) => package_changed(hub, package.view()),
            Entry::Unreadable(found) => hub.unreadable_package_changed(Kind::ClusterPackage, found),
        },
    )?;
    watch_kind(
        hub,
        tasks,
        "revisions",
        hub.revisions.objects(),
        |hub, entry| match entry {
            Entry::Readable(revision) => package::revisions::changed(hub, revision),
            Entry::Unreadable(found) => hub.unreadable_revision_changed(found),
        },
    )?;
    watch_kind(
        hub,
        tasks,
        "actions",
        &hub.actions,
        |hub, entry| match entry {
            Entry::Readable(action) => action_changed(hub, action),
            Entry::Unreadable(found) => hub.unreadable_action_changed(found),
        },
    )
}

fn watch_kind<K: Watched>(
    hub: &Arc<Hub>,
    tasks: &Tasks,
    name: &'static str,
    index: &Arc<Index<K>>,
    changed: fn(&Hub, &Entry<K>),
) -> Result<(), InvalidSegment> {
    let shared = Arc::clone(hub);
    let client = hub.client.clone();
    let following = follow(
        client,
        everything::<K>()?,
        Arc::clone(index),
        move |entry| {
            changed(&shared, entry);
        },
    );
    endless(tasks, name, following);
    Ok(())
}

fn member_changed(hub: &Hub, member: &stevedore_crds::v1alpha1::MemberCluster) {
    let uid = write::uid(member).to_owned();
    let gone = !hub.members.contains(&uid);
    if gone {
        lock(&hub.notes).remove(&uid);
        lock(&hub.facts).remove(&uid);
        if let Some(cluster) = member
            .spec
            .cluster_uid
            .as_deref()
            .and_then(|uid| uid.parse().ok())
            && !hub.has_member(&cluster)
        {
            lock(&hub.fleet).forget(&cluster);
        }
    }
    hub.metrics
        .members
        .set(i64::try_from(hub.members.count(is_joined)).unwrap_or(i64::MAX));
    let meta = &member.metadata;
    let environment = member.status.as_ref().map(|status| &status.environment);
    let facts = (
        &member.spec,
        &meta.labels,
        &meta.deletion_timestamp,
        environment,
    );
    if gone || hub.is_news(&uid, &facts) {
        if let Some(sessions) = hub.sessions() {
            sessions.members_changed();
        }
        hub.plan_all();
    }
    hub.to_note.add(uid);
}

fn package_changed(hub: &Hub, package: Option<crate::package::any_package::AnyPackage>) {
    let Some(package) = package else { return };
    let count = hub.packages.count(|_| true) + hub.cluster_packages.count(|_| true);
    hub.metrics
        .packages
        .set(i64::try_from(count).unwrap_or(i64::MAX));
    let uid = package.uid.to_string();
    let gone = hub.package(&package.uid).is_none();
    if gone {
        lock(&hub.facts).remove(&uid);
    }
    let facts = (
        &package.spec,
        package.generation,
        package.deleting,
        &package.finalizers,
        &package.labels,
        &package.annotations,
    );
    if hub.is_news(&uid, &facts) || gone {
        hub.to_pull.add(package.uid);
        hub.to_plan.add(package.uid);
        hub.to_show.add(package.uid);
    }
}

fn action_changed(hub: &Hub, action: &PackageAction) {
    let target = &action.spec.package;
    let found = match target.kind {
        PackageKind::ClusterPackage => hub
            .cluster_packages
            .find(|package| package.name_any() == target.name)
            .and_then(|package| package.view()),
        PackageKind::Package => hub
            .packages
            .find(|package| {
                package.name_any() == target.name && package.namespace() == action.namespace()
            })
            .and_then(|package| package.view()),
    };
    if let Some(package) = found {
        // Nothing is pulled while an action cannot be read.
        hub.to_pull.add(package.uid);
        hub.to_plan.add(package.uid);
    }
}

fn work(hub: &Arc<Hub>, tasks: &Tasks) {
    let shared = Arc::clone(hub);
    endless(
        tasks,
        "tell",
        drive(
            "tell",
            Arc::clone(&hub.to_tell),
            VERIFICATIONS,
            tasks.clone(),
            move |key| unreadable::reconcile(Arc::clone(&shared), key),
        ),
    );
    let shared = Arc::clone(hub);
    endless(
        tasks,
        "verify",
        drive(
            "verify",
            Arc::clone(&hub.to_verify),
            VERIFICATIONS,
            tasks.clone(),
            move |uid| package::revisions::reconcile(Arc::clone(&shared), uid),
        ),
    );
    let shared = Arc::clone(hub);
    endless(
        tasks,
        "pull",
        drive(
            "pull",
            Arc::clone(&hub.to_pull),
            PULLS,
            tasks.clone(),
            move |uid| package::controller::reconcile(Arc::clone(&shared), uid),
        ),
    );
    let shared = Arc::clone(hub);
    endless(
        tasks,
        "plan",
        drive(
            "plan",
            Arc::clone(&hub.to_plan),
            PLANS,
            tasks.clone(),
            move |uid| rollout::controller::reconcile(Arc::clone(&shared), uid),
        ),
    );
    let shared = Arc::clone(hub);
    endless(
        tasks,
        "show",
        drive(
            "show",
            Arc::clone(&hub.to_show),
            SHOWS,
            tasks.clone(),
            move |uid| package::status::reconcile(Arc::clone(&shared), uid),
        ),
    );
    let shared = Arc::clone(hub);
    endless(
        tasks,
        "note",
        drive(
            "note",
            Arc::clone(&hub.to_note),
            SHOWS,
            tasks.clone(),
            move |uid| member::controller::reconcile(Arc::clone(&shared), uid),
        ),
    );
    endless(tasks, "observe", ledger_status::run(Arc::clone(hub)));
    endless(tasks, "raise", raise_epoch::run(Arc::clone(hub)));
}
