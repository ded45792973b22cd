//! The plan: what has to be stored and why, and how it is put together from changes of rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stevedore_proto_core::ClusterUid;

use super::admission::Decision;
use super::cause::Cause;
use super::input::Input;
use super::report::RolloutReport;
use crate::fleet::MemberState;
use crate::ledger::{Ordered, Row, Shard};
use crate::moment::UnixMillis;

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
    /// plan.
    pub wake_at: Option<UnixMillis>,
    /// Whether what members report may lead to another plan.
    pub is_under_way: bool,
    /// How far the rollout is.
    pub rollout: RolloutReport,
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
    /// The order stays, since the cluster is held; this would have been the next one.
    Hold(Arc<Ordered>, Cause),
}

/// An order that is to be given.
pub(super) struct NewOrder {
    pub(super) ordered: Arc<Ordered>,
    pub(super) tombstone: bool,
    pub(super) is_disruptive: bool,
    pub(super) cause: Cause,
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

    /// The number that this plan gives.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn finish(self) -> Plan {
        self.plan
    }

    /// Ends with what was decided of the rollout.
    pub(super) fn finish_with(mut self, decision: Decision) -> Plan {
        if let Some(record) = decision.record {
            self.shard(0).rollout = Some(record);
        }
        self.plan.wake_at = decision.wake_at;
        self.plan.is_under_way = decision.is_under_way;
        self.plan.rollout = decision.report;
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
            RowChange::Keep | RowChange::Hold(..) => {}
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
                // It says nothing new of what was taken from available before.
                let was_available = |it: &MemberState| it.row.was_available();
                let is_back = self.input.members.get(&cluster).is_some_and(was_available);
                let is_disruptive = row.is_some_and(|row| row.disruptive && !is_back);
                let order = NewOrder {
                    ordered,
                    tombstone,
                    is_disruptive,
                    cause,
                };
                self.order(at, cluster, row, order);
            }
        }
    }

    /// Gives a new order.
    pub(super) fn order(
        &mut self,
        at: usize,
        cluster: ClusterUid,
        row: Option<&Row>,
        order: NewOrder,
    ) {
        let (number, leadership, now) = (self.number, self.input.leadership, self.input.now);
        let previous = match row {
            Some(row) if row.ordered == order.ordered => row.previous.clone(),
            Some(row) => Some(Arc::clone(&row.ordered)),
            None => None,
        };
        let shard = self.shard(at);
        shard.give(number, leadership, now);
        let row = Row {
            number,
            ordered: order.ordered,
            previous,
            tombstone: order.tombstone,
            disruptive: order.is_disruptive,
        };
        shard.rows.insert(cluster, row);
        self.plan.orders.insert(cluster, order.cause);
    }
}
