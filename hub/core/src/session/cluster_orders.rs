//! The orders of one cluster, and the comparison with what its member holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use stevedore_proto_core::{
    DeploymentUid, Digest, Epoch, Features, Leadership, Order, Term, Tuple, held,
};

use super::event::FreezeReason;

/// The first number a term gave in one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TermStart {
    /// The term.
    pub term: Term,
    /// Its first number. The term gave this and everything up to the next term's first.
    pub first: u64,
}

/// Which term of the current epoch gave which numbers in one ledger. Shared by all rows of the ledger.
///
/// Raising an epoch writes every row anew under it, so one epoch is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    epoch: Epoch,
    starts: Vec<TermStart>,
}

impl History {
    /// Takes the terms of one epoch in any order.
    pub fn new(epoch: Epoch, mut starts: Vec<TermStart>) -> Self {
        // A late write may have given one number twice: then the later term counts.
        starts.sort_by_key(|start| (start.first, start.term.counter));
        Self { epoch, starts }
    }

    /// The term that gave a number; none when it was given in another epoch.
    pub fn term_of(&self, number: u64) -> Option<Term> {
        let starts = self.starts.iter();
        let start = starts.rev().find(|start| start.first <= number);
        start.map(|start| start.term)
    }

    /// Whether this ledger's history contains the number under that very epoch and term.
    pub fn gave(&self, tuple: &Tuple) -> bool {
        tuple.epoch == self.epoch && self.term_of(tuple.number) == Some(tuple.term)
    }
}

/// The order of one deployment, as its ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredOrder {
    /// The durable order.
    pub order: Arc<Order>,
    /// Of the ledger the order is in.
    pub history: Arc<History>,
    /// What an agent has to know to be sent it.
    pub needs: Features,
    /// Its tombstone is done; kept until every member acknowledged, not expected on this one any more.
    pub finished: bool,
}

/// The relation of what a member holds of a deployment to what is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same tuple.
    InSync,
    /// Absent, or older in the same history.
    Behind,
    /// Not of this hub's history.
    Foreign(FreezeReason),
}

impl DesiredOrder {
    /// Compares with what the member holds.
    pub fn relation(&self, held: Option<&Tuple>) -> Relation {
        let desired = &self.order.tuple;
        let Some(held) = held else {
            return Relation::Behind;
        };
        if held == desired {
            return Relation::InSync;
        }
        if held.epoch.counter < desired.epoch.counter {
            return Relation::Behind;
        }
        if held.epoch.counter > desired.epoch.counter || held.number > desired.number {
            return Relation::Foreign(FreezeReason::HubRegressed);
        }
        if held.number == desired.number || !self.history.gave(held) {
            return Relation::Foreign(FreezeReason::HubDiverged);
        }
        Relation::Behind
    }

    /// Whether it orders this content.
    pub(super) fn names(&self, content: &Digest) -> bool {
        let ordered = self.order.content();
        ordered.is_some_and(|ordered| ordered.digest == *content)
    }
}

/// Everything one cluster should hold. Made by whoever reads the ledgers; read by the session.
#[derive(Debug, Clone)]
pub struct ClusterOrders {
    /// Whether every ledger has been read. Until then sessions are refused.
    pub loaded: bool,
    /// The leadership that gives these orders.
    pub leadership: Leadership,
    /// One entry per deployment.
    pub orders: BTreeMap<DeploymentUid, DesiredOrder>,
}

impl ClusterOrders {
    /// Nothing known yet.
    pub fn unloaded(leadership: Leadership) -> Self {
        Self {
            loaded: false,
            leadership,
            orders: BTreeMap::new(),
        }
    }

    /// The root digest of a member that holds exactly this.
    pub fn root(&self) -> Digest {
        held::root(
            self.orders
                .iter()
                .filter(|(_, desired)| !desired.finished)
                .map(|(deployment, desired)| (*deployment, desired.order.tuple)),
        )
    }

    /// Whether this cluster may fetch a content: only what its own orders name.
    pub fn may_fetch(&self, digest: &Digest) -> bool {
        self.loaded && self.orders.values().any(|desired| desired.names(digest))
    }
}

#[cfg(test)]
mod tests;
