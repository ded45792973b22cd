//! The start of what the plan asks for.

use std::sync::Arc;

use futures::future::BoxFuture;
use stevedore_agent_core::desired::{Guard, Setting};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::plan::Action;
use stevedore_agent_core::removal;
use stevedore_agent_core::rollout::Job;
use stevedore_agent_core::set::{SetHead, SetRef};
use stevedore_proto_core::{Millis, Tuple};

use super::{Completion, Worker};
use crate::engine::execution::{self, Execution, Requester};
use crate::engine::heads::{inventory, setting};
use crate::engine::inventory::{self as inventories, Survey};
use crate::engine::preparation;
use crate::engine::writes::{self, Load, Request, Write};
use crate::ports::{Answer, ObjectApi, REQUESTS_PER_DEPLOYMENT, SetStore};

impl Worker {
    /// Starts everything that is to be done now and has room; gives the time to plan again if nothing happens.
    pub(super) fn start_actions(&mut self) -> Option<Millis> {
        let room = REQUESTS_PER_DEPLOYMENT.saturating_sub(self.acting);
        let plan = self.core.plan(self.now(), room);
        if plan.actions.is_empty() && self.acting == 0 {
            // Nothing is being written: what is needed later is read again.
            self.content = None;
        }
        for action in plan.actions {
            let Some(execution) = self.execute(&action) else {
                continue;
            };
            self.core.begin(&action);
            self.acting += 1;
            self.in_flight.push(Box::pin(async move {
                let (outcome, output) = execution.await;
                Completion::Action(action, Box::new(outcome), output)
            }));
        }
        plan.wake_at
    }

    fn execute(&mut self, action: &Action) -> Option<Execution> {
        let ports = &self.ports;
        Some(match action {
            Action::OpenAccount(set) => preparation::open(ports, self.stored(set)?.clone()),
            Action::Prepare(set) => {
                let head = self.stored(set)?;
                let setting = self.setting_of(head, head.number);
                let recorded = self.recorded_keys();
                preparation::prepare(ports, self.api()?, head.set.clone(), setting, recorded)
            }
            Action::ReadInventories(sets) => {
                let sets = sets.iter().filter_map(|uid| self.stored(uid));
                let surveys = sets.map(|head| self.survey(head)).collect();
                inventories::survey(ports, self.api()?, surveys)
            }
            Action::Search => {
                let mut heads = self.core.heads().iter();
                let confined = heads.find_map(|head| head.confined_to.clone());
                let newest = self.newest()?.set.clone();
                inventories::search(ports, self.requester()?, confined, newest)
            }
            Action::Rollout(job) => return self.roll_out(job),
            Action::Remove(job) => {
                let key = self.key_of(job)?;
                writes::remove(self.requester()?, job.clone(), key)
            }
            Action::Archive(set) => {
                let head = self.stored(set)?;
                let status = self.statuses.stored(&head.set.uid).cloned();
                execution::archive(ports, head, status.unwrap_or_default())
            }
            Action::DeleteSet(set) => self.on_set(set, |store, set| {
                Box::pin(async move { store.delete(&set).await })
            })?,
            Action::RemoveFinalizer(set) => self.on_set(set, |store, set| {
                Box::pin(async move { store.release(&set).await })
            })?,
            Action::RecordTeardown => {
                let tombstone = self.tombstone()?;
                let (store, uid) = (Arc::clone(&ports.store), self.uid);
                execution::done(Box::pin(async move {
                    store.record_teardown(uid, tombstone).await
                }))
            }
        })
    }

    /// What the statuses of the sets say that they control.
    fn recorded_keys(&self) -> Vec<ObjectKey> {
        let heads = self.core.heads().iter();
        heads
            .filter_map(|head| self.statuses.stored(&head.set.uid))
            .flat_map(inventory)
            .map(|(key, _)| key)
            .collect()
    }

    fn survey(&self, head: &SetHead) -> Survey {
        let status = self.statuses.stored(&head.set.uid);
        Survey {
            head: head.clone(),
            recorded: status.map(inventory).unwrap_or_default(),
            setting: self.setting_of(head, head.number),
        }
    }

    fn key_of(&self, job: &removal::Job) -> Option<ObjectKey> {
        match job {
            removal::Job::Namespace(name) => {
                let kind = Kind::new("", "v1", "Namespace");
                Some(ObjectKey::new(kind, None, name))
            }
            removal::Job::Read(at) | removal::Job::Delete { at, .. } => {
                self.core.removal()?.key(*at).cloned()
            }
        }
    }

    fn api(&self) -> Option<Arc<dyn ObjectApi>> {
        let (_, api) = self.client.as_ref()?;
        Some(Arc::clone(api))
    }

    fn on_set(
        &self,
        uid: &str,
        change: impl FnOnce(Arc<dyn SetStore>, SetRef) -> BoxFuture<'static, Answer<()>>,
    ) -> Option<Execution> {
        let set = self.stored(uid)?.set.clone();
        Some(execution::done(change(Arc::clone(&self.ports.store), set)))
    }

    /// The tombstone of the newest set. One on an older set is history: a newer order revived the deployment.
    pub(super) fn tombstone(&self) -> Option<Tuple> {
        self.newest()?.order.as_ref()?.tombstone
    }

    pub(super) fn newest(&self) -> Option<&SetHead> {
        self.core.heads().last()
    }

    fn setting_of(&self, head: &SetHead, order: u64) -> Setting {
        setting(head, self.uid, order, self.ports.store.digest_key())
    }

    fn requester(&self) -> Option<Requester> {
        Some(Requester {
            deployment: self.uid,
            accounts: Arc::clone(&self.ports.accounts),
            api: self.api()?,
            cel: Arc::clone(&self.cel),
            evaluator: self.mailbox.evaluator(),
        })
    }

    fn roll_out(&mut self, job: &Job) -> Option<Execution> {
        let requester = self.requester()?;
        let request = match job {
            Job::List(scope) => Request::List(scope.clone()),
            Job::Read(at) => {
                let desired = self.core.rollout()?.desired(*at)?;
                Request::Read(desired.key.clone())
            }
            Job::DryRun(at, guard) => self.write_of(*at, guard, true)?,
            Job::Apply(at, guard) => self.write_of(*at, guard, false)?,
        };
        Some(writes::roll_out(requester, request))
    }

    fn write_of(&mut self, at: usize, guard: &Guard, dry_run: bool) -> Option<Request> {
        let content = self.content_of_accepted()?;
        let rollout = self.core.rollout()?;
        let accepted = self.core.accepted()?;
        Some(Request::Write(Box::new(Write {
            desired: rollout.desired(at)?.clone(),
            guard: guard.clone(),
            dry_run,
            setting: self.setting_of(accepted, rollout.order()),
            content,
        })))
    }

    /// The content that is kept; otherwise all who need one now wait for one reading.
    fn content_of_accepted(&mut self) -> Option<Load> {
        let accepted = &self.core.accepted()?.set;
        if let Some((of, load)) = &self.content
            && *of == accepted.uid
            && !matches!(load.peek(), Some(Err(_)))
        {
            return Some(load.clone());
        }
        let load = writes::load(&self.ports, accepted.clone());
        self.content = Some((accepted.uid.clone(), load.clone()));
        Some(load)
    }
}
