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
//!   unusable     │ –         │ settings only                 │ –
//!   pending,     │ –         │ paused only                   │ –
//!     or to stay │           │                               │
//!   nothing      │ –         │ tombstone                     │ – ; dropped once torn down
//!   vanished     │ –         │ –                             │ – ; dropped once torn down
//! ```
//!
//! A row of an earlier epoch is ordered again under the new one, whatever it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stevedore_proto_core::{ClusterUid, ContentRef, Digest, Leadership};

use crate::fleet;
use crate::history::ActiveRevision;
use crate::ledger::{Ledger, Ordered, Row, Shard};

mod builder;

use builder::PlanBuilder;

/// Everything a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What was ordered, as it is stored.
    pub ledger: &'a Ledger,
    /// Who orders now.
    pub leadership: Leadership,
    /// Numbers up to this one are held by members, whatever the ledger says; from the census of a raise.
    pub floor: u64,
    /// What the package asks for.
    pub intent: &'a Intent,
    /// Every joined member. A row of a cluster that is not in here is dropped: it was forgotten.
    pub members: &'a BTreeMap<ClusterUid, MemberState>,
    /// When this is planned: what has to last for a while, or waits for an hour of the day, is told by it.
    pub now: UnixMillis,
}

/// A moment of the wall clock, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub u64);

/// What a package asks for: its desired state, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// To run on these clusters.
    Present {
        /// What they should run.
        revision: ActiveRevision,
        /// Nothing new is ordered and nothing is torn down; what runs is only watched.
        paused: bool,
        /// Account that writes the objects.
        account: Option<String>,
        /// What each selected cluster should run.
        targets: BTreeMap<ClusterUid, Rendering>,
    },
    /// To stay on these clusters as it was ordered, since the content that should follow is not there. Nothing that
    /// could be ordered is known: neither content nor an account. Other clusters get their tombstones.
    Keep {
        /// As in [`Intent::Present`]; only holds back, so it need not wait for content.
        paused: bool,
        /// The selected clusters.
        targets: BTreeSet<ClusterUid>,
    },
    /// To be torn down everywhere.
    Removed,
    /// Not known: its object is gone although nobody saw it being deleted, as after a restore. What runs is
    /// left alone, tombstones go on, and only a cluster that is being emptied gets a new one.
    Vanished,
}

/// What one cluster should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    /// This content.
    Content {
        /// Digest of everything the renderer read.
        input: Digest,
        /// The rendered bytes.
        content: ContentRef,
    },
    /// There is no usable content: what runs is left alone.
    Unusable,
    /// It is not known yet: not even settings change meanwhile, the content may be another one.
    Pending,
}

/// What is known of one member about this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemberState {
    /// How its deployment counts, and which order that speaks about.
    pub row: fleet::Row,
    /// It holds what does not fit this hub's history: nothing is ordered until an epoch is raised.
    pub frozen: bool,
    /// The tombstone with this number is done.
    pub torn_down: Option<u64>,
    /// It lacks content that was ordered and can no longer be made.
    pub lacks_content: bool,
    /// It is being emptied: paused packages are torn down as well.
    pub leaving: bool,
}

/// Why something is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The cluster had nothing of the package.
    Install,
    /// Content or settings differ from what was ordered.
    Change,
    /// The same under a new epoch.
    EpochRaised,
    /// What was ordered can no longer be made, and the member lacks it.
    Rerendered,
    /// A tombstone.
    Removal,
}

impl Cause {
    /// One CamelCase word for events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "Install",
            Self::Change => "Change",
            Self::EpochRaised => "EpochRaised",
            Self::Rerendered => "Rerendered",
            Self::Removal => "Removal",
        }
    }
}

/// What has to be stored, and what may be sent after that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Changed shards by their number; a number beyond the ledger's is a new shard.
    pub shards: BTreeMap<usize, Shard>,
    /// Which clusters get a new order, and why.
    pub orders: BTreeMap<ClusterUid, Cause>,
    /// Clusters whose rows are dropped.
    pub dropped: Vec<ClusterUid>,
    /// Clusters where equal inputs render differently: they get it with their next real change.
    pub pending_render: Vec<ClusterUid>,
    /// When to plan again at the latest, although nothing else happens; never without one.
    pub wake_at: Option<UnixMillis>,
}

impl Plan {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// How long after `now` to plan again at the latest; at once when that moment has passed.
    pub fn requeue_after(&self, now: UnixMillis) -> Option<Duration> {
        let wake_at = self.wake_at?;
        Some(Duration::from_millis(wake_at.0.saturating_sub(now.0)))
    }
}

/// What a plan does with one row.
enum RowChange {
    Keep,
    KeepPending,
    Drop,
    /// The order stays; the label for people changes.
    Relabel(Arc<Ordered>),
    Order(Arc<Ordered>, bool, Cause),
}

/// Plans one package.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut builder = PlanBuilder::new(input);
    for (at, shard) in input.ledger.shards.iter().enumerate() {
        for (cluster, row) in &shard.rows {
            builder.apply(at, *cluster, Some(row), change_of(input, *cluster, row));
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
    let Rendering::Content { input, content } = rendering else {
        return None;
    };
    Some(Arc::new(Ordered {
        revision: revision.number(),
        input,
        content: content.digest,
        size: content.size,
        account: account.cloned(),
        paused: false,
    }))
}

fn change_of(input: &Input<'_>, cluster: ClusterUid, row: &Row) -> RowChange {
    let Some(member) = input.members.get(&cluster) else {
        return RowChange::Drop;
    };
    let raised = input
        .ledger
        .term_of(row.number, input.leadership.epoch)
        .is_none();
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
        // Done. Whether it is wanted again is the next plan's question, with a number of its own.
        return RowChange::Drop;
    }
    let (paused, target) = match intent {
        Intent::Vanished if !member.leaving => return RowChange::Keep,
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
