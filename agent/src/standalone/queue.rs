//! The queue of object deployments that wait for a reconcile; one that waits already is not added twice.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::store::set_object::Name;

/// The queue.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<BTreeSet<Name>>,
    wake: Notify,
}

impl Queue {
    /// Something of this deployment changed.
    pub(crate) fn add(&self, name: Name) {
        self.waiting.lock().insert(name);
        self.wake.notify_one();
    }

    /// Takes one out; waits while there is none.
    pub(super) async fn next(&self) -> Name {
        loop {
            let woken = self.wake.notified();
            let first = self.waiting.lock().pop_first();
            match first {
                Some(name) => return name,
                None => woken.await,
            }
        }
    }
}
