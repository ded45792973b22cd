//! Which sets there are: names, deployments and tuples, kept current by the watches and by our own writes.
//! No object of a set is kept.

mod expected;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use stevedore_crds::v1alpha1::StoredOrder;
use stevedore_proto_core::{
    ContentRef, DeletionPolicy, DeploymentUid, Digest, Held, PackageRef, Stage, Tuple,
};

use super::convert::{self, Unreadable};
use super::head::SetHead;
use crate::ports::{Notified, SetRef};

/// Namespace (absent for a ClusterObjectSet) and name.
pub(crate) type Name = (Option<String>, String);

/// What is known of one set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) uid: String,
    pub(crate) deployment: DeploymentUid,
    generation: i64,
    deleting: bool,
    in_hand: bool,
    available: bool,
    pub(crate) hub: Option<HubPart>,
    secrets: Vec<String>,
}

/// What is known of a set that a hub ordered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HubPart {
    pub(crate) package: PackageRef,
    pub(crate) tuple: Tuple,
    /// Absent for a tombstone that was stored as a set of its own.
    pub(crate) content: Option<ContentRef>,
    pub(crate) tombstone: Option<(Tuple, DeletionPolicy)>,
    /// We are about to delete it.
    retiring: bool,
}

impl HubPart {
    fn new(head: &SetHead, order: &StoredOrder) -> Result<Self, Unreadable> {
        let content = order
            .content_digest
            .parse::<Digest>()
            .ok()
            .map(|digest| ContentRef {
                digest,
                size: u64::try_from(order.content_size).unwrap_or(0),
            });
        Ok(Self {
            package: convert::package(&order.package, head.spec.revision)?,
            tuple: convert::tuple(&order.tuple)?,
            content,
            tombstone: head.tombstone()?,
            retiring: false,
        })
    }

    /// The highest tuple that this set stores.
    fn high_water(&self) -> &Tuple {
        match &self.tombstone {
            Some((tuple, _)) if convert::is_newer(tuple, &self.tuple) => tuple,
            _ => &self.tuple,
        }
    }

    fn held(&self, deployment: DeploymentUid, available: bool) -> Held {
        let torn_down = self.tombstone.as_ref();
        let content = if torn_down.is_some() {
            None
        } else {
            self.content
        };
        let stage = if content.is_some() && available {
            Stage::Available
        } else {
            Stage::Received
        };
        Held {
            deployment,
            package: self.package.clone(),
            tuple: torn_down.map_or(self.tuple, |(tuple, _)| *tuple),
            content,
            stage,
        }
    }
}

impl Entry {
    fn new(head: &SetHead) -> Result<Self, Unreadable> {
        let hub = head
            .spec
            .order
            .as_ref()
            .map(|order| HubPart::new(head, order))
            .transpose()?;
        Ok(Self {
            uid: head.metadata.uid.clone(),
            deployment: head.deployment()?,
            generation: head.metadata.generation,
            deleting: head.is_deleting(),
            in_hand: head.is_in_hand(),
            available: stevedore_crds::condition::is_true(
                &head.status.conditions,
                stevedore_crds::condition::AVAILABLE,
            ),
            hub,
            secrets: head.secrets().cloned().collect(),
        })
    }

    /// Whether the engine has to look again.
    fn differs_from(&self, other: &Self) -> bool {
        self.uid != other.uid
            || self.generation != other.generation
            || self.deleting != other.deleting
            || self.in_hand != other.in_hand
    }
}

/// The index. One per process.
#[derive(Default)]
pub(crate) struct Index {
    entries: Mutex<BTreeMap<Name, Entry>>,
    /// The newest order of a deployment whose set vanished, until it is stored again.
    lost: Mutex<BTreeMap<DeploymentUid, Tuple>>,
    /// Sets of which the engine hears later, and whether there is something to hear.
    expected: Mutex<BTreeMap<Name, bool>>,
    /// A set was met that cannot be read: what it names is not known.
    obscure: AtomicBool,
    engine: OnceLock<Arc<dyn Notified>>,
}

impl Index {
    /// From now on `engine` is told of changes; it is told once of every deployment that is known.
    pub(crate) fn attach(&self, engine: Arc<dyn Notified>) {
        self.engine.get_or_init(|| engine);
        let known: BTreeSet<_> = self
            .entries
            .lock()
            .values()
            .map(|entry| entry.deployment)
            .collect();
        known
            .into_iter()
            .for_each(|deployment| self.tell(deployment));
    }

    /// The engine, once it is attached.
    pub(crate) fn engine(&self) -> Option<&Arc<dyn Notified>> {
        self.engine.get()
    }

    /// A set was met that cannot be read, as one that a newer release wrote.
    pub(crate) fn obscure(&self) {
        self.obscure.store(true, Ordering::Relaxed);
    }

    /// Whether every set that was ever met could be read, so that what none names is needed by none.
    pub(crate) fn is_complete(&self) -> bool {
        !self.obscure.load(Ordering::Relaxed)
    }

    /// A set was seen or written.
    pub(crate) fn put(&self, head: &SetHead) -> Result<(), Unreadable> {
        let mut entry = Entry::new(head).inspect_err(|_| self.obscure())?;
        let deployment = entry.deployment;
        let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
        let changed = {
            let mut entries = self.entries.lock();
            let old = entries.get(&name).filter(|old| old.uid == entry.uid);
            // An event may be older than what our own write answered.
            if old.is_some_and(|old| old.generation > entry.generation) {
                return Ok(());
            }
            if let (Some(hub), Some(old)) = (&mut entry.hub, old.and_then(|old| old.hub.as_ref())) {
                hub.retiring = old.retiring;
            }
            let changed = old.is_none_or(|old| old.differs_from(&entry));
            entries.insert(name.clone(), entry);
            changed
        };
        if changed && !self.holds_back(&name) {
            self.tell(deployment);
        }
        Ok(())
    }

    /// A set was seen that the engine may not have yet. What it names counts from now on.
    pub(crate) fn announce(&self, head: &SetHead) {
        let Ok(mut entry) = Entry::new(head).inspect_err(|_| self.obscure()) else {
            return;
        };
        (entry.in_hand, entry.deleting) = (false, false);
        let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
        let mut entries = self.entries.lock();
        if entries.get(&name).is_none_or(|old| old.uid != entry.uid) {
            entries.insert(name, entry);
        }
    }

    /// A set with this UID is gone. What was known of it, if it was known. While it [is lost](Self::is_lost)
    /// the engine hears of nothing, for the set before it is not the accepted one: not until a set as new is
    /// stored, or [`Self::give_up`].
    pub(crate) fn remove(&self, name: &Name, uid: &str) -> Option<Entry> {
        let entry = {
            let mut entries = self.entries.lock();
            if entries.get(name)?.uid != uid {
                return None;
            }
            entries.remove(name)?
        };
        match &entry.hub {
            Some(hub) if self.is_lost(&entry) => {
                self.lost.lock().insert(entry.deployment, hub.tuple);
            }
            _ => self.tell(entry.deployment),
        }
        Some(entry)
    }

    /// A lost set is not written again: what is left is all there is.
    pub(crate) fn give_up(&self, deployment: DeploymentUid) {
        self.lost.lock().remove(&deployment);
        self.tell(deployment);
    }

    /// A set was just created that must not stay: the engine does not have it, and that it goes is no loss.
    pub(crate) fn refuse(&self, head: &SetHead) -> Result<(), Unreadable> {
        let mut entry = Entry::new(head)?;
        let deployment = entry.deployment;
        if let Some(hub) = &mut entry.hub {
            hub.retiring = true;
        }
        let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
        self.entries.lock().insert(name, entry);
        self.tell(deployment);
        Ok(())
    }

    /// Whether we are about to delete this set.
    pub(crate) fn is_retiring(&self, set: &SetRef) -> bool {
        let entries = self.entries.lock();
        entries
            .get(&(set.namespace.clone(), set.name.clone()))
            .is_some_and(|entry| entry.uid == set.uid && entry.is_retiring())
    }

    /// We are about to delete this set; see [`Self::is_lost`].
    pub(crate) fn retire(&self, set: &SetRef, retiring: bool) {
        let name = (set.namespace.clone(), set.name.clone());
        if let Some(hub) = self
            .entries
            .lock()
            .get_mut(&name)
            .and_then(|entry| entry.hub.as_mut())
        {
            hub.retiring = retiring;
        }
    }

    /// Whether a set that was just removed must be written again: it was the newest of a deployment that has
    /// no tombstone, and we did not delete it.
    pub(crate) fn is_lost(&self, removed: &Entry) -> bool {
        removed.hub.as_ref().is_some_and(|hub| {
            !hub.retiring
                && hub.tombstone.is_none()
                && self
                    .hub_parts(removed.deployment)
                    .iter()
                    .all(|(_, other)| convert::is_newer(&hub.tuple, other.high_water()))
        })
    }

    /// Sets of a deployment that the engine may have.
    pub(crate) fn of(&self, deployment: DeploymentUid) -> Vec<SetRef> {
        self.entries
            .lock()
            .iter()
            .filter(|(_, entry)| {
                entry.deployment == deployment && entry.in_hand && !entry.is_retiring()
            })
            .map(|(name, entry)| reference(name, entry))
            .collect()
    }

    /// Sets that a hub ordered of a deployment.
    pub(crate) fn hub_parts(&self, deployment: DeploymentUid) -> Vec<(SetRef, HubPart)> {
        self.entries
            .lock()
            .iter()
            .filter(|(_, entry)| entry.deployment == deployment)
            .filter_map(|(name, entry)| Some((reference(name, entry), entry.hub.clone()?)))
            .collect()
    }

    /// Whether this is how the set still is, as far as the watches have told.
    pub(crate) fn agrees(&self, head: &SetHead) -> bool {
        let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
        let entries = self.entries.lock();
        let entry = entries
            .get(&name)
            .filter(|entry| entry.uid == head.metadata.uid);
        entry.is_some_and(|entry| {
            entry.generation == head.metadata.generation
                && entry.deleting == head.is_deleting()
                && entry.in_hand == head.is_in_hand()
        })
    }

    /// Whether a hub's set has this generation, as far as the watches have told: it is what it was then.
    pub(crate) fn is_unchanged(&self, set: &SetRef, generation: i64) -> bool {
        let name = (set.namespace.clone(), set.name.clone());
        let entries = self.entries.lock();
        entries.get(&name).is_some_and(|entry| {
            entry.uid == set.uid && entry.hub.is_some() && entry.generation == generation
        })
    }

    /// Whether it is known that this set is being deleted.
    pub(crate) fn knows_deletion(&self, head: &SetHead) -> bool {
        let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
        let entries = self.entries.lock();
        let known = entries
            .get(&name)
            .filter(|entry| entry.uid == head.metadata.uid);
        known.is_some_and(|entry| entry.deleting)
    }

    /// The set of a name, in a namespace or cluster-wide.
    pub(crate) fn deployment_named(&self, name: &Name) -> Option<DeploymentUid> {
        self.entries.lock().get(name).map(|entry| entry.deployment)
    }

    /// A set that stores this content.
    pub(crate) fn with_content(&self, digest: &Digest) -> Option<SetRef> {
        self.entries
            .lock()
            .iter()
            .find(|(_, entry)| entry.content_digest() == Some(digest))
            .map(|(name, entry)| reference(name, entry))
    }

    /// Digests of every content that is stored.
    pub(crate) fn contents(&self) -> BTreeSet<Digest> {
        self.entries
            .lock()
            .values()
            .filter_map(|entry| entry.content_digest().copied())
            .collect()
    }

    /// Names of the Secrets that any set names, whatever its namespace: one may live where the agent does.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let entries = self.entries.lock();
        entries
            .values()
            .flat_map(|entry| entry.secrets.iter().cloned())
            .collect()
    }

    /// The newest stored order of every deployment of a hub.
    pub(crate) fn held(&self) -> BTreeMap<DeploymentUid, Held> {
        let entries = self.entries.lock();
        let mut newest: BTreeMap<DeploymentUid, (&HubPart, bool)> = BTreeMap::new();
        for entry in entries.values() {
            if let Some(hub) = &entry.hub {
                let best = newest
                    .entry(entry.deployment)
                    .or_insert((hub, entry.available));
                if convert::is_newer(hub.high_water(), best.0.high_water()) {
                    *best = (hub, entry.available);
                }
            }
        }
        newest
            .into_iter()
            .map(|(deployment, (hub, available))| (deployment, hub.held(deployment, available)))
            .collect()
    }

    /// Names and UIDs of every known set, of those with a namespace or of those without.
    pub(crate) fn names(&self, namespaced: bool) -> Vec<(Name, String)> {
        self.entries
            .lock()
            .iter()
            .filter(|((namespace, _), _)| namespace.is_some() == namespaced)
            .map(|(name, entry)| (name.clone(), entry.uid.clone()))
            .collect()
    }

    fn tell(&self, deployment: DeploymentUid) {
        if let Some(engine) = self.engine.get()
            && !self.lacks_newest(deployment)
        {
            engine.sets_changed(deployment);
        }
    }

    /// Whether the newest order of a deployment vanished and no set as new is stored yet.
    fn lacks_newest(&self, deployment: DeploymentUid) -> bool {
        let mut lost = self.lost.lock();
        let Some(tuple) = lost.get(&deployment) else {
            return false;
        };
        let parts = self.hub_parts(deployment);
        let stored = parts
            .iter()
            .any(|(_, part)| !convert::is_newer(tuple, part.high_water()));
        if stored {
            lost.remove(&deployment);
        }
        !stored
    }
}

impl Entry {
    fn is_retiring(&self) -> bool {
        self.hub.as_ref().is_some_and(|hub| hub.retiring)
    }

    fn content_digest(&self) -> Option<&Digest> {
        Some(&self.hub.as_ref()?.content.as_ref()?.digest)
    }
}

fn reference(name: &Name, entry: &Entry) -> SetRef {
    SetRef {
        namespace: name.0.clone(),
        name: name.1.clone(),
        uid: entry.uid.clone(),
    }
}

#[cfg(test)]
mod tests;
