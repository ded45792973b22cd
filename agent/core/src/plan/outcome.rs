//! Outcomes of actions, and what follows from them.

use std::sync::Arc;

use stevedore_proto_core::{Millis, Reason};

use super::operation::{Operation, OperationFailure};
use super::{Action, Deployment, Purpose};
use crate::desired::Blueprint;
use crate::failure::{Failure, FailureKind};
use crate::prune::SetInventory;
use crate::removal::{self, Removal, RemovalTarget};
use crate::rollout::{self, Block};
use crate::set::{Lifecycle, SetHead, SetUid};

/// Why a content is not rolled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreparationFailure {
    /// It is wrong, or kinds are missing; each entry for people.
    Refused(Vec<String>),
    /// It is not there.
    Missing(String),
    /// It could not be read.
    Failed(Failure),
}

/// What sets name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventories {
    /// One entry per set that could be read or has an inventory.
    pub sets: Vec<SetInventory>,
    /// Some set could not say all that it names.
    pub incomplete: bool,
}

/// What an action gave.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Of [`Action::OpenAccount`]: why there is no client.
    Opened(Result<(), Block>),
    /// Of [`Action::Prepare`].
    Prepared(Result<Blueprint, PreparationFailure>),
    /// Of [`Action::ReadInventories`].
    InventoriesRead(Result<Inventories, Failure>),
    /// Of [`Action::Search`]: what was found, and what could not be listed.
    Searched(Result<Vec<RemovalTarget>, Vec<Block>>),
    /// Of [`Action::Rollout`].
    Rollout(rollout::Answer),
    /// Of [`Action::Remove`].
    Remove(removal::Answer),
    /// Of everything else.
    Done(Result<(), Failure>),
}

impl Outcome {
    /// The agent may no longer be the account that the request was made as; or, where it is to take away, the
    /// account's rights may have gone with its namespace.
    fn casts_doubt_on_the_account(&self) -> bool {
        match self {
            Self::Prepared(Err(PreparationFailure::Failed(failure)))
            | Self::InventoriesRead(Err(failure))
            | Self::Rollout(rollout::Answer::Failed(failure)) => {
                failure.kind == FailureKind::AccountNotAllowed
            }
            Self::Remove(removal::Answer::Failed(failure)) => matches!(
                failure.kind,
                FailureKind::AccountNotAllowed | FailureKind::Forbidden
            ),
            Self::Searched(Err(blocks)) => blocks
                .iter()
                .any(|block| block.reason == Reason::AccountNotAllowed),
            _ => false,
        }
    }
}

impl Deployment {
    /// The executor has started this action.
    pub fn begin(&mut self, action: &Action) {
        match action {
            Action::OpenAccount(_) => self.account.busy = true,
            Action::Prepare(_) => self.preparation.busy = true,
            Action::Rollout(job) => {
                if let Some((_, rollout)) = &mut self.rollout {
                    rollout.begin(job);
                }
            }
            Action::ReadInventories(_) | Action::Search | Action::Remove(_) => {
                let Some(task) = &mut self.removing else {
                    return;
                };
                match action {
                    Action::ReadInventories(_) => task.survey.busy = true,
                    Action::Search => task.search.busy = true,
                    Action::Remove(job) => {
                        if let Some(removal) = &mut task.removal {
                            removal.begin(job);
                        }
                    }
                    _ => {}
                }
            }
            Action::Archive(_)
            | Action::DeleteSet(_)
            | Action::RemoveFinalizer(_)
            | Action::RecordTeardown => {
                self.cleanup.busy = true;
            }
        }
    }

    /// An action has its outcome.
    pub fn finish(&mut self, action: &Action, outcome: Outcome, now: Millis) {
        if self.account.done && outcome.casts_doubt_on_the_account() {
            // Why is for the account to say: its namespace may be gone.
            self.account.start_over();
        }
        match (action, outcome) {
            (Action::OpenAccount(_), Outcome::Opened(result)) => self.opened(result, now),
            (Action::Prepare(set), Outcome::Prepared(result)) => self.prepared(set, result, now),
            (Action::Rollout(job), Outcome::Rollout(answer)) => {
                if let Some((_, rollout)) = &mut self.rollout {
                    rollout.finish(job, answer, now);
                }
            }
            (Action::Remove(job), Outcome::Remove(answer)) => {
                if let Some(removal) = self.removing.as_mut().and_then(|l| l.removal.as_mut()) {
                    removal.finish(job, answer, now);
                }
            }
            (Action::ReadInventories(_), Outcome::InventoriesRead(result)) => {
                self.inventories(result, now)
            }
            (Action::Search, Outcome::Searched(result)) => {
                if let Some(task) = &mut self.removing {
                    let result = result
                        .map(|found| task.found = found)
                        .map_err(OperationFailure::from);
                    task.search.finish(result, now, &mut self.jitter);
                }
                self.start_removal();
            }
            (_, Outcome::Done(result)) => self.cleanup_done(action, result, now),
            _ => {}
        }
        self.review();
    }

    fn opened(&mut self, result: Result<(), Block>, now: Millis) {
        let was_blocked = !self.account.block.is_empty();
        let reason = result.as_ref().err().map(|block| block.reason.clone());
        let result = result.map_err(|block| OperationFailure::from(vec![block]));
        if !self.account.finish(result, now, &mut self.jitter) {
            return;
        }
        match reason {
            None => {
                self.had_account = true;
                if was_blocked {
                    self.retry_now();
                }
            }
            Some(reason) if self.nothing_is_left(&reason) => {
                let order = self.heads.last().map_or(0, |head| head.number);
                let removal = Removal::new(self.uid, order, Vec::new(), 0);
                if let Some(task) = &mut self.removing {
                    task.removal = Some(removal);
                }
            }
            Some(_) => {}
        }
    }

    /// There is no account for this reason, and that leaves no object to be taken away either.
    fn nothing_is_left(&self, reason: &Reason) -> bool {
        let purpose = self.removing.as_ref().map(|task| &task.purpose);
        let all_end = purpose.is_some_and(|purpose| purpose.ends_all(&self.heads));
        let untouched = |head: &SetHead| head.is_standalone() && !head.begun;
        match reason {
            // What looks its account up in a namespace has all its objects there.
            Reason::NamespaceMissing => all_end,
            // Should a write have been forgotten: what a set used directly wrote has it for an owner, and goes
            // with it.
            Reason::NoAccount => all_end && !self.had_account && self.heads.iter().all(untouched),
            _ => false,
        }
    }

    fn prepared(
        &mut self,
        set: &SetUid,
        result: Result<Blueprint, PreparationFailure>,
        now: Millis,
    ) {
        let result = match result {
            Ok(blueprint) => {
                self.start_rollout(set, &blueprint);
                Ok(())
            }
            Err(PreparationFailure::Refused(why)) => {
                let refused = why.into_iter();
                let refused = refused.map(|message| Block::preflight(Reason::Refused, message));
                Err(refused.collect::<Vec<_>>().into())
            }
            Err(PreparationFailure::Missing(what)) => {
                Err(vec![Block::preflight(Reason::ContentMissing, what)].into())
            }
            Err(PreparationFailure::Failed(failure)) => Err(OperationFailure::from(&failure)),
        };
        self.preparation.finish(result, now, &mut self.jitter);
    }

    fn inventories(&mut self, result: Result<Inventories, Failure>, now: Millis) {
        let Some(task) = &mut self.removing else {
            return;
        };
        let result = match result {
            Ok(inventories) => {
                // A prune takes what it knows of; only a teardown has to be complete.
                let all = matches!(task.purpose, Purpose::Teardown { .. } | Purpose::Sets(_));
                task.needs_search = inventories.incomplete && all;
                task.inventories = inventories.sets;
                if inventories.incomplete && matches!(task.purpose, Purpose::Supersede(_)) {
                    // Of what is not known it cannot be said that newer sets name it too.
                    task.inventories.clear();
                }
                Ok(())
            }
            Err(failure) => Err(OperationFailure::from(&failure)),
        };
        task.survey.finish(result, now, &mut self.jitter);
        self.start_removal();
    }

    /// Everything is known that is to go: start.
    fn start_removal(&mut self) {
        let Some(newest) = self.heads.last().map(|head| head.number) else {
            return;
        };
        let accepted = self.rollout().map(|rollout| -> Vec<_> {
            (0..)
                .map_while(|at| rollout.desired(at))
                .map(|desired| desired.key.clone())
                .collect()
        });
        let Some(task) = &mut self.removing else {
            return;
        };
        if let Some(targets) = task.targets(&self.heads, accepted.as_deref()) {
            let seed = self.jitter.draw();
            task.removal = Some(Removal::new(self.uid, newest, targets, seed));
        }
    }

    fn cleanup_done(&mut self, action: &Action, result: Result<(), Failure>, now: Millis) {
        self.cleanup.busy = false;
        if let Err(failure) = result {
            self.cleanup
                .finish(Err(OperationFailure::from(&failure)), now, &mut self.jitter);
            return;
        }
        self.cleanup = Operation::default();
        match action {
            Action::Archive(set) => {
                for head in self.heads.iter_mut().filter(|head| head.set.uid == *set) {
                    head.archived = true;
                    head.lifecycle = Lifecycle::Archived;
                    head.inventory = Arc::default();
                }
            }
            Action::DeleteSet(set) | Action::RemoveFinalizer(set) => {
                self.heads.retain(|head| head.set.uid != *set);
            }
            Action::RecordTeardown => {
                if let Some(task) = &mut self.removing {
                    task.recorded = true;
                }
            }
            _ => {}
        }
    }
}
