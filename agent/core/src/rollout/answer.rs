//! Answers to the requests of a rollout.

use std::sync::Arc;

use stevedore_proto_core::{Millis, Reason};

use super::context::Record;
use super::item::{Block, Live};
use super::obstacle::Obstacle;
use super::refusal::refuse;
use super::{Job, Rollout};
use crate::failure::{Failure, FailureKind};
use crate::key::{ObjectKey, WatchKey};
use crate::observation::Observation;
use crate::retry::BLOCKED;

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
                self.release(&Obstacle::Kind(scope.kind.clone()));
                for at in 0..self.items.len() {
                    let item = &mut self.items[at];
                    if !scope.covers(&item.desired.key) {
                        continue;
                    }
                    item.served = true;
                    if item.busy {
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
                        refuse(item, &failure, false, now, &mut self.jitter);
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
        item.served |= !matches!(answer, Answer::Failed(_));
        self.pass(at, &answer);
        let item = &mut self.items[at];
        match answer {
            Answer::Checked => {
                item.checked = true;
                item.conflicts = 0;
                item.block = None;
                item.backoff.clear();
                // An event may have shown what the check knew nothing of.
                self.update_block(at, now);
            }
            Answer::Written(seen) => self.finish_write(at, seen, now),
            Answer::Read(Some(seen)) => {
                self.take_observation(at, seen, true, now);
            }
            Answer::Read(None) => {
                item.live = Live::Absent;
                item.block = None;
                item.backoff.clear();
                self.vanished(at, now);
            }
            Answer::Failed(failure)
                if failure.kind == FailureKind::WrongScope && self.take_otherwise(at) => {}
            Answer::Failed(failure) => {
                let item = &mut self.items[at];
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

    /// An object has this answer: what waited for what it shows to be there goes on.
    fn pass(&mut self, at: usize, answer: &Answer) {
        let key = self.items[at].desired.key.clone();
        match answer {
            Answer::Checked | Answer::Written(_) | Answer::Read(Some(_)) => {
                self.release(&Obstacle::Kind(key.kind));
                if let Some(namespace) = key.namespace {
                    self.release(&Obstacle::Namespace(namespace));
                }
            }
            // Reads are answered in a namespace that is not there, too.
            Answer::Read(None) => self.release(&Obstacle::Kind(key.kind)),
            Answer::Listed(_) | Answer::Failed(_) => {}
        }
    }

    /// It is over: what waited for it is tried now.
    fn release(&mut self, obstacle: &Obstacle) {
        for item in &mut self.items {
            if item.obstacle().as_ref() == Some(obstacle) {
                item.block = None;
                item.backoff.clear();
            }
        }
    }

    fn finish_write(&mut self, at: usize, seen: Observation, now: Millis) {
        let item = &mut self.items[at];
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
        if item.desired.key.kind.is_namespace() {
            let name = Arc::clone(&item.desired.key.name);
            self.release(&Obstacle::Namespace(name));
        }
        if self.take_observation(at, seen, true, now) {
            self.check_written(at, now);
        }
    }

    /// A kind that was not served turned out to be cluster-scoped: the object is what it is then, unless another one of
    /// the set is that already.
    fn take_otherwise(&mut self, at: usize) -> bool {
        let Some(otherwise) = self.items[at].desired.otherwise.take() else {
            return false;
        };
        if self.position(&otherwise.key).is_some() {
            return false;
        }
        let item = &mut self.items[at];
        (item.desired.key, item.desired.content) = (otherwise.key, otherwise.content);
        item.backoff.clear();
        true
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
