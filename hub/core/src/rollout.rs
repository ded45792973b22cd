//! The planner of a package's orders: compares its [`Intent`] with its ledger, and returns the rows to be written.
//!
//! [`plan`] is a pure function; planning again after its writes plans nothing. The caller stores the changed shards
//! before it sends anything, and throws the plan away when storing one fails.
//!
//! What is intended for a cluster, and what its row says:
//!
//! ```text
//!                │ no row    │ apply                         │ tombstone
//!   ─────────────┼───────────┼───────────────────────────────┼──────────────────────────
//!   content      │ new order │ new order if its digest       │ new order
//!                │           │ differs by more than renderer │
//!   unusable,    │ –         │ settings only                 │ –
//!     ineligible │           │                               │
//!   pending,     │ –         │ paused only                   │ –
//!     or to stay │           │                               │
//!   nothing      │ –         │ tombstone                     │ – ; dropped once torn down
//!   vanished     │ –         │ –                             │ – ; dropped once torn down
//! ```
//!
//! An order that installs content or changes it waits until `admission` lets it through: for its wave, for the budget.
//! What removes, pauses or follows a raised epoch does not. What a report has to wake the planner up for is said in
//! `hub/controllers/src/member/reports.rs`, and what the package's status says meanwhile in [`crate::status`]: a
//! cluster that waits runs its own newest order, which is not what the package asks for.
//!
//! What runs on a cluster whose `MemberCluster` cannot be read is left alone until the package is removed.
//! A row of an earlier epoch is ordered again under the new one, whatever it says.

use std::collections::HashSet;
use std::sync::Arc;

use stevedore_proto_core::ClusterUid;

use crate::ledger::Row;
pub use crate::moment::UnixMillis;
use crate::session::History;

mod admission;
mod builder;
mod cause;
mod change;
mod gates;
mod input;
mod policy;
mod report;
mod standing;
mod tally;
mod verbs;
mod waves;

pub use builder::Plan;
use builder::{NewOrder, PlanBuilder, RowChange};
pub use cause::Cause;
use change::{change_of, ordered};
pub use input::{Input, Intent, Pacing, Rendering};
pub use policy::{Amount, Approval, Offline, PROGRESS_DEADLINE, Place, Policy, Wave, WaveMembers};
pub use report::{Gate, Halt, RolloutReport, Wait, WaveReport};
use standing::{Standing, Target};
pub use verbs::{Stop, Verbs};

/// Plans one package.
pub fn plan(input: &Input<'_>) -> Plan {
    let history = input.ledger.history(input.leadership.epoch);
    let mut builder = PlanBuilder::new(input);
    let (mut targets, mut rows) = (Vec::new(), HashSet::new());
    for (at, shard) in input.ledger.shards.iter().enumerate() {
        for (cluster, row) in &shard.rows {
            let change = change_of(input, &history, *cluster, row);
            let change = match input.members.get(cluster) {
                Some(member) if member.held => held(&history, row, change),
                _ => change,
            };
            let raised = history.term_of(row.number).is_none();
            let (standing, change) = standing_of(input, *cluster, (at, row), change, raised);
            if let Some(target) = standing {
                targets.push(target);
            }
            builder.apply(at, *cluster, Some(row), change);
            rows.insert(*cluster);
        }
    }
    let Intent::Present {
        revision,
        paused: false,
        targets: wanted,
        ..
    } = input.intent
    else {
        return builder.finish();
    };
    let new = wanted.keys().filter(|cluster| !rows.contains(cluster));
    targets.extend(new_targets(input, new));
    skip(input, &mut targets);
    let decision = admission::decide(
        &admission::Situation {
            pacing: input.pacing,
            revision: revision.number(),
            record: input.ledger.rollout(),
            number: builder.number(),
            shards: &input.ledger.shards,
            now: input.now,
        },
        &targets,
    );
    order(&mut builder, targets, &decision.admitted);
    builder.finish_with(decision)
}

/// What happens to the row of a held cluster: its order stays as it is, but for a raised epoch.
fn held(history: &History, row: &Row, change: RowChange) -> RowChange {
    match change {
        RowChange::Order(ordered, tombstone, cause) if cause != Cause::EpochRaised => {
            match history.term_of(row.number) {
                Some(_) if tombstone || ordered.is_same_order(&row.ordered) => RowChange::Keep,
                Some(_) => RowChange::Hold(ordered, cause),
                // It is to be the same under the new epoch.
                None => {
                    RowChange::Order(Arc::clone(&row.ordered), row.tombstone, Cause::EpochRaised)
                }
            }
        }
        change => change,
    }
}

/// Leaves out of the rollout what somebody skipped.
fn skip(input: &Input<'_>, targets: &mut [Target<'_>]) {
    let Pacing { places, verbs, .. } = input.pacing;
    if verbs.skipped.is_empty() {
        return;
    }
    for target in targets {
        let place = places.get(&target.cluster);
        if place.is_some_and(|place| verbs.skipped.contains(place.name)) {
            target.standing = Standing::Skipped;
        }
    }
}

/// Targets that have no row.
fn new_targets<'a>(
    input: &Input<'a>,
    wanted: impl Iterator<Item = &'a ClusterUid>,
) -> Vec<Target<'a>> {
    let Intent::Present {
        revision,
        account,
        targets,
        ..
    } = input.intent
    else {
        return Vec::new();
    };
    let new = |cluster: &'a ClusterUid| {
        let member = input.members.get(cluster)?;
        let rendering = targets.get(cluster)?;
        let ordered = ordered(*revision, *rendering, account.as_ref());
        let standing = match (rendering, &ordered) {
            _ if member.frozen => return None,
            (Rendering::Pending, _) => Standing::Unknown,
            (_, Some(_)) if member.held => Standing::Held,
            (_, Some(_)) => Standing::Waiting(standing::runs(member, None, false)),
            (_, None) => return None,
        };
        Some(Target {
            cluster: *cluster,
            member,
            row: None,
            standing,
            wanted: ordered.map(|ordered| (ordered, Cause::Install)),
        })
    };
    wanted.filter_map(new).collect()
}

/// Where a cluster with a row stands in the rollout, if it is part of it, and what happens to the row whatever the
/// rollout says; `raised` says that its order is of an earlier epoch.
fn standing_of<'a>(
    input: &Input<'a>,
    cluster: ClusterUid,
    (at, row): (usize, &'a Row),
    change: RowChange,
    raised: bool,
) -> (Option<Target<'a>>, RowChange) {
    let (Intent::Present { targets, .. }, Some(member)) =
        (input.intent, input.members.get(&cluster))
    else {
        return (None, change);
    };
    let target = |standing, wanted| Target {
        cluster,
        member,
        row: Some((at, row)),
        standing,
        wanted,
    };
    let given_at = input.ledger.shards[at].given_at(row.number);
    let deadline = input.pacing.policy.progress_deadline;
    let is_late = given_at.is_some_and(|at| at.after(deadline) <= input.now);
    let left_out = member.frozen || member.unreadable;
    let is_rendered = matches!(targets.get(&cluster), Some(Rendering::Content { .. }));
    match change {
        RowChange::Order(ordered, false, cause @ (Cause::Install | Cause::Change))
            if is_rendered && !ordered.differs_in_pause_only(&row.ordered) | row.tombstone =>
        {
            let runs = standing::runs(member, Some(row), is_late);
            let waiting = target(Standing::Waiting(runs), Some((ordered, cause)));
            (Some(waiting), meanwhile(row, cause, raised))
        }
        RowChange::Keep | RowChange::KeepPending | RowChange::Relabel(_)
            if is_rendered && !left_out =>
        {
            let standing = standing::ordered(member, row, is_late);
            let again = (standing == Standing::Failed && !member.held)
                .then(|| (Arc::clone(&row.ordered), Cause::Retry));
            (Some(target(standing, again)), change)
        }
        RowChange::Hold(ordered, cause) => {
            let held = target(Standing::Held, Some((ordered, cause)));
            let is_target = targets.contains_key(&cluster);
            (is_target.then_some(held), RowChange::Keep)
        }
        change => {
            let standing = match targets.get(&cluster) {
                None => return (None, change),
                Some(Rendering::Pending) => Standing::Unknown,
                Some(Rendering::Content { .. }) if !left_out => Standing::InFlight,
                Some(_) => Standing::LeftOut,
            };
            (Some(target(standing, None)), change)
        }
    }
}

/// What happens to a row while what it is to be changed to waits: it is not kept from going on with what it has.
fn meanwhile(row: &Row, cause: Cause, raised: bool) -> RowChange {
    if raised {
        let ordered = Arc::clone(&row.ordered);
        return RowChange::Order(ordered, row.tombstone, Cause::EpochRaised);
    }
    match row.ordered.paused && !row.tombstone {
        true => RowChange::Order(Arc::new(row.ordered.unpaused()), false, cause),
        false => RowChange::Keep,
    }
}

/// Gives the orders that were admitted.
fn order(builder: &mut PlanBuilder<'_>, mut targets: Vec<Target<'_>>, admitted: &[usize]) {
    for at in admitted {
        let target = &mut targets[*at];
        let is_disruptive = target.is_disruptive();
        if let Some((ordered, cause)) = target.wanted.take() {
            let shard = target.row.map(|(at, _)| at);
            let shard = shard.unwrap_or_else(|| builder.shard_with_room());
            let row = target.row.map(|(_, row)| row);
            let order = NewOrder {
                ordered,
                tombstone: false,
                is_disruptive,
                cause,
            };
            builder.order(shard, target.cluster, row, order);
        }
    }
}

#[cfg(test)]
mod tests;
