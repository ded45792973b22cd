//! Violations: what is wrong with a package, in words its author understands.

mod invalid;

use std::fmt;

use stevedore_template::budget::Exhausted;
use stevedore_template::yaml::Unreadable;
use thiserror::Error as ThisError;

use crate::field::Field;
use crate::files::whole_path;

pub use invalid::Invalid;

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
    ConfigMapInvalid: "ConfigMap invalid",
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The rule.
    pub reason: Reason,
    /// The component of the package, if it is in one.
    pub component: Option<Box<str>>,
    /// The file; of a component too as seen from the folder of the whole package.
    pub path: Option<String>,
    /// Number of the document in the file, from 0.
    pub index: Option<u32>,
    /// Where in the file, when that is known.
    pub position: Option<Position>,
    /// The field of the document. Where it is in the file, [`crate::excerpt::Excerpts`] find out.
    pub field: Option<Box<Field>>,
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
            field: None,
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
        self.index = u32::try_from(index).ok();
        self.in_file(path)
    }

    /// The same, at a place of its file.
    #[must_use]
    pub fn on(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// The same, about a field of its document.
    #[must_use]
    pub(crate) fn about(mut self, field: Field) -> Self {
        self.field = Some(Box::new(field));
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
