//! A simulation that carries plans out one action at a time.

use std::collections::BTreeMap;

use stevedore_proto_core::{Millis, Reason};

use super::world::{OURS, World, Write, key};
use crate::desired::{Blueprint, Desired, PhaseHead, PhaseSet};
use crate::failure::{Failure, FailureKind};
use crate::key::ObjectKey;
use crate::observation::Owner;
use crate::plan::{Action, Deployment, Inventories, Outcome, Summary};
use crate::prune::SetInventory;
use crate::removal::{self, RemovalTarget};
use crate::rollout::{self, Block, Progress, Record};
use crate::set::tests::head;
use crate::set::{Ending, Lifecycle, SetHead};

/// A deployment, its stored sets and the world.
pub(super) struct Sim {
    pub(super) deployment: Deployment,
    pub(super) world: World,
    pub(super) sets: Vec<SetHead>,
    contents: BTreeMap<String, Vec<Desired>>,
    pub(super) now: Millis,
    /// Why there is no account.
    pub(super) no_account: Option<Reason>,
    pub(super) recorded: bool,
    pub(super) success_delay: u32,
    /// Of every set; none for phases of the root, one after the other.
    pub(super) phases: Vec<PhaseHead>,
}

impl Sim {
    pub(super) fn new() -> Self {
        Self {
            deployment: Deployment::new(OURS, 11),
            world: World::default(),
            sets: Vec::new(),
            contents: BTreeMap::new(),
            now: 1_000,
            no_account: None,
            recorded: false,
            success_delay: 0,
            phases: Vec::new(),
        }
    }

    pub(super) fn store(&mut self, number: u64, objects: Vec<Desired>) {
        let uid = format!("set-{number}");
        self.contents.insert(uid.clone(), objects);
        self.sets.push(head(&uid, number));
        self.deliver();
    }

    pub(super) fn store_tombstone_only(&mut self, number: u64) {
        self.sets.push(SetHead {
            ending: Ending::Tombstone { orphan: false },
            ..head("tombstone", number)
        });
    }

    pub(super) fn tombstone(&mut self, orphan: bool) {
        self.sets.last_mut().unwrap().ending = Ending::Tombstone { orphan };
        self.deliver();
    }

    pub(super) fn deliver(&mut self) {
        self.deployment.set_heads(self.sets.clone());
    }

    /// The agent starts anew: only what is stored is left.
    pub(super) fn restart(&mut self) {
        self.deployment = Deployment::new(OURS, 12);
        self.deliver();
    }

    pub(super) fn forget_statuses(&mut self) {
        for set in &mut self.sets {
            set.inventory = Default::default();
            set.progress = Progress::default();
        }
    }

    pub(super) fn summary(&self) -> Summary {
        self.deployment.summary()
    }

    pub(super) fn written(&self) -> Vec<&str> {
        self.world
            .log
            .iter()
            .filter_map(|write| match write {
                Write::Applied(name) => Some(name.as_str()),
                Write::Deleted(_) => None,
            })
            .collect()
    }

    pub(super) fn archived(&self) -> Vec<u64> {
        let archived = self.sets.iter().filter(|set| set.archived);
        archived.map(|set| set.number).collect()
    }

    /// Something about the object changed that its watch shows.
    pub(super) fn touch(&mut self, name: &str) {
        self.world.bump(name);
        let seen = self.world.seen(name).unwrap();
        self.deployment.observed(&key(name), seen, self.now);
    }

    pub(super) fn edit(&mut self, name: &str, manager: &str) {
        self.world.edit(name, manager);
        let seen = self.world.seen(name).unwrap();
        self.deployment.observed(&key(name), seen, self.now);
    }

    pub(super) fn finish(&mut self) {
        self.settle_until(self.now + 24 * 3_600_000);
        assert_eq!(
            self.deployment.plan(self.now, 16).actions,
            [],
            "settled within a day"
        );
    }

    /// Only opens the account and prepares the content.
    pub(super) fn prepare(&mut self) {
        for _ in 0..2 {
            let action = self.deployment.plan(self.now, 16).actions[0].clone();
            self.carry_out(&action);
        }
    }

    pub(super) fn settle_until(&mut self, until: Millis) {
        for _ in 0..20_000 {
            let plan = self.deployment.plan(self.now, 16);
            assert_eq!(
                plan,
                self.deployment.plan(self.now, 16),
                "planning changes nothing"
            );
            for action in &plan.actions {
                self.carry_out(action);
            }
            if plan.actions.is_empty() {
                match plan.wake_at {
                    Some(at) if at <= until => {
                        assert!(at > self.now, "a wake-up in the past");
                        self.now = at;
                        self.deployment.tick(at);
                    }
                    _ => return,
                }
            }
            self.store_status();
        }
        panic!("does not settle: {:#?}", self.summary());
    }

    /// What the executor would write to the accepted set's status.
    fn store_status(&mut self) {
        let summary = self.summary();
        let (Some(accepted), Some(rollout)) = (summary.accepted, summary.rollout) else {
            return;
        };
        for set in self.sets.iter_mut().filter(|set| set.set.uid == accepted) {
            set.inventory = rollout.controlled.clone().into();
            set.begun = true;
            let phases = rollout.phases.iter().enumerate();
            let reached = phases.filter(|(_, phase)| {
                phase.state != stevedore_proto_core::status::PhaseState::Pending
            });
            set.progress = Progress {
                reached: PhaseSet::of(reached.map(|(at, _)| at)),
                succeeded: rollout.succeeded,
            };
        }
    }

    pub(super) fn carry_out(&mut self, action: &Action) {
        self.deployment.begin(action);
        let outcome = self.outcome(action);
        self.deployment.finish(action, outcome, self.now);
    }

    fn outcome(&mut self, action: &Action) -> Outcome {
        match action {
            Action::OpenAccount(_) => {
                let block = |reason| Err(Block::new(reason, "no account"));
                Outcome::Opened(self.no_account.clone().map_or(Ok(()), block))
            }
            Action::Prepare(set) => Outcome::Prepared(Ok(self.blueprint(set))),
            Action::ReadInventories(sets) => Outcome::InventoriesRead(Ok(self.survey(sets))),
            Action::Search => {
                let found = self.world.objects.iter();
                let ours = found.filter_map(|(name, object)| {
                    let owner = object.owner.filter(|owner| owner.0 == OURS)?;
                    Some(RemovalTarget {
                        key: key(name),
                        rank: owner.3,
                        uid: None,
                    })
                });
                Outcome::Searched(Ok(ours.collect()))
            }
            Action::Rollout(job) => {
                self.world.requests += 1;
                Outcome::Rollout(self.rollout_answer(job))
            }
            Action::Remove(job) => {
                self.world.requests += 1;
                Outcome::Remove(self.removal_answer(job))
            }
            Action::Archive(uid) => {
                for set in self.sets.iter_mut().filter(|set| set.set.uid == *uid) {
                    set.archived = true;
                    set.lifecycle = Lifecycle::Archived;
                    set.inventory = Default::default();
                }
                Outcome::Done(Ok(()))
            }
            Action::DeleteSet(uid) | Action::RemoveFinalizer(uid) => {
                self.sets.retain(|set| set.set.uid != *uid);
                Outcome::Done(Ok(()))
            }
            Action::RecordTeardown => {
                self.recorded = true;
                Outcome::Done(Ok(()))
            }
        }
    }

    /// What the content of a set is prepared as.
    fn blueprint(&self, set: &str) -> Blueprint {
        let mut objects = self.contents[set].clone();
        for object in &mut objects {
            object.unserved = self.world.reachable(&object.key.kind).is_err();
        }
        let count = objects.iter().map(|object| object.phase + 1).max();
        let plain = (0..count.unwrap_or(0)).map(|at| PhaseHead::named(format!("phase-{at}")));
        Blueprint {
            phases: match self.phases.is_empty() {
                true => plain.collect(),
                false => self.phases.clone(),
            },
            objects,
            success_delay: self.success_delay,
            ..Blueprint::default()
        }
    }

    fn survey(&self, sets: &[crate::set::SetUid]) -> Inventories {
        let mut inventories = Inventories::default();
        for set in self.sets.iter().filter(|set| sets.contains(&set.set.uid)) {
            let Some(objects) = self.contents.get(&*set.set.uid) else {
                inventories.incomplete = true;
                continue;
            };
            let recorded = |key: &ObjectKey| -> Option<Box<str>> {
                let (_, Record { uid, .. }) =
                    set.inventory.iter().find(|(known, _)| known == key)?;
                Some(uid.clone())
            };
            inventories.sets.push(SetInventory {
                number: set.number,
                objects: objects
                    .iter()
                    .map(|object| (object.key.clone(), object.phase, recorded(&object.key)))
                    .collect(),
            });
        }
        inventories
    }

    fn rollout_answer(&mut self, job: &rollout::Job) -> rollout::Answer {
        let rollout = self.deployment.rollout().unwrap();
        let order = rollout.order();
        let desired = |at: &usize| rollout.desired(*at).unwrap().clone();
        match job {
            rollout::Job::List(_) if self.world.unlistable.is_some() => {
                let kind = self.world.unlistable.expect("just looked at");
                rollout::Answer::Failed(Failure::new(kind, "no"))
            }
            rollout::Job::List(scope) => {
                if let Err(failure) = self.world.reachable(&scope.kind) {
                    return rollout::Answer::Failed(failure);
                }
                let names = self.world.names();
                let listed = names
                    .iter()
                    .filter(|name| scope.covers(&key(name)) && self.world.labelled(name));
                rollout::Answer::Listed(
                    listed
                        .filter_map(|name| Some((key(name), self.world.seen(name)?)))
                        .collect(),
                )
            }
            rollout::Job::Read(at) => {
                let key = desired(at).key;
                match self.world.reachable(&key.kind) {
                    Ok(()) => rollout::Answer::Read(self.world.seen(&key.name)),
                    Err(failure) => rollout::Answer::Failed(failure),
                }
            }
            rollout::Job::DryRun(at, guard) => {
                match self.world.guarded(&desired(at).key.name, guard) {
                    Ok(()) => rollout::Answer::Checked,
                    Err(failure) => rollout::Answer::Failed(failure),
                }
            }
            rollout::Job::Apply(at, guard) => {
                let desired = desired(at);
                match self.world.apply(&desired, guard, order) {
                    Ok(seen) => rollout::Answer::Written(seen),
                    Err(failure) => rollout::Answer::Failed(failure),
                }
            }
        }
    }

    fn removal_answer(&mut self, job: &removal::Job) -> removal::Answer {
        let name = |at: &usize| -> String {
            let removal = self.deployment.removal().unwrap();
            removal.key(*at).unwrap().name.to_string()
        };
        let at = match job {
            removal::Job::Read(at) | removal::Job::Delete { at, .. } => Some(at),
            removal::Job::Namespace(_) => None,
        };
        match at.map(|at| self.world.reachable(&key(&name(at)).kind)) {
            // What has no kind is gone.
            Some(Err(failure)) if failure.kind == FailureKind::NoKind => {
                return removal::Answer::Read(None);
            }
            Some(Err(failure)) => return removal::Answer::Failed(failure),
            _ => {}
        }
        match job {
            removal::Job::Read(at) => match self.world.unreadable.get(&name(at)) {
                Some(failure) => removal::Answer::Failed(failure.clone()),
                None => removal::Answer::Read(self.world.seen(&name(at))),
            },
            removal::Job::Delete {
                at,
                uid,
                resource_version,
                propagation,
            } => {
                let name = name(at);
                let world = &mut self.world;
                world.delete_guarded(&name, uid, resource_version, *propagation)
            }
            removal::Job::Namespace(_) => {
                let mut seen = crate::adopt::tests::seen(Owner::Nobody);
                seen.terminating = self
                    .world
                    .namespace_terminating
                    .then(|| "kubernetes".into());
                removal::Answer::Read(Some(seen))
            }
        }
    }
}
