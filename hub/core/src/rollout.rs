//! The planner of a package's orders: compares its [`Intent`] with its ledger, and returns the rows to be written.
//!
//! [`plan`] is a pure function; planning again after its writes plans nothing. All clusters are ordered at once.
//! The caller stores the changed shards before it sends anything, and throws the plan away when storing one fails.
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
//! A rule that holds a cluster back (a wave, a budget, a window) belongs into [`plan`]'s loop over new clusters and
//! into `change`, not into what removes, pauses or follows a raised epoch. It reads [`Input::now`] and what the fleet
//! says ([`Input::members`]), and sets [`Plan::wake_at`]. What a report has to wake it up for is said in
//! `hub/controllers/src/member/reports.rs`, and what the package's status says meanwhile in [`crate::status`]: a
//! cluster that is held back runs its own newest order, which is not what the package asks for.
//!
//! What runs on a cluster whose `MemberCluster` cannot be read is left alone until the package is removed.
//! A row of an earlier epoch is ordered again under the new one, whatever it says.

use std::sync::Arc;

use stevedore_proto_core::ClusterUid;

use crate::fleet::MemberState;
use crate::history::ActiveRevision;
use crate::ledger::{Ordered, Row};
use crate::session::History;

mod builder;
mod input;

pub use builder::{Cause, Plan};
use builder::{PlanBuilder, RowChange};
pub use input::{Input, Intent, Rendering, UnixMillis};

/// Plans one package.
pub fn plan(input: &Input<'_>) -> Plan {
    let history = input.ledger.history(input.leadership.epoch);
    let mut builder = PlanBuilder::new(input);
    for (at, shard) in input.ledger.shards.iter().enumerate() {
        for (cluster, row) in &shard.rows {
            builder.apply(
                at,
                *cluster,
                Some(row),
                change_of(input, &history, *cluster, row),
            );
        }
    }
    if let Intent::Present {
        revision,
        paused: false,
        account,
        targets,
    } = input.intent
    {
        for (cluster, rendering) in targets {
            let absent = input.ledger.row(cluster).is_none();
            let member = input.members.get(cluster);
            let ordered = ordered(*revision, *rendering, account.as_ref());
            if let (true, Some(member), Some(ordered)) = (absent, member, ordered)
                && !member.frozen
            {
                let at = builder.shard_with_room();
                builder.apply(
                    at,
                    *cluster,
                    None,
                    RowChange::Order(ordered, false, Cause::Install),
                );
            }
        }
    }
    builder.finish()
}

fn ordered(
    revision: ActiveRevision,
    rendering: Rendering,
    account: Option<&String>,
) -> Option<Arc<Ordered>> {
    let Rendering::Content {
        input,
        content,
        needs,
    } = rendering
    else {
        return None;
    };
    Some(Arc::new(Ordered {
        revision: revision.number(),
        input,
        content: content.digest,
        size: content.size,
        needs,
        account: account.cloned(),
        paused: false,
    }))
}

fn change_of(input: &Input<'_>, history: &History, cluster: ClusterUid, row: &Row) -> RowChange {
    let Some(member) = input.members.get(&cluster) else {
        return RowChange::Drop;
    };
    let raised = history.term_of(row.number).is_none();
    if member.frozen && !raised {
        return RowChange::Keep;
    }
    match intended_change(input.intent, cluster, member, row) {
        RowChange::Keep | RowChange::KeepPending | RowChange::Relabel(_) if raised => {
            RowChange::Order(Arc::clone(&row.ordered), row.tombstone, Cause::EpochRaised)
        }
        other => other,
    }
}

fn intended_change(
    intent: &Intent,
    cluster: ClusterUid,
    member: &MemberState,
    row: &Row,
) -> RowChange {
    if row.tombstone && member.torn_down == Some(row.number) {
        // It is done. If the cluster is targeted again, the next plan orders it with a new number.
        return RowChange::Drop;
    }
    let (paused, target) = match intent {
        Intent::Vanished if !member.leaving => return RowChange::Keep,
        Intent::Present { .. } | Intent::Keep { .. } if member.unreadable && !row.tombstone => {
            return RowChange::Keep;
        }
        Intent::Vanished | Intent::Removed => (false, None),
        Intent::Present {
            paused, targets, ..
        } => (*paused, targets.get(&cluster).copied()),
        Intent::Keep { paused, targets } => {
            let target = targets.contains(&cluster);
            (*paused, target.then_some(Rendering::Pending))
        }
    };
    if paused && !member.leaving {
        return pause(row);
    }
    match (target, intent) {
        (None, _) => remove(row),
        (
            Some(rendering),
            Intent::Present {
                revision, account, ..
            },
        ) => change(*revision, rendering, account.as_ref(), member, row),
        (Some(_), _) => RowChange::Keep,
    }
}

fn remove(row: &Row) -> RowChange {
    if row.tombstone {
        return RowChange::Keep;
    }
    RowChange::Order(Arc::clone(&row.ordered), true, Cause::Removal)
}

/// A paused package keeps the content it has.
fn pause(row: &Row) -> RowChange {
    if row.tombstone || row.ordered.paused {
        return RowChange::Keep;
    }
    let paused = Ordered {
        paused: true,
        ..Ordered::clone(&row.ordered)
    };
    RowChange::Order(Arc::new(paused), false, Cause::Change)
}

fn change(
    revision: ActiveRevision,
    rendering: Rendering,
    account: Option<&String>,
    member: &MemberState,
    row: &Row,
) -> RowChange {
    if rendering == Rendering::Pending {
        return RowChange::Keep;
    }
    let Some(new) = ordered(revision, rendering, account) else {
        // Unpausing and changing the account need no new content.
        let same = Ordered {
            account: account.cloned(),
            paused: false,
            ..Ordered::clone(&row.ordered)
        };
        return if row.tombstone || same.is_same_order(&row.ordered) {
            RowChange::Keep
        } else {
            RowChange::Order(Arc::new(same), false, Cause::Change)
        };
    };
    if row.tombstone {
        return RowChange::Order(new, false, Cause::Install);
    }
    if new.is_same_order(&row.ordered) {
        return if *new == *row.ordered {
            RowChange::Keep
        } else {
            RowChange::Relabel(new)
        };
    }
    if new.input == row.ordered.input && new.has_same_settings(&row.ordered) {
        return if member.lacks_content {
            RowChange::Order(new, false, Cause::Rerendered)
        } else {
            RowChange::KeepPending
        };
    }
    RowChange::Order(new, false, Cause::Change)
}

#[cfg(test)]
mod tests;
