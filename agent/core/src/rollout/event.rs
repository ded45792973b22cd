//! What changes a rollout: answers to its requests and what watches saw.

use stevedore_proto_core::{Millis, Reason};

use super::context::Record;
use super::item::{Block, Know, being_deleted};
use super::refusal::refuse;
use super::{Job, Rollout};
use crate::adopt::Ownership;
use crate::failure::{Failure, FailureKind};
use crate::key::{ObjectKey, WatchKey};
use crate::observe::Seen;
use crate::retry::{BLOCKED, SOON};

/// What a request asked for by [`Job`] answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Of a list: everything it found.
    Listed(Vec<(ObjectKey, Seen)>),
    /// Of a GET: the object, or 404.
    Read(Option<Seen>),
    /// Of a dry-run: it would pass.
    Checked,
    /// Of an apply: the object as it is stored.
    Written(Seen),
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
                            self.look(at, seen.clone(), true, now);
                        }
                        None if item.know.is_present() || item.record.is_some() => {
                            item.know = Know::Doubtful;
                        }
                        None => {}
                    }
                }
            }
            Answer::Failed(failure) => {
                for item in &mut self.items {
                    if scope.covers(&item.desired.key) && (!item.fresh || !item.know.is_present()) {
                        if failure.kind == FailureKind::NoKind {
                            item.know = Know::Absent;
                        } else {
                            refuse(item, &failure, false, now, &mut self.spread);
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
                item.dry = true;
                item.conflicts = 0;
                item.block = None;
                item.backoff.clear();
                // An event may have shown what the check knew nothing of.
                self.judge(at, now);
            }
            Answer::Written(seen) => {
                let repaired = item.placed;
                item.record = Some(Record {
                    uid: seen.uid.clone(),
                    fingerprint: seen.fingerprint,
                });
                item.dry = true;
                item.conflicts = 0;
                item.block = None;
                item.backoff.clear();
                if repaired {
                    item.fights.repaired(now);
                }
                if self.look(at, seen, true, now) {
                    self.check_written(at, now);
                }
            }
            Answer::Read(Some(seen)) => {
                self.look(at, seen, true, now);
            }
            Answer::Read(None) => {
                item.know = Know::Absent;
                item.block = None;
                item.backoff.clear();
                self.vanished(at, now);
            }
            Answer::Failed(failure) if failure.kind == FailureKind::NoKind && is_read(job) => {
                item.know = Know::Absent;
            }
            Answer::Failed(failure) => {
                let preflight = matches!(job, Job::DryRun(..));
                refuse(item, &failure, preflight, now, &mut self.spread);
            }
            Answer::Listed(_) => {}
        }
        self.take_early(at, now);
        let item = &mut self.items[at];
        if std::mem::take(&mut item.recheck) {
            item.know = Know::Doubtful;
        }
    }

    /// An event that overtook the answer it follows is taken in now: no other may ever come.
    fn take_early(&mut self, at: usize, now: Millis) {
        let item = &mut self.items[at];
        let Some(early) = item.early.take() else {
            return;
        };
        match &item.know {
            Know::Present(current) if early.is_later_than(current) => {
                let fresh = item.fresh;
                self.look(at, *early, fresh, now);
            }
            Know::Present(_) => {}
            Know::Absent | Know::Unread | Know::Doubtful => item.know = Know::Doubtful,
        }
    }

    /// A watch saw an object of this deployment.
    pub fn observed(&mut self, key: &ObjectKey, seen: Seen, now: Millis) {
        let Some(at) = self.position(key) else {
            return;
        };
        let item = &mut self.items[at];
        item.listed = true;
        match &item.know {
            Know::Present(current) if !seen.is_later_than(current) => {}
            // What was confirmed absent is not believed to be back from an event alone.
            Know::Absent if !item.busy => item.know = Know::Doubtful,
            Know::Absent | Know::Doubtful if item.busy => {
                if item
                    .early
                    .as_ref()
                    .is_none_or(|early| seen.is_later_than(early))
                {
                    item.early = Some(Box::new(seen));
                }
            }
            Know::Absent | Know::Doubtful => {}
            Know::Present(_) | Know::Unread => {
                let fresh = item.fresh;
                self.look(at, seen, fresh, now);
            }
        }
        self.advance(now);
    }

    /// An object no longer passes a watch's filter: deleted, or its label was removed. Only a live GET
    /// tells which.
    pub fn removed(&mut self, key: &ObjectKey, last: Option<&Seen>, now: Millis) {
        let Some(at) = self.position(key) else {
            return;
        };
        let item = &mut self.items[at];
        let outlived = match (last, &item.know) {
            (Some(last), Know::Present(current)) => {
                current.uid != last.uid && current.is_later_than(last)
            }
            // While it is being created, this may be the end of what the answer will show.
            (_, Know::Absent) => !item.busy,
            _ => false,
        };
        if outlived {
            return;
        }
        if item.busy {
            item.recheck = true;
        } else {
            item.know = Know::Doubtful;
            item.backoff.retry_now();
        }
        self.advance(now);
    }

    /// A watch begins its list anew.
    pub fn restarted(&mut self, scope: &WatchKey) {
        for item in &mut self.items {
            if scope.covers(&item.desired.key) {
                item.listed = false;
            }
        }
    }

    /// A watch's list is complete: what it did not name has to be looked at.
    pub fn synced(&mut self, scope: &WatchKey, now: Millis) {
        for item in &mut self.items {
            let missed = scope.covers(&item.desired.key)
                && !std::mem::replace(&mut item.listed, true)
                && item.know.is_present();
            if missed && item.busy {
                item.recheck = true;
            } else if missed {
                item.know = Know::Doubtful;
            }
        }
        self.advance(now);
    }

    /// What is known of a scope is too old to be relied on: it is listed again.
    pub fn expire(&mut self, scope: &WatchKey) {
        for item in &mut self.items {
            if scope.covers(&item.desired.key) && item.know.is_present() {
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

    /// Takes in a look at an object, unless a later one is known: that one is judged again then, by what the
    /// answer changed beside it.
    fn look(&mut self, at: usize, seen: Seen, fresh: bool, now: Millis) -> bool {
        let item = &mut self.items[at];
        let later = match &item.know {
            Know::Present(current) if current.is_later_than(&seen) => Some(&current.uid),
            _ => None,
        };
        let taken_in = later.is_none();
        if let Some(uid) = later {
            item.fresh |= fresh && *uid == seen.uid;
        } else {
            item.know = Know::Present(Box::new(seen));
            item.fresh = fresh;
            item.listed = true;
        }
        self.judge(at, now);
        taken_in
    }

    /// Draws the conclusions of what is now known of an object.
    fn judge(&mut self, at: usize, now: Millis) {
        let context = &self.context;
        let item = &mut self.items[at];
        let Some(seen) = item.seen() else {
            return;
        };
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
                Ownership::Ours | Ownership::Adopt => None,
            }
        };
        if let Some(block) = stopped {
            item.block = Some(Box::new(block));
            item.backoff.fail(now, BLOCKED, None, &mut self.spread);
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
            item.disturbed = false;
            item.block = None;
            if item.waits_for_probe() {
                item.backoff.fail(now, SOON, None, &mut self.spread);
            } else {
                item.backoff.clear();
            }
        } else if item.placed && !item.busy {
            // What is under way may be our own write, of which the answer tells.
            self.disturbed(at, now);
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
            item.backoff.fail(now, BLOCKED, None, &mut self.spread);
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
