//! The table of known sets: what each is, what is held for a hub, and which set was lost.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_agent_core::set::{Ending, HubOrder, SetHead, SetRef, is_newer};
use stevedore_proto_core::{DeploymentUid, Digest, Held, Tuple};

use crate::store::convert::Unreadable;
use crate::store::set_object::{Name, SetObject};

/// What is known of one set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) deployment: DeploymentUid,
    pub(crate) head: SetHead,
    /// Names of the sets that it follows.
    previous: Box<[String]>,
    /// We are about to delete it.
    retiring: bool,
}

impl Entry {
    pub(super) fn new(object: &SetObject) -> Result<Self, Unreadable> {
        Ok(Self {
            deployment: object.deployment()?,
            head: object.head()?,
            previous: object
                .spec
                .previous
                .iter()
                .map(|set| set.name.clone())
                .collect(),
            retiring: false,
        })
    }

    /// Whether the engine has to read it again.
    fn differs_from(&self, other: &Self) -> bool {
        let (one, other) = (&self.head, &other.head);
        one.set.uid != other.set.uid
            || one.generation != other.generation
            || one.ending != other.ending
            || one.has_finalizer != other.has_finalizer
    }

    fn content(&self) -> Option<&Digest> {
        Some(&self.head.order.as_ref()?.content.as_ref()?.digest)
    }

    fn is_shown(&self) -> bool {
        self.head.is_manageable() && !self.retiring
    }
}

/// Every known set by name. No object of a set is kept.
#[derive(Default)]
pub(super) struct Table {
    entries: BTreeMap<Name, Entry>,
    /// The newest order of a deployment whose set vanished, until it is stored again.
    lost: BTreeMap<DeploymentUid, Tuple>,
    /// Sets of which the engine hears later, and whether there is something to hear.
    pub(super) expected: BTreeMap<Name, bool>,
    /// A set was met that cannot be read: what it names is not known.
    pub(super) has_unreadable: bool,
}

impl Table {
    /// A set was seen or written. Whether the engine has to hear of it now.
    pub(super) fn put(&mut self, name: Name, mut entry: Entry) -> bool {
        let known = self.entries.get(&name);
        let old = known.filter(|old| old.head.set.uid == entry.head.set.uid);
        // An event may be older than what our own write answered.
        if old.is_some_and(|old| old.head.generation > entry.head.generation) {
            return false;
        }
        entry.retiring = old.is_some_and(|old| old.retiring);
        let changed = old.is_none_or(|old| old.differs_from(&entry));
        let held_back = changed.then(|| self.expected.get_mut(&name)).flatten();
        let tell = changed && held_back.is_none();
        if let Some(news) = held_back {
            *news = true;
        }
        self.entries.insert(name, entry);
        tell
    }

    /// A set was seen that the engine may not have yet.
    pub(super) fn announce(&mut self, name: Name, mut entry: Entry) {
        (entry.head.has_finalizer, entry.head.ending) = (false, Ending::No);
        let known = self.entries.get(&name);
        if known.is_none_or(|old| old.head.set.uid != entry.head.set.uid) {
            self.entries.insert(name, entry);
        }
    }

    /// A set was just created that must not stay.
    pub(super) fn refuse(&mut self, name: Name, mut entry: Entry) {
        entry.retiring = true;
        self.entries.insert(name, entry);
    }

    pub(super) fn remove(&mut self, name: &Name, uid: &str) -> Option<Entry> {
        if &*self.entries.get(name)?.head.set.uid != uid {
            return None;
        }
        let entry = self.entries.remove(name)?;
        if let Some(order) = &entry.head.order
            && self.is_lost(&entry)
        {
            self.lost.insert(entry.deployment, order.tuple);
        }
        Some(entry)
    }

    pub(super) fn accept_loss(&mut self, deployment: DeploymentUid) {
        self.lost.remove(&deployment);
    }

    /// Whether a set that was just removed must be written again.
    pub(super) fn is_lost(&self, removed: &Entry) -> bool {
        removed.head.order.as_ref().is_some_and(|order| {
            !removed.retiring
                && order.tombstone.is_none()
                && self
                    .orders_of(removed.deployment)
                    .all(|(_, other)| is_newer(&order.tuple, other.newest()))
        })
    }

    /// Whether the newest order of a deployment vanished and no set as new is stored yet.
    pub(super) fn lacks_newest(&mut self, deployment: DeploymentUid) -> bool {
        let Some(tuple) = self.lost.get(&deployment) else {
            return false;
        };
        let stored = self
            .orders_of(deployment)
            .any(|(_, order)| !is_newer(tuple, order.newest()));
        if stored {
            self.lost.remove(&deployment);
        }
        !stored
    }

    fn of(&self, set: &SetRef) -> Option<&Entry> {
        let name = (set.namespace.clone(), set.name.clone());
        self.entries
            .get(&name)
            .filter(|entry| entry.head.set.uid == set.uid)
    }

    /// What is known of a set.
    pub(super) fn head(&self, set: &SetRef) -> Option<&SetHead> {
        self.of(set).map(|entry| &entry.head)
    }

    pub(super) fn is_retiring(&self, set: &SetRef) -> bool {
        self.of(set).is_some_and(|entry| entry.retiring)
    }

    pub(super) fn set_retiring(&mut self, set: &SetRef, retiring: bool) {
        let name = (set.namespace.clone(), set.name.clone());
        let entry = self.entries.get_mut(&name);
        if let Some(entry) = entry.filter(|entry| !entry.head.is_standalone()) {
            entry.retiring = retiring;
        }
    }

    /// Sets of a deployment that the engine may have.
    pub(super) fn sets_of(&self, deployment: DeploymentUid) -> Vec<SetRef> {
        self.entries
            .values()
            .filter(|entry| entry.deployment == deployment && entry.is_shown())
            .map(|entry| entry.head.set.clone())
            .collect()
    }

    /// What a hub ordered of a deployment, set by set.
    pub(super) fn orders_of(
        &self,
        deployment: DeploymentUid,
    ) -> impl Iterator<Item = (&SetRef, &HubOrder)> {
        self.entries
            .values()
            .filter(move |entry| entry.deployment == deployment)
            .filter_map(|entry| Some((&entry.head.set, entry.head.order.as_ref()?)))
    }

    pub(super) fn deployments(&self) -> BTreeSet<DeploymentUid> {
        self.entries
            .values()
            .map(|entry| entry.deployment)
            .collect()
    }

    fn deployment_named(&self, name: &Name) -> Option<DeploymentUid> {
        self.entries.get(name).map(|entry| entry.deployment)
    }

    /// Deployments of the sets that this set follows, which has this name.
    pub(super) fn predecessors(&self, name: &Name) -> Vec<DeploymentUid> {
        let previous = self.entries.get(name).map(|entry| &entry.previous);
        previous
            .into_iter()
            .flatten()
            .filter_map(|set| self.deployment_named(&(name.0.clone(), set.clone())))
            .collect()
    }

    /// Deployments of the sets that follow the set of this name.
    pub(super) fn successors(&self, name: &Name) -> Vec<DeploymentUid> {
        self.entries
            .iter()
            .filter(|((namespace, _), entry)| {
                *namespace == name.0 && entry.previous.contains(&name.1)
            })
            .map(|(_, entry)| entry.deployment)
            .collect()
    }

    pub(super) fn with_content(&self, digest: &Digest) -> Option<SetRef> {
        self.entries
            .values()
            .find(|entry| entry.content() == Some(digest))
            .map(|entry| entry.head.set.clone())
    }

    pub(super) fn contents(&self) -> BTreeSet<Digest> {
        let contents = self.entries.values().filter_map(Entry::content);
        contents.copied().collect()
    }

    pub(super) fn secrets(&self) -> BTreeSet<String> {
        self.entries
            .values()
            .flat_map(|entry| entry.head.secrets.iter().cloned())
            .collect()
    }

    pub(super) fn held(&self) -> BTreeMap<DeploymentUid, Held> {
        let mut newest: BTreeMap<DeploymentUid, (&HubOrder, bool)> = BTreeMap::new();
        for entry in self.entries.values() {
            if let Some(order) = &entry.head.order {
                let this = (order, entry.head.available);
                let best = newest.entry(entry.deployment).or_insert(this);
                if is_newer(order.newest(), best.0.newest()) {
                    *best = this;
                }
            }
        }
        newest
            .into_iter()
            .map(|(deployment, (order, available))| (deployment, order.held(deployment, available)))
            .collect()
    }

    pub(super) fn names(&self, namespaced: bool) -> Vec<(Name, String)> {
        self.entries
            .iter()
            .filter(|((namespace, _), _)| namespace.is_some() == namespaced)
            .map(|(name, entry)| (name.clone(), entry.head.set.uid.to_string()))
            .collect()
    }
}
