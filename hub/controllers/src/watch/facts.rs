//! Facts that plans depend on, by object: they tell a change that matters from a status that the hub wrote itself.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;
use stevedore_proto_core::Digest;

use crate::watch::uid::Uid;

/// Digests of the facts of objects, by UID.
#[derive(Debug)]
pub(crate) struct Facts<U>(Mutex<BTreeMap<U, Digest>>);

impl<U> Default for Facts<U> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<U: Uid> Facts<U> {
    /// Keeps the facts of an object, and says whether they are others than before.
    pub(crate) fn changed(&self, uid: &U, facts: &impl Serialize) -> bool {
        let Ok(bytes) = serde_json::to_vec(facts) else {
            return true;
        };
        let digest = Digest::of(&bytes);
        self.0.lock().insert(uid.clone(), digest) != Some(digest)
    }

    /// Lets an object go. Should it come back, its facts have changed, whatever they are.
    pub(crate) fn forget(&self, uid: &U) {
        self.0.lock().remove(uid);
    }
}
