//! The tree of a package: phases, their objects, what is left out and why, and the components that it installs.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use serde::Serialize;
use serde_json::Value;
use stevedore_package::object_name::ObjectName;
use stevedore_package::render::{Entry, Fate, Part, Record, Rendered};
use stevedore_proto_core::content::{Probe, ProbeEntry, ProbeSelector};

/// What was rendered of one manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tree<'r> {
    /// Name of the component; absent for the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<&'r str>,
    /// Name of the package that it is installed as.
    pub(super) name: &'r str,
    /// The namespace that it is confined to; absent for a package of the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<&'r str>,
    pub(super) phases: Vec<TreePhase<'r>>,
    /// The manifest's named conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<TreeCondition<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) probes: Vec<TreeProbe<'r>>,
    /// Files in which there is no object.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) without_objects: &'r [String],
    /// How many more objects are left out than are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) more_left_out: Option<NonZeroUsize>,
}

/// A phase of the manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TreePhase<'r> {
    pub(super) name: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) class: Option<&'r str>,
    /// Nothing of it is applied.
    pub(super) dropped: bool,
    pub(super) objects: Vec<Node<'r>>,
}

/// An object, applied or not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node<'r> {
    #[serde(flatten)]
    pub(super) name: &'r ObjectName,
    /// In the folder of the whole package.
    pub(super) file: &'r str,
    /// Number of the document in the file, from 0.
    pub(super) index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<LeftOut<'r>>,
    /// The component that is there in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) installs: Option<Tree<'r>>,
}

/// Why an object is left out.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason")]
pub(super) enum LeftOut<'r> {
    /// Its own condition is false.
    ConditionFalse,
    /// The manifest makes its file depend on what is false.
    PathFalse { glob: &'r str, expression: &'r str },
}

/// A named condition.
#[derive(Debug, Serialize)]
pub(super) struct TreeCondition<'r> {
    pub(super) name: &'r str,
    pub(super) expression: &'r str,
    pub(super) holds: bool,
}

/// An entry of the manifest's probes.
#[derive(Debug, Serialize)]
pub(super) struct TreeProbe<'r> {
    pub(super) selector: &'r ProbeSelector,
    pub(super) probes: &'r [Probe],
    /// How many of the objects of this part it is for.
    pub(super) objects: usize,
}

/// How many objects there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) applied: usize,
    pub(super) left_out: usize,
}

/// Builds the tree of a rendering.
pub(super) fn tree<'r>(rendered: &'r Rendered, record: &'r Record) -> Option<Tree<'r>> {
    let phases = rendered.content.phases.iter();
    let objects = phases.flat_map(|phase| &phase.objects);
    let objects = objects
        .map(|it| (ObjectName::of(&it.object), &it.object))
        .collect();
    let builder = Builder {
        parts: &record.parts,
        objects,
    };
    builder.part(record.parts.first()?)
}

struct Builder<'r> {
    parts: &'r [Part],
    objects: BTreeMap<ObjectName, &'r Value>,
}

impl<'r> Builder<'r> {
    fn part(&self, part: &'r Part) -> Option<Tree<'r>> {
        let phases = part.phases.iter().map(|phase| {
            let entries = part.entries.iter().filter(|it| it.phase == phase.name);
            let objects: Vec<Node<'r>> = entries.map(|entry| self.node(entry)).collect();
            TreePhase {
                name: &phase.name,
                class: phase.class.as_deref(),
                dropped: objects.iter().all(|node| node.left_out.is_some()),
                objects,
            }
        });
        let conditions = part.conditions.iter().map(|it| TreeCondition {
            name: &it.name,
            expression: it.expression.text(),
            holds: it.holds,
        });
        Some(Tree {
            component: part.component.as_deref(),
            name: &part.name,
            namespace: part.namespace.as_deref(),
            phases: phases.collect(),
            conditions: conditions.collect(),
            probes: part.probes.iter().map(|it| self.probe(part, it)).collect(),
            without_objects: &part.without_objects,
            more_left_out: NonZeroUsize::new(part.more),
        })
    }

    fn node(&self, entry: &'r Entry) -> Node<'r> {
        let (left_out, installs) = match &entry.fate {
            Fate::Applied => (None, None),
            // Components install none themselves: this ends.
            Fate::Installs(part) => (None, self.parts.get(*part).and_then(|it| self.part(it))),
            Fate::ConditionFalse => (Some(LeftOut::ConditionFalse), None),
            Fate::PathFalse { glob, expression } => {
                let expression = expression.text();
                (Some(LeftOut::PathFalse { glob, expression }), None)
            }
        };
        Node {
            name: &entry.name,
            file: &entry.file,
            index: entry.index,
            condition: entry.condition.as_ref().map(|it| it.text()),
            left_out,
            installs,
        }
    }

    fn probe(&self, part: &'r Part, entry: &'r ProbeEntry) -> TreeProbe<'r> {
        let names = part.entries.iter().map(|it| &it.name);
        let names: BTreeSet<&ObjectName> = names.collect();
        let objects = names.into_iter().filter(|name| {
            let object = self.objects.get(name);
            object.is_some_and(|it| entry.selector.selects(&name.group, &name.kind, it))
        });
        TreeProbe {
            objects: objects.count(),
            selector: &entry.selector,
            probes: &entry.probes,
        }
    }
}

impl Tree<'_> {
    /// The objects of this part and of the components in it.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts {
            applied: 0,
            left_out: self.more_left_out.map_or(0, NonZeroUsize::get),
        };
        for node in self.phases.iter().flat_map(|phase| &phase.objects) {
            match (&node.left_out, &node.installs) {
                (Some(_), _) => counts.left_out += 1,
                (None, None) => counts.applied += 1,
                (None, Some(tree)) => {
                    let inner = tree.counts();
                    counts.applied += inner.applied;
                    counts.left_out += inner.left_out;
                }
            }
        }
        counts
    }

    /// Names of the objects that are applied, in the order of the phases.
    pub(super) fn names(&self) -> Vec<String> {
        let nodes = self.phases.iter().flat_map(|phase| {
            // Those of components come after all others of the phase.
            let (components, own): (Vec<_>, Vec<_>) = phase
                .objects
                .iter()
                .partition(|node| node.installs.is_some());
            own.into_iter().chain(components)
        });
        let names = nodes
            .filter(|node| node.left_out.is_none())
            .flat_map(|node| match &node.installs {
                Some(tree) => tree.names(),
                None => vec![node.name.resource()],
            });
        names.collect()
    }
}
