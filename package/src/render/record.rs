//! The record of a rendering: where each object comes from, what was left out, and why. It is made only for who asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stevedore_cel::Program;
use stevedore_proto_core::content::ProbeEntry;

use super::context::Context;
use super::filter::Filtered;
use crate::files::{template_path, whole_path};
use crate::limit;
use crate::manifest::{ConditionalPath, ManifestPhase};
use crate::object::Ready;
use crate::object_name::ObjectName;
use crate::package::Package;

/// Where the objects of one rendering come from, and what was left out.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// First what was asked for, then the components that it installs, in the order in which it asks for them.
    pub parts: Vec<Part>,
}

/// What was rendered of one manifest.
#[derive(Debug, Clone)]
pub struct Part {
    /// Name of the component; none for the root.
    pub component: Option<String>,
    /// Name of the package that it is installed as.
    pub name: String,
    /// The namespace that it is confined to; none for a package of the whole cluster.
    pub namespace: Option<String>,
    /// The manifest's named conditions.
    pub conditions: Vec<Condition>,
    /// The manifest's phases in order, also those that are dropped because nothing is in them.
    pub phases: Vec<ManifestPhase>,
    /// The manifest's probes, for the objects of this part alone.
    pub probes: Vec<ProbeEntry>,
    /// Its objects, applied or not, in the order of files and documents.
    pub entries: Vec<Entry>,
    /// How many more were left out than [`limit::LEFT_OUT`].
    pub more: usize,
    left_out: usize,
    /// Files of objects in which there is none.
    pub without_objects: Vec<String>,
}

/// A named condition of the manifest.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What other expressions know as `cond.NAME`.
    pub name: String,
    /// What it says.
    pub expression: Expression,
    /// Whether it holds.
    pub holds: bool,
}

/// An object, and what became of it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The object.
    pub name: ObjectName,
    /// The phase of the part's manifest that it is in.
    pub phase: String,
    /// The file, as seen from the folder of the whole package.
    pub file: String,
    /// Number of the document in the file, from 0.
    pub index: usize,
    /// Its own condition.
    pub condition: Option<Expression>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is applied.
    Applied,
    /// It asks for a component, whose phases are in its place: the number of a [`Record::parts`].
    Installs(usize),
    /// It is left out, since its own condition does not hold.
    ConditionFalse,
    /// It is left out, since the manifest makes its file depend on what does not hold. Its own condition was not
    /// evaluated. The first of `spec.filter.paths` of which this is so.
    PathFalse {
        /// What matches the file.
        glob: String,
        /// What does not hold.
        expression: Expression,
    },
}

/// An expression of a package, shared with what was compiled of it.
#[derive(Clone)]
pub struct Expression(Arc<Program>);

impl Expression {
    /// As the package has it.
    pub fn text(&self) -> &str {
        self.0.source()
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Expression {}

impl Record {
    /// Where each object that is applied comes from.
    pub fn applied(&self) -> BTreeMap<&ObjectName, (&Part, &Entry)> {
        let parts = self.parts.iter();
        let entries = parts.flat_map(|part| part.entries.iter().map(move |entry| (part, entry)));
        let applied = entries.filter(|(_, entry)| entry.fate == Fate::Applied);
        applied
            .map(|(part, entry)| (&entry.name, (part, entry)))
            .collect()
    }
}

impl Part {
    /// A part of which no object was read yet.
    pub(super) fn new(package: &Package, context: &Context, filtered: &Filtered<'_>) -> Self {
        let manifest = package.manifest();
        let conditions = filtered.named.iter();
        let conditions = conditions.map(|(condition, holds)| Condition {
            name: condition.name.clone(),
            expression: Expression(Arc::clone(&condition.program)),
            holds: *holds,
        });
        Self {
            component: context.component.clone(),
            name: context.name.clone(),
            namespace: context.namespace.clone(),
            conditions: conditions.collect(),
            phases: manifest.phases.clone(),
            probes: manifest.availability_probes.clone(),
            entries: Vec::new(),
            more: 0,
            left_out: 0,
            without_objects: Vec::new(),
        }
    }

    /// Adds an object; its file is called by the path that it is stored under.
    pub(super) fn add(&mut self, ready: &Ready, (path, index): (&str, usize), fate: Fate) {
        if fate.is_left_out() {
            if self.left_out == limit::LEFT_OUT {
                self.more += 1;
                return;
            }
            self.left_out += 1;
        }
        let condition = ready.condition.as_ref();
        let condition = condition.map(|it| Expression(Arc::clone(&it.program)));
        self.entries.push(Entry {
            name: ObjectName::from(&ready.key),
            phase: ready.phase.clone(),
            file: path.to_owned(),
            index,
            condition,
            fate,
        });
    }

    /// Calls the files as their author does: templates by their own names, and those of a component by the paths that
    /// they have in the whole package.
    pub(super) fn name_files(&mut self, is_written: impl Fn(&str) -> bool) {
        let files = self.entries.iter_mut().map(|entry| &mut entry.file);
        for file in files.chain(&mut self.without_objects) {
            if is_written(file) {
                *file = template_path(file);
            }
            *file = whole_path(self.component.as_deref(), file);
        }
    }
}

impl Fate {
    /// Whether the object is not part of what is applied.
    pub fn is_left_out(&self) -> bool {
        matches!(self, Self::ConditionFalse | Self::PathFalse { .. })
    }

    pub(super) fn path_false(path: &ConditionalPath) -> Self {
        Self::PathFalse {
            glob: path.glob.clone(),
            expression: Expression(Arc::clone(&path.program)),
        }
    }
}
