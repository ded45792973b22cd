//! The index of stored sets: heads and deployments, kept current by the watches and by our own writes, of which the
//! engine hears.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use stevedore_agent_core::set::{Ending, HubOrder, SetRef};
use stevedore_proto_core::{DeploymentUid, Digest, Held};

use super::convert::Unreadable;
use super::set_object::{Name, SetObject};
use crate::ports::Notified;
use table::Table;

pub(crate) use table::Entry;

/// The index. One per process.
#[derive(Default)]
pub(crate) struct Index {
    table: Mutex<Table>,
    engine: OnceLock<Arc<dyn Notified>>,
}

impl Index {
    /// From now on `engine` is told of changes; it is told once of every deployment that is known.
    pub(crate) fn attach(&self, engine: Arc<dyn Notified>) {
        self.engine.get_or_init(|| engine);
        let known = self.table.lock().deployments();
        known
            .into_iter()
            .for_each(|deployment| self.notify(deployment));
    }

    /// The engine, once it is attached.
    pub(crate) fn engine(&self) -> Option<&Arc<dyn Notified>> {
        self.engine.get()
    }

    fn notify(&self, deployment: DeploymentUid) {
        let Some(engine) = self.engine.get() else {
            return;
        };
        let lacks_newest = self.table.lock().lacks_newest(deployment);
        if !lacks_newest {
            engine.sets_changed(deployment);
        }
    }

    fn entry(&self, set: &SetObject) -> Result<Entry, Unreadable> {
        Entry::new(set).inspect_err(|_| self.mark_unreadable())
    }

    /// A set was met that cannot be read, as one that a newer release wrote.
    pub(crate) fn mark_unreadable(&self) {
        self.table.lock().has_unreadable = true;
    }

    /// Whether every set that was ever met could be read, so that what none names is needed by none.
    pub(crate) fn is_complete(&self) -> bool {
        !self.table.lock().has_unreadable
    }

    /// A set was seen or written.
    pub(crate) fn put(&self, set: &SetObject) -> Result<(), Unreadable> {
        let entry = self.entry(set)?;
        let deployment = entry.deployment;
        let name = set.name();
        if self.table.lock().put(name.clone(), entry) {
            self.notify(deployment);
            // Those learn whose their objects may be.
            let predecessors = self.predecessors(&name);
            predecessors
                .into_iter()
                .for_each(|before| self.notify(before));
        }
        Ok(())
    }

    /// Deployments of the sets that this set, by its name, may take objects over from.
    pub(crate) fn predecessors(&self, set: &Name) -> Vec<DeploymentUid> {
        self.table.lock().predecessors(set)
    }

    /// Deployments of the sets that may take objects over from this set.
    pub(crate) fn successors(&self, set: &Name) -> Vec<DeploymentUid> {
        self.table.lock().successors(set)
    }

    /// As [`Self::put`]; a set that cannot be used is logged.
    pub(crate) fn enter(&self, set: &SetObject) {
        if let Err(error) = self.put(set) {
            tracing::warn!(set = set.metadata.name, %error, "a stored set cannot be used");
        }
    }

    /// A set was seen that the engine may not have yet. What it names counts from now on.
    pub(crate) fn announce(&self, set: &SetObject) {
        if let Ok(entry) = self.entry(set) {
            self.table.lock().announce(set.name(), entry);
        }
    }

    /// A set with this UID is gone. What was known of it, if it was known. While it [is lost](Self::is_lost)
    /// the engine hears of nothing, for the set before it is not the accepted one: not until a set as new is
    /// stored, or [`Self::accept_loss`].
    pub(crate) fn remove(&self, name: &Name, uid: &str) -> Option<Entry> {
        let predecessors = self.predecessors(name);
        let entry = self.table.lock().remove(name, uid)?;
        self.notify(entry.deployment);
        predecessors
            .into_iter()
            .for_each(|before| self.notify(before));
        Some(entry)
    }

    /// A lost set is not written again: what is left is all there is.
    pub(crate) fn accept_loss(&self, deployment: DeploymentUid) {
        self.table.lock().accept_loss(deployment);
        self.notify(deployment);
    }

    /// A set was just created that must not stay: the engine does not have it, and that it goes is no loss.
    pub(crate) fn refuse(&self, set: &SetObject) -> Result<(), Unreadable> {
        let entry = Entry::new(set)?;
        let deployment = entry.deployment;
        self.table.lock().refuse(set.name(), entry);
        self.notify(deployment);
        Ok(())
    }

    /// Whether we are about to delete this set.
    pub(crate) fn is_retiring(&self, set: &SetRef) -> bool {
        self.table.lock().is_retiring(set)
    }

    /// We are about to delete this set of a hub, or are no longer; see [`Self::is_lost`].
    pub(crate) fn set_retiring(&self, set: &SetRef, retiring: bool) {
        self.table.lock().set_retiring(set, retiring);
    }

    /// Whether a set that was just removed must be written again: it was the newest of a deployment that has
    /// no tombstone, and we did not delete it.
    pub(crate) fn is_lost(&self, removed: &Entry) -> bool {
        self.table.lock().is_lost(removed)
    }

    /// Sets of a deployment that the engine may have.
    pub(crate) fn sets_of(&self, deployment: DeploymentUid) -> Vec<SetRef> {
        self.table.lock().sets_of(deployment)
    }

    /// The set of a deployment with the newest order, tombstones apart.
    pub(crate) fn newest_order(&self, deployment: DeploymentUid) -> Option<(SetRef, HubOrder)> {
        let table = self.table.lock();
        let orders = table.orders_of(deployment);
        let newest =
            orders.max_by_key(|(_, order)| (order.tuple.epoch.counter, order.tuple.number));
        newest.map(|(set, order)| (set.clone(), order.clone()))
    }

    /// Whether this is how the set still is, as far as the watches have told.
    pub(crate) fn agrees(&self, set: &SetObject) -> bool {
        let table = self.table.lock();
        let known = table.head(&set.reference());
        known.zip(set.head().ok()).is_some_and(|(known, head)| {
            known.generation == head.generation
                && known.ending == head.ending
                && known.has_finalizer == head.has_finalizer
        })
    }

    /// Whether a hub's set has this generation, as far as the watches have told: it is what it was then.
    pub(crate) fn is_unchanged(&self, set: &SetRef, generation: i64) -> bool {
        let table = self.table.lock();
        table
            .head(set)
            .is_some_and(|head| !head.is_standalone() && head.generation == generation)
    }

    /// Whether it is known that this directly used set is being deleted.
    pub(crate) fn knows_deletion(&self, set: &SetRef) -> bool {
        let table = self.table.lock();
        table
            .head(set)
            .is_some_and(|head| head.ending != Ending::No)
    }

    /// A set that stores this content.
    pub(crate) fn with_content(&self, digest: &Digest) -> Option<SetRef> {
        self.table.lock().with_content(digest)
    }

    /// Digests of every content that is stored.
    pub(crate) fn contents(&self) -> BTreeSet<Digest> {
        self.table.lock().contents()
    }

    /// Names of the Secrets that any set names, whatever its namespace: one may live where the agent does.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        self.table.lock().secrets()
    }

    /// The newest stored order of every deployment of a hub.
    pub(crate) fn held(&self) -> BTreeMap<DeploymentUid, Held> {
        self.table.lock().held()
    }

    /// Names and UIDs of every known set, of those with a namespace or of those without.
    pub(crate) fn names(&self, namespaced: bool) -> Vec<(Name, String)> {
        self.table.lock().names(namespaced)
    }

    /// A set of this name is about to be written, and its answer to be put. The event of such a write may be faster
    /// than its answer, but the answer says more: with it the engine need not read the set.
    pub(crate) fn expect(&self, name: Name, deployment: DeploymentUid) -> Expected<'_> {
        self.table.lock().expected.insert(name.clone(), false);
        Expected {
            index: self,
            name,
            deployment,
        }
    }
}

/// Holds back the news of one set. The engine hears of it when this is dropped, if there was any.
pub(crate) struct Expected<'a> {
    index: &'a Index,
    name: Name,
    deployment: DeploymentUid,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let news = self.index.table.lock().expected.remove(&self.name);
        if news == Some(true) {
            self.index.notify(self.deployment);
        }
    }
}

#[cfg(test)]
mod tests;
