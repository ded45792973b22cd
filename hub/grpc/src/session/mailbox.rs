//! Mailboxes of member tasks: frames in a bounded queue, and notices from the rest of the hub, coalesced.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::Connection;
use stevedore_proto_core::message::Close;
use stevedore_proto_core::{DeploymentUid, Digest, ToHub};
use tokio::sync::{Notify, mpsc};

use super::outbox::Outbox;

/// Frames from a member that wait for its task; a full mailbox slows down the sender.
pub(super) const MAILBOX: usize = 32;

/// The handle of one member's task.
#[derive(Debug, Clone)]
pub(crate) struct MemberHandle {
    pub(super) member: MemberUid,
    pub(super) mailbox: mpsc::Sender<Input>,
    pub(super) notices: Arc<Notices>,
}

/// What a stream tells its member's task.
#[derive(Debug)]
pub(crate) enum Input {
    /// The stream opened; frames for it go to this outbox.
    Opened(Connection, Outbox),
    /// A frame arrived.
    Message(Connection, Box<ToHub>),
    /// It ended.
    Closed(Connection),
}

/// What the rest of the hub tells a member's task, coalesced.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    pending: Mutex<Pending>,
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) changed: BTreeSet<DeploymentUid>,
    pub(super) reloaded: bool,
    pub(super) content_back: BTreeSet<DeploymentUid>,
    pub(super) content_gone: BTreeSet<Digest>,
    pub(super) census: bool,
    pub(super) end: Option<Close>,
    pub(super) retired: bool,
}

impl MemberHandle {
    /// Whether both are the same task's.
    pub(crate) fn same(&self, other: &MemberHandle) -> bool {
        Arc::ptr_eq(&self.notices, &other.notices)
    }

    /// Ends its sessions; the task ends when it has reported the loss.
    pub(super) fn retire(&self, close: Close) {
        self.notices.tell(|pending| {
            pending.end = Some(close);
            pending.retired = true;
        });
    }
}

impl Notices {
    pub(super) fn tell(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending.lock());
        self.wake.notify_one();
    }

    pub(super) fn take(&self) -> Pending {
        std::mem::take(&mut self.pending.lock())
    }
}
