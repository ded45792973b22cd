//! Mailboxes of the workers: the messages for one deployment's worker, and its flags.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use stevedore_agent_core::key::{ObjectKey, WatchKey};
use stevedore_agent_core::observation::Observation;
use stevedore_proto_core::DeploymentUid;
use tokio::sync::{Notify, mpsc};

use super::evaluation::Evaluator;
use crate::ports::Account;

/// Messages of watches that wait for a worker; a full mailbox holds the watch back.
const CAPACITY: usize = 256;

/// What a watch saw, evaluated.
pub(super) enum Message {
    /// With what it was evaluated by: what former probes found says nothing about the new ones.
    Seen(ObjectKey, Box<Observation>, Arc<Evaluator>),
    Removed(ObjectKey, Option<Box<Observation>>),
    /// A deployment that follows this one has the object.
    TakenOver(ObjectKey),
    /// How the watch over a scope stands that is made as this account.
    Watch(Account, WatchKey, WatchState),
}

#[derive(Clone)]
pub(super) enum WatchState {
    Restarted,
    Synced,
    Failed(String),
}

/// Where a worker can be reached.
pub(super) struct Mailbox {
    messages: mpsc::Sender<Message>,
    /// Read by the worker alone; taken when it starts.
    receiver: Mutex<Option<mpsc::Receiver<Message>>>,
    sets_changed: AtomicBool,
    circumstances_changed: AtomicBool,
    wake: Notify,
    evaluator: Mutex<Arc<Evaluator>>,
    /// Deployments that this one takes objects over from.
    predecessors: Mutex<Arc<[DeploymentUid]>>,
}

impl Mailbox {
    pub(super) fn new() -> Self {
        let (messages, receiver) = mpsc::channel(CAPACITY);
        Self {
            messages,
            receiver: Mutex::new(Some(receiver)),
            sets_changed: AtomicBool::new(true),
            circumstances_changed: AtomicBool::new(false),
            wake: Notify::new(),
            evaluator: Mutex::default(),
            predecessors: Mutex::default(),
        }
    }

    /// What the worker reads; once.
    pub(super) fn take_receiver(&self) -> Option<mpsc::Receiver<Message>> {
        self.receiver.lock().take()
    }

    /// Waits for room. A worker that has ended no longer reads: then the message is dropped.
    pub(super) async fn send(&self, message: Message) {
        let _ = self.messages.send(message).await;
    }

    /// The stored sets have to be read again.
    pub(super) fn set_sets_changed(&self) {
        self.sets_changed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// What is blocked has to be tried again.
    pub(super) fn set_circumstances_changed(&self) {
        self.circumstances_changed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether the stored sets changed and were not read since.
    pub(super) fn have_sets_changed(&self) -> bool {
        self.sets_changed.load(Ordering::Acquire)
    }

    pub(super) fn take_sets_changed(&self) -> bool {
        self.sets_changed.swap(false, Ordering::AcqRel)
    }

    pub(super) fn take_circumstances_changed(&self) -> bool {
        self.circumstances_changed.swap(false, Ordering::AcqRel)
    }

    /// Waits until a flag is set.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// By what objects are evaluated now.
    pub(super) fn evaluator(&self) -> Arc<Evaluator> {
        Arc::clone(&self.evaluator.lock())
    }

    /// Who has to hear of an object that this deployment has.
    pub(super) fn predecessors(&self) -> Arc<[DeploymentUid]> {
        Arc::clone(&self.predecessors.lock())
    }

    pub(super) fn set_predecessors(&self, predecessors: Arc<[DeploymentUid]>) {
        *self.predecessors.lock() = predecessors;
    }

    pub(super) fn set_evaluator(&self, evaluator: Arc<Evaluator>) {
        *self.evaluator.lock() = evaluator;
    }
}
