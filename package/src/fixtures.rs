//! Fixtures: what the test cases of a package render to, kept in files beside it as Package Operator keeps them.
//!
//! Those of a case are in `.test-fixtures/CASE/` of the root, or of the component that it is of: every file of objects,
//! static ones too, under its own path, that of a template without its suffix. A file is as it is written, or where some
//! of its objects are left out, its other documents with `---` between them. Files without objects are not there.

use std::collections::BTreeMap;

use stevedore_template::budget::Budget;

use crate::files::{COMPONENTS, PackageFiles};
use crate::manifest::{Scope, TestCase};
use crate::package::Package;
use crate::render::Context;
use crate::trial::{case_input, default_input};
use crate::violation::{Invalid, Reason, RenderedFrom, Rendering, Violation};

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
        let texts = context.and_then(|context| self.written(&context, budget).ok());
        texts.unwrap_or_default()
    }

    fn context_of(&self, rendering: &Rendering) -> Option<Context> {
        let component = rendering.component.as_deref();
        let name = match &rendering.from {
            RenderedFrom::Case(name) => name,
            RenderedFrom::Defaults { in_namespace } => {
                let part = component
                    .map_or(Ok(self), |name| self.component(name))
                    .ok()?;
                let mut scopes = part.manifest().scopes.iter();
                let wanted = |scope: &&Scope| (**scope == Scope::Namespaced) == *in_namespace;
                let scope = scopes.find(wanted)?;
                let input = default_input(&part.manifest().name, *scope, component);
                return self.defaults_context(&input).ok();
            }
        };
        let mut cases = self.cases();
        let case = cases.find(|it| it.component == component && it.test.name == *name)?;
        self.case_context(&case_input(case.test, component)).ok()
    }
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
        match self.component {
            Some(component) => format!("{COMPONENTS}/{component}/{FOLDER}"),
            None => FOLDER.to_owned(),
        }
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
        let rendered = self.package.render_case(self.test, self.component);
        rendered.map_err(|it| it.found_in(&self.rendering()))?;
        Ok(())
    }

    /// Renders its files, with one and the same image in place of each. Children that the root asks for are not among
    /// them: the documents that ask for them are.
    ///
    /// # Errors
    /// When it cannot be rendered. The objects are not checked.
    pub fn fixture(&self) -> Result<Fixture, Invalid> {
        let input = case_input(self.test, self.component);
        let context = self.package.case_context(&input);
        let left = context.and_then(|context| self.package.left(&context.with_images(IMAGE)));
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

    fn rendering(&self) -> Rendering {
        Rendering {
            component: self.component.map(str::to_owned),
            from: RenderedFrom::Case(self.name().to_owned()),
        }
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
