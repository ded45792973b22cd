//! A directly used set that is being deleted is torn down only once it is known that its definition stays.

use std::sync::Arc;

use super::Store;
use super::head::SetHead;

impl Store {
    /// A set is being deleted, which was not known. It is entered once the definitions were read, in a task:
    /// while the API server does not answer, other sets go on being seen.
    pub(super) fn enter_ending(self: &Arc<Self>, head: SetHead) {
        self.index.announce(&head);
        let (uid, name) = (head.metadata.uid.clone(), head.metadata.name.clone());
        if self.ending.lock().insert(uid.clone(), head).is_some() {
            // Whoever asks already enters what was seen last.
            return;
        }
        let store = Arc::clone(self);
        let name = format!("end {name}");
        let _runs_by_itself = self.tasks.spawn_until_shutdown(name, async move {
            store.definitions.read(&store.client).await;
            let mut ending = store.ending.lock();
            if let Some(head) = ending.remove(&uid) {
                store.enter(&head);
            }
        });
    }

    /// The set is gone: there is nothing to be entered any more.
    pub(super) fn has_ended(&self, uid: &str) {
        self.ending.lock().remove(uid);
    }
}
