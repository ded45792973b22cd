//! Reports of members: taken from memory to memory, and the keys that they queue.

use std::time::Duration;

use jiff::Timestamp;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::{ClusterUid, Stage};

use crate::hub::Hub;
use crate::member::orphans;
use crate::rollout::ledger_status;

/// For how long reports of one package are gathered before it is planned again.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// Takes a report of a session of the member with this UID, and queues what has to be looked at.
pub(crate) fn take(hub: &Hub, cluster: ClusterUid, member: MemberUid, report: &Report) {
    note(hub, cluster, member, report);
    if let Report::Progress {
        deployment,
        tuple,
        stage: Stage::Deleted,
    } = report
    {
        hub.orders.finish(&cluster, deployment, tuple.number);
    }
    let Some(taken) = hub.fleet.report(cluster, member, report) else {
        return;
    };
    let metrics = &hub.api.metrics;
    let connected = i64::try_from(taken.connected).unwrap_or(i64::MAX);
    metrics.connected.set(connected);
    metrics.reports.inc();
    let is_planned_with = is_planned_with(report, taken.was_fenced);
    let is_contact = matches!(
        report,
        Report::Connected { .. } | Report::Lost | Report::ApiServer { .. }
    );
    for package in taken.packages {
        let is_awaited = hub.packages.progress.is_under_way(&package)
            || (is_contact && hub.packages.is_ending(&package));
        if is_planned_with || is_awaited {
            // Many members finish at about the same time: one plan takes them all.
            hub.queues.plan.add_after(package, DEBOUNCE);
        }
        hub.queues.package_status.add(package);
        ledger_status::queue(hub, package);
    }
    // What a member's packages amount to may wait for the next reports, a session that came or went not.
    let debounce = if is_contact { Duration::ZERO } else { DEBOUNCE };
    hub.queues.member_status.add_after(member, debounce);
}

/// Whether the planner looks at what a report says, also while nothing is rolled out. Everything else is only shown.
fn is_planned_with(report: &Report, was_fenced: bool) -> bool {
    match report {
        Report::Frozen { .. }
        | Report::Thawed(_)
        | Report::ContentMissing { .. }
        | Report::Fenced { .. } => true,
        Report::Connected { .. } => was_fenced,
        Report::Progress { stage, .. } => *stage == Stage::Deleted,
        Report::Status { status, .. } => status.stage == Stage::Deleted,
        _ => false,
    }
}

/// Keeps what a report says about the member itself.
fn note(hub: &Hub, cluster: ClusterUid, member: MemberUid, report: &Report) {
    if let Report::Listing(held) = report {
        let orphaned = orphans::among(hub, &cluster, held);
        hub.members.set_orphaned(&member, orphaned);
    }
    let is_news = match report {
        Report::Connected { .. }
        | Report::ApiServer { .. }
        | Report::Environment(_)
        | Report::DuplicateIdentity { .. } => true,
        // A member with a session has a newer certificate: whoever has an old one of it changes nothing.
        Report::ExchangeRefused(_) => !hub.fleet.contact_of(&cluster).connected,
        _ => false,
    };
    if is_news {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        hub.members.take(&member, report, now);
    }
}
