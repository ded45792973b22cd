//! Objects of one kind in memory, kept equal to the API server by a watch.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::TryStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use stevedore_runtime::retry::{Delays, Schedule};

/// UIDs of objects that went which are remembered: more than requests that may still be answered.
const GONE: usize = 1024;

/// All objects of one kind by UID. Readers get shared values and never wait for the watch.
#[derive(Debug)]
pub struct Index<K> {
    state: RwLock<State<K>>,
    loaded: watch::Sender<bool>,
}

#[derive(Debug)]
struct State<K> {
    objects: BTreeMap<String, Arc<K>>,
    /// UIDs that went, the last one last: the late answer to a write does not bring one back.
    gone: VecDeque<String>,
}

impl<K> State<K> {
    fn went(&mut self, uid: String) {
        if self.gone.len() == GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(uid);
    }
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State {
                objects: BTreeMap::new(),
                gone: VecDeque::new(),
            }),
            loaded: watch::Sender::new(false),
        }
    }
}

impl<K: Resource> Index<K> {
    /// Takes an object in place of what was there, unless that is known to be newer, or to have gone.
    pub fn apply(&self, object: K) {
        let Some(uid) = object.meta().uid.clone() else {
            return;
        };
        let mut state = self.write();
        let known = state.objects.get(&uid).and_then(|known| version(&**known));
        if known <= version(&object) && !state.gone.contains(&uid) {
            state.objects.insert(uid, Arc::new(object));
        }
    }

    /// Lets an object go.
    pub fn delete(&self, object: &K) {
        if let Some(uid) = object.meta().uid.clone() {
            let mut state = self.write();
            state.objects.remove(&uid);
            state.went(uid);
        }
    }

    /// Takes the complete list in place of everything, but keeps what is known to be newer than in the list: our
    /// own writes since it was asked for. Returns what went.
    pub fn reset(&self, objects: impl IntoIterator<Item = K>) -> Vec<Arc<K>> {
        let mut fresh: BTreeMap<_, _> = objects
            .into_iter()
            .filter_map(|object| Some((object.meta().uid.clone()?, Arc::new(object))))
            .collect();
        let mut state = self.write();
        // A server whose data was put back has again what went.
        state.gone.retain(|uid| !fresh.contains_key(uid));
        let mut gone = Vec::new();
        for (uid, known) in std::mem::take(&mut state.objects) {
            match fresh.get_mut(&uid) {
                Some(listed) if version(&*known) > version(&**listed) => *listed = known,
                Some(_) => {}
                None => {
                    gone.push(known);
                    state.went(uid);
                }
            }
        }
        state.objects = fresh;
        drop(state);
        self.loaded.send_replace(true);
        gone
    }

    /// The object with this UID.
    pub fn get(&self, uid: &str) -> Option<Arc<K>> {
        self.read().objects.get(uid).cloned()
    }

    /// The first object that fits.
    pub fn find(&self, fits: impl Fn(&K) -> bool) -> Option<Arc<K>> {
        let state = self.read();
        state.objects.values().find(|object| fits(object)).cloned()
    }

    /// How many objects fit.
    pub fn count(&self, fits: impl Fn(&K) -> bool) -> usize {
        let state = self.read();
        state.objects.values().filter(|object| fits(object)).count()
    }

    /// All objects.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read().objects.values().cloned().collect()
    }

    /// Waits until the first complete list was taken.
    pub async fn loaded(&self) {
        let mut loaded = self.loaded.subscribe();
        // The sender lives in self, so the wait cannot fail.
        let _ = loaded.wait_for(|loaded| *loaded).await;
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resource versions of one kind are ordered numbers (Kubernetes 1.35 and newer promise it; older ones do it).
fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}

/// Follows a kind for ever. `changed` is told every object that appeared, changed or went, after the index has it.
///
/// # Errors
/// Never returns one; a watch that fails is started again with backoff.
pub async fn follow<K>(
    api: Api<K>,
    index: Arc<Index<K>>,
    changed: impl Fn(&K),
) -> Result<(), std::convert::Infallible>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let mut delays = Delays::new(Schedule::OPERATION);
    loop {
        let mut events = Box::pin(watcher::watcher(api.clone(), watcher::Config::default()));
        let mut listed = Vec::new();
        loop {
            match events.try_next().await {
                Ok(Some(event)) => {
                    delays.reset();
                    take(&index, &mut listed, event, &changed);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(kind = std::any::type_name::<K>(), %error, "watch failed");
                    break;
                }
            }
        }
        tokio::time::sleep(delays.next(rand::random())).await;
    }
}

fn take<K: Resource + Clone>(
    index: &Index<K>,
    listed: &mut Vec<K>,
    event: Event<K>,
    changed: &impl Fn(&K),
) {
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(object) => listed.push(object),
        Event::InitDone => {
            let fresh = std::mem::take(listed);
            let gone = index.reset(fresh.iter().cloned());
            fresh.iter().for_each(changed);
            gone.iter().for_each(|old| changed(old));
        }
        Event::Apply(object) => {
            index.apply(object.clone());
            changed(&object);
        }
        Event::Delete(object) => {
            index.delete(&object);
            changed(&object);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;

    use super::*;

    fn object(uid: &str, version: u64) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                uid: Some(uid.into()),
                resource_version: Some(version.to_string()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        }
    }

    #[test]
    fn an_older_event_does_not_undo_our_own_write() {
        let index = Index::default();
        index.apply(object("a", 5));
        index.apply(object("a", 4));
        assert_eq!(version(&*index.get("a").unwrap()), Some(5));
    }

    #[test]
    fn the_late_answer_to_a_write_does_not_bring_back_what_was_deleted() {
        let index = Index::default();
        index.apply(object("a", 1));
        index.delete(&object("a", 3));
        index.apply(object("a", 2));
        assert!(index.get("a").is_none());
        index.reset([]);
        index.apply(object("a", 2));
        assert!(index.get("a").is_none());
        // Data that was put back.
        index.reset([object("a", 1)]);
        assert!(index.get("a").is_some());
    }

    #[test]
    fn a_list_that_is_older_than_our_own_write_does_not_undo_it() {
        let index = Index::default();
        index.apply(object("changed", 7));
        index.apply(object("gone", 2));
        let gone = index.reset([object("changed", 3), object("kept", 5)]);
        assert_eq!(version(&*index.get("changed").unwrap()), Some(7));
        assert!(index.get("kept").is_some());
        assert_eq!(gone[0].metadata.uid.as_deref(), Some("gone"));
    }

    #[test]
    fn a_new_list_replaces_everything_and_tells_what_went() {
        let index = Index::default();
        index.apply(object("a", 1));
        index.apply(object("b", 2));
        let told = std::cell::RefCell::new(Vec::new());
        let changed =
            |object: &ConfigMap| told.borrow_mut().push(object.metadata.uid.clone().unwrap());
        let mut listed = Vec::new();
        for event in [
            Event::Init,
            Event::InitApply(object("b", 2)),
            Event::InitDone,
        ] {
            take(&index, &mut listed, event, &changed);
        }
        assert!(index.get("a").is_none() && index.get("b").is_some());
        assert_eq!(*told.borrow(), ["b", "a"]);
    }
}
