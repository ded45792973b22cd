//! Members and orders of one package: what the planner is told of every member, and the live fleet of every order.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_hub_core::fleet::{Assignment, MemberState};
use stevedore_hub_core::ledger::Ledger;
use stevedore_hub_core::rollout::Intent;
use stevedore_proto_core::{ClusterUid, Epoch, PackageUid};

use crate::fleet_view::FleetView;
use crate::hub::Hub;
use crate::rollout::observations::remembered;
use crate::rollout::stored_ledger::StoredLedger;

/// What the planner has to know of every joined member: those that can be read, and the clusters of the ledger whose
/// members cannot.
pub(super) fn member_states(
    hub: &Hub,
    uid: PackageUid,
    ledger: &Ledger,
) -> BTreeMap<ClusterUid, MemberState> {
    let members = hub.members.snapshot();
    let mut clusters = members.clusters();
    let ordered = ledger.rows().map(|(cluster, _)| cluster);
    clusters.extend(ordered.filter(|cluster| members.may_be_unreadable(cluster)));
    let mut states = hub.fleet.member_states(uid, clusters);
    for (cluster, state) in &mut states {
        match members.get(cluster) {
            Some(joined) => {
                (state.leaving, state.held) = (joined.member.leaving, joined.member.held);
            }
            None => state.unreadable = true,
        }
    }
    states
}

/// Tells the live fleet of a hub that starts what was ordered: members may speak before the first plan is made, and
/// what is said of an unknown row is lost. Until then what has an order that is no tombstone counts as wanted. What the
/// ledger's status remembers of reports goes along.
pub(crate) fn assume(fleet: &FleetView, stored: &StoredLedger, epoch: Epoch) {
    let ledger = &stored.ledger;
    let live = ledger.rows().filter(|(_, row)| !row.tombstone);
    let live = live.map(|(cluster, _)| cluster).collect();
    assign(fleet, ledger, epoch, &live);
    for object in &stored.objects {
        let observed: Vec<_> = remembered(object).into_values().collect();
        fleet.remember(ledger.package.key(), &observed);
    }
}

/// Clusters that are to run the package. What cannot be read is not known to want another thing than it has.
pub(super) fn targeted(
    members: &BTreeMap<ClusterUid, MemberState>,
    ledger: &Ledger,
    intent: &Intent,
    is_unknown: bool,
) -> BTreeSet<ClusterUid> {
    let has_it = ledger.rows().filter(|(_, row)| !row.tombstone);
    let mut has_it = has_it.map(|(cluster, _)| cluster);
    let is_unreadable =
        |cluster: &ClusterUid| members.get(cluster).is_some_and(|member| member.unreadable);
    match intent {
        Intent::Present { targets, .. } => {
            let kept = has_it.by_ref().filter(is_unreadable);
            targets.keys().copied().chain(kept).collect()
        }
        Intent::Keep { targets, .. } => {
            let kept = has_it.by_ref().filter(is_unreadable);
            targets.iter().copied().chain(kept).collect()
        }
        Intent::Vanished if is_unknown => has_it.collect(),
        Intent::Removed | Intent::Vanished => BTreeSet::new(),
    }
}

/// Tells the live fleet what is ordered and wanted.
pub(super) fn assign(
    fleet: &FleetView,
    ledger: &Ledger,
    epoch: Epoch,
    targeted: &BTreeSet<ClusterUid>,
) {
    let mut assignments: BTreeMap<ClusterUid, Assignment> = targeted
        .iter()
        .map(|cluster| {
            let assignment = Assignment {
                tuple: None,
                tombstone: false,
                targeted: true,
            };
            (*cluster, assignment)
        })
        .collect();
    for (cluster, order) in ledger.orders(epoch) {
        let assignment = Assignment {
            tuple: Some(order.tuple),
            tombstone: order.is_tombstone(),
            targeted: targeted.contains(&cluster),
        };
        assignments.insert(cluster, assignment);
    }
    fleet.assign(ledger.package.key(), &assignments);
}
