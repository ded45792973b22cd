//! The next actions of a deployment.

use stevedore_proto_core::Millis;

use super::{Action, Deployment, KEPT, Plan, Purpose, RemovalTask};
use crate::rollout::earlier;
use crate::set::{SetHead, SetUid};

impl Deployment {
    /// What to do now, at most `room` requests.
    pub fn plan(&self, now: Millis, room: usize) -> Plan {
        let mut plan = Plan::default();
        let Some(newest) = self.heads.last() else {
            return plan;
        };
        if self.account.is_due(now, &mut plan.wake_at) {
            plan.actions
                .push(Action::OpenAccount(newest.set.uid.clone()));
        }
        if let Some(accepted) = self.accepted()
            && self.account.done
        {
            self.plan_rollout(accepted, now, room, &mut plan);
        }
        if let Some(task) = &self.removing {
            // What is under way for a purpose that is over comes to its end; nothing further is begun.
            if self.goes_on_with(self.purpose().as_ref()) {
                let room = room.saturating_sub(plan.actions.len());
                self.plan_removal(task, now, room, &mut plan);
            }
        } else {
            self.plan_history(now, &mut plan);
        }
        plan
    }

    fn plan_rollout(&self, accepted: &SetHead, now: Millis, room: usize, plan: &mut Plan) {
        if self.preparation.is_due(now, &mut plan.wake_at) {
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

    fn plan_removal(&self, task: &RemovalTask, now: Millis, room: usize, plan: &mut Plan) {
        if self.definitions_terminating {
            return;
        }
        if !task.purpose.leaves_objects() && !task.is_removed() {
            if !self.account.done {
                return;
            }
            if task.survey.is_due(now, &mut plan.wake_at) {
                plan.actions
                    .push(Action::ReadInventories(self.sets_to_read(&task.purpose)));
            }
            let search = task.survey.done && task.needs_search;
            if search && task.search.is_due(now, &mut plan.wake_at) {
                plan.actions.push(Action::Search);
            }
            if let Some(removal) = &task.removal {
                let (jobs, wake) = removal.plan(now, room);
                plan.actions.extend(jobs.into_iter().map(Action::Remove));
                plan.wake_at = earlier(plan.wake_at, wake);
            }
            return;
        }
        if !self.cleanup.is_due(now, &mut plan.wake_at) {
            return;
        }
        plan.actions.extend(match &task.purpose {
            Purpose::Prune(sets) => self.first_unarchived(sets).map(Action::Archive),
            Purpose::Supersede(_) => self
                .first_unarchived(&task.covered)
                .map(Action::Archive)
                .or_else(|| self.surplus().map(Action::DeleteSet)),
            Purpose::Archive(set) => Some(Action::Archive(set.clone())),
            Purpose::Sets(sets) | Purpose::Orphan(sets) => {
                self.first_of(sets).map(Action::RemoveFinalizer)
            }
            Purpose::Teardown { .. } if !task.recorded => Some(Action::RecordTeardown),
            // The newest set, which holds the tombstone, goes last.
            Purpose::Teardown { .. } => self
                .heads
                .first()
                .map(|head| Action::DeleteSet(head.set.uid.clone())),
        });
    }

    /// Which sets have to say what they name: all of them, so that what others hold is left alone.
    fn sets_to_read(&self, purpose: &Purpose) -> Vec<SetUid> {
        match purpose {
            Purpose::Prune(sets) | Purpose::Orphan(sets) => sets.clone(),
            Purpose::Supersede(_) => self
                .heads
                .iter()
                .filter(|head| !head.archived)
                .map(|head| head.set.uid.clone())
                .collect(),
            Purpose::Teardown { .. } | Purpose::Sets(_) | Purpose::Archive(_) => {
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
            && self.cleanup.is_due(now, &mut plan.wake_at)
        {
            plan.actions.push(Action::DeleteSet(oldest));
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
