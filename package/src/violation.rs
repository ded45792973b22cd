//! Violations: what is wrong with a package, in words its author understands.

use std::fmt;

use stevedore_template::budget::Exhausted;
use stevedore_template::yaml::Unreadable;
use thiserror::Error as ThisError;

use crate::files::whole_path;
use crate::limit;

/// Rules by the name that conditions and machines read, and the words that people read.
macro_rules! reasons {
    ($($name:ident: $words:literal,)*) => {
        /// Which rule a package breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ThisError)]
        #[non_exhaustive]
        pub enum Reason {$(
            #[doc = $words]
            #[error($words)]
            $name,
        )*}
    };
}

reasons! {
    ManifestNotFound: "manifest not found",
    ManifestInvalid: "manifest invalid",
    ManifestDuplicated: "manifest present multiple times",
    LockInvalid: "lock file invalid",
    LockDuplicated: "lock file present multiple times",
    LockMissing: "lock file missing",
    LockDiffers: "lock file differs from manifest",
    UnknownManifestKind: "unknown kind of manifest",
    NotSupported: "not supported",
    Template: "template error",
    ClusterLabelMissing: "label of the cluster missing",
    InvalidYaml: "invalid YAML",
    PhaseMissing: "missing phase annotation",
    PhaseUnknown: "phase not in manifest",
    GvkNotSet: "apiVersion or kind not set",
    MetadataInvalid: "metadata invalid",
    SecretInvalid: "Secret invalid",
    Duplicate: "duplicate object",
    LabelsInvalid: "labels invalid",
    AnnotationInvalid: "annotation invalid",
    ConditionInvalid: "condition invalid",
    ComponentsNotEnabled: "components not enabled",
    ComponentNotFound: "component not found",
    ComponentInvalid: "component invalid",
    ComponentsNested: "nested components",
    ComponentsFile: "only folders and dot files allowed in components",
    ChildInvalid: "rendered package invalid",
    ScopeUnsupported: "unsupported scope",
    NamespaceForeign: "object outside of the package's namespace",
    ClusterScoped: "cluster-scoped object in a namespaced package",
    TooLarge: "too large",
    TooCostly: "too costly",
    ConfigInvalid: "config invalid",
    FixtureDiffers: "fixture differs",
}

impl Reason {
    /// One CamelCase word, for conditions and machine-readable output.
    pub fn word(self) -> String {
        format!("{self:?}")
    }
}

/// A place in a file, or in what a template wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1, where it is known.
    pub column: Option<usize>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match self.column {
            Some(column) => write!(f, ", column {column}"),
            None => Ok(()),
        }
    }
}

/// A rendering that a check made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rendering {
    /// The component that was rendered; none for the root.
    pub component: Option<String>,
    /// What it was rendered from.
    pub from: RenderedFrom,
}

/// What a check renders from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RenderedFrom {
    /// The test case of this name.
    Case(String),
    /// The defaults alone.
    Defaults {
        /// As a `Package`; else as a `ClusterPackage`.
        in_namespace: bool,
    },
}

/// One thing that is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub reason: Reason,
    /// The component of the package, if it is in one.
    pub component: Option<Box<str>>,
    /// The file; of a component too as seen from the folder of the whole package.
    pub path: Option<String>,
    /// Number of the document in the file, from 0.
    pub index: Option<usize>,
    /// Where in the file, when that is known.
    pub position: Option<Position>,
    /// The rendering in which it was found, if a check found it in one.
    pub rendering: Option<Box<Rendering>>,
    /// What exactly.
    pub details: String,
}

impl Violation {
    /// A violation of the package as a whole.
    pub fn new(reason: Reason, details: impl Into<String>) -> Self {
        Violation {
            reason,
            component: None,
            path: None,
            index: None,
            position: None,
            rendering: None,
            details: details.into(),
        }
    }

    /// The violation of a package that takes more than a rendering may.
    pub(crate) fn costly(exhausted: Exhausted) -> Self {
        let details = format!("{exhausted}; let the package render less, or split it");
        Violation::new(Reason::TooCostly, details)
    }

    /// Why the objects of a file cannot be read.
    pub(crate) fn unreadable(path: &str, why: Unreadable) -> Self {
        match why {
            Unreadable::Exhausted(exhausted) => Violation::costly(exhausted).in_file(path),
            Unreadable::Yaml(error) => {
                let position = Position {
                    line: error.line,
                    column: Some(error.column),
                };
                Violation::new(Reason::InvalidYaml, error.message)
                    .at(path, error.index)
                    .on(position)
            }
        }
    }

    /// The same, in a file.
    #[must_use]
    pub fn in_file(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The same, in a component: until now the path was one of the component's own.
    #[must_use]
    pub(crate) fn in_component(mut self, component: &str) -> Self {
        let path = self.path.take();
        self.path = path.map(|path| whole_path(Some(component), &path));
        self.component = Some(component.into());
        self
    }

    /// The same, in a document of a file.
    #[must_use]
    pub fn at(mut self, path: &str, index: usize) -> Self {
        self.index = Some(index);
        self.in_file(path)
    }

    /// The same, at a place of its file.
    #[must_use]
    pub fn on(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// The test case in which it was found.
    pub fn case(&self) -> Option<&str> {
        match &self.rendering.as_ref()?.from {
            RenderedFrom::Case(name) => Some(name),
            RenderedFrom::Defaults { .. } => None,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(path) = &self.path {
            write!(f, " in {path}")?;
        }
        if let Some(index) = self.index {
            write!(f, " idx {index}")?;
        }
        if let Some(component) = &self.component {
            write!(f, " [{component}]")?;
        }
        if let Some(position) = self.position {
            write!(f, ": {position}")?;
        }
        if let Some(case) = self.case() {
            write!(f, ": test case {case:?}")?;
        }
        write!(f, ": {}", self.details)
    }
}

/// Everything that is wrong with a package; at least one violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    violations: Vec<Violation>,
    more: usize,
}

impl Invalid {
    /// `Ok` when there are none. At most [`limit::VIOLATIONS`] are kept, what is too costly first.
    ///
    /// # Errors
    /// When there are violations.
    pub fn check(mut violations: Vec<Violation>) -> Result<(), Invalid> {
        if violations.is_empty() {
            return Ok(());
        }
        violations.sort_by_key(|violation| violation.reason != Reason::TooCostly);
        let more = violations.len().saturating_sub(limit::VIOLATIONS);
        violations.truncate(limit::VIOLATIONS);
        Err(Invalid { violations, more })
    }

    /// What is wrong, of which there is something.
    pub(crate) fn of(violations: Vec<Violation>) -> Self {
        Self::check(violations).expect_err("at least one violation")
    }

    /// The same, found in a rendering.
    #[must_use]
    pub(crate) fn found_in(mut self, rendering: &Rendering) -> Self {
        for violation in &mut self.violations {
            violation.rendering = Some(Box::new(rendering.clone()));
        }
        self
    }

    /// Adds what is not known yet, what is too costly first. What was found in several renderings is told of the first
    /// one.
    pub(crate) fn merge(&mut self, other: Invalid) {
        for violation in other.violations {
            let is_known = |known: &Violation| {
                let rendering = violation.rendering.clone();
                violation
                    == Violation {
                        rendering,
                        ..known.clone()
                    }
            };
            if !self.violations.iter().any(is_known) {
                self.violations.push(violation);
            }
        }
        let violations = &mut self.violations;
        violations.sort_by_key(|violation| violation.reason != Reason::TooCostly);
        self.more += other.more + violations.len().saturating_sub(limit::VIOLATIONS);
        violations.truncate(limit::VIOLATIONS);
    }

    /// Whether nothing is wrong but that labels of a cluster are missing.
    pub fn lacks_label(&self) -> bool {
        self.is_all(Reason::ClusterLabelMissing)
    }

    /// How many more there are than are kept.
    pub fn more(&self) -> usize {
        self.more
    }

    /// The same, in a component.
    #[must_use]
    pub(crate) fn in_component(mut self, component: &str) -> Self {
        let violations = std::mem::take(&mut self.violations).into_iter();
        self.violations = violations.map(|it| it.in_component(component)).collect();
        self
    }

    /// The same, said of the document that asked for it where no file is known.
    #[must_use]
    pub(crate) fn asked_at(mut self, path: &str, index: usize) -> Self {
        for violation in self.violations.iter_mut().filter(|it| it.path.is_none()) {
            violation.path = Some(path.to_owned());
            violation.index = Some(index);
        }
        self
    }

    /// Whether nothing else than this rule is broken.
    pub(crate) fn is_all(&self, reason: Reason) -> bool {
        self.more == 0 && self.violations.iter().all(|it| it.reason == reason)
    }

    /// Whether it is too costly: other violations may not have been found then.
    pub fn is_too_costly(&self) -> bool {
        let first = self.violations.first();
        first.is_some_and(|violation| violation.reason == Reason::TooCostly)
    }

    /// The violations, in the order they were found.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl IntoIterator for Invalid {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.violations.into_iter()
    }
}

impl From<Violation> for Invalid {
    fn from(violation: Violation) -> Self {
        Invalid {
            violations: vec![violation],
            more: 0,
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, violation) in self.violations.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}
