//! The census: compares what a member holds with the ledgers. It is read before an epoch is raised, and changes
//! nothing.

use stevedore_proto_core::tuple::Precedence;
use stevedore_proto_core::{Held, Leadership};

use super::cluster_orders::{ClusterOrders, Relation};
use super::event::FreezeReason;

/// How one held deployment stands to the hub's ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Exactly as ordered.
    AsOrdered,
    /// Older, in this hub's history: the order is on its way.
    Behind,
    /// Not in this hub's history. A raise orders it anew, above what is held, with what this hub wants now:
    /// objects in which both agree stay as they are.
    Foreign(FreezeReason),
    /// The hub has no such deployment. A raise lists it and never removes it.
    Unknown,
}

/// One held deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusEntry {
    /// As the member said.
    pub held: Held,
    /// How it stands to the ledgers.
    pub finding: Finding,
}

/// What one cluster holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// One entry per deployment that is not a finished tombstone.
    pub entries: Vec<CensusEntry>,
    /// The highest epoch and term any held order names. A raise has to go above it.
    pub highest: Option<Leadership>,
}

impl Census {
    /// Compares a listing with this cluster's orders.
    pub fn of(listing: &[Held], orders: &ClusterOrders) -> Self {
        let entries: Vec<_> = listing
            .iter()
            .filter(|held| !held.is_finished())
            .map(|held| {
                let desired = orders.orders.get(&held.deployment);
                let finding = match desired.map(|desired| desired.relation(Some(&held.tuple))) {
                    None => Finding::Unknown,
                    Some(Relation::InSync) => Finding::AsOrdered,
                    Some(Relation::Behind) => Finding::Behind,
                    Some(Relation::Foreign(reason)) => Finding::Foreign(reason),
                };
                CensusEntry {
                    held: held.clone(),
                    finding,
                }
            })
            .collect();
        let highest =
            listing
                .iter()
                .map(|held| held.tuple.leadership())
                .reduce(|highest, other| {
                    if other.compared_to(&highest) == Precedence::Current {
                        other
                    } else {
                        highest
                    }
                });
        Self { entries, highest }
    }

    /// The epoch counter a raise has to exceed, together with `own`.
    pub fn epoch_floor(&self, own: u64) -> u64 {
        self.highest
            .map_or(own, |highest| highest.epoch.counter.max(own))
    }
}
