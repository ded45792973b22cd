//! The effects of a plan, as a list in the order in which they are carried out.
//!
//! What is decided here is the order alone: the finalizer before the first order is stored, the ledger before anything
//! is told to a session, the live fleet before sessions, and what a package leaves behind only once nobody needs it.
//! [`executor`](super::executor) carries the list out.

use stevedore_hub_core::fleet::Contacts;
use stevedore_hub_core::ledger::{Ledger, Row};
use stevedore_hub_core::rollout::{Intent, Plan};
use stevedore_proto_core::ClusterUid;

/// One thing that a reconcile of a package does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Puts the finalizer on the package, so that its end passes through the hub.
    AddFinalizer,
    /// Stores one shard of the ledger as the plan leaves it.
    StoreShard(usize),
    /// Tells the live fleet what is ordered and wanted: members may answer as soon as sessions are told.
    Assign,
    /// Gives what is stored to sessions.
    Publish,
    /// Notes what the plan found, for the package's status.
    NotePlan,
    /// Queues the members that are being emptied: whether one is drained may be another answer.
    ShowLeaving,
    /// Queues the status of the package and of its ledger.
    ShowStatus,
    /// Writes an event of what was ordered.
    Announce,
    /// Queues another plan: a dropped row may be wanted again at once, with a number of its own.
    PlanAgain,
    /// Removes revisions that nobody needs, if every record that decides which those are can be read.
    CollectHistory,
    /// Removes every revision.
    RemoveHistory,
    /// Lets the package's object go.
    RemoveFinalizer,
    /// Removes the ledger, and lets its orders go.
    RemoveLedger,
    /// Lets go of all that is in memory of the package.
    Forget,
}

impl Effect {
    /// Whether it is carried out although one before it failed: what was stored until then is true, and is told.
    pub(super) fn is_owed_after_failure(self) -> bool {
        matches!(
            self,
            Self::Assign | Self::Publish | Self::NotePlan | Self::ShowLeaving
        )
    }
}

/// The package's object, as far as the order of effects depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// There is none, or nothing is known of it but that it is there.
    None,
    /// Nobody asked for its deletion.
    Present,
    /// Somebody did.
    Ending {
        /// Whether our finalizer still keeps it.
        is_kept: bool,
    },
}

/// What the list follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) object: Object,
    pub(super) intent: &'a Intent,
    /// The ledger as it was planned with.
    pub(super) ledger: &'a Ledger,
    pub(super) plan: &'a Plan,
    /// Whether sessions have been given the ledger before.
    pub(super) is_published: bool,
    pub(super) contacts: &'a Contacts,
    /// Whether the hub started long enough ago to know who is connected.
    pub(super) knows_contacts: bool,
}

/// The effects, and whether the package's end has to be looked at again soon.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Effects {
    pub(super) list: Vec<Effect>,
    pub(super) end_waits: bool,
}

/// Lists what is to be done.
pub(super) fn effects(situation: &Situation<'_>) -> Effects {
    let Situation { plan, object, .. } = situation;
    let mut list = Vec::new();
    if *object == Object::Present && may_order(situation) {
        list.push(Effect::AddFinalizer);
    }
    list.extend(plan.shards.keys().map(|at| Effect::StoreShard(*at)));
    list.push(Effect::Assign);
    if !plan.is_empty() || !situation.is_published {
        // Without a change the one in memory may know more by now: a status that was written meanwhile.
        list.push(Effect::Publish);
    }
    list.extend([
        Effect::NotePlan,
        Effect::ShowLeaving,
        Effect::ShowStatus,
        Effect::Announce,
    ]);
    if !plan.dropped.is_empty() {
        list.push(Effect::PlanAgain);
    }
    let mut end_waits = false;
    if *situation.intent == Intent::Removed {
        end_waits = end(situation, &mut list);
    } else if *object == Object::Present {
        list.push(Effect::CollectHistory);
    }
    Effects { list, end_waits }
}

/// Whether members will hold something of the package when the plan was carried out.
fn may_order(situation: &Situation<'_>) -> bool {
    let has_applied = has_applied(situation.ledger);
    match situation.intent {
        Intent::Present { targets, .. } => has_applied || !targets.is_empty(),
        Intent::Keep { .. } => has_applied,
        Intent::Removed | Intent::Vanished => false,
    }
}

/// Whether something is ordered that is no tombstone.
pub(super) fn has_applied(ledger: &Ledger) -> bool {
    ledger.rows().any(|(_, row)| !row.tombstone)
}

/// Lists what ends a package that is removed; says whether that has to wait until more is known.
///
/// Its object goes once every tombstone is durable and no connected member is left with one. Its ledger goes with the
/// last row.
fn end(situation: &Situation<'_>, list: &mut Vec<Effect>) -> bool {
    let (mut is_done, mut is_durable) = (true, true);
    let (mut is_connected, mut is_heard) = (false, true);
    for (cluster, row) in rows_after(situation.ledger, situation.plan) {
        let contact = situation.contacts.get(&cluster).copied();
        let contact = contact.unwrap_or_default();
        is_done = false;
        is_durable &= row.tombstone;
        is_connected |= contact.connected;
        is_heard &= contact.heard;
    }
    let is_kept = situation.object == Object::Ending { is_kept: true };
    let goes = is_kept && is_durable && !is_connected;
    // A hub that has just started does not know yet who is connected.
    if goes && !(is_done || is_heard || situation.knows_contacts) {
        return true;
    }
    if goes || is_done {
        list.push(Effect::RemoveHistory);
    }
    if goes {
        list.push(Effect::RemoveFinalizer);
    }
    if is_done {
        list.push(Effect::RemoveLedger);
        if situation.object == Object::None {
            list.push(Effect::Forget);
        }
    }
    false
}

/// The rows of a ledger once the plan is stored.
fn rows_after<'a>(
    ledger: &'a Ledger,
    plan: &'a Plan,
) -> impl Iterator<Item = (ClusterUid, &'a Row)> {
    let kept = ledger.shards.iter().enumerate();
    let kept = kept.filter(|(at, _)| !plan.shards.contains_key(at));
    let shards = kept.map(|(_, shard)| shard).chain(plan.shards.values());
    shards.flat_map(|shard| shard.rows.iter().map(|(cluster, row)| (*cluster, row)))
}

#[cfg(test)]
mod tests;
