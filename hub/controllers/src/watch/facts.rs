//! Facts that plans depend on, by object: they tell a change that matters from a status that the hub wrote itself.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;
use stevedore_proto_core::Digest;

/// Digests of the facts of objects, by UID.
#[derive(Debug, Default)]
pub(crate) struct Facts(Mutex<BTreeMap<String, Digest>>);

impl Facts {
    /// Keeps the facts of an object, and says whether they are others than before.
    pub(crate) fn changed(&self, uid: &str, facts: &impl Serialize) -> bool {
        let Ok(bytes) = serde_json::to_vec(facts) else {
            return true;
        };
        let digest = Digest::of(&bytes);
        self.0.lock().insert(uid.to_owned(), digest) != Some(digest)
    }

    /// Lets an object go. Should it come back, its facts have changed, whatever they are.
    pub(crate) fn forget(&self, uid: &str) {
        self.0.lock().remove(uid);
    }
}
