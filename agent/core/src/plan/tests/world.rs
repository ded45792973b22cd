//! A model of a cluster: objects by name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stevedore_proto_core::{DeploymentUid, Digest};

use crate::desired::{Desired, Guard, PhasePart};
use crate::failure::{Failure, FailureKind};
use crate::key::{Kind, ObjectKey};
use crate::mark::ShortHash;
use crate::observation::{Observation, Owner};
use crate::probe::Probed;
use crate::propagation::Propagation;
use crate::removal;

pub(super) const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);

/// The kind of what is called `thing-…`.
pub(super) fn thing() -> Kind {
    Kind::new("example.org", "v1", "Thing")
}

/// The namespace of what is called `brief-…`.
pub(super) const BRIEF: &str = "brief";

pub(super) fn key(name: &str) -> ObjectKey {
    let kind = if name.starts_with("thing-") {
        thing()
    } else {
        Kind::new("", "v1", "ConfigMap")
    };
    let namespace = if name.starts_with("brief-") {
        BRIEF
    } else {
        "ns"
    };
    ObjectKey::new(kind, Some(namespace), name)
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
            unserved: false,
            otherwise: None,
        })
        .collect()
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) uid: u64,
    pub(super) version: u64,
    pub(super) owner: Option<(DeploymentUid, u64, ShortHash, u16)>,
    pub(super) labelled: bool,
    pub(super) tampered: u64,
    pub(super) manager: Option<String>,
    pub(super) finalizers: BTreeSet<String>,
    pub(super) terminating: bool,
}

impl Object {
    fn propagation(&self) -> Propagation {
        Propagation::of(&json!({"metadata": {"finalizers": self.finalizers}}))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Write {
    Applied(String),
    Deleted(String),
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) probes: BTreeMap<String, Probed>,
    pub(super) refused: BTreeMap<String, Failure>,
    pub(super) unreadable: BTreeMap<String, Failure>,
    pub(super) next: u64,
    pub(super) requests: usize,
    pub(super) log: Vec<Write>,
    pub(super) namespace_terminating: bool,
    /// What requests about things are answered; absent while they are served.
    pub(super) things: Option<FailureKind>,
    /// What creates in the namespace `brief` are answered; absent while it takes new objects.
    pub(super) brief: Option<FailureKind>,
    /// Deletes of these are refused as outdated, whatever they name.
    pub(super) outdated: BTreeSet<String>,
    /// Why nothing can be listed.
    pub(super) unlistable: Option<FailureKind>,
}

impl World {
    pub(super) fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut Object)) {
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

    pub(super) fn insert(
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
            propagation: object.propagation(),
            established: true,
            probed: self.probes.get(name).cloned().unwrap_or(Probed::Passed),
            mapped: Box::default(),
            other_manager: object.manager.as_deref().map(Box::from),
            left_to_others: 0,
            string_data: Box::default(),
        })
    }

    /// Whether requests about objects of a kind get as far as the objects.
    pub(super) fn reachable(&self, kind: &Kind) -> Result<(), Failure> {
        match self.things {
            Some(failure) if *kind == thing() => Err(Failure::new(failure, "no such kind")),
            _ => Ok(()),
        }
    }

    pub(super) fn guarded(&self, name: &str, guard: &Guard) -> Result<(), Failure> {
        if let Some(failure) = self.refused.get(name) {
            return Err(failure.clone());
        }
        self.reachable(&key(name).kind)?;
        if let (Some(kind), Guard::Create) = (self.brief, guard)
            && key(name).namespace.as_deref() == Some(BRIEF)
        {
            return Err(Failure::new(kind, "no such namespace"));
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

    pub(super) fn apply(
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

    pub(super) fn delete_guarded(
        &mut self,
        name: &str,
        uid: &str,
        version: &str,
        propagation: Propagation,
    ) -> removal::Answer {
        let guard = Guard::Change {
            uid: uid.into(),
            resource_version: version.into(),
            left_to_others: 0,
            string_data: Box::default(),
        };
        if let Err(failure) = self.guarded(name, &guard) {
            return removal::Answer::Failed(failure);
        }
        // As API servers do: the finalizer of another propagation is taken off, and then the version is another.
        if propagation != self.objects[name].propagation() || self.outdated.contains(name) {
            let outdated = Failure::new(FailureKind::Conflict, "precondition failed");
            return removal::Answer::Failed(outdated);
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
