//! One deployment: its stored sets, and what to do for them now.
//!
//! [`Deployment`] is the whole state. [`Deployment::plan`] reads it and gives actions and a wake-up time; the
//! executor begins actions, carries them out concurrently and hands every outcome to
//! [`Deployment::finish`]. Nothing here waits, reads a clock or talks to anybody.

mod event;
mod next;
mod operation;
mod outcome;
mod removal_task;
mod summary;

use std::collections::BTreeSet;
use std::sync::Arc;

use stevedore_proto_core::{DeploymentUid, Millis};

use crate::desired::Blueprint;
use crate::key::{ObjectKey, WatchKey};
use crate::removal::{self, Removal};
use crate::retry::Jitter;
use crate::rollout::{self, Context, Rollout};
use crate::set::{self, Ending, Lifecycle, SetHead, SetUid};

use operation::Operation;
use removal_task::RemovalTask;

pub use outcome::{Inventories, Outcome, PreparationFailure};
pub use removal_task::Purpose;
pub use summary::{RemovalSummary, Summary};

/// Older sets of a hub that are kept for their content.
pub const KEPT: usize = 2;

/// Something the executor does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a client for the account of this set.
    OpenAccount(SetUid),
    /// Read and check the content of the accepted set.
    Prepare(SetUid),
    /// Tell what these sets name.
    ReadInventories(Vec<SetUid>),
    /// Search every listable kind for objects of the deployment.
    Search,
    /// A request for the rollout.
    Rollout(rollout::Job),
    /// A request for the removal.
    Remove(removal::Job),
    /// Archive a set, and say so in its status.
    Archive(SetUid),
    /// Delete an archived set, or one whose deployment is torn down.
    DeleteSet(SetUid),
    /// Remove our finalizer from a set that is being deleted.
    RemoveFinalizer(SetUid),
    /// Store that the tombstone is carried out.
    RecordTeardown,
}

/// What to do now, and when to plan again if nothing happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In order of importance. Each can be carried out while the others are.
    pub actions: Vec<Action>,
    /// Absent when only an event can change anything.
    pub wake_at: Option<Millis>,
}

/// The state of one deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    uid: DeploymentUid,
    heads: Vec<SetHead>,
    account: Operation,
    /// An account was open in this process: something may have been written.
    had_account: bool,
    preparation: Operation,
    rollout: Option<(SetUid, Rollout)>,
    removing: Option<RemovalTask>,
    cleanup: Operation,
    definitions_terminating: bool,
    unwatched: Vec<(WatchKey, String)>,
    /// When what cannot be watched is listed again.
    poll_at: Millis,
    jitter: Jitter,
}

impl Deployment {
    /// A deployment of which nothing is known yet; `seed` is random.
    pub fn new(uid: DeploymentUid, seed: u64) -> Self {
        Self {
            uid,
            heads: Vec::new(),
            account: Operation::default(),
            had_account: false,
            preparation: Operation::default(),
            rollout: None,
            removing: None,
            cleanup: Operation::default(),
            definitions_terminating: false,
            unwatched: Vec::new(),
            poll_at: 0,
            jitter: Jitter::new(seed),
        }
    }

    /// The stored sets are these. Must not be called while actions are under way.
    pub fn set_heads(&mut self, mut heads: Vec<SetHead>) {
        set::sort(&mut heads);
        let account_of = |heads: &[SetHead]| heads.last().map(|head| head.set.uid.clone());
        if account_of(&heads) != account_of(&self.heads) {
            self.account.reset();
        }
        self.heads = heads;
        self.cleanup.reset();
        let accepted = set::accepted(&self.heads);
        match (accepted.map(|head| &head.set.uid), &self.rollout) {
            (Some(uid), Some((current, _))) if uid == current => {}
            _ => self.preparation.reset(),
        }
        let paused = accepted.is_some_and(|head| head.lifecycle == Lifecycle::Paused);
        if accepted.is_none() {
            self.rollout = None;
        } else if let Some((_, rollout)) = &mut self.rollout {
            rollout.set_paused(paused);
            rollout.set_successors(accepted.map_or(&[], |head| &head.successors));
        }
        let purpose = self.purpose();
        let prunes = matches!(purpose, Some(Purpose::Prune(_)));
        if prunes || !self.goes_on_with(purpose.as_ref()) {
            self.removing = purpose.map(RemovalTask::new);
            // Where nothing can be left, no account says so best.
            self.account.backoff.retry_now();
        }
    }

    /// What is being taken away serves this purpose.
    fn goes_on_with(&self, purpose: Option<&Purpose>) -> bool {
        match (&self.removing, purpose) {
            (None, None) => true,
            (Some(task), Some(purpose)) => task.purpose.covers(purpose),
            _ => false,
        }
    }

    /// Whether one of our own definitions is being deleted: nothing is taken away then.
    pub fn set_definitions_terminating(&mut self, terminating: bool) {
        self.definitions_terminating = terminating;
    }

    /// No stored sets are left: nothing to do for this deployment.
    pub fn is_idle(&self) -> bool {
        self.heads.is_empty()
    }

    /// The stored sets, the newest last.
    pub fn heads(&self) -> &[SetHead] {
        &self.heads
    }

    /// The set that is rolled out.
    pub fn accepted(&self) -> Option<&SetHead> {
        set::accepted(&self.heads)
    }

    /// Rights, policy or whatever else may have changed: what is blocked is tried now.
    pub fn retry_now(&mut self) {
        for operation in [&mut self.account, &mut self.preparation, &mut self.cleanup] {
            operation.backoff.retry_now();
        }
        if let Some((_, rollout)) = &mut self.rollout {
            rollout.retry_now();
        }
        if let Some(task) = &mut self.removing {
            task.survey.backoff.retry_now();
            task.search.backoff.retry_now();
            if let Some(removal) = &mut task.removal {
                removal.retry_now();
            }
        }
    }

    /// The account has to be looked up again: the policy may have changed.
    pub fn start_account_over(&mut self) {
        self.account.start_over();
    }

    /// The rollout, once its content is prepared.
    pub fn rollout(&self) -> Option<&Rollout> {
        self.current().map(|(_, rollout)| rollout)
    }

    /// The removal, once it is known what is to go.
    pub fn removal(&self) -> Option<&Removal> {
        self.removing.as_ref()?.removal.as_ref()
    }

    /// The rollout of the accepted set (not of one before, which is only memory).
    fn current(&self) -> Option<&(SetUid, Rollout)> {
        let accepted = self.accepted()?;
        self.rollout
            .as_ref()
            .filter(|(uid, _)| *uid == accepted.set.uid && self.preparation.done)
    }

    /// Everything that has to be watched now. While an order is prepared, what the one before has in place.
    pub fn scopes(&self) -> BTreeSet<WatchKey> {
        let known = self.rollout.as_ref().map(|(_, rollout)| rollout);
        let mut scopes = known.map(Rollout::scopes).unwrap_or_default();
        if let Some(removal) = self.removal() {
            scopes.extend(removal.scopes());
        }
        scopes
    }

    /// Starts or ends a prune when the rollout became available or stopped being so.
    fn review(&mut self) {
        let purpose = self.purpose();
        if self.goes_on_with(purpose.as_ref()) {
            return;
        }
        let idle = self
            .removing
            .as_ref()
            .and_then(|task| task.removal.as_ref())
            .is_none_or(|removal| !removal.is_busy());
        let loading = self
            .removing
            .as_ref()
            .is_some_and(|task| task.survey.busy || task.search.busy);
        if idle && !loading && !self.cleanup.busy {
            self.removing = purpose.map(RemovalTask::new);
        }
    }

    fn purpose(&self) -> Option<Purpose> {
        let newest = self.heads.last()?;
        if let Ending::Tombstone { orphan } = newest.ending {
            return Some(Purpose::Teardown { orphan });
        }
        let of = |matches: &dyn Fn(&SetHead) -> bool| -> Vec<SetUid> {
            self.heads
                .iter()
                .filter(|head| matches(head))
                .map(|head| head.set.uid.clone())
                .collect()
        };
        let orphaning = of(&|head| head.ending == Ending::Orphaning);
        if !orphaning.is_empty() {
            return Some(Purpose::Orphan(orphaning));
        }
        let deleting = of(&|head| head.ending == Ending::Deleting);
        if !deleting.is_empty() {
            return Some(Purpose::Sets(deleting));
        }
        if newest.is_standalone() && newest.lifecycle == Lifecycle::Archived && !newest.archived {
            return Some(Purpose::Archive(newest.set.uid.clone()));
        }
        let accepted = self.accepted()?;
        if newest.lifecycle != Lifecycle::Active {
            return None;
        }
        let mut older = of(&|head| head.set.uid != accepted.set.uid && !head.archived);
        if self.rollout().is_some_and(Rollout::stays_available) {
            return (!older.is_empty()).then_some(Purpose::Prune(older));
        }
        older.truncate(older.len().saturating_sub(KEPT));
        (!older.is_empty() && !newest.is_standalone()).then_some(Purpose::Supersede(older))
    }

    fn start_rollout(&mut self, accepted: &SetUid, blueprint: &Blueprint) {
        let Some(head) = self.heads.iter().find(|head| head.set.uid == *accepted) else {
            return;
        };
        let all = self.heads.iter().flat_map(|head| &head.predecessors);
        let predecessors: BTreeSet<DeploymentUid> = all.copied().collect();
        let context = Context {
            deployment: self.uid,
            order: self
                .heads
                .last()
                .map_or(head.number, |newest| newest.number),
            predecessors: predecessors.into_iter().collect(),
            successors: head.successors.clone(),
        };
        let record_in = |head: &SetHead, key: &ObjectKey| {
            head.inventory
                .iter()
                .find(|(known, _)| known.same_object(key))
                .map(|(_, record)| record.clone())
        };
        let before = self.rollout.as_ref().map(|(_, rollout)| rollout);
        let seed = self.jitter.draw();
        let mut rollout = Rollout::new(context, blueprint, head.progress, seed, |desired| {
            let key = &desired.key;
            let mut memory = before
                .map(|before| before.remember(desired))
                .unwrap_or_default();
            if let Some(own) = record_in(head, key) {
                memory.placed = true;
                memory.record = memory.record.or(Some(own));
            }
            if memory.record.is_none() {
                memory.record = self
                    .heads
                    .iter()
                    .rev()
                    .find_map(|head| record_in(head, key));
            }
            memory
        });
        rollout.set_paused(head.lifecycle == Lifecycle::Paused);
        self.rollout = Some((accepted.clone(), rollout));
        // The rollout knows it now, and better.
        for head in self
            .heads
            .iter_mut()
            .filter(|head| head.set.uid == *accepted)
        {
            head.inventory = Arc::default();
        }
    }
}

#[cfg(test)]
mod tests;
