//! The controller of `MemberCluster`s: it gathers what is known of a member, and writes its status on transitions only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt as _;
use stevedore_client::Api;
use stevedore_crds::condition::{self, CONNECTED, HEALTHY};
use stevedore_crds::v1alpha1::{MemberCluster, MemberClusterStatus};
use stevedore_hub_core::fleet::{Contact, DeploymentState};
use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::clock::CLOCK_SKEW;
use stevedore_proto_core::{ClusterUid, PackageUid};

use crate::hub::Hub;
use crate::member::members::cluster_of;
use crate::member::note::MemberNote;
use crate::member::orphans::{self, AFTER, ORPHANED};
use crate::member::status::{GRACE, PackagesOnMember, Waits, status, turns};
use crate::package::settling::GATHERED_FOR;
use crate::status_writer::{Pace, Target};

/// For how long a second process with a member's identity is shown after it was seen last: as long as it is
/// refused.
const DUPLICATE_FOR: Duration = Duration::from_secs(600);

/// For how long after its session opened a member stays called what it was, while its agent has not spoken yet.
const REPORTS_WITHIN: Duration = Duration::from_secs(10);

/// Shortest time between two writes of one member's status when only words changed.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// The same while it is being emptied: somebody looks at what it waits for.
const MIN_INTERVAL_LEAVING: Duration = Duration::from_secs(1);

/// Works on one member, by the UID of its `MemberCluster`; says when to look again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: MemberUid) -> Option<Duration> {
    let member = hub.members.get(&uid)?;
    let mut note = hub.members.note(&uid);
    let duplicate = note.duplicate.as_ref();
    let duplicate = duplicate.map(|(_, since)| DUPLICATE_FOR.saturating_sub(since.elapsed()));
    if duplicate == Some(Duration::ZERO) {
        note.duplicate = None;
    }
    let cluster = cluster_of(&member);
    let contact = cluster.map(|cluster| hub.fleet.contact_of(&cluster));
    let contact = contact.unwrap_or_default();
    let packages = cluster.map(|cluster| packages(&hub, &cluster, &note));
    let (packages, early) = packages.unwrap_or_default();
    let (waits, left) = waits(&hub, &member, contact, &note, &packages);
    let status = status(&member, contact, &note, &packages, waits, Timestamp::now());
    let again = left.or(early).or(duplicate.filter(|left| !left.is_zero()));
    let old = member.status.clone().unwrap_or_default();
    if status == old {
        hub.members.statuses.unchanged(&uid);
        return again;
    }
    match write(&hub, &member, &uid, &old, &status).await {
        Ok(()) => {
            announce(&hub, &member, &old, &status).await;
            announce_clock(&hub, &member, &uid, &note).await;
            again
        }
        Err(left) => Some(again.map_or(left, |again| again.min(left))),
    }
}

/// What is not said of a member yet, and for how long.
fn waits(
    hub: &Hub,
    member: &MemberCluster,
    contact: Contact,
    note: &MemberNote,
    packages: &PackagesOnMember,
) -> (Waits, Option<Duration>) {
    let grace = GRACE.saturating_sub(hub.orders.age());
    let may_come = note.refusal.is_none() && member.spec.accepted != Some(false);
    if !contact.heard && may_come && !grace.is_zero() {
        return (Waits::ForSession, Some(grace + Duration::from_secs(1)));
    }
    // An agent says all of it as soon as its session is open, or as soon as it has looked at everything anew.
    let session = note.session_since.map(|since| since.elapsed());
    let left = |time: Duration| time.saturating_sub(session.unwrap_or(time));
    let status = member.status.as_ref();
    let was = status.and_then(|status| condition::find(&status.conditions, HEALTHY));
    let left = match was {
        Some(healthy) if healthy.reason == ORPHANED => left(AFTER + REPORTS_WITHIN),
        Some(healthy) if healthy.status != "Unknown" && packages.unheard > 0 => {
            left(REPORTS_WITHIN)
        }
        _ => Duration::ZERO,
    };
    match contact.connected && packages.orphaned.is_empty() && !left.is_zero() {
        true => (Waits::ForReports, Some(left)),
        false => (Waits::No, None),
    }
}

/// Writes the status of a member; fails with when to try again.
async fn write(
    hub: &Hub,
    member: &MemberCluster,
    uid: &MemberUid,
    old: &MemberClusterStatus,
    status: &MemberClusterStatus,
) -> Result<(), Duration> {
    let interval = if turns(old, status) {
        Duration::ZERO
    } else if member.spec.leaving {
        MIN_INTERVAL_LEAVING
    } else {
        MIN_INTERVAL
    };
    // What a hub that has just started learns of a member whose session goes on, it learns one after the other.
    let is_starting =
        hub.orders.age() < GRACE && old.observed_generation == status.observed_generation;
    let stays_connected = [old, status]
        .iter()
        .all(|it| condition::is_true(&it.conditions, CONNECTED));
    let debounce = match is_starting && stays_connected {
        true => GATHERED_FOR,
        false => Duration::ZERO,
    };
    let pace = Pace { interval, debounce };
    let api: Api<MemberCluster> = Api::all(hub.api.client.clone());
    let target = Target {
        kind: "MemberCluster",
        name: &member.name_any(),
        uid,
    };
    let writer = &hub.members.statuses;
    let written = writer.write(&hub.api, &api, target, pace, status).await?;
    hub.members.apply(written);
    if status.environment != old.environment {
        // What packages read of the environment may be another input now.
        hub.plan_all();
    }
    Ok(())
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
        hub.api
            .event(member, status != "True", &reason, message)
            .await;
    }
}

/// Writes one event when a member's clock is found wrong, and again only after it was right.
async fn announce_clock(hub: &Hub, member: &MemberCluster, uid: &MemberUid, note: &MemberNote) {
    let skew = note.skew();
    if skew.is_some() == note.clock_announced {
        return;
    }
    hub.members.announce_clock(uid, skew.is_some());
    if let Some(offset) = skew {
        let message = format!("the clock of the member is {offset}");
        hub.api.event(member, true, CLOCK_SKEW, message).await;
    }
}

/// What is on a cluster: whatever a ledger has a row for, or may have, for it cannot be read; also before the live
/// fleet knows of it; and whatever is on its way there. Beside it, how long it is too early to say what is orphaned.
fn packages(
    hub: &Hub,
    cluster: &ClusterUid,
    note: &MemberNote,
) -> (PackagesOnMember, Option<Duration>) {
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
    let (mut unheard, mut failures) = (0, Vec::new());
    for found in hub.fleet.on_cluster(cluster) {
        let uid = found.package;
        if found.state != DeploymentState::Absent {
            left.entry(uid)
                .or_insert_with(|| hub.packages.name_of(&uid));
        }
        unheard += usize::from(found.is_unheard && found.state == DeploymentState::Offline);
        if matches!(
            found.state,
            DeploymentState::Failed | DeploymentState::Removing
        ) {
            failures.extend(found.failure.map(|failure| (uid, failure)));
        }
    }
    let failing = failures
        .into_iter()
        .filter_map(|(uid, failure)| Some((left.get(&uid)?.clone(), failure)))
        .collect();
    let unreadable = hub.orders.describe_unreadable();
    let (orphaned, early) = orphans::names(hub, cluster, &note.orphaned, note.session_since);
    let packages = PackagesOnMember {
        left: left.into_values().chain(unreadable).collect(),
        unheard,
        failing,
        orphaned,
    };
    (packages, early)
}
