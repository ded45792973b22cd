//! A tiny pure model: objects by name, and a simulation that carries plans out one action at a time.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::{DeploymentUid, Digest, Millis, Reason};

use crate::desired::{Blueprint, Desired, Guard, PhasePart};
use crate::failure::{Failure, FailureKind};
use crate::key::{Kind, ObjectKey};
use crate::mark::ShortHash;
use crate::observation::{Observation, Owner};
use crate::plan::{Action, Deployment, Inventories, Outcome, Summary};
use crate::probe::Probed;
use crate::prune::SetInventory;
use crate::removal::{self, RemovalTarget};
use crate::rollout::{self, Block, Progress, Record};
use crate::set::tests::head;
use crate::set::{Ending, Lifecycle, SetHead};

pub(super) const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::new("", "v1", "ConfigMap"), Some("ns"), name)
}

fn hash(text: String) -> ShortHash {
    ShortHash::of(&Digest::of(text.as_bytes()))
}

/// Name, phase, content.
pub(super) fn objects(all: &[(&str, u16, u64)]) -> Vec<Desired> {
    all.iter()
        .enumerate()
        .map(|(index, (name, phase, content))| Desired {
            key: key(name),
            phase: *phase,
            index: index as u16,
            part: PhasePart::Rest,
            content: hash(format!("{name}/{content}")),
            policy: Default::default(),
            ignore: Box::default(),
            mappings: Box::default(),
            defined_here: false,
        })
        .collect()
}

#[derive(Debug, Clone)]
struct Object {
    uid: u64,
    version: u64,
    owner: Option<(DeploymentUid, u64, ShortHash, u16)>,
    labelled: bool,
    tampered: u64,
    manager: Option<String>,
    finalizers: BTreeSet<String>,
    terminating: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Write {
    Applied(String),
    Deleted(String),
}

#[derive(Debug, Default)]
pub(super) struct World {
    objects: BTreeMap<String, Object>,
    probes: BTreeMap<String, Probed>,
    refused: BTreeMap<String, Failure>,
    unreadable: BTreeMap<String, Failure>,
    next: u64,
    pub(super) requests: usize,
    pub(super) log: Vec<Write>,
    pub(super) namespace_terminating: bool,
    /// Why nothing can be listed.
    pub(super) unlistable: Option<FailureKind>,
}

impl World {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Object)) {
        let version = self.tick();
        let object = self.objects.get_mut(name).unwrap();
        change(object);
        object.version = version;
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.objects.contains_key(name)
    }

    pub(super) fn uid(&self, name: &str) -> u64 {
        self.objects[name].uid
    }

    pub(super) fn labelled(&self, name: &str) -> bool {
        self.objects[name].labelled
    }

    pub(super) fn content(&self, name: &str) -> Option<ShortHash> {
        let object = self.objects.get(name)?;
        (object.tampered == 0).then_some(object.owner?.2)
    }

    pub(super) fn probe(&mut self, name: &str, probed: Probed) {
        self.probes.insert(name.into(), probed);
    }

    pub(super) fn refuse(&mut self, name: &str, failure: Failure) {
        self.refused.insert(name.into(), failure);
    }

    pub(super) fn refuse_reading(&mut self, name: &str, kind: FailureKind) {
        self.unreadable
            .insert(name.into(), Failure::new(kind, "no"));
    }

    pub(super) fn allow_reading(&mut self, name: &str) {
        self.unreadable.remove(name);
    }

    pub(super) fn allow(&mut self, name: &str) {
        self.refused.remove(name);
    }

    fn insert(
        &mut self,
        name: &str,
        owner: Option<(DeploymentUid, u64, ShortHash, u16)>,
        manager: Option<&str>,
    ) {
        let uid = self.tick();
        let object = Object {
            uid,
            version: uid,
            owner,
            labelled: owner.is_some(),
            tampered: 0,
            manager: manager.map(str::to_owned),
            finalizers: BTreeSet::new(),
            terminating: false,
        };
        self.objects.insert(name.into(), object);
    }

    pub(super) fn create_foreign(&mut self, name: &str, manager: &str) {
        self.insert(name, None, Some(manager));
    }

    pub(super) fn create_owned(&mut self, name: &str, deployment: DeploymentUid) {
        self.insert(name, Some((deployment, 1, hash(name.into()), 0)), None);
    }

    pub(super) fn delete(&mut self, name: &str) {
        self.objects.remove(name);
    }

    pub(super) fn edit(&mut self, name: &str, manager: &str) {
        let tampered = self.tick();
        let manager = manager.to_owned();
        self.change(name, |object| {
            object.tampered = tampered;
            object.manager = Some(manager);
        });
    }

    pub(super) fn unlabel(&mut self, name: &str) {
        self.change(name, |object| object.labelled = false);
    }

    pub(super) fn set_order(&mut self, name: &str, order: u64) {
        self.change(name, |object| {
            if let Some(owner) = &mut object.owner {
                owner.1 = order;
            }
        });
    }

    pub(super) fn bump(&mut self, name: &str) {
        self.change(name, |_| {});
    }

    pub(super) fn finalizer(&mut self, name: &str, finalizer: &str) {
        let finalizer = finalizer.to_owned();
        self.change(name, |object| {
            object.finalizers.insert(finalizer);
        });
    }

    pub(super) fn release(&mut self, name: &str) {
        if self.objects[name].terminating {
            self.objects.remove(name);
        } else {
            self.change(name, |object| object.finalizers.clear());
        }
    }

    pub(super) fn seen(&self, name: &str) -> Option<Observation> {
        let object = self.objects.get(name)?;
        let ours = object.owner.filter(|owner| owner.0 == OURS);
        Some(Observation {
            uid: format!("uid-{}", object.uid).into(),
            resource_version: object.version.to_string().into(),
            owner: match object.owner {
                Some((uid, order, content, _)) => Owner::Deployment {
                    uid,
                    order,
                    content,
                },
                None => Owner::Nobody,
            },
            labelled: ours.filter(|_| object.labelled).map(|owner| owner.0),
            fingerprint: ours.map(|owner| {
                hash(format!(
                    "{}/{}/{}/{}/{}",
                    object.uid, owner.1, owner.2, object.tampered, object.labelled
                ))
            }),
            controller: None,
            terminating: object.terminating.then(|| {
                let finalizers: Vec<&str> = object.finalizers.iter().map(String::as_str).collect();
                finalizers.join(", ").into()
            }),
            established: true,
            probed: self.probes.get(name).cloned().unwrap_or(Probed::Passed),
            mapped: Box::default(),
            other_manager: object.manager.as_deref().map(Box::from),
            left_to_others: 0,
        })
    }

    fn guarded(&self, name: &str, guard: &Guard) -> Result<(), Failure> {
        if let Some(failure) = self.refused.get(name) {
            return Err(failure.clone());
        }
        let matches = match (guard, self.seen(name)) {
            (Guard::Create, seen) => seen.is_none(),
            (
                Guard::Change {
                    uid,
                    resource_version,
                    ..
                },
                Some(seen),
            ) => seen.uid == *uid && seen.resource_version == *resource_version,
            (Guard::Change { .. }, None) => false,
        };
        if matches {
            Ok(())
        } else {
            Err(Failure::new(FailureKind::Conflict, "conflict"))
        }
    }

    fn apply(
        &mut self,
        desired: &Desired,
        guard: &Guard,
        order: u64,
    ) -> Result<Observation, Failure> {
        let name = desired.key.name.to_string();
        self.guarded(&name, guard)?;
        let owner = Some((OURS, order, desired.content, desired.phase));
        if *guard == Guard::Create {
            self.insert(&name, owner, None);
        } else {
            self.change(&name, |object| {
                object.owner = owner;
                object.labelled = true;
                object.tampered = 0;
            });
        }
        self.log.push(Write::Applied(name.clone()));
        Ok(self.seen(&name).unwrap())
    }

    fn delete_guarded(&mut self, name: &str, uid: &str, version: &str) -> removal::Answer {
        let guard = Guard::Change {
            uid: uid.into(),
            resource_version: version.into(),
            left_to_others: 0,
        };
        if let Err(failure) = self.guarded(name, &guard) {
            return removal::Answer::Failed(failure);
        }
        self.log.push(Write::Deleted(name.into()));
        if self.objects[name].finalizers.is_empty() {
            self.objects.remove(name);
        } else {
            self.change(name, |object| object.terminating = true);
        }
        removal::Answer::Deleted
    }

    pub(super) fn deleted(&self) -> Vec<&str> {
        self.log
            .iter()
            .filter_map(|write| match write {
                Write::Deleted(name) => Some(name.as_str()),
                Write::Applied(_) => None,
            })
            .collect()
    }
}

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
            set.progress = Progress {
                reached: rollout
                    .phases
                    .iter()
                    .rposition(|phase| {
                        phase.state != stevedore_proto_core::status::PhaseState::Pending
                    })
                    .unwrap_or_default(),
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
                Outcome::Opened(self.no_account.clone().map_or(Ok(()), |reason| {
                    Err(Block {
                        reason,
                        message: "no account".into(),
                        preflight: false,
                    })
                }))
            }
            Action::Prepare(set) => {
                let objects = self.contents[&**set].clone();
                let phases = objects
                    .iter()
                    .map(|object| object.phase + 1)
                    .max()
                    .unwrap_or(0);
                Outcome::Prepared(Ok(Blueprint {
                    phases: (0..phases).map(|phase| format!("phase-{phase}")).collect(),
                    objects,
                    success_delay: self.success_delay,
                    ..Blueprint::default()
                }))
            }
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
            rollout::Job::List(_) => {
                let names = self.world.names();
                let listed = names.iter().filter(|name| self.world.labelled(name));
                rollout::Answer::Listed(
                    listed
                        .filter_map(|name| Some((key(name), self.world.seen(name)?)))
                        .collect(),
                )
            }
            rollout::Job::Read(at) => rollout::Answer::Read(self.world.seen(&desired(at).key.name)),
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
        match job {
            removal::Job::Read(at) => match self.world.unreadable.get(&name(at)) {
                Some(failure) => removal::Answer::Failed(failure.clone()),
                None => removal::Answer::Read(self.world.seen(&name(at))),
            },
            removal::Job::Delete {
                at,
                uid,
                resource_version,
            } => {
                let name = name(at);
                self.world.delete_guarded(&name, uid, resource_version)
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
