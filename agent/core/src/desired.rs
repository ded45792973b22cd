//! Desired objects: those of a content one by one, checked, and the bodies that are applied.

mod body;
mod field;
mod known_kinds;
mod phases;
mod secret;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use stevedore_proto_core::canonical_json;
use stevedore_proto_core::content::{
    CollisionProtection, ConditionMapping, Content, PhaseObject, bounds,
};
use stevedore_proto_core::digest::Hasher;
use stevedore_proto_core::{DeploymentUid, label};

use crate::drift::FieldPath;
use crate::key::{Identity, Kind, ObjectKey};
use crate::mark::ShortHash;
use crate::probe::Probes;

use field::{entry, entry_of};

pub use body::Guard;
pub use known_kinds::{KnownKinds, Otherwise};
pub use phases::{Delegated, PhaseHead, PhaseSet, waits_for};

/// For whom a content is prepared.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The deployment that will own the objects.
    pub deployment: DeploymentUid,
    /// Number of the set: what the marks will say.
    pub order: u64,
    /// Confines every object to one namespace.
    pub confined_to: Option<String>,
    /// Key of the digests over Secrets.
    pub digest_key: [u8; 32],
    /// Owner reference that objects get, for sets that are used directly.
    pub owner: Option<Value>,
}

/// Which of the two steps of its phase an object belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhasePart {
    /// Namespaces and definitions.
    Prerequisites,
    /// Everything else.
    Rest,
}

/// One desired object, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Which object.
    pub key: ObjectKey,
    /// Index of its phase.
    pub phase: u16,
    /// Index within the phase.
    pub index: u16,
    /// Which part of the phase it is in.
    pub part: PhasePart,
    /// Hash of what is wanted.
    pub content: ShortHash,
    /// How an existing object is treated.
    pub policy: CollisionProtection,
    /// Fields left to others.
    pub ignore: Box<[FieldPath]>,
    /// Conditions to copy.
    pub mappings: Box<[ConditionMapping]>,
    /// Its kind is defined by a definition of the same set.
    pub defined_here: bool,
    /// Its kind was not known to be served when the content was checked: an earlier phase may bring it, or what serves
    /// it is away.
    pub unserved: bool,
    /// As what it is applied if a kind that was not served turns out to be cluster-scoped.
    pub otherwise: Option<Box<Otherwise>>,
}

/// What a content wants, without the content.
#[derive(Debug, Clone, Default)]
pub struct Blueprint {
    /// The phases, in order.
    pub phases: Vec<PhaseHead>,
    /// Objects, ordered by phase, part and place; those of phases that somebody else would have to run are not the
    /// agent's.
    pub objects: Vec<Desired>,
    /// Compiled probes.
    pub probes: Arc<Probes>,
    /// Seconds of availability before the set has succeeded.
    pub success_delay: u32,
}

/// Every kind that a content names and does not define itself: what discovery has to be asked for.
pub fn kinds(content: &Content) -> BTreeSet<Kind> {
    let defined = definitions(content);
    objects(content)
        .filter_map(|(_, _, entry)| Kind::of(&entry.object))
        .filter(|kind| !defined.contains_key(kind))
        .collect()
}

/// The objects that the agent is to bring in place, with the positions of phase and object.
fn objects(content: &Content) -> impl Iterator<Item = (usize, usize, &PhaseObject)> {
    let phases = content.phases.iter().enumerate();
    let own = phases.filter(|(_, phase)| phase.delegated_to().is_none());
    own.flat_map(|(at, phase)| {
        phase
            .objects
            .iter()
            .enumerate()
            .map(move |(nth, object)| (at, nth, object))
    })
}

/// Kinds that definitions of this content bring, and whether they are namespaced.
fn definitions(content: &Content) -> BTreeMap<Kind, bool> {
    let mut defined = BTreeMap::new();
    for (_, _, entry) in objects(content) {
        let object = &entry.object;
        if !Kind::of(object).is_some_and(|kind| kind.is_definition()) {
            continue;
        }
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) else {
            continue;
        };
        let namespaced = text("/spec/scope") == Some("Namespaced");
        let versions = object.pointer("/spec/versions").and_then(Value::as_array);
        for version in versions.into_iter().flatten() {
            if let Some(version) = version.get("name").and_then(Value::as_str) {
                defined.insert(Kind::new(group, version, kind), namespaced);
            }
        }
    }
    defined
}

impl Blueprint {
    /// Reads a content and checks it as a whole, before anything is written. `known` tells of [`kinds`]; one that is
    /// not served stops its own objects, once their phase is reached, and no others.
    ///
    /// # Errors
    /// Everything that is wrong with it, each naming its object.
    pub fn of(
        content: &Content,
        setting: &Setting,
        known: &KnownKinds,
    ) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let mut built = Self {
            phases: content.phases.iter().map(PhaseHead::of).collect(),
            success_delay: content.success_delay_seconds.unwrap_or_default(),
            ..Self::default()
        };
        limits(content, &mut wrong);
        match Probes::compile(content) {
            Ok(probes) => built.probes = Arc::new(probes),
            Err(refused) => wrong.extend(refused),
        }
        let defined = definitions(content);
        let mut taken: BTreeSet<Identity> = BTreeSet::new();
        for (at, nth, entry) in objects(content) {
            let scope = |kind: &Kind| {
                let here = defined.get(kind).copied();
                here.or_else(|| known.namespaced(kind))
            };
            match desired_object(entry, at, nth, setting, &scope) {
                Ok(mut desired) => {
                    let kind = &desired.key.kind;
                    desired.defined_here = defined.contains_key(kind);
                    desired.unserved = !(desired.defined_here || known.is_served(kind));
                    if !taken.insert(desired.key.identity()) {
                        wrong.push(format!("{} is in the set more than once", desired.key));
                    }
                    built.objects.push(desired);
                }
                Err(why) => wrong.push(why),
            }
        }
        built
            .objects
            .sort_by_key(|object| (object.phase, object.part, object.index));
        if wrong.is_empty() {
            Ok(built)
        } else {
            wrong.dedup();
            Err(wrong)
        }
    }
}

fn limits(content: &Content, wrong: &mut Vec<String>) {
    let count = objects(content).count();
    for (count, what, limit) in [
        (count, "objects", bounds::OBJECTS),
        (content.phases.len(), "phases", bounds::PHASES),
    ] {
        if count > limit {
            wrong.push(format!("the set has {count} {what}, the limit is {limit}"));
        }
    }
    let mut names = BTreeSet::new();
    for phase in &content.phases {
        if !names.insert(&phase.name) {
            wrong.push(format!(
                "phase {:?} is in the set more than once",
                phase.name
            ));
        }
    }
}

/// Metadata that only an API server may set, or that would fight with ours.
const REFUSED_METADATA: [&str; 6] = [
    "ownerReferences",
    "uid",
    "resourceVersion",
    "generation",
    "generateName",
    "deletionTimestamp",
];

fn desired_object(
    entry: &PhaseObject,
    phase: usize,
    index: usize,
    setting: &Setting,
    scope: &dyn Fn(&Kind) -> Option<bool>,
) -> Result<Desired, String> {
    let object = &entry.object;
    let place = || format!("object {index} of phase {phase}");
    let key = ObjectKey::of(object)
        .ok_or_else(|| format!("{}: apiVersion, kind and metadata.name are needed", place()))?;
    for field in REFUSED_METADATA {
        let value = &object["metadata"][field];
        if !(value.is_null() || value.as_array().is_some_and(Vec::is_empty)) {
            return Err(format!("{key}: metadata.{field} must not be in a package"));
        }
    }
    let namespaced = scope(&key.kind);
    let (key, otherwise) = known_kinds::keys(key, namespaced, setting.confined_to.as_deref())?;
    let mut ignore = FieldPath::of_object(object)
        .map_err(|entry| format!("{key}: {:?} is not a field path", entry))?;
    if key.kind.is_secret() {
        secret::check(object).map_err(|what| format!("{key}: {what}"))?;
        let moved = ignore
            .into_iter()
            .map(|path| path.moved("stringData", "data"));
        ignore = moved.collect();
    }
    let ground = key.kind.is_namespace() || key.kind.is_definition();
    let content = |key: &ObjectKey| content_hash(&normal(object, key, setting), key, setting);
    Ok(Desired {
        content: content(&key),
        phase: u16::try_from(phase).unwrap_or(u16::MAX),
        index: u16::try_from(index).unwrap_or(u16::MAX),
        part: if ground {
            PhasePart::Prerequisites
        } else {
            PhasePart::Rest
        },
        policy: entry.collision_protection.unwrap_or_default(),
        ignore,
        mappings: entry.condition_mappings.clone().into(),
        defined_here: false,
        unserved: false,
        otherwise: otherwise.map(|key| {
            Box::new(Otherwise {
                content: content(&key),
                key,
            })
        }),
        key,
    })
}

fn content_hash(object: &Value, key: &ObjectKey, setting: &Setting) -> ShortHash {
    let mut hasher = Hasher::new("stevedore.object.v1");
    if key.kind.is_secret() {
        hasher = hasher.field(&setting.digest_key);
    }
    ShortHash::of(&hasher.field(&canonical_json(object)).finish())
}

/// The object as it is applied, but for the mark and what guards the write.
fn normal(object: &Value, key: &ObjectKey, setting: &Setting) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if key.kind.is_secret() {
        secret::fold(&mut object);
    }
    let metadata = entry(&mut object, "metadata");
    for field in REFUSED_METADATA {
        metadata.remove(field);
    }
    for field in [
        "creationTimestamp",
        "managedFields",
        "selfLink",
        "namespace",
    ] {
        metadata.remove(field);
    }
    let is_empty = |list: &Value| list.is_null() || list.as_array().is_some_and(Vec::is_empty);
    if metadata.get("finalizers").is_some_and(is_empty) {
        metadata.remove("finalizers");
    }
    if let Some(namespace) = &key.namespace {
        metadata.insert("namespace".into(), json!(&**namespace));
    }
    if let Some(owner) = &setting.owner {
        metadata.insert("ownerReferences".into(), json!([owner]));
    }
    entry_of(metadata, "labels").insert(
        label::DEPLOYMENT.into(),
        json!(setting.deployment.to_string()),
    );
    object
}

/// The keys of a content and their phases, without checking anything: the inventory of a set whose kinds may
/// no longer be served. Kinds that are not `known` keep the namespace they were written with.
pub fn inventory(
    content: &Content,
    setting: &Setting,
    known: &KnownKinds,
) -> Vec<(ObjectKey, u16)> {
    let defined = definitions(content);
    objects(content)
        .filter_map(|(phase, _, entry)| {
            let mut key = ObjectKey::of(&entry.object)?;
            match defined
                .get(&key.kind)
                .copied()
                .or_else(|| known.namespaced(&key.kind))
            {
                Some(false) => key.namespace = None,
                Some(true) | None if key.namespace.is_none() => {
                    key.namespace = setting.confined_to.as_deref().map(Arc::from);
                }
                _ => {}
            }
            Some((key, u16::try_from(phase).unwrap_or(u16::MAX)))
        })
        .collect()
}

#[cfg(test)]
mod tests;
