//! The record of all that happened, and the invariants that must hold in every state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_proto_core::{ClusterUid, DeploymentUid, Digest, Order, Tuple};

/// A violated invariant.
#[derive(Debug, Clone)]
pub(crate) struct Violation(pub(crate) String);

pub(crate) type Check = Result<(), Violation>;

fn violated(text: String) -> Check {
    Err(Violation(text))
}

pub(crate) type Key = (DeploymentUid, [u8; 16], [u8; 16], u64);

fn key(deployment: DeploymentUid, tuple: &Tuple) -> Key {
    (
        deployment,
        *tuple.epoch.id.as_bytes(),
        *tuple.term.id.as_bytes(),
        tuple.number,
    )
}

/// An observer that knows everything and takes part in nothing.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    ordered: BTreeMap<Key, Arc<Order>>,
    accepted: BTreeMap<DeploymentUid, Vec<Tuple>>,
    begun: BTreeMap<DeploymentUid, Tuple>,
    /// Tuples that a restored hub does not know any more.
    lost: BTreeSet<Key>,
    views: BTreeMap<DeploymentUid, (u64, u64)>,
}

impl Truth {
    /// S2 on the hub's side: one tuple is given to one order.
    pub(crate) fn ordered(&mut self, order: &Arc<Order>) -> Check {
        match self
            .ordered
            .insert(key(order.deployment, &order.tuple), order.clone())
        {
            Some(before) if before != *order => violated(format!(
                "S2: one tuple was given to two orders: {before:?} and {order:?}"
            )),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn order(&self, deployment: DeploymentUid, tuple: &Tuple) -> Option<&Arc<Order>> {
        self.ordered.get(&key(deployment, tuple))
    }

    /// What a backup taken now knows.
    pub(crate) fn known(&self) -> BTreeSet<Key> {
        self.ordered.keys().copied().collect()
    }

    /// The hub was put back to a copy that knows only these orders.
    pub(crate) fn restored(&mut self, known: &BTreeSet<Key>) {
        self.lost
            .extend(self.ordered.keys().filter(|key| !known.contains(*key)));
    }

    /// S3: nothing of another cluster is written to a stream.
    pub(crate) fn sent(&self, order: &Order, to: ClusterUid) -> Check {
        if DeploymentUid::derive(&order.package.uid, &to) != order.deployment {
            return violated(format!(
                "S3: an order of another cluster was sent to {to}: {order:?}"
            ));
        }
        Ok(())
    }

    /// S1, S2, S3 when a member makes an order durable.
    pub(crate) fn accepted(
        &mut self,
        order: &Order,
        content: Option<&Arc<[u8]>>,
        by: ClusterUid,
    ) -> Check {
        self.sent(order, by)?;
        let tuple = &order.tuple;
        let key_of = key(order.deployment, tuple);
        let Some(ordered) = self
            .ordered
            .get(&key_of)
            .filter(|ordered| ordered.as_ref() == order)
        else {
            return violated(format!(
                "S2: a member accepted what was not ordered: {order:?}"
            ));
        };
        let digest = content.map(|bytes| Digest::of(bytes));
        if digest != ordered.content().map(|content| content.digest) {
            return violated(format!(
                "S2: the content of {tuple:?} is not what was ordered"
            ));
        }
        let history = self.accepted.entry(order.deployment).or_default();
        if let Some(last) = history.last() {
            let same_epoch = tuple.epoch.counter == last.epoch.counter;
            if tuple.epoch.counter < last.epoch.counter
                || (same_epoch && tuple.number <= last.number)
            {
                return violated(format!("S1: {last:?} was followed by {tuple:?}"));
            }
            if same_epoch && tuple.epoch.id != last.epoch.id {
                return violated(format!(
                    "S2: two histories with one epoch counter: {last:?}, {tuple:?}"
                ));
            }
            let was_lost = self.lost.contains(&key(order.deployment, last));
            if same_epoch && was_lost && !self.lost.contains(&key_of) {
                return violated(format!(
                    "S2: {tuple:?} replaced {last:?} of a lost history without a raise"
                ));
            }
        }
        history.push(*tuple);
        Ok(())
    }

    /// S1: nothing older than what was begun is ever begun.
    pub(crate) fn begun(&mut self, deployment: DeploymentUid, tuple: &Tuple) -> Check {
        if let Some(last) = self.begun.insert(deployment, *tuple)
            && (tuple.epoch.counter, tuple.number) < (last.epoch.counter, last.number)
        {
            return violated(format!("S1: {tuple:?} was begun after {last:?}"));
        }
        Ok(())
    }

    /// S5: objects go only for a tombstone that was ordered.
    pub(crate) fn torn_down(&self, deployment: DeploymentUid, tuple: Option<&Tuple>) -> Check {
        let ordered = tuple.and_then(|tuple| self.ordered.get(&key(deployment, tuple)));
        if ordered.is_some_and(|order| order.is_tombstone()) {
            return Ok(());
        }
        violated(format!(
            "S5: {deployment} was torn down without a tombstone, at {tuple:?}"
        ))
    }

    /// S10: a report never goes back.
    pub(crate) fn reported(
        &mut self,
        deployment: DeploymentUid,
        incarnation: u64,
        sequence: u64,
    ) -> Check {
        match self.views.insert(deployment, (incarnation, sequence)) {
            Some(before) if before >= (incarnation, sequence) => violated(format!(
                "S10: report {before:?} of {deployment} was followed by {:?}",
                (incarnation, sequence)
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// A hub process ended, and with it what it had been told.
    pub(crate) fn hub_forgot(&mut self) {
        self.views.clear();
    }
}
