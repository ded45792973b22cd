//! Removal of objects in reverse phase order, each only while it is provably ours, each confirmed gone.
//!
//! Prune and teardown are the same work on different inventories: see [`crate::prune`] and
//! [`crate::teardown`].

mod job;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_proto_core::status::{Blocker, PhaseState};
use stevedore_proto_core::{DeploymentUid, Millis, Reason};

use crate::adopt::{self, Claim};
use crate::failure::{Failure, FailureKind};
use crate::key::{ObjectKey, WatchKey};
use crate::observation::Observation;
use crate::retry::{BLOCKED, Backoff, FORBIDDEN, Jitter, SOON, schedule};
use crate::rollout::{Block, being_deleted, earlier};

pub use job::{Answer, Job};

/// An object to be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalTarget {
    /// Which object.
    pub key: ObjectKey,
    /// Position of its phase: the highest goes first.
    pub rank: u16,
    /// UID that the inventory recorded.
    pub uid: Option<Box<str>>,
}

#[derive(Debug, Clone)]
enum Live {
    /// Only a live GET tells.
    Unconfirmed,
    Present(Box<Observation>),
    /// Gone, or never ours to take.
    Gone,
}

#[derive(Debug, Clone)]
struct Item {
    target: RemovalTarget,
    live: Live,
    busy: bool,
    /// It left a watch while a request was under way: what that answers may be older.
    recheck: bool,
    block: Option<Block>,
    backoff: Backoff,
    /// The resourceVersion at which a delete was refused as outdated, while none of that is accepted.
    conflict_at: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Namespace {
    terminating: bool,
    busy: bool,
    backoff: Backoff,
}

/// Objects on their way out.
#[derive(Debug, Clone)]
pub struct Removal {
    deployment: DeploymentUid,
    /// Marks of a higher order are left alone.
    order: u64,
    items: Vec<Item>,
    namespaces: BTreeMap<Arc<str>, Namespace>,
    jitter: Jitter,
}

impl Removal {
    /// Starts on an inventory. What marks of orders above `order` hold is left alone.
    pub fn new(
        deployment: DeploymentUid,
        order: u64,
        inventory: Vec<RemovalTarget>,
        seed: u64,
    ) -> Self {
        Self {
            deployment,
            order,
            items: inventory
                .into_iter()
                .map(|target| Item {
                    target,
                    live: Live::Unconfirmed,
                    busy: false,
                    recheck: false,
                    block: None,
                    backoff: Backoff::default(),
                    conflict_at: None,
                })
                .collect(),
            namespaces: BTreeMap::new(),
            jitter: Jitter::new(seed),
        }
    }

    /// Every object is confirmed gone, or was never ours to take.
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(Item::is_gone)
    }

    /// Requests are under way.
    pub fn is_busy(&self) -> bool {
        self.items.iter().any(|item| item.busy)
            || self.namespaces.values().any(|namespace| namespace.busy)
    }

    /// The object behind an index.
    pub fn key(&self, at: usize) -> Option<&ObjectKey> {
        self.items.get(at).map(|item| &item.target.key)
    }

    /// What there is to watch while objects go.
    pub fn scopes(&self) -> BTreeSet<WatchKey> {
        self.not_gone()
            .map(|item| WatchKey::of(&item.target.key))
            .collect()
    }

    /// State and count of what is gone, for the objects of these keys: one phase of a stored set.
    pub fn phase<'a>(&self, keys: impl Iterator<Item = &'a ObjectKey>) -> (PhaseState, u32) {
        let mut gone = 0;
        let mut left = false;
        let mut touched = false;
        for key in keys {
            match self.position(key).map(|at| &self.items[at]) {
                Some(item) if !item.is_gone() => {
                    left = true;
                    touched |= Some(item.target.rank) == self.current_rank();
                }
                _ => gone += 1,
            }
        }
        let state = match (left, touched) {
            (false, _) => PhaseState::Gone,
            (true, true) => PhaseState::Deleting,
            (true, false) => PhaseState::Available,
        };
        (state, gone)
    }

    /// How many objects are still there.
    pub fn left(&self) -> usize {
        self.not_gone().count()
    }

    /// What is waited for.
    pub fn blockers(&self) -> Vec<Blocker> {
        self.items
            .iter()
            .filter_map(|item| {
                let block = item.block.as_ref()?;
                Some(block.blocker(item.target.key.to_string()))
            })
            .collect()
    }

    fn not_gone(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.is_gone())
    }

    fn position(&self, key: &ObjectKey) -> Option<usize> {
        self.items
            .iter()
            .position(|item| item.target.key.same_object(key))
    }

    /// The phase that is being taken away: no lower one is touched until it is gone.
    fn current_rank(&self) -> Option<u16> {
        self.not_gone().map(|item| item.target.rank).max()
    }

    /// What to do now, at most `room` requests, and when to plan again if nothing happens.
    pub fn plan(&self, now: Millis, room: usize) -> (Vec<Job>, Option<Millis>) {
        let mut jobs = Vec::new();
        let mut wake = None;
        let Some(rank) = self.current_rank() else {
            return (jobs, wake);
        };
        for (at, item) in self.items.iter().enumerate() {
            if item.target.rank != rank || item.busy || item.is_gone() {
                continue;
            }
            if !item.backoff.ready(now) {
                wake = earlier(wake, item.backoff.wake(now));
                continue;
            }
            match &item.live {
                Live::Gone => {}
                Live::Unconfirmed => jobs.push(Job::Read(at)),
                Live::Present(seen) if seen.terminating.is_some() => {
                    if let Some(job) = self.ask_namespace(item, now)
                        && !jobs.contains(&job)
                    {
                        jobs.push(job);
                    }
                    jobs.push(Job::Read(at));
                }
                Live::Present(seen) => jobs.push(Job::Delete {
                    at,
                    uid: seen.uid.clone(),
                    resource_version: seen.resource_version.clone(),
                    propagation: seen.propagation,
                }),
            }
        }
        jobs.truncate(room);
        (jobs, wake)
    }

    fn ask_namespace(&self, item: &Item, now: Millis) -> Option<Job> {
        let name = item.target.key.namespace.as_ref()?;
        let ask = match self.namespaces.get(name) {
            None => true,
            Some(namespace) => {
                !namespace.busy && !namespace.terminating && namespace.backoff.ready(now)
            }
        };
        ask.then(|| Job::Namespace(Arc::clone(name)))
    }

    /// The executor has started this request.
    pub fn begin(&mut self, job: &Job) {
        match job {
            Job::Read(at) | Job::Delete { at, .. } => {
                if let Some(item) = self.items.get_mut(*at) {
                    item.busy = true;
                }
            }
            Job::Namespace(name) => {
                self.namespaces.entry(Arc::clone(name)).or_default().busy = true;
            }
        }
    }

    /// A request has its answer.
    pub fn finish(&mut self, job: &Job, answer: Answer, now: Millis) {
        match job {
            Job::Namespace(name) => self.finish_namespace(name, &answer, now),
            Job::Read(at) | Job::Delete { at, .. } => {
                let Some(item) = self.items.get_mut(*at) else {
                    return;
                };
                item.busy = false;
                let recheck = std::mem::take(&mut item.recheck);
                match answer {
                    Answer::Read(Some(_)) if recheck => {}
                    Answer::Read(Some(seen)) => self.take_observation(*at, seen, now),
                    Answer::Read(None) => item.done(),
                    Answer::Deleted => {
                        item.live = Live::Unconfirmed;
                        item.backoff.clear();
                        item.block = None;
                    }
                    Answer::Failed(failure) => refuse(item, &failure, now, &mut self.jitter),
                }
            }
        }
    }

    fn finish_namespace(&mut self, name: &Arc<str>, answer: &Answer, now: Millis) {
        let namespace = self.namespaces.entry(Arc::clone(name)).or_default();
        namespace.busy = false;
        match answer {
            Answer::Read(Some(seen)) if seen.terminating.is_some() => {
                namespace.terminating = true;
                for item in &mut self.items {
                    let dying =
                        matches!(&item.live, Live::Present(seen) if seen.terminating.is_some());
                    if dying && item.target.key.namespace.as_ref() == Some(name) {
                        item.done();
                    }
                }
            }
            _ => namespace.backoff.fail(now, BLOCKED, None, &mut self.jitter),
        }
    }

    /// A watch saw one of the objects.
    pub fn observed(&mut self, key: &ObjectKey, seen: Observation, now: Millis) {
        if let Some(at) = self.position(key)
            && matches!(&self.items[at].live, Live::Present(current) if seen.is_later_than(current))
        {
            self.take_observation(at, seen, now);
        }
    }

    /// An object no longer passes a watch's filter: a live GET tells whether it is gone.
    pub fn removed(&mut self, key: &ObjectKey) {
        if let Some(at) = self.position(key) {
            let item = &mut self.items[at];
            if !item.is_gone() {
                item.live = Live::Unconfirmed;
                item.recheck = item.busy;
                item.backoff.retry_now();
            }
        }
    }

    /// Rights, policy or whatever else may have changed: what is blocked is tried now.
    pub fn retry_now(&mut self) {
        for item in &mut self.items {
            item.backoff.retry_now();
        }
    }

    fn take_observation(&mut self, at: usize, seen: Observation, now: Millis) {
        let recorded = self.items[at].target.uid.as_deref();
        let claim = Claim::alone(self.deployment, self.order, recorded);
        if !adopt::may_delete(&seen, &claim) {
            self.items[at].done();
            return;
        }
        let in_dying_namespace = self.items[at]
            .target
            .key
            .namespace
            .as_ref()
            .and_then(|name| self.namespaces.get(name))
            .is_some_and(|namespace| namespace.terminating);
        let item = &mut self.items[at];
        match &seen.terminating {
            Some(_) if in_dying_namespace => {
                item.done();
                return;
            }
            Some(finalizers) => {
                // The first reads after a delete follow quickly; then it is named, and read less often.
                item.backoff.fail(now, SOON, None, &mut self.jitter);
                let named = item.backoff.attempts() > 3 || !finalizers.is_empty();
                item.block =
                    named.then(|| Block::new(Reason::Terminating, being_deleted(finalizers)));
            }
            // It was refused as outdated and is not: another try may fare no better.
            None if item.conflict_at.as_ref() == Some(&seen.resource_version) => {}
            None => {
                item.block = None;
                item.backoff.clear();
            }
        }
        item.live = Live::Present(Box::new(seen));
    }
}

impl Item {
    fn is_gone(&self) -> bool {
        matches!(self.live, Live::Gone)
    }

    fn done(&mut self) {
        self.live = Live::Gone;
        self.block = None;
        self.backoff.clear();
    }
}

fn refuse(item: &mut Item, failure: &Failure, now: Millis, jitter: &mut Jitter) {
    let schedule = match failure.kind {
        FailureKind::NotFound | FailureKind::Conflict => {
            let live = std::mem::replace(&mut item.live, Live::Unconfirmed);
            item.backoff.fail(now, SOON, None, jitter);
            if let (FailureKind::Conflict, Live::Present(seen)) = (failure.kind, live) {
                item.conflict_at = Some(seen.resource_version);
                let named = item.backoff.attempts() > 3;
                item.block = named.then(|| Block::refused(failure, &item.target.key.kind));
            }
            return;
        }
        // Also of what no inventory has: it may have been created just before a crash.
        FailureKind::AccountNotAllowed => FORBIDDEN,
        // A version that is gone takes no object along.
        FailureKind::NoKind => SOON,
        kind => schedule(kind.reason().retry()).unwrap_or(BLOCKED),
    };
    item.backoff
        .fail(now, schedule, failure.retry_after, jitter);
    item.block = Some(Block::refused(failure, &item.target.key.kind));
}

#[cfg(test)]
mod tests;
