//! Plain files: those of objects that are no templates, parsed once.

use std::collections::HashMap;
use std::sync::Arc;

use stevedore_cel::Program;
use stevedore_template::budget::Budget;
use stevedore_template::resources::Files;
use stevedore_template::yaml::{Document, Documents};

use crate::files::template_path;
use crate::limit;
use crate::manifest::{Loaded, Scope};
use crate::object::{self, Rules, condition};
use crate::violation::{Reason, Violation};
use crate::warning::Warnings;

/// Which one it is makes no difference to what is told.
const ANY_NAMESPACE: &str = "default";

/// What the files of objects that are no templates hold.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Documents by path.
    pub(crate) files: Vec<(String, Vec<Document>)>,
    /// The conditions of their objects, by their text. One that does not compile is an error of a rendering.
    pub(crate) conditions: HashMap<String, Arc<Program>>,
    pub(super) warnings: Warnings,
}

impl Plain {
    /// Reads a file of objects, and gives what is wrong with it. Documents that can be read are kept all the same.
    pub(super) fn read(&mut self, path: &str, bytes: &[u8], budget: &mut Budget) -> Vec<Violation> {
        let mut documents = Documents::new(path, bytes);
        let mut found = Vec::new();
        let mut violations = Vec::new();
        while !budget.is_exhausted() && violations.len() <= limit::COUNTED {
            let mut document = match documents.next_within(budget) {
                Ok(Some(document)) => document,
                Ok(None) => break,
                Err(why) => {
                    violations.push(Violation::unreadable(path, why));
                    continue;
                }
            };
            violations.extend(self.compile(path, &document, budget).err());
            self.warnings.add_found(path, &mut document);
            found.push(document);
        }
        self.files.push((path.to_owned(), found));
        violations
    }

    /// Compiles the condition of an object. One that does not compile, the rendering reports: it knows the object.
    fn compile(
        &mut self,
        path: &str,
        document: &Document,
        budget: &mut Budget,
    ) -> Result<(), Violation> {
        let text = condition::of(&document.value);
        let Some(text) = text.filter(|text| !self.conditions.contains_key(*text)) else {
            return Ok(());
        };
        match condition::compile(text, budget) {
            Ok(program) => {
                self.conditions.insert(text.to_owned(), program);
                Ok(())
            }
            Err((Reason::TooCostly, details)) => {
                let violation = Violation::new(Reason::TooCostly, details);
                Err(violation.at(path, document.index))
            }
            Err(_) => Ok(()),
        }
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let documents = self.files.iter().flat_map(|(_, documents)| documents);
        let conditions = self.conditions.values();
        documents.map(|document| document.bytes).sum::<usize>()
            + conditions
                .map(|program| condition::bytes(program))
                .sum::<usize>()
    }

    /// What is wrong with the objects in whichever scope the package is installed: nothing that depends on what it is
    /// rendered from. For a package of which nothing can be rendered.
    pub(super) fn faults(
        &self,
        loaded: &Loaded,
        files: &Files,
        budget: &mut Budget,
    ) -> Vec<Violation> {
        let manifest = &loaded.manifest;
        let scopes = match manifest.scopes.as_slice() {
            [] => &[Scope::Cluster, Scope::Namespaced],
            scopes => scopes,
        };
        let mut found: Option<Vec<Violation>> = None;
        for scope in scopes {
            let rules = Rules {
                package: &manifest.name,
                instance: &manifest.name,
                namespace: (*scope == Scope::Namespaced).then_some(ANY_NAMESPACE),
                phases: loaded.knows_phases.then_some(&*manifest.phases),
            };
            let here = self.faults_by(&rules, files, budget);
            found = Some(match found {
                None => here,
                Some(found) => found.into_iter().filter(|it| here.contains(it)).collect(),
            });
        }
        found.unwrap_or_default()
    }

    /// What is wrong with the objects by these rules, but for the namespaces that they name.
    pub(super) fn faults_by(
        &self,
        rules: &Rules<'_>,
        files: &Files,
        budget: &mut Budget,
    ) -> Vec<Violation> {
        let mut violations = Vec::new();
        // What a template writes replaces a plain file of the same path.
        let is_written = |path: &str| files.contains_key(&template_path(path));
        for (path, documents) in self.files.iter().filter(|(path, _)| !is_written(path)) {
            for document in documents {
                if violations.len() > limit::COUNTED || budget.charge(document.steps).is_err() {
                    return violations;
                }
                let mut compile = |text: &str| match self.conditions.get(text) {
                    Some(known) => Ok(Arc::clone(known)),
                    None => condition::compile(text, budget),
                };
                let prepared = object::prepare(document.value.clone(), rules, &mut compile);
                let faults = prepared.err().unwrap_or_default().into_iter();
                let faults = faults.map(|fault| fault.at(path, document.index));
                // In which namespace the package is, nobody knows.
                violations.extend(faults.filter(|it| it.reason != Reason::NamespaceForeign));
            }
        }
        violations
    }
}
