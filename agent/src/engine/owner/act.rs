//! Starting what the plan asks for.

use std::sync::Arc;

use stevedore_agent_core::desired::{Guard, Setting};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::plan::Action;
use stevedore_agent_core::removal;
use stevedore_agent_core::rollout::Job;
use stevedore_proto_core::Millis;

use super::{Landed, Owner};
use crate::engine::PER_DEPLOYMENT;
use crate::engine::carry::{self, Carried, Load, Request, Tools, Write};
use crate::engine::head::setting;
use crate::ports::{Answer, Origin, SetRef, StoredSet};

impl Owner {
    /// Starts everything that is to be done now and has room; gives the time to look again if nothing happens.
    pub(super) fn act(&mut self) -> Option<Millis> {
        let room = PER_DEPLOYMENT.saturating_sub(self.acting);
        let plan = self.core.plan(self.now(), room);
        if plan.actions.is_empty() && self.acting == 0 {
            // Nothing is being written: what is needed later is read again.
            self.content = None;
        }
        for action in plan.actions {
            let Some(carried) = self.carry(&action) else {
                continue;
            };
            self.core.begin(&action);
            self.acting += 1;
            self.air.push(Box::pin(async move {
                let (outcome, baggage) = carried.await;
                Landed::Action(action, Box::new(outcome), baggage)
            }));
        }
        plan.wake_at
    }

    fn carry(&mut self, action: &Action) -> Option<Carried> {
        match action {
            Action::Open(set) => Some(carry::open(&self.ports, self.stored(set)?.clone())),
            Action::Prepare(set) => {
                let set = self.stored(set)?;
                let (_, api) = self.client.as_ref()?;
                let setting = self.setting_of(set, set.number);
                let reference = set.reference.clone();
                Some(carry::prepare(
                    &self.ports,
                    Arc::clone(api),
                    reference,
                    setting,
                ))
            }
            Action::Survey(sets) => {
                let (_, api) = self.client.as_ref()?;
                let sets = sets
                    .iter()
                    .filter_map(|uid| self.stored(uid))
                    .map(|set| {
                        (
                            self.with_written_status(set),
                            self.setting_of(set, set.number),
                        )
                    })
                    .collect();
                Some(carry::survey(&self.ports, Arc::clone(api), sets))
            }
            Action::Search => {
                let confined = self.sets.iter().find_map(|set| set.confined_to.clone());
                let newest = self.newest()?.reference.clone();
                Some(carry::search(&self.ports, self.tools()?, confined, newest))
            }
            Action::Rollout(job) => self.roll_out(job),
            Action::Remove(job) => {
                let key = match job {
                    removal::Job::Namespace(name) => {
                        ObjectKey::new(Kind::new("", "v1", "Namespace"), None, name)
                    }
                    removal::Job::Read(at) | removal::Job::Delete { at, .. } => {
                        self.core.removal()?.key(*at)?.clone()
                    }
                };
                Some(carry::remove(self.tools()?, job.clone(), key))
            }
            Action::Retire(set) => {
                let set = self.with_written_status(self.stored(set)?);
                Some(carry::retire(&self.ports, set))
            }
            Action::Discard(set) => Some(self.on_set(set, |store, set| {
                Box::pin(async move { store.delete(&set).await })
            }))?,
            Action::Release(set) => Some(self.on_set(set, |store, set| {
                Box::pin(async move { store.release(&set).await })
            }))?,
            Action::Record => {
                let tombstone = self.tombstone()?;
                let (store, uid) = (Arc::clone(&self.ports.store), self.uid);
                Some(carry::done(Box::pin(async move {
                    store.record_teardown(uid, tombstone).await
                })))
            }
        }
    }

    fn on_set(
        &self,
        uid: &str,
        change: impl FnOnce(
            Arc<dyn crate::ports::SetStore>,
            SetRef,
        ) -> futures::future::BoxFuture<'static, Answer<()>>,
    ) -> Option<Carried> {
        let set = self.stored(uid)?.reference.clone();
        Some(carry::done(change(Arc::clone(&self.ports.store), set)))
    }

    /// A set with the status that we wrote last, which a cache may not have yet.
    fn with_written_status(&self, set: &StoredSet) -> StoredSet {
        let mut set = set.clone();
        if let Some(stored) = self.publisher.stored(&set.reference.uid) {
            set.status = stored.clone();
        }
        set
    }

    /// The tombstone of the newest set. One on an older set is history: a newer order revived the deployment.
    pub(super) fn tombstone(&self) -> Option<stevedore_proto_core::Tuple> {
        match &self.newest()?.origin {
            Origin::Hub { tombstone, .. } => *tombstone,
            Origin::Standalone { .. } => None,
        }
    }

    pub(super) fn newest(&self) -> Option<&StoredSet> {
        self.sets.iter().max_by_key(|set| set.number)
    }

    fn setting_of(&self, set: &StoredSet, order: u64) -> Setting {
        setting(set, self.uid, order, self.ports.store.digest_key())
    }

    fn tools(&self) -> Option<Tools> {
        let (_, api) = self.client.as_ref()?;
        Some(Tools {
            deployment: self.uid,
            api: Arc::clone(api),
            shared: Arc::clone(&self.shared),
            lookout: self.desk.lookout(),
        })
    }

    fn roll_out(&mut self, job: &Job) -> Option<Carried> {
        let tools = self.tools()?;
        let request = match job {
            Job::List(scope) => Request::List(scope.clone()),
            Job::Read(at) => {
                let desired = self.core.rollout()?.desired(*at)?;
                Request::Read(desired.key.clone())
            }
            Job::DryRun(at, guard) => self.write_of(*at, guard, true)?,
            Job::Apply(at, guard) => self.write_of(*at, guard, false)?,
        };
        Some(carry::roll_out(tools, request))
    }

    fn write_of(&mut self, at: usize, guard: &Guard, dry_run: bool) -> Option<Request> {
        let content = self.content_of_accepted()?;
        let rollout = self.core.rollout()?;
        let set = self.stored(&self.core.accepted()?.uid)?;
        Some(Request::Write(Box::new(Write {
            desired: rollout.desired(at)?.clone(),
            guard: guard.clone(),
            dry_run,
            setting: self.setting_of(set, rollout.order()),
            content,
        })))
    }

    /// The content that is kept; otherwise all who need one now wait for one reading.
    fn content_of_accepted(&mut self) -> Option<Load> {
        let accepted = &self.core.accepted()?.uid;
        if let Some((of, load)) = &self.content
            && of == accepted
            && !matches!(load.peek(), Some(Err(_)))
        {
            return Some(load.clone());
        }
        let set = self.stored(accepted)?.reference.clone();
        let load = carry::load(&self.ports, set);
        self.content = Some((accepted.clone(), load.clone()));
        Some(load)
    }
}
