//! The table of running tasks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(super) struct Inner {
    next: AtomicU64,
    live: Mutex<BTreeMap<u64, Live>>,
    pub(super) count: watch::Sender<usize>,
    ended: watch::Sender<Option<Ended>>,
    pub(super) shutdown: CancellationToken,
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) name: String,
    abort: Option<AbortHandle>,
}

#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) name: String,
    pub(super) reason: String,
}

impl Inner {
    pub(super) fn new(shutdown: CancellationToken) -> (Self, watch::Receiver<Option<Ended>>) {
        let (ended, receiver) = watch::channel(None);
        let inner = Self {
            next: AtomicU64::new(0),
            live: Mutex::new(BTreeMap::new()),
            count: watch::Sender::new(0),
            ended,
            shutdown,
        };
        (inner, receiver)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.live
            .lock()
            .values()
            .map(|live| live.name.clone())
            .collect()
    }

    pub(super) fn set_abort(&self, id: u64, abort: AbortHandle) {
        if let Some(live) = self.live.lock().get_mut(&id) {
            live.abort = Some(abort);
        }
    }

    pub(super) fn abort_all(&self) {
        let handles: Vec<_> = self
            .live
            .lock()
            .values()
            .filter_map(|live| live.abort.clone())
            .collect();
        for handle in handles {
            handle.abort();
        }
    }

    /// Records the first task that ended when it should not have; later ones are only logged.
    pub(super) fn end(&self, name: &str, reason: String) {
        tracing::error!(task = name, reason, "task ended");
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(Ended {
                    name: name.to_owned(),
                    reason,
                });
            }
            first
        });
    }
}

/// Keeps a task in the table of live ones; dropped when the task ends in whatever way.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) id: u64,
    pub(super) inner: Arc<Inner>,
}

impl Registration {
    pub(super) fn new(inner: Arc<Inner>, name: String) -> Self {
        let id = inner.next.fetch_add(1, Ordering::Relaxed);
        let live = {
            let mut live = inner.live.lock();
            live.insert(id, Live { name, abort: None });
            live.len()
        };
        inner.count.send_replace(live);
        Self { id, inner }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let live = {
            let mut live = self.inner.live.lock();
            live.remove(&self.id);
            live.len()
        };
        self.inner.count.send_replace(live);
    }
}
