//! The cache of what our own writes of sets were answered, for the engine that reads those sets next: it spares the
//! GETs.
//!
//! Everything in here is stored already and can be read again at any time, so nothing depends on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_proto_core::{Content, DeploymentUid};

use super::set_object::SetObject;

/// The most that waits, in bytes of JSON; in memory they are several times that.
pub(super) const CAPACITY: usize = 512 * 1024;

/// The most sets that wait.
const SETS: usize = 32;

/// Sets and contents that wait to be taken, by UID of the set.
#[derive(Default)]
pub(super) struct WriteCache(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    sets: BTreeMap<String, SetObject>,
    contents: BTreeMap<String, Fresh>,
}

struct Fresh {
    deployment: DeploymentUid,
    size: usize,
    content: Arc<Content>,
}

impl WriteCache {
    /// A set, as it was just answered. Where too many wait, any other one gives way to it.
    pub(super) fn put_set(&self, set: SetObject) {
        let sets = &mut self.0.lock().sets;
        sets.remove(&set.metadata.uid);
        if sets.len() == SETS {
            sets.pop_first();
        }
        sets.insert(set.metadata.uid.clone(), set);
    }

    /// The content of a set that was just stored, `size` bytes of JSON. It replaces that of an older order of
    /// its deployment, and is not kept where there is no room.
    pub(super) fn put_content(
        &self,
        deployment: DeploymentUid,
        uid: &str,
        size: usize,
        content: Content,
    ) {
        let mut waiting = self.0.lock();
        let contents = &mut waiting.contents;
        contents.retain(|_, fresh| fresh.deployment != deployment);
        let waits: usize = contents.values().map(|fresh| fresh.size).sum();
        if waits.saturating_add(size) <= CAPACITY {
            let content = Arc::new(content);
            let fresh = Fresh {
                deployment,
                size,
                content,
            };
            contents.insert(uid.to_owned(), fresh);
        }
    }

    /// The set as it was answered; once.
    pub(super) fn take_set(&self, uid: &str) -> Option<SetObject> {
        self.0.lock().sets.remove(uid)
    }

    /// The content of the set; once.
    pub(super) fn take_content(&self, uid: &str) -> Option<Arc<Content>> {
        Some(self.0.lock().contents.remove(uid)?.content)
    }

    /// The set is gone.
    pub(super) fn forget(&self, uid: &str) {
        let mut waiting = self.0.lock();
        waiting.sets.remove(uid);
        waiting.contents.remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_answered_once_and_only_the_newest_of_a_deployment_within_the_room() {
        let cache = WriteCache::default();
        let of = |id| DeploymentUid::from_bytes([id; 16]);
        let put = |id, uid, size| cache.put_content(of(id), uid, size, Content::default());
        put(1, "older", 100);
        put(1, "newer", CAPACITY - 10);
        put(2, "too much", 11);
        put(3, "fits", 10);
        for (uid, there) in [
            ("older", false),
            ("newer", true),
            ("newer", false),
            ("too much", false),
            ("fits", true),
        ] {
            assert_eq!(cache.take_content(uid).is_some(), there, "{uid}");
        }
        put(4, "gone", CAPACITY);
        cache.forget("gone");
        put(5, "room again", CAPACITY);
        assert!(cache.take_content("room again").is_some());
    }

    #[test]
    fn the_newest_set_waits_however_many_nobody_takes() {
        let cache = WriteCache::default();
        let uid = |at: usize| format!("uid-{at:02}");
        for at in 0..2 * SETS {
            let set = serde_json::json!({"metadata": {"name": "web", "uid": uid(at)}});
            cache.put_set(serde_json::from_value(set).unwrap());
        }
        assert_eq!(cache.0.lock().sets.len(), SETS);
        assert!(cache.take_set(&uid(2 * SETS - 1)).is_some());
    }
}
