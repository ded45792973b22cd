//! What is wrong with a package, in words its author understands.

use std::fmt;

use stevedore_template::budget::Exhausted;

use crate::limit;

/// Which rule a package breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// No `manifest.yaml`.
    ManifestNotFound,
    /// The manifest breaks a rule.
    ManifestInvalid,
    /// Both `manifest.yaml` and `manifest.yml`.
    ManifestDuplicated,
    /// The lock file breaks a rule.
    LockInvalid,
    /// Both `manifest.lock.yaml` and `manifest.lock.yml`.
    LockDuplicated,
    /// Images are used without a lock file.
    LockMissing,
    /// Lock file and manifest name different images.
    LockDiffers,
    /// A manifest file of another kind or version.
    UnknownManifestKind,
    /// The package uses what this version does not honour.
    NotSupported,
    /// A template does not parse or does not run.
    Template,
    /// A file of objects is not YAML.
    InvalidYaml,
    /// An object without phase annotation.
    PhaseMissing,
    /// A phase that is not in the manifest.
    PhaseUnknown,
    /// An object without `apiVersion` or `kind`.
    GvkNotSet,
    /// An object whose metadata breaks a rule.
    MetadataInvalid,
    /// Two objects of the same group, kind, namespace and name.
    Duplicate,
    /// Labels that Kubernetes refuses.
    LabelsInvalid,
    /// A package annotation that cannot be read.
    AnnotationInvalid,
    /// A condition annotation that is not CEL, or failed.
    ConditionInvalid,
    /// The package cannot be installed in this scope.
    ScopeUnsupported,
    /// An object outside of the package's namespace.
    NamespaceForeign,
    /// A cluster-scoped object in a namespaced package.
    ClusterScoped,
    /// An object or the whole set exceeds a limit.
    TooLarge,
    /// Rendering it takes more steps, or writes more, than a rendering may.
    TooCostly,
    /// The package renders to nothing, which would remove everything it installed before.
    NoObjects,
    /// The configuration does not fit the schema.
    ConfigInvalid,
}

impl Reason {
    /// One CamelCase word, for conditions and machine-readable output.
    pub fn word(self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::ManifestNotFound => "manifest not found",
            Reason::ManifestInvalid => "manifest invalid",
            Reason::ManifestDuplicated => "manifest present multiple times",
            Reason::LockInvalid => "lock file invalid",
            Reason::LockDuplicated => "lock file present multiple times",
            Reason::LockMissing => "lock file missing",
            Reason::LockDiffers => "lock file differs from manifest",
            Reason::UnknownManifestKind => "unknown kind of manifest",
            Reason::NotSupported => "not supported",
            Reason::Template => "template error",
            Reason::InvalidYaml => "invalid YAML",
            Reason::PhaseMissing => "missing phase annotation",
            Reason::PhaseUnknown => "phase not in manifest",
            Reason::GvkNotSet => "apiVersion or kind not set",
            Reason::MetadataInvalid => "metadata invalid",
            Reason::Duplicate => "duplicate object",
            Reason::LabelsInvalid => "labels invalid",
            Reason::AnnotationInvalid => "annotation invalid",
            Reason::ConditionInvalid => "condition invalid",
            Reason::ScopeUnsupported => "unsupported scope",
            Reason::NamespaceForeign => "object outside of the package's namespace",
            Reason::ClusterScoped => "cluster-scoped object in a namespaced package",
            Reason::TooLarge => "too large",
            Reason::TooCostly => "too costly",
            Reason::NoObjects => "no objects",
            Reason::ConfigInvalid => "config invalid",
        })
    }
}

/// One thing that is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub reason: Reason,
    /// The file.
    pub path: Option<String>,
    /// Number of the document in the file, from 0.
    pub index: Option<usize>,
    /// What exactly.
    pub details: String,
}

impl Violation {
    /// A violation of the package as a whole.
    pub fn new(reason: Reason, details: impl Into<String>) -> Self {
        Violation {
            reason,
            path: None,
            index: None,
            details: details.into(),
        }
    }

    /// What a package is told that takes more than a rendering may.
    pub(crate) fn costly(exhausted: Exhausted) -> Self {
        let details = format!("{exhausted}; let the package render less, or split it");
        Violation::new(Reason::TooCostly, details)
    }

    /// The same, in a file.
    #[must_use]
    pub fn in_file(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The same, in a document of a file.
    #[must_use]
    pub fn at(mut self, path: &str, index: usize) -> Self {
        self.index = Some(index);
        self.in_file(path)
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

    /// The same, said of a template test.
    #[must_use]
    pub(crate) fn in_case(mut self, case: &str) -> Self {
        for violation in &mut self.violations {
            violation.details = format!("test case {case:?}: {}", violation.details);
        }
        self
    }

    /// Whether nothing else than this rule is broken.
    pub(crate) fn is_all(&self, reason: Reason) -> bool {
        self.more == 0 && self.violations.iter().all(|it| it.reason == reason)
    }

    /// Whether it was given up because it is too costly: what else is wrong may not have been found.
    pub fn is_too_costly(&self) -> bool {
        let first = self.violations.first();
        first.is_some_and(|violation| violation.reason == Reason::TooCostly)
    }

    /// The violations, in the order they were found.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
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
