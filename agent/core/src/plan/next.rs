//! What to do next.

use stevedore_proto_core::Millis;

use super::{Action, Deployment, KEPT, Leaving, Plan, Purpose};
use crate::rollout::earlier;
use crate::set::{SetHead, SetUid};

impl Deployment {
    /// What to do now, at most `room` requests.
    pub fn plan(&self, now: Millis, room: usize) -> Plan {
        let mut plan = Plan::default();
        let Some(newest) = self.heads.last() else {
            return plan;
        };
        if self.account.wants(now, &mut plan.wake_at) {
            plan.actions.push(Action::Open(newest.set.uid.clone()));
        }
        if let Some(accepted) = self.accepted()
            && self.account.open
        {
            self.plan_rollout(accepted, now, room, &mut plan);
        }
        if let Some(leaving) = &self.leaving {
            // What is under way for a purpose that is over comes to its end; nothing further is begun.
            if self.goes_on_with(self.purpose().as_ref()) {
                let room = room.saturating_sub(plan.actions.len());
                self.plan_leaving(leaving, now, room, &mut plan);
            }
        } else {
            self.plan_history(now, &mut plan);
        }
        plan
    }

    fn plan_rollout(&self, accepted: &SetHead, now: Millis, room: usize, plan: &mut Plan) {
        if self.prepared.wants(now, &mut plan.wake_at) {
            plan.actions.push(Action::Prepare(accepted.set.uid.clone()));
        }
        if let Some(rollout) = self.rollout() {
            let (jobs, wake) = rollout.plan(now, room);
            plan.actions.extend(jobs.into_iter().map(Action::Rollout));
            plan.wake_at = earlier(plan.wake_at, wake);
            if !self.unwatched.is_empty() {
                plan.wake_at = earlier(plan.wake_at, Some(self.poll_at.max(now + 1)));
            }
        }
    }

    fn plan_leaving(&self, leaving: &Leaving, now: Millis, room: usize, plan: &mut Plan) {
        if self.definitions_terminating {
            return;
        }
        if !leaving.purpose.leaves_objects() && !leaving.is_removed() {
            if !self.account.open {
                return;
            }
            if leaving.surveyed.wants(now, &mut plan.wake_at) {
                plan.actions
                    .push(Action::Survey(self.surveyed_sets(&leaving.purpose)));
            }
            let search = leaving.surveyed.open && leaving.needs_search;
            if search && leaving.searched.wants(now, &mut plan.wake_at) {
                plan.actions.push(Action::Search);
            }
            if let Some(removal) = &leaving.removal {
                let (jobs, wake) = removal.plan(now, room);
                plan.actions.extend(jobs.into_iter().map(Action::Remove));
                plan.wake_at = earlier(plan.wake_at, wake);
            }
            return;
        }
        if !self.chore.wants(now, &mut plan.wake_at) {
            return;
        }
        plan.actions.extend(match &leaving.purpose {
            Purpose::Prune(sets) => self.first_unarchived(sets).map(Action::Retire),
            Purpose::Fold(_) => self
                .first_unarchived(&leaving.covered)
                .map(Action::Retire)
                .or_else(|| self.surplus().map(Action::Discard)),
            Purpose::Archive(set) => Some(Action::Retire(set.clone())),
            Purpose::Sets(sets) | Purpose::Orphan(sets) => self.first_of(sets).map(Action::Release),
            Purpose::Whole { .. } if !leaving.recorded => Some(Action::Record),
            // The newest set, which holds the tombstone, goes last.
            Purpose::Whole { .. } => self
                .heads
                .first()
                .map(|head| Action::Discard(head.set.uid.clone())),
        });
    }

    /// Which sets have to say what they name: all of them, so that what others hold is left alone.
    fn surveyed_sets(&self, purpose: &Purpose) -> Vec<SetUid> {
        match purpose {
            Purpose::Prune(sets) | Purpose::Orphan(sets) => sets.clone(),
            Purpose::Fold(_) => self
                .heads
                .iter()
                .filter(|head| !head.archived)
                .map(|head| head.set.uid.clone())
                .collect(),
            Purpose::Whole { .. } | Purpose::Sets(_) | Purpose::Archive(_) => {
                self.heads.iter().map(|head| head.set.uid.clone()).collect()
            }
        }
    }

    fn first_unarchived(&self, sets: &[SetUid]) -> Option<SetUid> {
        self.heads
            .iter()
            .find(|head| sets.contains(&head.set.uid) && !head.archived)
            .map(|head| head.set.uid.clone())
    }

    fn first_of(&self, sets: &[SetUid]) -> Option<SetUid> {
        self.heads
            .iter()
            .find(|head| sets.contains(&head.set.uid))
            .map(|head| head.set.uid.clone())
    }

    /// Archived sets of a hub beyond the kept ones are deleted, also while the accepted one is not available:
    /// they name nothing any more.
    fn plan_history(&self, now: Millis, plan: &mut Plan) {
        if let Some(oldest) = self.surplus()
            && self.chore.wants(now, &mut plan.wake_at)
        {
            plan.actions.push(Action::Discard(oldest));
        }
    }

    /// The oldest archived set of a hub, where there are more than are kept.
    fn surplus(&self) -> Option<SetUid> {
        let mut archived = self
            .heads
            .iter()
            .filter(|head| head.archived && !head.is_standalone());
        let oldest = archived.next()?;
        (archived.count() >= KEPT).then(|| oldest.set.uid.clone())
    }
}
