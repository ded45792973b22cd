//! Deletions of directly used sets: one is torn down only once it is known that its definition stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_runtime::supervise::Tasks;

use super::definitions::Definitions;
use super::index::Index;
use super::set_object::SetObject;
use crate::cluster_api::AgentClient;

/// Holds sets that are being deleted back from the engine until the definitions were read.
pub(super) struct Deletions {
    pub(super) client: AgentClient,
    pub(super) definitions: Arc<Definitions>,
    pub(super) index: Arc<Index>,
    pub(super) tasks: Tasks,
    /// By UID, as they were seen last.
    pub(super) waiting: Mutex<BTreeMap<String, SetObject>>,
}

impl Deletions {
    /// A set is being deleted, which was not known. It is entered once the definitions were read, in a task:
    /// while the API server does not answer, other sets go on being seen.
    pub(super) fn enter(self: &Arc<Self>, set: SetObject) {
        self.index.announce(&set);
        let (uid, name) = (set.metadata.uid.clone(), set.metadata.name.clone());
        if self.waiting.lock().insert(uid.clone(), set).is_some() {
            // Whoever asks already enters what was seen last.
            return;
        }
        let this = Arc::clone(self);
        let name = format!("end {name}");
        let _runs_by_itself = self.tasks.spawn_until_shutdown(name, async move {
            this.definitions.read(&this.client).await;
            this.let_through(&uid);
        });
    }

    /// Enters a set as it was seen last. Should it be gone meanwhile, it is not entered after all.
    fn let_through(&self, uid: &str) {
        loop {
            let Some(set) = self.waiting.lock().get(uid).cloned() else {
                return;
            };
            self.index.enter(&set);
            let mut waiting = self.waiting.lock();
            let seen_last = waiting.get(uid).map(|last| &last.metadata.resource_version);
            if seen_last == Some(&set.metadata.resource_version) {
                waiting.remove(uid);
                return;
            }
            let is_gone = seen_last.is_none();
            drop(waiting);
            if is_gone {
                self.index.remove(&set.name(), uid);
                return;
            }
        }
    }

    /// The set is gone: there is nothing to be entered any more.
    pub(super) fn forget(&self, uid: &str) {
        self.waiting.lock().remove(uid);
    }
}
