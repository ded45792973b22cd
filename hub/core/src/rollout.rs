//! From what is wanted and what was ordered to what has to be ordered now.
//!
//! [`plan`] is a pure function of one package; planning again after its writes plans nothing. All clusters are
//! ordered at once. The caller stores the changed shards before it sends anything, and throws the plan away
//! when storing one fails.
//!
//! ```text
//!   wanted \ row │ none      │ apply                         │ tombstone
//!   ─────────────┼───────────┼───────────────────────────────┼──────────────────────────
//!   content      │ new order │ new order if its digest       │ new order
//!                │           │ differs by more than renderer │
//!   unusable     │ –         │ –                             │ –
//!   nothing      │ –         │ tombstone                     │ – ; dropped once torn down
//!   not known    │ –         │ –                             │ – ; dropped once torn down
//! ```
//!
//! What runs on a cluster whose `MemberCluster` cannot be read is left alone until the package is removed.
//! A row that another epoch gave is ordered anew whatever it says: that is how a raise brings a fleet together.

use std::collections::BTreeMap;
use std::sync::Arc;

use stevedore_proto_core::{ClusterUid, ContentRef, Digest, Leadership};

use crate::ledger::{Ledger, Ordered, Row, Shard};

/// Everything a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What was ordered, as it is stored.
    pub ledger: &'a Ledger,
    /// Who orders now.
    pub leadership: Leadership,
    /// Numbers up to this one are held by members, whatever the ledger says; from the census of a raise.
    pub floor: u64,
    /// What is wanted.
    pub wish: &'a Wish,
    /// Every joined member. A row of a cluster that is not in here is dropped: it was forgotten.
    pub members: &'a BTreeMap<ClusterUid, Standing>,
}

/// What is wanted of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// To run on these clusters.
    Present {
        /// Nothing new is ordered and nothing is torn down; what runs is only watched.
        paused: bool,
        /// Account that writes the objects.
        account: Option<String>,
        /// What each selected cluster should run.
        targets: BTreeMap<ClusterUid, Rendering>,
    },
    /// To be torn down everywhere.
    Removed,
    /// Not known: its object cannot be read, or is gone although nobody saw it being deleted, as after a restore.
    /// What runs is left alone, tombstones go on, and only a cluster that is being emptied gets a new one.
    Vanished,
}

/// What one cluster should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    /// This content.
    Content {
        /// Number of the `PackageRevision`.
        revision: u64,
        /// Digest of everything the renderer read.
        input: Digest,
        /// The rendered bytes.
        content: ContentRef,
    },
    /// There is no usable content: what runs is left alone.
    Unusable,
    /// It is not known yet: not even settings change meanwhile, the content may be another one.
    Later,
}

/// What is known of one member about this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// It holds what does not fit this hub's history: nothing is ordered until an epoch is raised.
    pub frozen: bool,
    /// The tombstone with this number is done.
    pub torn_down: Option<u64>,
    /// It lacks content that was ordered and can no longer be made.
    pub lacks_content: bool,
    /// It is being emptied: paused packages are torn down as well.
    pub leaving: bool,
    /// Its `MemberCluster` is there and cannot be read: whether it is selected is not known, and it is not forgotten.
    pub unreadable: bool,
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
}

impl Plan {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }
}

/// What becomes of one row.
enum Step {
    Keep,
    KeepPending,
    Drop,
    /// The order stays; the label for people changes.
    Relabel(Arc<Ordered>),
    Order(Arc<Ordered>, bool, Cause),
}

/// Plans one package.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut draft = Draft {
        input,
        number: input.ledger.highest().max(input.floor) + 1,
        plan: Plan::default(),
    };
    for (at, shard) in input.ledger.shards.iter().enumerate() {
        for (cluster, row) in &shard.rows {
            draft.apply(at, *cluster, Some(row), step(input, *cluster, row));
        }
    }
    if let Wish::Present {
        paused: false,
        account,
        targets,
    } = input.wish
    {
        for (cluster, rendering) in targets {
            let absent = input.ledger.row(cluster).is_none();
            let standing = input.members.get(cluster);
            if let (true, Some(standing), Some(ordered)) =
                (absent, standing, ordered(*rendering, account.as_ref()))
                && !standing.frozen
            {
                let at = draft.shard_with_room();
                draft.apply(
                    at,
                    *cluster,
                    None,
                    Step::Order(ordered, false, Cause::Install),
                );
            }
        }
    }
    draft.plan
}

fn ordered(rendering: Rendering, account: Option<&String>) -> Option<Arc<Ordered>> {
    let Rendering::Content {
        revision,
        input,
        content,
    } = rendering
    else {
        return None;
    };
    Some(Arc::new(Ordered {
        revision,
        input,
        content: content.digest,
        size: content.size,
        account: account.cloned(),
        paused: false,
    }))
}

fn step(input: &Input<'_>, cluster: ClusterUid, row: &Row) -> Step {
    let Some(standing) = input.members.get(&cluster) else {
        return Step::Drop;
    };
    let raised = input
        .ledger
        .term_of(row.number, input.leadership.epoch)
        .is_none();
    if standing.frozen && !raised {
        return Step::Keep;
    }
    let wanted = wanted(input.wish, cluster, standing, row);
    match wanted {
        Step::Keep | Step::KeepPending | Step::Relabel(_) if raised => {
            Step::Order(Arc::clone(&row.ordered), row.tombstone, Cause::EpochRaised)
        }
        other => other,
    }
}

fn wanted(wish: &Wish, cluster: ClusterUid, standing: &Standing, row: &Row) -> Step {
    let (paused, account, target) = match wish {
        Wish::Vanished if !standing.leaving && !row.tombstone => return Step::Keep,
        Wish::Present { .. } if standing.unreadable && !row.tombstone => return Step::Keep,
        Wish::Vanished | Wish::Removed => (false, None, None),
        Wish::Present {
            paused,
            account,
            targets,
        } => (
            *paused && !standing.leaving,
            account.as_ref(),
            targets.get(&cluster),
        ),
    };
    if row.tombstone && standing.torn_down == Some(row.number) {
        // Done. Whether it is wanted again is the next plan's question, with a number of its own.
        return Step::Drop;
    }
    match (target, row.tombstone) {
        (_, true) if paused => Step::Keep,
        (_, false) if paused => pause(row),
        (None, true) => Step::Keep,
        (None, false) => Step::Order(Arc::clone(&row.ordered), true, Cause::Removal),
        (Some(Rendering::Later), _) => Step::Keep,
        (Some(rendering), _) => change(*rendering, account, standing, row),
    }
}

/// A paused package keeps the content it has.
fn pause(row: &Row) -> Step {
    if row.ordered.paused {
        return Step::Keep;
    }
    let paused = Ordered {
        paused: true,
        ..Ordered::clone(&row.ordered)
    };
    Step::Order(Arc::new(paused), false, Cause::Change)
}

fn change(rendering: Rendering, account: Option<&String>, standing: &Standing, row: &Row) -> Step {
    let Some(new) = ordered(rendering, account) else {
        // Unpausing and changing the account need no new content.
        let same = Ordered {
            account: account.cloned(),
            paused: false,
            ..Ordered::clone(&row.ordered)
        };
        return if row.tombstone || same.is_same_order(&row.ordered) {
            Step::Keep
        } else {
            Step::Order(Arc::new(same), false, Cause::Change)
        };
    };
    if row.tombstone {
        return Step::Order(new, false, Cause::Install);
    }
    if new.is_same_order(&row.ordered) {
        return if *new == *row.ordered {
            Step::Keep
        } else {
            Step::Relabel(new)
        };
    }
    if new.input == row.ordered.input && new.has_same_settings(&row.ordered) {
        return if standing.lacks_content {
            Step::Order(new, false, Cause::Rerendered)
        } else {
            Step::KeepPending
        };
    }
    Step::Order(new, false, Cause::Change)
}

struct Draft<'a> {
    input: &'a Input<'a>,
    number: u64,
    plan: Plan,
}

impl Draft<'_> {
    /// The shard as this plan leaves it.
    fn shard(&mut self, at: usize) -> &mut Shard {
        let stored = self.input.ledger.shards.get(at);
        self.plan
            .shards
            .entry(at)
            .or_insert_with(|| stored.cloned().unwrap_or_default())
    }

    fn shard_with_room(&self) -> usize {
        let known = self.input.ledger.shards.len().max(
            self.plan
                .shards
                .last_key_value()
                .map_or(0, |(last, _)| last + 1),
        );
        (0..known)
            .find(|at| {
                self.plan
                    .shards
                    .get(at)
                    .or_else(|| self.input.ledger.shards.get(*at))
                    .is_some_and(Shard::has_room)
            })
            .unwrap_or(known)
    }

    fn apply(&mut self, at: usize, cluster: ClusterUid, row: Option<&Row>, step: Step) {
        match step {
            Step::Keep => {}
            Step::KeepPending => self.plan.pending_render.push(cluster),
            Step::Drop => {
                self.shard(at).rows.remove(&cluster);
                self.plan.dropped.push(cluster);
            }
            Step::Relabel(ordered) => {
                if let Some(row) = self.shard(at).rows.get_mut(&cluster) {
                    row.ordered = ordered;
                }
            }
            Step::Order(ordered, tombstone, cause) => {
                let (number, leadership) = (self.number, self.input.leadership);
                let previous = match row {
                    Some(row) if row.ordered == ordered => row.previous.clone(),
                    Some(row) => Some(Arc::clone(&row.ordered)),
                    None => None,
                };
                let shard = self.shard(at);
                shard.give(number, leadership);
                let row = Row {
                    number,
                    ordered,
                    previous,
                    tombstone,
                };
                shard.rows.insert(cluster, row);
                self.plan.orders.insert(cluster, cause);
            }
        }
    }
}

#[cfg(test)]
mod tests;
