//! A directly used set that is being deleted is torn down only once it is known that its definition stays.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::Store;
use super::head::SetHead;

impl Store {
    /// A set is being deleted, which was not known. It is entered once the definitions were read, in a task:
    /// while the API server does not answer, other sets go on being seen.
    pub(super) fn enter_ending(self: &Arc<Self>, head: SetHead) {
        self.index.announce(&head);
        let (uid, name) = (head.metadata.uid.clone(), head.metadata.name.clone());
        if self.ending().insert(uid.clone(), head).is_some() {
            // Whoever asks already enters what was seen last.
            return;
        }
        let store = Arc::clone(self);
        let stop = self.tasks.shutdown();
        let _runs_by_itself = self.tasks.spawn(format!("end {name}"), async move {
            tokio::select! {
                () = store.definitions.read(&store.client) => {
                    let mut ending = store.ending();
                    if let Some(head) = ending.remove(&uid) {
                        store.enter(&head);
                    }
                }
                () = stop.cancelled() => {}
            }
        });
    }

    /// The set is gone: there is nothing to be entered any more.
    pub(super) fn has_ended(&self, uid: &str) {
        self.ending().remove(uid);
    }

    /// Sets whose end waits until the definitions are read, as they were seen last, by UID.
    fn ending(&self) -> MutexGuard<'_, BTreeMap<String, SetHead>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
