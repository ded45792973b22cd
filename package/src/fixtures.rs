//! Fixtures: what the test cases of a package render to, kept in files beside it as Package Operator keeps them.
//!
//! Those of a case are in `.test-fixtures/CASE/` of the root, or of the component that it is of: every file of objects,
//! static ones too, under its own path, that of a template without its suffix. A file is as it is written, or where some
//! of its objects are left out, its other documents with `---` between them. Files without objects are not there.

mod masks;

use std::collections::BTreeMap;

use serde_json::Value;
use stevedore_proto_core::label;
use stevedore_template::budget::Budget;
use stevedore_template::yaml::Documents;

use crate::files::{PackageFiles, holds_objects, whole_path};
use crate::limit;
use crate::manifest::TestCase;
use crate::package::Package;
use crate::render::Context;
use crate::trial::Trial;
use crate::violation::{Invalid, Reason, Rendering, Violation};

pub use masks::masked;

/// The folder that has the fixtures of the root, or of a component, in a folder a case.
pub const FOLDER: &str = ".test-fixtures";

/// What `.images` holds of every image in a fixture, so that an update of the lock file changes none.
const IMAGE: &str = "registry.package-operator.run/static-image";

/// A test case of a package.
#[derive(Debug, Clone, Copy)]
pub struct Case<'p> {
    package: &'p Package,
    component: Option<&'p str>,
    test: &'p TestCase,
}

/// What a case renders to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fixture {
    files: BTreeMap<String, String>,
    /// Files as Package Operator writes them where it takes the wrong documents out. They are as good.
    others: BTreeMap<String, String>,
}

/// A file in which a case and its fixtures differ. Paths are those inside of the fixture's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference<'f> {
    /// It is rendered, and no fixture.
    Missing {
        /// Its path.
        path: &'f str,
    },
    /// It is a fixture, and not rendered: it is left out, it has no objects, or there is no such file.
    Superfluous {
        /// Its path.
        path: &'f str,
    },
    /// It is rendered otherwise.
    Changed {
        /// Its path.
        path: &'f str,
        /// The fixture.
        fixture: &'f [u8],
        /// What is rendered.
        rendered: &'f str,
    },
}

impl Package {
    /// The test cases of the root, and then those of the components.
    pub fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        let components = self.components();
        let components = components.map(|(name, component)| (Some(name), component));
        let parts = std::iter::once((None, self)).chain(components);
        parts.flat_map(move |(component, part)| {
            part.manifest().tests.iter().map(move |test| Case {
                package: self,
                component,
                test,
            })
        })
    }

    /// What the templates write in a rendering that a check made, by path inside of the part that was rendered. Nothing
    /// where a template fails, or the budget is used up.
    pub(crate) fn texts_in(
        &self,
        rendering: &Rendering,
        budget: &mut Budget,
    ) -> BTreeMap<String, String> {
        let context = self.context_of(rendering);
        context.map_or_else(BTreeMap::new, |it| self.texts_of(&it, budget))
    }

    /// The same of a rendering from this context.
    pub(crate) fn texts_of(
        &self,
        context: &Context,
        budget: &mut Budget,
    ) -> BTreeMap<String, String> {
        self.written(context, budget).unwrap_or_default()
    }
}

/// The folder of all cases of the root or of a component, as seen from the folder of the package.
pub fn folder_of_all(component: Option<&str>) -> String {
    whole_path(component, FOLDER)
}

/// Whether the files of a folder may be what a case rendered to once: there are some, and all of them are objects of a
/// package.
pub fn may_be_rendered(files: &PackageFiles) -> bool {
    let mut budget = limit::render_budget();
    let mut is_of_package = |path: &str, bytes: &[u8]| {
        let (mut documents, mut count) = (Documents::new(path, bytes), 0);
        while let Ok(next) = documents.next_within(&mut budget) {
            match next {
                None => return count > 0,
                Some(document) if !has_phase(&document.value) => return false,
                Some(_) => count += 1,
            }
        }
        false
    };
    let mut all = files.iter();
    !files.is_empty() && all.all(|(path, bytes)| holds_objects(path) && is_of_package(path, bytes))
}

fn has_phase(object: &Value) -> bool {
    let annotations = &object["metadata"]["annotations"];
    let mut keys = label::package_annotation(label::PHASE).into_iter();
    keys.any(|key| annotations[key].is_string())
}

impl<'p> Case<'p> {
    /// Its name, unique within the root or the component.
    pub fn name(&self) -> &'p str {
        &self.test.name
    }

    /// The component that it is of; none for the root.
    pub fn component(&self) -> Option<&'p str> {
        self.component
    }

    /// The folder of all cases of the root or the component, as seen from the folder of the package.
    pub fn folder_of_all(&self) -> String {
        folder_of_all(self.component)
    }

    /// The folder of its fixtures, as seen from the folder of the package.
    pub fn folder(&self) -> String {
        format!("{}/{}", self.folder_of_all(), self.name())
    }

    /// Renders it as [`Package::check`] does.
    ///
    /// # Errors
    /// With everything that is wrong with the result.
    pub fn check(&self) -> Result<(), Invalid> {
        let context = self.context();
        let rendered = context.and_then(|it| self.package.render_storable(&it));
        rendered.map_err(|it| it.found_in(&self.rendering()))?;
        Ok(())
    }

    /// Renders its files, with one and the same image in place of each. Children that the root asks for are not among
    /// them: the documents that ask for them are.
    ///
    /// # Errors
    /// When it cannot be rendered. The objects are not checked.
    pub fn fixture(&self) -> Result<Fixture, Invalid> {
        let context = self.context();
        let left = context.and_then(|it| self.package.left(&it.with_images(IMAGE)));
        let left = left.map_err(|invalid| invalid.found_in(&self.rendering()))?;
        let mut fixture = Fixture::default();
        for (path, left) in left {
            let other = left.as_original.map(|text| (path.clone(), text));
            fixture.others.extend(other);
            fixture.files.extend(left.text.map(|text| (path, text)));
        }
        Ok(fixture)
    }

    /// What is wrong with a case whose fixtures differ.
    pub fn violation(&self, difference: &Difference<'_>) -> Violation {
        let what = match difference {
            Difference::Missing { .. } => {
                "the case renders this file, and there is no fixture of it"
            }
            Difference::Superfluous { .. } => "the case does not render this file",
            Difference::Changed { .. } => "the case renders this file otherwise",
        };
        let mut violation = Violation::new(Reason::FixtureDiffers, what);
        violation.path = Some(format!("{}/{}", self.folder(), difference.path()));
        violation.component = self.component.map(Into::into);
        violation.rendering = Some(Box::new(self.rendering()));
        violation
    }

    fn context(&self) -> Result<Context, Invalid> {
        let trial = Trial::Case(self.test);
        self.package.trial_context(trial, self.component)
    }

    fn rendering(&self) -> Rendering {
        Trial::Case(self.test).rendering(self.component)
    }
}

impl Fixture {
    /// The files, by path in the order of their bytes.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter();
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// In what the files of a folder differ, by path; nothing if in nothing.
    pub fn compare<'f>(&'f self, found: &'f PackageFiles) -> Vec<Difference<'f>> {
        let mut differences = Vec::new();
        for (path, rendered) in self.files() {
            match found.get(path) {
                None => differences.push(Difference::Missing { path }),
                Some(fixture) if fixture == rendered.as_bytes() => {}
                Some(fixture) if self.is_other(path, fixture) => {}
                Some(fixture) => differences.push(Difference::Changed {
                    path,
                    fixture,
                    rendered,
                }),
            }
        }
        for (path, fixture) in found.iter() {
            if !self.files.contains_key(path) && !self.is_other(path, fixture) {
                differences.push(Difference::Superfluous { path });
            }
        }
        differences.sort_by_key(Difference::path);
        differences
    }

    fn is_other(&self, path: &str, fixture: &[u8]) -> bool {
        let other = self.others.get(path);
        other.is_some_and(|other| other.as_bytes() == fixture)
    }
}

impl<'f> Difference<'f> {
    /// The path of the file.
    pub fn path(&self) -> &'f str {
        match self {
            Self::Missing { path } | Self::Superfluous { path } | Self::Changed { path, .. } => {
                path
            }
        }
    }
}

#[cfg(test)]
mod tests;
