//! Sets that are being written by ourselves. The event of such a write may be faster than its answer, but the
//! answer says more: with it the engine need not read the set.

use stevedore_proto_core::DeploymentUid;

use super::{Index, Name};

/// Holds back the news of one set. The engine hears of it when this is dropped, if there was any.
pub(crate) struct Expected<'a> {
    index: &'a Index,
    name: Name,
    deployment: DeploymentUid,
}

impl Index {
    /// A set of this name is about to be written, and its answer to be put.
    pub(crate) fn expect(&self, name: Name, deployment: DeploymentUid) -> Expected<'_> {
        self.expected.lock().insert(name.clone(), false);
        Expected {
            index: self,
            name,
            deployment,
        }
    }

    /// Whether the engine hears of a change of this set later.
    pub(super) fn holds_back(&self, name: &Name) -> bool {
        match self.expected.lock().get_mut(name) {
            Some(changed) => {
                *changed = true;
                true
            }
            None => false,
        }
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let changed = self.index.expected.lock().remove(&self.name);
        if changed == Some(true) {
            self.index.tell(self.deployment);
        }
    }
}
