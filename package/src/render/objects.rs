//! The objects of one rendering, read one after the other, until there are too many or the budget is used up.

use std::collections::HashMap;

use stevedore_proto_core::limit::CONTENT;
use stevedore_template::budget::Budget;
use stevedore_template::yaml::{Document, Documents};

use super::child;
use super::context::Context;
use super::filter::Filtered;
use super::reads::Reads;
use super::record::{Fate, Part};
use crate::field::Field;
use crate::files::whole_path;
use crate::limit;
use crate::manifest::ConditionalPath;
use crate::object::{self, Fault, Key, Ready, Rules};
use crate::package::Package;
use crate::violation::{Invalid, Reason, Violation};
use crate::warning::Warnings;

/// Reading ends here; a violation says why.
pub(super) struct Stop;

/// A file and the number of a document in it.
pub(super) type Place = (String, usize);

/// What all parts of one rendering count together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    objects: usize,
    /// Bytes of the objects, as content.
    bytes: usize,
    seen: HashMap<Key, Place>,
}

/// What the files of a package hold.
pub(super) struct Found {
    pub(super) objects: Vec<Ready>,
    /// Packages that are asked for, and where.
    pub(super) children: Vec<(Ready, Place)>,
}

/// Objects whose condition holds, in order, and what is wrong with the others.
pub(super) struct Objects<'r> {
    rules: Rules<'r>,
    budget: &'r mut Budget,
    reads: &'r mut Reads,
    filtered: &'r Filtered<'r>,
    /// The component whose files these are.
    component: Option<&'r str>,
    tally: &'r mut Tally,
    /// Where it is told what becomes of each, if anybody asks.
    record: Option<&'r mut Part>,
    found: Found,
    violations: Vec<Violation>,
}

impl<'r> Objects<'r> {
    pub(super) fn new(
        package: &'r Package,
        context: &'r Context,
        filtered: &'r Filtered<'r>,
        budget: &'r mut Budget,
        reads: &'r mut Reads,
        tally: &'r mut Tally,
        record: Option<&'r mut Part>,
    ) -> Self {
        let manifest = package.manifest();
        let rules = Rules {
            package: &manifest.name,
            instance: &context.name,
            namespace: context.namespace.as_deref(),
            phases: Some(&manifest.phases),
        };
        Self {
            rules,
            budget,
            reads,
            filtered,
            component: context.component(),
            tally,
            record,
            found: Found {
                objects: Vec::new(),
                children: Vec::new(),
            },
            violations: Vec::new(),
        }
    }

    /// Takes the documents of a file that the package holds parsed: each is paid for like one that is read.
    pub(super) fn parsed(&mut self, path: &str, documents: &[Document]) -> Result<(), Stop> {
        let left_out = self.leaves_out(path)?;
        if documents.is_empty() {
            self.record_none(path);
        }
        for document in documents {
            if let Err(exhausted) = self.budget.charge(document.steps) {
                return self.stop(Violation::costly(exhausted).in_file(path));
            }
            self.document(path, document.clone(), left_out)?;
        }
        Ok(())
    }

    /// Reads what a template wrote.
    pub(super) fn written(
        &mut self,
        path: &str,
        text: &str,
        warnings: &mut Warnings,
    ) -> Result<(), Stop> {
        let left_out = self.leaves_out(path)?;
        let mut documents = Documents::new(path, text.as_bytes());
        let mut is_empty = true;
        loop {
            match documents.next_within(self.budget) {
                Ok(Some(mut document)) => {
                    is_empty = false;
                    warnings.add_found(path, &mut document);
                    self.document(path, document, left_out)?;
                }
                Ok(None) => {
                    if is_empty {
                        self.record_none(path);
                    }
                    return Ok(());
                }
                // Other documents of the file may be right.
                Err(why) => {
                    is_empty = false;
                    self.violations.push(Violation::unreadable(path, why));
                    self.stop_if_exhausted()?;
                }
            }
        }
    }

    /// What of the manifest leaves the objects of a file out. They are checked like others: they must be right
    /// wherever they are not left out.
    fn leaves_out(&mut self, path: &str) -> Result<Option<&'r ConditionalPath>, Stop> {
        let left_out = self.filtered.leaves_out(path, self.budget);
        left_out.map_err(|why| {
            self.violations.push(why);
            Stop
        })
    }

    fn document(
        &mut self,
        path: &str,
        document: Document,
        left_out: Option<&ConditionalPath>,
    ) -> Result<(), Stop> {
        let index = document.index;
        let conditions = &self.filtered.conditions;
        let mut compile = |text: &str| conditions.compile(text, self.budget);
        let ready = match object::prepare(document.value, &self.rules, &mut compile) {
            Ok(ready) => ready,
            Err(faults) => return self.refuse(path, index, faults),
        };
        if let Some(left_out) = left_out {
            self.record((path, index), &ready, || Fate::path_false(left_out));
            return Ok(());
        }
        if let Some(condition) = &ready.condition {
            self.reads.add_condition(&condition.program);
            match conditions.holds(&condition.program, self.budget) {
                Ok(true) => {}
                Ok(false) => {
                    self.record((path, index), &ready, || Fate::ConditionFalse);
                    return Ok(());
                }
                Err(problem) => {
                    let field = Field::of(&["metadata", "annotations", &condition.key]);
                    return self.refuse(path, index, vec![Fault { problem, field }]);
                }
            }
        }
        self.notice_twice(path, index, &ready);
        if self.tally.objects == limit::OBJECTS {
            let (count, limit) = (limit::OBJECTS + 1, limit::OBJECTS);
            let details = format!("at least {count} objects, the limit is {limit}");
            return self.stop(Violation::new(Reason::TooLarge, details));
        }
        self.tally.objects += 1;
        self.tally.bytes += ready.bytes;
        if self.tally.bytes > CONTENT {
            let details = format!("the objects have more than {CONTENT} bytes");
            return self.stop(Violation::new(Reason::TooLarge, details));
        }
        if child::is_one(&ready) {
            // What was asked for is the first part.
            let part = self.found.children.len() + 1;
            self.record((path, index), &ready, || Fate::Installs(part));
            self.found.children.push((ready, (path.to_owned(), index)));
        } else {
            self.record((path, index), &ready, || Fate::Applied);
            self.found.objects.push(ready);
        }
        Ok(())
    }

    fn record(&mut self, place: (&str, usize), ready: &Ready, fate: impl FnOnce() -> Fate) {
        if let Some(record) = &mut self.record {
            record.add(ready, place, fate());
        }
    }

    fn record_none(&mut self, path: &str) {
        if let Some(record) = &mut self.record {
            record.without_objects.push(path.to_owned());
        }
    }

    /// No object may be there twice, in whichever part of the package.
    fn notice_twice(&mut self, path: &str, index: usize, ready: &Ready) {
        let whole = whole_path(self.component, path);
        let Some((other, number)) = self.tally.seen.insert(ready.key.clone(), (whole, index))
        else {
            return;
        };
        let (group, kind, namespace, name) = &ready.key;
        let details = format!(
            "{kind} of group {group:?}, namespace {namespace:?}, name {name:?} is also in {other} idx {number}"
        );
        let violation = Violation::new(Reason::Duplicate, details).at(path, index);
        self.violations
            .push(violation.about(Field::of(&["metadata", "name"])));
    }

    fn refuse(&mut self, path: &str, index: usize, faults: Vec<Fault>) -> Result<(), Stop> {
        let faults = faults.into_iter();
        self.violations
            .extend(faults.map(|fault| fault.at(path, index)));
        self.stop_if_exhausted()
    }

    fn stop_if_exhausted(&self) -> Result<(), Stop> {
        if self.budget.is_exhausted() || self.violations.len() > limit::COUNTED {
            return Err(Stop);
        }
        Ok(())
    }

    fn stop(&mut self, why: Violation) -> Result<(), Stop> {
        self.violations.push(why);
        Err(Stop)
    }

    /// The objects, when nothing is wrong.
    pub(super) fn finish(self) -> Result<Found, Invalid> {
        Invalid::check(self.violations)?;
        Ok(self.found)
    }
}
