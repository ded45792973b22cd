//! Changes of rows: what follows from a package's intent for each cluster that has one, whatever waves and budgets say.

use std::sync::Arc;

use stevedore_proto_core::ClusterUid;

use super::builder::RowChange;
use super::cause::Cause;
use super::input::{Input, Intent, Rendering};
use crate::fleet::MemberState;
use crate::history::ActiveRevision;
use crate::ledger::{Ordered, Row};
use crate::session::History;

/// What is ordered where this is the rendering; nothing where it is no content.
pub(super) fn ordered(
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

/// What happens to a row if nothing holds it back.
pub(super) fn change_of(
    input: &Input<'_>,
    history: &History,
    cluster: ClusterUid,
    row: &Row,
) -> RowChange {
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
