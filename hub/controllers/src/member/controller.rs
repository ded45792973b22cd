//! The controller of `MemberCluster`s: it gathers what is known of a member, and writes its status on transitions only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt as _;
use stevedore_client::Api;
use stevedore_crds::condition::{self, CONNECTED};
use stevedore_crds::v1alpha1::{MemberCluster, MemberClusterStatus};
use stevedore_hub_core::fleet::DeploymentState;
use stevedore_proto_core::clock::CLOCK_SKEW;
use stevedore_proto_core::{ClusterUid, PackageUid};

use crate::hub::{Hub, lock};
use crate::member::note::MemberNote;
use crate::member::status::{GRACE, Packages, status, turns};
use crate::write;

/// For how long a second process with a member's identity is shown after it was seen last: as long as it is
/// refused.
const DUPLICATE_FOR: Duration = Duration::from_secs(600);

/// Shortest time between two writes of one member's status when only words changed.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// The same while it is being emptied: somebody looks at what it waits for.
const MIN_INTERVAL_LEAVING: Duration = Duration::from_secs(1);

/// Works on one member, by the UID of its `MemberCluster`; says when to look again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: String) -> Option<Duration> {
    let member = hub.members.get(&uid)?;
    hub.leader.current()?;
    let cluster: Option<ClusterUid> = member
        .spec
        .cluster_uid
        .as_deref()
        .and_then(|uid| uid.parse().ok());
    let mut note = lock(&hub.notes).get(&uid).cloned().unwrap_or_default();
    let forgotten = note
        .duplicate
        .as_ref()
        .map(|(_, since)| DUPLICATE_FOR.saturating_sub(since.elapsed()));
    if forgotten == Some(Duration::ZERO) {
        note.duplicate = None;
    }
    let contact = cluster
        .map(|cluster| lock(&hub.fleet).contact_of(&cluster))
        .unwrap_or_default();
    let packages = cluster
        .map(|cluster| packages(&hub, &cluster))
        .unwrap_or_default();
    let waits = hub.age() < GRACE
        && !contact.heard
        && note.refusal.is_none()
        && member.spec.accepted != Some(false);
    let status = status(&member, contact, &note, &packages, waits, Timestamp::now());
    let grace = waits.then(|| GRACE.saturating_sub(hub.age()) + Duration::from_secs(1));
    let again = grace.or(forgotten.filter(|left| !left.is_zero()));
    let old = member.status.clone().unwrap_or_default();
    if status == old {
        return again;
    }
    let apart = if turns(&old, &status) {
        Duration::ZERO
    } else if member.spec.leaving {
        MIN_INTERVAL_LEAVING
    } else {
        MIN_INTERVAL
    };
    let last = note.shown.map(|shown| shown.elapsed());
    if let Some(left) = write::left(apart, last) {
        return Some(again.map_or(left, |again| again.min(left)));
    }
    let api: Api<MemberCluster> = Api::all(hub.client.clone());
    let name = member.name_any();
    match write::status(&api, &name, &uid, &status).await {
        Ok(written) => {
            hub.metrics.status_writes.inc();
            if let Some(note) = lock(&hub.notes).get_mut(&uid) {
                note.shown = Some(tokio::time::Instant::now());
            }
            if status.environment != old.environment {
                // What packages read of the environment may be another input now.
                hub.members.apply(written);
                hub.plan_all();
            } else {
                hub.members.apply(written);
            }
            announce(&hub, &member, &old, &status).await;
            announce_clock(&hub, &member, &uid, &note).await;
            again
        }
        Err(error) => {
            write::log_status(&error, "MemberCluster", &name);
            Some(write::status_again(&error))
        }
    }
}

async fn announce(
    hub: &Hub,
    member: &MemberCluster,
    old: &MemberClusterStatus,
    new: &MemberClusterStatus,
) {
    let of = |status: &MemberClusterStatus| {
        condition::find(&status.conditions, CONNECTED).map(|found| {
            (
                found.status.clone(),
                found.reason.clone(),
                found.message.clone(),
            )
        })
    };
    let (before, now) = (of(old), of(new));
    if let Some((status, reason, message)) = now
        && before.as_ref().map(|(status, reason, _)| (status, reason)) != Some((&status, &reason))
    {
        hub.event(member, status != "True", &reason, message).await;
    }
}

/// Writes one event when a member's clock is found wrong, and again only after it was right.
async fn announce_clock(hub: &Hub, member: &MemberCluster, uid: &str, note: &MemberNote) {
    let skew = note.skew();
    if skew.is_some() == note.clock_announced {
        return;
    }
    if let Some(note) = lock(&hub.notes).get_mut(uid) {
        note.clock_announced = skew.is_some();
    }
    if let Some(offset) = skew {
        let message = format!("the clock of the member is {offset}");
        hub.event(member, true, CLOCK_SKEW, message).await;
    }
}

/// What is on a cluster: whatever a ledger has a row for, or may have, for it cannot be read; also before the live
/// fleet knows of it; and whatever is on its way there.
fn packages(hub: &Hub, cluster: &ClusterUid) -> Packages {
    let mut left: BTreeMap<PackageUid, String> = hub
        .orders
        .ledgers()
        .iter()
        .filter(|stored| stored.ledger.row(cluster).is_some())
        .map(|stored| {
            (
                stored.ledger.package.uid,
                stored.ledger.package.name.clone(),
            )
        })
        .collect();
    let mut failures = Vec::new();
    {
        let fleet = lock(&hub.fleet);
        for (key, deployment) in fleet.on_cluster(cluster) {
            let uid = key.package();
            let (row, details) = (deployment.row(), deployment.details());
            if row.state() != DeploymentState::Absent {
                left.entry(uid).or_insert_with(|| hub.name_of(&uid));
            }
            if matches!(
                row.state(),
                DeploymentState::Failed | DeploymentState::Removing
            ) {
                failures.extend(details.failure().map(|failure| (uid, failure)));
            }
        }
    }
    let failing = failures
        .into_iter()
        .filter_map(|(uid, failure)| Some((left.get(&uid)?.clone(), failure)))
        .collect();
    let unreadable = hub.unreadable_ledgers.descriptions();
    Packages {
        left: left.into_values().chain(unreadable).collect(),
        failing,
    }
}
