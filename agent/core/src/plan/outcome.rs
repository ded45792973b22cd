//! What carrying out an action gave.

use std::sync::Arc;

use stevedore_proto_core::{Millis, Reason};

use super::gate::{Gate, Setback};
use super::{Action, Deployment, Leaving, Purpose};
use crate::desired::Blueprint;
use crate::failure::{Failure, FailureKind};
use crate::prune::{self, Named};
use crate::removal::{self, Doomed, Removal};
use crate::rollout::{self, Block};
use crate::set::{Lifecycle, SetHead, SetUid};
use crate::teardown;

/// Why a content is not rolled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prevented {
    /// It is wrong, or kinds are missing; each entry for people.
    Refused(Vec<String>),
    /// It is not there.
    Missing(String),
    /// It could not be read.
    Failed(Failure),
}

/// What sets name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surveyed {
    /// One entry per set that could be read or has an inventory.
    pub named: Vec<Named>,
    /// Some set could not say all that it names.
    pub incomplete: bool,
}

/// What an action gave.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Of [`Action::Open`]: why there is no client.
    Opened(Result<(), Block>),
    /// Of [`Action::Prepare`].
    Prepared(Result<Blueprint, Prevented>),
    /// Of [`Action::Survey`].
    Surveyed(Result<Surveyed, Failure>),
    /// Of [`Action::Search`]: what was found, and what could not be listed.
    Searched(Result<Vec<Doomed>, Vec<Block>>),
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
            Self::Prepared(Err(Prevented::Failed(failure)))
            | Self::Surveyed(Err(failure))
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
            Action::Open(_) => self.account.busy = true,
            Action::Prepare(_) => self.prepared.busy = true,
            Action::Rollout(job) => {
                if let Some((_, rollout)) = &mut self.rollout {
                    rollout.begin(job);
                }
            }
            Action::Survey(_) | Action::Search | Action::Remove(_) => {
                let Some(leaving) = &mut self.leaving else {
                    return;
                };
                match action {
                    Action::Survey(_) => leaving.surveyed.busy = true,
                    Action::Search => leaving.searched.busy = true,
                    Action::Remove(job) => {
                        if let Some(removal) = &mut leaving.removal {
                            removal.begin(job);
                        }
                    }
                    _ => {}
                }
            }
            Action::Retire(_) | Action::Discard(_) | Action::Release(_) | Action::Record => {
                self.chore.busy = true;
            }
        }
    }

    /// An action has its outcome.
    pub fn finish(&mut self, action: &Action, outcome: Outcome, now: Millis) {
        if self.account.open && outcome.casts_doubt_on_the_account() {
            // Why is for the account to say: its namespace may be gone.
            self.account.reopen();
        }
        match (action, outcome) {
            (Action::Open(_), Outcome::Opened(result)) => self.opened(result, now),
            (Action::Prepare(set), Outcome::Prepared(result)) => self.prepared(set, result, now),
            (Action::Rollout(job), Outcome::Rollout(answer)) => {
                if let Some((_, rollout)) = &mut self.rollout {
                    rollout.finish(job, answer, now);
                }
            }
            (Action::Remove(job), Outcome::Remove(answer)) => {
                if let Some(removal) = self.leaving.as_mut().and_then(|l| l.removal.as_mut()) {
                    removal.finish(job, answer, now);
                }
            }
            (Action::Survey(_), Outcome::Surveyed(result)) => self.surveyed(result, now),
            (Action::Search, Outcome::Searched(result)) => {
                if let Some(leaving) = &mut self.leaving {
                    let result = result
                        .map(|found| leaving.found = found)
                        .map_err(Setback::from);
                    leaving.searched.settle(result, now, &mut self.spread);
                }
                self.start_removal();
            }
            (_, Outcome::Done(result)) => self.chore_done(action, result, now),
            _ => {}
        }
        self.review();
    }

    fn opened(&mut self, result: Result<(), Block>, now: Millis) {
        let was_blocked = !self.account.block.is_empty();
        let reason = result.as_ref().err().map(|block| block.reason.clone());
        let result = result.map_err(|block| Setback::from(vec![block]));
        if !self.account.settle(result, now, &mut self.spread) {
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
                if let Some(leaving) = &mut self.leaving {
                    leaving.removal = Some(removal);
                }
            }
            Some(_) => {}
        }
    }

    /// There is no account for this reason, and that leaves no object to be taken away either.
    fn nothing_is_left(&self, reason: &Reason) -> bool {
        let all_end = match self.leaving.as_ref().map(|leaving| &leaving.purpose) {
            Some(Purpose::Whole { .. }) => true,
            Some(Purpose::Sets(sets)) => self.heads.iter().all(|head| sets.contains(&head.set.uid)),
            _ => false,
        };
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

    fn prepared(&mut self, set: &SetUid, result: Result<Blueprint, Prevented>, now: Millis) {
        let result = match result {
            Ok(blueprint) => {
                self.start_rollout(set, &blueprint);
                Ok(())
            }
            Err(Prevented::Refused(why)) => {
                let refused = why.into_iter();
                let refused = refused.map(|message| Block::preflight(Reason::Refused, message));
                Err(refused.collect::<Vec<_>>().into())
            }
            Err(Prevented::Missing(what)) => {
                Err(vec![Block::preflight(Reason::ContentMissing, what)].into())
            }
            Err(Prevented::Failed(failure)) => Err(Setback::from(&failure)),
        };
        self.prepared.settle(result, now, &mut self.spread);
    }

    fn surveyed(&mut self, result: Result<Surveyed, Failure>, now: Millis) {
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        let result = match result {
            Ok(surveyed) => {
                // A prune takes what it knows of; only a teardown has to be complete.
                let all = matches!(leaving.purpose, Purpose::Whole { .. } | Purpose::Sets(_));
                leaving.needs_search = surveyed.incomplete && all;
                leaving.named = surveyed.named;
                if surveyed.incomplete && matches!(leaving.purpose, Purpose::Fold(_)) {
                    // Of what is not known it cannot be said that newer sets name it too.
                    leaving.named.clear();
                }
                Ok(())
            }
            Err(failure) => Err(Setback::from(&failure)),
        };
        leaving.surveyed.settle(result, now, &mut self.spread);
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
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        let known = leaving.surveyed.open && (leaving.searched.open || !leaving.needs_search);
        if !known || leaving.removal.is_some() {
            return;
        }
        let mut inventory = match &leaving.purpose {
            Purpose::Prune(_) => match &accepted {
                Some(accepted) => prune::prune(&leaving.named, accepted),
                // Not to know what the accepted set names prunes nothing.
                None => return,
            },
            Purpose::Whole { .. } => teardown::whole(&leaving.named),
            Purpose::Sets(sets) => split(leaving, &self.heads, |uid| sets.contains(uid)),
            Purpose::Archive(set) => split(leaving, &self.heads, |uid| uid == set),
            Purpose::Fold(sets) => {
                let covered = prune::superseded(&leaving.named);
                let is_covered = |head: &&SetHead| {
                    sets.contains(&head.set.uid) && covered.contains(&head.number)
                };
                let covered = self.heads.iter().filter(is_covered);
                leaving.covered = covered.map(|head| head.set.uid.clone()).collect();
                Vec::new()
            }
            Purpose::Orphan(_) => Vec::new(),
        };
        let nothing_stays = match &leaving.purpose {
            Purpose::Whole { .. } => true,
            Purpose::Sets(sets) => self.heads.iter().all(|head| sets.contains(&head.set.uid)),
            Purpose::Prune(_) | Purpose::Fold(_) | Purpose::Archive(_) | Purpose::Orphan(_) => {
                false
            }
        };
        if nothing_stays {
            for found in std::mem::take(&mut leaving.found) {
                match inventory
                    .iter_mut()
                    .find(|known| known.key.same_object(&found.key))
                {
                    // The mark knows the phase also where the content is lost.
                    Some(known) => known.rank = found.rank,
                    None => inventory.push(found),
                }
            }
        }
        leaving.named = Vec::new();
        let seed = self.spread.draw();
        leaving.removal = Some(Removal::new(self.uid, newest, inventory, seed));
    }

    fn chore_done(&mut self, action: &Action, result: Result<(), Failure>, now: Millis) {
        self.chore.busy = false;
        if let Err(failure) = result {
            self.chore
                .settle(Err(Setback::from(&failure)), now, &mut self.spread);
            return;
        }
        self.chore = Gate::default();
        match action {
            Action::Retire(set) => {
                for head in self.heads.iter_mut().filter(|head| head.set.uid == *set) {
                    head.archived = true;
                    head.lifecycle = Lifecycle::Archived;
                    head.inventory = Arc::default();
                }
            }
            Action::Discard(set) | Action::Release(set) => {
                self.heads.retain(|head| head.set.uid != *set);
            }
            Action::Record => {
                if let Some(leaving) = &mut self.leaving {
                    leaving.recorded = true;
                }
            }
            _ => {}
        }
    }
}

/// What the ending sets name and no staying one holds; an archived set holds nothing.
fn split(leaving: &Leaving, heads: &[SetHead], ends: impl Fn(&SetUid) -> bool) -> Vec<Doomed> {
    let numbers = |wanted: &dyn Fn(&SetHead) -> bool| -> Vec<Named> {
        let numbers: Vec<u64> = heads
            .iter()
            .filter(|head| !head.archived && wanted(head))
            .map(|head| head.number)
            .collect();
        leaving
            .named
            .iter()
            .filter(|named| numbers.contains(&named.number))
            .cloned()
            .collect()
    };
    teardown::without(
        &numbers(&|head| ends(&head.set.uid)),
        &numbers(&|head| !ends(&head.set.uid)),
    )
}
