//! Events of a rollout: what watches saw, and what follows from what is known of an object by now.

use stevedore_proto_core::{DeploymentUid, Millis, Reason};

use super::Rollout;
use super::context::Context;
use super::item::{Block, Item, Live, being_deleted};
use crate::adopt::Ownership;
use crate::key::{ObjectKey, WatchKey};
use crate::observation::Observation;
use crate::retry::{BLOCKED, SOON};

impl Rollout {
    /// A watch saw an object of this deployment.
    pub fn observed(&mut self, key: &ObjectKey, seen: Observation, now: Millis) {
        let Some(at) = self.position(key) else {
            return;
        };
        let item = &mut self.items[at];
        item.listed = true;
        match &item.live {
            Live::Present(current) if !seen.is_later_than(current) => {}
            // What was confirmed absent is not believed to be back from an event alone.
            Live::Absent if !item.busy => item.live = Live::Unconfirmed,
            Live::Absent | Live::Unconfirmed if item.busy => {
                if item
                    .early
                    .as_ref()
                    .is_none_or(|early| seen.is_later_than(early))
                {
                    item.early = Some(Box::new(seen));
                }
            }
            Live::Absent | Live::Unconfirmed => {}
            Live::Present(_) | Live::Unread => {
                let fresh = item.fresh;
                self.take_observation(at, seen, fresh, now);
            }
        }
        self.advance(now);
    }

    /// An object no longer passes a watch's filter: deleted, or its label was removed. Only a live GET
    /// tells which.
    pub fn removed(&mut self, key: &ObjectKey, last: Option<&Observation>, now: Millis) {
        let Some(at) = self.position(key) else {
            return;
        };
        let item = &mut self.items[at];
        let outlived = match (last, &item.live) {
            (Some(last), Live::Present(current)) => {
                current.uid != last.uid && current.is_later_than(last)
            }
            // While it is being created, this may be the end of what the answer will show.
            (_, Live::Absent) => !item.busy,
            _ => false,
        };
        if outlived {
            return;
        }
        item.doubt();
        self.advance(now);
    }

    /// A set that follows ours has written this object: unless that is known, a live GET tells.
    pub fn taken_over(&mut self, key: &ObjectKey, now: Millis) {
        let Some(at) = self.position(key) else {
            return;
        };
        let item = &mut self.items[at];
        if item.is_of_another(self.context.deployment) {
            return;
        }
        item.doubt();
        self.advance(now);
    }

    /// These deployments may take our objects over from now on.
    pub fn set_successors(&mut self, successors: &[DeploymentUid]) {
        if self.context.successors == successors {
            return;
        }
        self.context.successors = successors.to_vec();
        let ours = self.context.deployment;
        for item in &mut self.items {
            if item.is_of_another(ours) {
                item.doubt();
            }
        }
    }

    /// A watch begins its list anew.
    pub fn restarted(&mut self, scope: &WatchKey) {
        for item in &mut self.items {
            if scope.covers(&item.desired.key) {
                item.listed = false;
            }
        }
    }

    /// A watch's list is complete: what it did not name has to be read.
    pub fn synced(&mut self, scope: &WatchKey, now: Millis) {
        for item in &mut self.items {
            let missed = scope.covers(&item.desired.key)
                && !std::mem::replace(&mut item.listed, true)
                && item.live.is_present();
            if missed && item.busy {
                item.recheck = true;
            } else if missed {
                item.live = Live::Unconfirmed;
            }
        }
        self.advance(now);
    }

    /// What is known of a scope is too old to be relied on: it is listed again.
    pub fn expire(&mut self, scope: &WatchKey) {
        for item in &mut self.items {
            if scope.covers(&item.desired.key) && item.live.is_present() {
                item.fresh = false;
            }
        }
    }

    /// Rights, policy or whatever else may have changed: what is blocked is tried now.
    pub fn retry_now(&mut self) {
        for item in &mut self.items {
            item.backoff.retry_now();
        }
    }

    /// Takes in an observation of an object, unless a later one is known: that one is judged again then, by what the
    /// answer changed beside it.
    pub(super) fn take_observation(
        &mut self,
        at: usize,
        seen: Observation,
        fresh: bool,
        now: Millis,
    ) -> bool {
        let item = &mut self.items[at];
        let later = match &item.live {
            Live::Present(current) if current.is_later_than(&seen) => Some(&current.uid),
            _ => None,
        };
        let taken_in = later.is_none();
        if let Some(uid) = later {
            item.fresh |= fresh && *uid == seen.uid;
        } else {
            item.live = Live::Present(Box::new(seen));
            item.fresh = fresh;
            item.listed = true;
        }
        self.update_block(at, now);
        taken_in
    }

    /// Draws the conclusions of what is now known of an object.
    pub(super) fn update_block(&mut self, at: usize, now: Millis) {
        let context = &self.context;
        let item = &mut self.items[at];
        let Some(seen) = item.seen() else {
            return;
        };
        if item.is_handed_over(context) {
            item.hand_over();
            return;
        }
        if let Some(block) = in_the_way(item, seen, context) {
            item.block = Some(Box::new(block));
            item.backoff.fail(now, BLOCKED, None, &mut self.jitter);
            return;
        }
        if item
            .block
            .as_ref()
            .is_some_and(|block| is_in_the_way(block))
        {
            item.block = None;
            item.backoff.clear();
        }
        if item.in_place(context) {
            item.placed = true;
            item.drifted = false;
            item.block = None;
            if item.waits_for_probe() {
                item.backoff.fail(now, SOON, None, &mut self.jitter);
            } else {
                item.backoff.clear();
            }
        } else if item.placed
            && !item.busy
            && !item.seen().is_some_and(|seen| item.is_as_left(seen))
        {
            // What is under way may be our own write, of which the answer tells.
            self.drifted(at, now);
        }
    }
}

/// What an object is like, or whose it is, that stands against writing it.
fn in_the_way(item: &Item, seen: &Observation, context: &Context) -> Option<Block> {
    if let Some(finalizers) = &seen.terminating {
        let reason = if item.desired.key.kind.is_namespace() {
            Reason::NamespaceTerminating
        } else {
            Reason::Terminating
        };
        return Some(Block::preflight(reason, being_deleted(finalizers)));
    }
    let (reason, message) = match item.ownership(seen, context) {
        Ownership::Foreign(owner) => (
            Reason::CollisionDetected,
            format!("exists and belongs to {owner}"),
        ),
        Ownership::Newer(order) => (
            Reason::NewerOrder,
            format!("was written by the newer order {order}"),
        ),
        Ownership::Ours | Ownership::Adopt | Ownership::HandedOver(_) => return None,
    };
    Some(Block::preflight(reason, message))
}

pub(super) fn is_in_the_way(block: &Block) -> bool {
    matches!(
        block.reason,
        Reason::Terminating
            | Reason::NamespaceTerminating
            | Reason::CollisionDetected
            | Reason::NewerOrder
    )
}
