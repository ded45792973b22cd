//! The plan that is being made: changed shards, and the number that its orders get.

use std::sync::Arc;

use stevedore_proto_core::ClusterUid;

use super::{Input, Plan, RowChange};
use crate::ledger::{Row, Shard};

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

    pub(super) fn shard_with_room(&self) -> usize {
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
