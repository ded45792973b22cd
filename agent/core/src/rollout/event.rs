//! Events of a rollout: answers to its requests, and what watches saw.

use stevedore_proto_core::{DeploymentUid, Millis, Reason};

use super::context::Record;
use super::item::{Block, Live, being_deleted};
use super::refusal::refuse;
use super::{Job, Rollout};
use crate::adopt::Ownership;
use crate::failure::{Failure, FailureKind};
use crate::key::{ObjectKey, WatchKey};
use crate::observation::{Observation, Owner};
use crate::retry::{BLOCKED, SOON};

/// What a request asked for by [`Job`] answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Of a list: everything it found.
    Listed(Vec<(ObjectKey, Observation)>),
    /// Of a GET: the object, or 404.
    Read(Option<Observation>),
    /// Of a dry-run: it would pass.
    Checked,
    /// Of an apply: the object as it is stored.
    Written(Observation),
    /// It failed.
    Failed(Failure),
}

impl Rollout {
    /// The executor has started this request.
    pub fn begin(&mut self, job: &Job) {
        match job {
            Job::List(scope) => {
                self.listing.insert(scope.clone());
            }
            Job::Read(at) | Job::DryRun(at, _) | Job::Apply(at, _) => {
                if let Some(item) = self.items.get_mut(*at) {
                    item.busy = true;
                }
            }
        }
    }

    /// A request has its answer.
    pub fn finish(&mut self, job: &Job, answer: Answer, now: Millis) {
        match job {
            Job::List(scope) => self.finish_list(scope, answer, now),
            Job::Read(at) | Job::DryRun(at, _) | Job::Apply(at, _) => {
                self.finish_one(*at, job, answer, now);
            }
        }
        self.advance(now);
    }

    fn finish_list(&mut self, scope: &WatchKey, answer: Answer, now: Millis) {
        self.listing.remove(scope);
        match answer {
            Answer::Listed(found) => {
                for at in 0..self.items.len() {
                    let item = &mut self.items[at];
                    if item.busy || !scope.covers(&item.desired.key) {
                        continue;
                    }
                    let listed = found
                        .iter()
                        .find(|(key, _)| key.same_object(&item.desired.key));
                    match listed {
                        Some((_, seen)) => {
                            self.take_observation(at, seen.clone(), true, now);
                        }
                        None if item.live.is_present() || item.record.is_some() => {
                            item.live = Live::Unconfirmed;
                        }
                        None => {}
                    }
                }
            }
            Answer::Failed(failure) => {
                for item in &mut self.items {
                    if scope.covers(&item.desired.key) && (!item.fresh || !item.live.is_present()) {
                        if failure.kind == FailureKind::NoKind {
                            item.live = Live::Absent;
                        } else {
                            refuse(item, &failure, false, now, &mut self.jitter);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn finish_one(&mut self, at: usize, job: &Job, answer: Answer, now: Millis) {
        let Some(item) = self.items.get_mut(at) else {
            return;
        };
        item.busy = false;
        match answer {
            Answer::Checked => {
                item.checked = true;
                item.conflicts = 0;
                item.block = None;
                item.backoff.clear();
                // An event may have shown what the check knew nothing of.
                self.update_block(at, now);
            }
            Answer::Written(seen) => {
                let repaired = item.placed;
                item.record = Some(Record {
                    uid: seen.uid.clone(),
                    fingerprint: seen.fingerprint,
                });
                item.checked = true;
                item.conflicts = 0;
                item.block = None;
                item.backoff.clear();
                if repaired {
                    item.repairs.repaired(now);
                }
                if self.take_observation(at, seen, true, now) {
                    self.check_written(at, now);
                }
            }
            Answer::Read(Some(seen)) => {
                self.take_observation(at, seen, true, now);
            }
            Answer::Read(None) => {
                item.live = Live::Absent;
                item.block = None;
                item.backoff.clear();
                self.vanished(at, now);
            }
            Answer::Failed(failure) if failure.kind == FailureKind::NoKind && is_read(job) => {
                item.live = Live::Absent;
            }
            Answer::Failed(failure) => {
                let preflight = matches!(job, Job::DryRun(..));
                refuse(item, &failure, preflight, now, &mut self.jitter);
            }
            Answer::Listed(_) => {}
        }
        self.apply_early_event(at, now);
        let item = &mut self.items[at];
        if std::mem::take(&mut item.recheck) {
            item.live = Live::Unconfirmed;
        }
    }

    /// An event that overtook the answer it follows is taken in now: no other may ever come.
    fn apply_early_event(&mut self, at: usize, now: Millis) {
        let item = &mut self.items[at];
        let Some(early) = item.early.take() else {
            return;
        };
        match &item.live {
            Live::Present(current) if early.is_later_than(current) => {
                let fresh = item.fresh;
                self.take_observation(at, *early, fresh, now);
            }
            Live::Present(_) => {}
            Live::Absent | Live::Unread | Live::Unconfirmed => item.live = Live::Unconfirmed,
        }
    }

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
        if item.seen().is_some_and(|seen| {
            matches!(seen.owner, Owner::Deployment { uid, .. } if uid != self.context.deployment)
        }) {
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
            let foreign = item.seen().is_some_and(
                |seen| matches!(seen.owner, Owner::Deployment { uid, .. } if uid != ours),
            );
            if foreign {
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
    fn take_observation(&mut self, at: usize, seen: Observation, fresh: bool, now: Millis) -> bool {
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
    fn update_block(&mut self, at: usize, now: Millis) {
        let context = &self.context;
        let item = &mut self.items[at];
        let Some(seen) = item.seen() else {
            return;
        };
        if item.is_handed_over(context) {
            item.hand_over();
            return;
        }
        let stopped = if let Some(finalizers) = &seen.terminating {
            let message = being_deleted(finalizers);
            Some(Block::preflight(Reason::Terminating, message))
        } else {
            match item.ownership(seen, context) {
                Ownership::Foreign(owner) => Some(Block::preflight(
                    Reason::CollisionDetected,
                    format!("exists and belongs to {owner}"),
                )),
                Ownership::Newer(order) => Some(Block::preflight(
                    Reason::NewerOrder,
                    format!("was written by the newer order {order}"),
                )),
                Ownership::Ours | Ownership::Adopt | Ownership::HandedOver(_) => None,
            }
        };
        if let Some(block) = stopped {
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
        } else if item.placed && !item.busy {
            // What is under way may be our own write, of which the answer tells.
            self.drifted(at, now);
        }
    }

    /// An answer that does not show what was written would be written again for ever.
    fn check_written(&mut self, at: usize, now: Millis) {
        let item = &mut self.items[at];
        if item.block.is_none() && !item.in_place(&self.context) {
            item.block = Some(Box::new(Block::new(
                Reason::Altered,
                "is stored without our mark or our field ownership: something in the API server's \
                 admission alters it",
            )));
            item.backoff.fail(now, BLOCKED, None, &mut self.jitter);
        }
    }
}

fn is_read(job: &Job) -> bool {
    matches!(job, Job::Read(_))
}

pub(super) fn is_in_the_way(block: &Block) -> bool {
    matches!(
        block.reason,
        Reason::Terminating | Reason::CollisionDetected | Reason::NewerOrder
    )
}
