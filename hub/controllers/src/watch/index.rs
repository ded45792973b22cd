//! An index of the objects of one kind, kept equal to the API server by a watch.
//!
//! An object that cannot be decoded is kept too, as [`Unreadable`]: it is there, and what it says is not known. It
//! is neither given as an object nor counted as gone, so whoever concludes something from absence has to ask
//! [`Index::unreadable`] first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kube::Client;
use parking_lot::RwLock;
use serde_json::value::RawValue;
use stevedore_client::decode::Identity;
use stevedore_client::watch::{self, Handler, Notice, Subject};
use stevedore_client::{InvalidSegment, Path};

use crate::watch::entry::{Derived as _, Entry, Unreadable, Watched};
use crate::write;

/// UIDs of objects that went which are remembered: more than requests that may still be answered.
const GONE: usize = 1024;

/// All objects of one kind by UID. Readers get shared values and never wait for the watch.
#[derive(Debug)]
pub(crate) struct Index<K: Watched> {
    state: RwLock<State<K>>,
    loaded: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug)]
struct State<K: Watched> {
    entries: BTreeMap<K::Uid, Entry<K>>,
    /// UIDs that went, the last one last: the late answer to a write does not bring one back.
    gone: VecDeque<K::Uid>,
    /// While a list is read: UIDs of what our own writes put since it began, and whether each was unknown before.
    written: Option<BTreeMap<K::Uid, bool>>,
    /// How many entries cannot be read.
    unreadable: usize,
    /// Shared with whoever took a snapshot: a change copies what one of those still holds.
    derived: Arc<K::Derived>,
}

impl<K: Watched> State<K> {
    fn went(&mut self, uid: K::Uid) {
        if self.gone.len() == GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(uid);
    }

    fn insert(&mut self, uid: K::Uid, entry: Entry<K>) {
        if let Some(written) = &mut self.written {
            let is_new = !self.entries.contains_key(&uid);
            written.entry(uid.clone()).or_insert(is_new);
        }
        let derived = Arc::make_mut(&mut self.derived);
        if let Some(before) = self.entries.get(&uid) {
            derived.take(before);
            self.unreadable -= usize::from(before.is_unreadable());
        }
        derived.put(&entry);
        self.unreadable += usize::from(entry.is_unreadable());
        self.entries.insert(uid, entry);
    }

    fn remove(&mut self, uid: &K::Uid) -> Option<Entry<K>> {
        self.went(uid.clone());
        let before = self.entries.remove(uid)?;
        Arc::make_mut(&mut self.derived).take(&before);
        self.unreadable -= usize::from(before.is_unreadable());
        Some(before)
    }

    fn replace(&mut self, entries: BTreeMap<K::Uid, Entry<K>>) {
        let mut derived = K::Derived::default();
        entries.values().for_each(|entry| derived.put(entry));
        self.derived = Arc::new(derived);
        let unreadable = entries.values().filter(|entry| entry.is_unreadable());
        self.unreadable = unreadable.count();
        self.entries = entries;
    }

    fn objects(&self) -> impl Iterator<Item = &Arc<K>> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Readable(object) => Some(object),
            Entry::Unreadable(_) => None,
        })
    }
}

impl<K: Watched> Default for Index<K> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State {
                entries: BTreeMap::new(),
                gone: VecDeque::new(),
                written: None,
                unreadable: 0,
                derived: Arc::default(),
            }),
            loaded: tokio::sync::watch::Sender::new(false),
        }
    }
}

impl<K: Watched> Index<K> {
    /// Takes an object in place of what was there, unless that is known to be newer, or to have gone.
    pub(crate) fn apply(&self, object: K) {
        self.put(object.into());
    }

    fn put(&self, entry: Entry<K>) {
        let Some(uid) = entry.uid() else {
            return;
        };
        let mut state = self.state.write();
        let may_be = match state.entries.get(&uid) {
            Some(known) => known.version() <= entry.version(),
            None => !state.gone.contains(&uid),
        };
        if may_be {
            state.insert(uid, entry);
        }
    }

    /// Lets the object with this UID go; gives it as it was known.
    pub(crate) fn delete(&self, uid: &K::Uid) -> Option<Entry<K>> {
        self.state.write().remove(uid)
    }

    /// A list is asked for now. No event of a watch comes until it is complete, so what is put meanwhile are our own
    /// writes, of which the list may not know.
    pub(crate) fn begin_list(&self) {
        self.state.write().written = Some(BTreeMap::new());
    }

    /// Takes the complete list in place of everything, whatever the versions are: those of a server whose data was put
    /// back are lower than before. Of our own writes since [`begin_list`](Self::begin_list) it keeps those that are
    /// newer than in the list, and objects that are in neither the list nor the index before: they were made after it.
    /// Returns what went.
    pub(crate) fn reset(&self, objects: impl IntoIterator<Item = Entry<K>>) -> Vec<Entry<K>> {
        let mut fresh: BTreeMap<_, _> = objects
            .into_iter()
            .filter_map(|entry| Some((entry.uid()?, entry)))
            .collect();
        let mut state = self.state.write();
        // A server whose data was put back has again what went.
        state.gone.retain(|uid| !fresh.contains_key(uid));
        let written = state.written.take().unwrap_or_default();
        let mut gone = Vec::new();
        for (uid, known) in std::mem::take(&mut state.entries) {
            let is_new = written.get(&uid);
            match fresh.get_mut(&uid) {
                Some(listed) => {
                    let (ours, theirs) = (known.version(), listed.version());
                    if ours == theirs || (is_new.is_some() && ours > theirs) {
                        *listed = known;
                    }
                }
                None if is_new == Some(&true) => {
                    fresh.insert(uid, known);
                }
                None => {
                    gone.push(known);
                    state.went(uid);
                }
            }
        }
        state.replace(fresh);
        drop(state);
        self.loaded.send_replace(true);
        gone
    }

    /// Takes an object as an API server gives it.
    #[cfg(test)]
    pub(crate) fn see(&self, object: &serde_json::Value) -> Entry<K> {
        let object = serde_json::value::to_raw_value(object).expect("JSON");
        let entry = Entry::of(&object).expect("an object with an identity");
        self.put(entry.clone());
        entry
    }

    /// The object with this UID.
    pub(crate) fn get(&self, uid: &K::Uid) -> Option<Arc<K>> {
        match self.state.read().entries.get(uid)? {
            Entry::Readable(object) => Some(Arc::clone(object)),
            Entry::Unreadable(_) => None,
        }
    }

    /// Whether there is an object with this UID, readable or not.
    pub(crate) fn contains(&self, uid: &K::Uid) -> bool {
        self.state.read().entries.contains_key(uid)
    }

    /// The object with this UID, if it cannot be read.
    pub(crate) fn get_unreadable(&self, uid: &K::Uid) -> Option<Arc<Unreadable<K>>> {
        match self.state.read().entries.get(uid)? {
            Entry::Readable(_) => None,
            Entry::Unreadable(unreadable) => Some(Arc::clone(unreadable)),
        }
    }

    /// Every object that cannot be read.
    pub(crate) fn unreadable(&self) -> Vec<Arc<Unreadable<K>>> {
        let state = self.state.read();
        if state.unreadable == 0 {
            return Vec::new();
        }
        let unreadable = state.entries.values().filter_map(|entry| match entry {
            Entry::Readable(_) => None,
            Entry::Unreadable(unreadable) => Some(Arc::clone(unreadable)),
        });
        unreadable.collect()
    }

    /// The first object that fits.
    pub(crate) fn find(&self, fits: impl Fn(&K) -> bool) -> Option<Arc<K>> {
        let state = self.state.read();
        state.objects().find(|object| fits(object)).cloned()
    }

    /// How many objects there are, readable or not.
    pub(crate) fn len(&self) -> usize {
        self.state.read().entries.len()
    }

    /// What is derived from the objects, as it is now.
    pub(crate) fn derived(&self) -> Arc<K::Derived> {
        Arc::clone(&self.state.read().derived)
    }

    /// UIDs of all objects, readable or not.
    pub(crate) fn uids(&self) -> Vec<K::Uid> {
        self.state.read().entries.keys().cloned().collect()
    }

    /// All objects that can be read.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.state.read().objects().cloned().collect()
    }

    /// Waits until the first complete list was taken.
    pub(crate) async fn loaded(&self) {
        let mut loaded = self.loaded.subscribe();
        // The sender lives in self, so the wait cannot fail.
        let _ = loaded.wait_for(|loaded| *loaded).await;
    }
}

/// Every object of a kind, in all namespaces.
///
/// # Errors
/// When a name of the kind cannot be in a path.
pub(crate) fn everything<K: Watched>() -> Result<Subject, InvalidSegment> {
    let path = Path::group_version(&K::group(&()), &K::version(&()))?;
    Ok(Subject::all(path.segment(&K::plural(&()))?))
}

/// Follows a kind for ever. `changed` is told every object that appeared, changed or went, after the index has it. A
/// watch that fails is started again with backoff.
pub(crate) async fn follow<K: Watched>(
    client: Client,
    subject: Subject,
    index: Arc<Index<K>>,
    changed: impl Fn(&Entry<K>) + Send,
) {
    // Nothing tells of changed rights: a refused request is repeated after its backoff.
    let (_changes, circumstances) = tokio::sync::watch::channel(0);
    let mut follower = Follower {
        index,
        changed,
        listed: None,
    };
    watch::run(&client, &subject, circumstances, &mut follower).await;
}

/// Keeps an index equal to what a watch sees.
struct Follower<K: Watched, F> {
    index: Arc<Index<K>>,
    changed: F,
    /// Objects of the list that is being read.
    listed: Option<Vec<Entry<K>>>,
}

impl<K: Watched, F: Fn(&Entry<K>) + Send> Follower<K, F> {
    fn seen(&mut self, object: &RawValue) {
        let Some(entry) = Entry::of(object) else {
            tracing::warn!(kind = %K::kind(&()), "an object without an identity is ignored");
            return;
        };
        match &mut self.listed {
            Some(listed) => listed.push(entry),
            None => {
                self.index.put(entry.clone());
                (self.changed)(&entry);
            }
        }
    }

    fn removed(&mut self, object: &RawValue) {
        let uid = Identity::of(object).and_then(|identity| identity.uid.parse().ok());
        let known = uid.and_then(|uid| self.index.delete(&uid));
        // As it was last; what it was before says more only where that cannot be read.
        let last = match Entry::of(object) {
            Some(Entry::Unreadable(unreadable)) => known.or(Some(Entry::Unreadable(unreadable))),
            last => last,
        };
        if let Some(last) = last {
            (self.changed)(&last);
        }
    }

    /// A complete list was read.
    fn reset(&mut self, fresh: &[Entry<K>]) {
        let gone = self.index.reset(fresh.iter().cloned());
        fresh.iter().chain(&gone).for_each(&self.changed);
    }
}

impl<K: Watched, F: Fn(&Entry<K>) + Send> Handler<kube::Error> for Follower<K, F> {
    async fn take(&mut self, notice: Notice<kube::Error>) {
        match notice {
            Notice::Restarted => {
                self.index.begin_list();
                self.listed = Some(Vec::new());
            }
            Notice::Seen(object) => self.seen(&object),
            Notice::Removed(object) => self.removed(&object),
            Notice::Synced => {
                if let Some(fresh) = self.listed.take() {
                    self.reset(&fresh);
                }
            }
            Notice::Failed(error) => {
                self.listed = None;
                let error = write::words(&error);
                tracing::warn!(kind = %K::kind(&()), error, "a watch failed and is tried again");
            }
        }
    }
}

#[cfg(test)]
mod tests;
