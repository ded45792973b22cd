//! The difference between two packages: which objects come, go, move and change, and in which fields; and what changes
//! in their manifests.
//!
//! Objects that change in the same way are one group. Of a Secret it is told that a key changes, never how.

mod fields;
mod manifests;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use stevedore_proto_core::content::{Content, PhaseObject};

pub use crate::object_name::ObjectName;
pub use fields::FieldChange;
use fields::compare;
pub use manifests::{FileChange, ManifestDifference, manifests};

/// The most fields that are told of one group of objects; the rest is counted.
const FIELDS: usize = 100;
/// What is shown instead of a secret value.
const HIDDEN: &str = "(hidden)";
/// What a Secret's fields begin with that are told. Annotations are not among them: kubectl keeps whole objects there.
const TOLD_OF_SECRETS: [&str; 7] = [
    "apiVersion",
    "collisionProtection",
    "conditionMappings",
    "immutable",
    "metadata.finalizers",
    "metadata.labels",
    "type",
];

/// What was before, and what is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replaced<T> {
    /// Before.
    pub before: T,
    /// Now.
    pub after: T,
}

/// What becomes of some objects.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    /// They are new.
    #[serde(rename_all = "camelCase")]
    Added {
        /// The phase they are in.
        phase: String,
    },
    /// They go.
    #[serde(rename_all = "camelCase")]
    Removed {
        /// The phase they were in.
        phase: String,
    },
    /// They stay and change.
    #[serde(rename_all = "camelCase")]
    Changed {
        /// The phases, where they differ.
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<Replaced<String>>,
        /// Fields that differ, by name.
        fields: Vec<FieldChange>,
        /// How many more fields differ.
        #[serde(skip_serializing_if = "is_zero")]
        more: usize,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Objects that change in the same way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// In the order of their names.
    pub objects: Vec<ObjectName>,
    /// What becomes of each.
    #[serde(flatten)]
    pub change: Change,
}

/// A phase, and who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseTitle {
    /// Its name.
    pub name: String,
    /// Its class, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// The difference of two contents.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Groups of objects: what is added, what goes, what changes.
    pub objects: Vec<Group>,
    /// The phases, where these or their order differ. Those in which nothing is do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Replaced<Vec<PhaseTitle>>>,
    /// Whether objects are probed otherwise.
    pub probes: bool,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What leads from one content to another.
pub fn difference(before: &Content, after: &Content) -> Difference {
    let (old, new) = (objects(before), objects(after));
    let mut groups: Vec<Group> = Vec::new();
    let mut add = |object: &ObjectName, change: Change| match groups
        .iter_mut()
        .find(|group| group.change == change)
    {
        Some(group) => group.objects.push(object.clone()),
        None => groups.push(Group {
            objects: vec![object.clone()],
            change,
        }),
    };
    for (name, (phase, _)) in new.iter().filter(|(name, _)| !old.contains_key(name)) {
        let phase = (*phase).to_owned();
        add(name, Change::Added { phase });
    }
    for (name, (phase, _)) in old.iter().filter(|(name, _)| !new.contains_key(name)) {
        let phase = (*phase).to_owned();
        add(name, Change::Removed { phase });
    }
    for (name, after) in &new {
        let Some(before) = old.get(name) else {
            continue;
        };
        if let Some(change) = changed(name, *before, *after) {
            add(name, change);
        }
    }
    // Not before: objects that differ in what is not told do not change in the same way.
    groups.iter_mut().for_each(|group| group.change.shorten());
    let (before_phases, after_phases) = (phases(before), phases(after));
    Difference {
        objects: groups,
        phases: (before_phases != after_phases).then_some(Replaced {
            before: before_phases,
            after: after_phases,
        }),
        probes: before.availability_probes != after.availability_probes,
    }
}

fn phases(content: &Content) -> Vec<PhaseTitle> {
    let phases = content.phases.iter();
    let title = phases.map(|phase| PhaseTitle {
        name: phase.name.clone(),
        class: phase.delegated_to().map(str::to_owned),
    });
    title.collect()
}

type InPhase<'c> = (&'c str, &'c PhaseObject);

fn objects(content: &Content) -> BTreeMap<ObjectName, InPhase<'_>> {
    let phases = content.phases.iter();
    phases
        .flat_map(|phase| {
            let objects = phase.objects.iter();
            objects.map(|object| {
                let name = ObjectName::of(&object.object);
                (name, (phase.name.as_str(), object))
            })
        })
        .collect()
}

fn changed(name: &ObjectName, before: InPhase<'_>, after: InPhase<'_>) -> Option<Change> {
    let (before_phase, before) = before;
    let (after_phase, after) = after;
    let phase = (before_phase != after_phase).then(|| Replaced {
        before: before_phase.to_owned(),
        after: after_phase.to_owned(),
    });
    let mut fields = Vec::new();
    compare("", Some(&before.object), Some(&after.object), &mut fields);
    let (one, other) = (settings(before), settings(after));
    compare("", Some(&one), Some(&other), &mut fields);
    if name.is_secret() {
        fields.iter_mut().for_each(hide);
    }
    let is_changed = phase.is_some() || !fields.is_empty();
    is_changed.then_some(Change::Changed {
        phase,
        fields,
        more: 0,
    })
}

/// What a package says of an object besides the object, by the names of its annotations' fields.
fn settings(object: &PhaseObject) -> Value {
    let bare = PhaseObject {
        object: Value::Null,
        ..object.clone()
    };
    serde_json::to_value(bare).expect("settings are text and lists of texts")
}

fn hide(change: &mut FieldChange) {
    let is_told = TOLD_OF_SECRETS.iter().any(|told| {
        let rest = change.field.strip_prefix(told);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    if is_told {
        return;
    }
    for value in [&mut change.before, &mut change.after]
        .into_iter()
        .flatten()
    {
        *value = HIDDEN.into();
    }
}

impl Change {
    fn shorten(&mut self) {
        if let Self::Changed { fields, more, .. } = self {
            *more = fields.len().saturating_sub(FIELDS);
            fields.truncate(FIELDS);
        }
    }
}

#[cfg(test)]
mod tests;
