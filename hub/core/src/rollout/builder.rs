//! The plan: what has to be stored and why, and how it is put together from changes of rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stevedore_proto_core::ClusterUid;

use super::input::{Input, UnixMillis};
use crate::ledger::{Ordered, Row, Shard};

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
    /// When to plan again at the latest although nothing else happens; `None` where only news leads to another
    /// plan. No rule sets it yet.
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
pub(super) enum RowChange {
    Keep,
    KeepPending,
    Drop,
    /// The order stays; the label for people changes.
    Relabel(Arc<Ordered>),
    Order(Arc<Ordered>, bool, Cause),
}

/// Puts changes of rows into changed shards. Every new order of a plan has the same number.
pub(super) struct PlanBuilder<'a> {
    input: &'a Input<'a>,
    number: u64,
    plan: Plan,
}

impl<'a> PlanBuilder<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
        Self {
            input,
            number: input.ledger.highest().max(input.floor) + 1,
            plan: Plan::default(),
        }
    }

    pub(super) fn finish(self) -> Plan {
        self.plan
    }

    /// The shard as this plan leaves it.
    fn shard(&mut self, at: usize) -> &mut Shard {
        let stored = self.input.ledger.shards.get(at);
        self.plan
            .shards
            .entry(at)
            .or_insert_with(|| stored.cloned().unwrap_or_default())
    }

    /// The first shard that takes another row: a new one, if all are full.
    pub(super) fn shard_with_room(&self) -> usize {
        let has_room = |at: &usize| {
            let planned = self.plan.shards.get(at);
            let shard = planned.or_else(|| self.input.ledger.shards.get(*at));
            shard.is_none_or(Shard::has_room)
        };
        let mut all = 0..;
        all.find(has_room).expect("a new shard has room")
    }

    pub(super) fn apply(
        &mut self,
        at: usize,
        cluster: ClusterUid,
        row: Option<&Row>,
        change: RowChange,
    ) {
        match change {
            RowChange::Keep => {}
            RowChange::KeepPending => self.plan.pending_render.push(cluster),
            RowChange::Drop => {
                self.shard(at).rows.remove(&cluster);
                self.plan.dropped.push(cluster);
            }
            RowChange::Relabel(ordered) => {
                if let Some(row) = self.shard(at).rows.get_mut(&cluster) {
                    row.ordered = ordered;
                }
            }
            RowChange::Order(ordered, tombstone, cause) => {
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
