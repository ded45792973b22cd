//! `manifest.yaml` and its lock file.

mod fields;
mod image;
mod lock;
mod probes;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::content::ProbeEntry;
use stevedore_template::yaml;

use crate::config::Schema;
use crate::files::PackageFiles;
use crate::limit;
use crate::violation::{Reason, Violation};

pub use lock::{Lock, LockedImage};

/// Group of manifests as Package Operator writes them.
pub const ORIGINAL_GROUP: &str = "manifests.package-operator.run";
/// Our own group of the same manifests.
pub const OWN_GROUP: &str = "manifests.stevedore.dev";
const VERSION: &str = "v1alpha1";
const KIND: &str = "PackageManifest";

/// Where a package may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Scope {
    /// By a `ClusterPackage`.
    Cluster,
    /// By a `Package`, into its namespace.
    Namespaced,
}

/// An image a package's objects use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ManifestImage {
    /// Name under `.images`.
    pub name: String,
    /// Reference, usually with a tag.
    pub image: String,
}

/// A configuration a package ships to test its templates with.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TestCase {
    /// Name of the case.
    pub name: String,
    /// What templates see.
    pub context: TestContext,
}

/// What templates see in a test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TestContext {
    /// The package.
    pub package: TestPackage,
    /// Its configuration.
    pub config: Option<Value>,
    /// The cluster's facts.
    pub environment: Option<Value>,
}

/// The package in a test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TestPackage {
    /// Its metadata.
    pub metadata: TestMetadata,
    /// Its image.
    pub image: String,
}

/// Metadata of the package in a test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct TestMetadata {
    /// Name.
    pub name: String,
    /// Namespace; none for a `ClusterPackage`.
    pub namespace: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest that was checked.
#[derive(Debug, Clone)]
pub struct PackageManifest {
    /// The package's own name: the value of the package label.
    pub name: String,
    /// Where it may be installed; not empty.
    pub scopes: Vec<Scope>,
    /// Names of the phases, in order.
    pub phases: Vec<String>,
    /// What must hold of objects before the next phase starts.
    pub availability_probes: Vec<ProbeEntry>,
    /// Schema of the configuration.
    pub config: Option<Schema>,
    /// `.images` of templates: `repository@digest` by name.
    pub images: BTreeMap<String, String>,
    /// Template tests.
    pub tests: Vec<TestCase>,
}

/// Finds, reads and checks manifest and lock file, and gives everything that is wrong with them.
///
/// # Errors
/// With at least one violation.
pub fn load(files: &PackageFiles) -> Result<PackageManifest, Vec<Violation>> {
    let found = find(files, "manifest", Reason::ManifestDuplicated)?;
    let missing = || {
        vec![Violation::new(
            Reason::ManifestNotFound,
            "there is neither manifest.yaml nor manifest.yml",
        )]
    };
    let (path, bytes) = found.ok_or_else(missing)?;
    let value = read(path, bytes, KIND, Reason::ManifestInvalid)?;
    let mut problems = Problems {
        path,
        reason: Reason::ManifestInvalid,
        found: fields::check(path, &value),
    };
    let mut manifest = parse(&value, &mut problems);
    let images: Vec<ManifestImage> = problems.typed(&value, "spec.images").unwrap_or_default();
    check_images(&images, &mut problems);
    let mut violations = problems.found;
    match lock::load(files, &images) {
        Ok(images) => manifest.images = images,
        Err(more) => violations.extend(more),
    }
    if violations.is_empty() {
        Ok(manifest)
    } else {
        Err(violations)
    }
}

/// The file `stem.yaml` or `stem.yml`.
fn find<'a>(
    files: &'a PackageFiles,
    stem: &str,
    duplicated: Reason,
) -> Result<Option<(&'static str, &'a [u8])>, Vec<Violation>> {
    let names: [&'static str; 2] = match stem {
        "manifest" => ["manifest.yaml", "manifest.yml"],
        _ => ["manifest.lock.yaml", "manifest.lock.yml"],
    };
    match names.map(|name| files.get(name).map(|bytes| (name, bytes))) {
        [Some(_), Some(_)] => Err(vec![Violation::new(
            duplicated,
            format!("both {} and {} exist", names[0], names[1]),
        )]),
        [one, other] => Ok(one.or(other)),
    }
}

/// The document of a manifest file, after a look at its kind.
fn read(path: &str, bytes: &[u8], kind: &str, invalid: Reason) -> Result<Value, Vec<Violation>> {
    let value = yaml::document(path, bytes)
        .map_err(|error| vec![Violation::new(invalid, error.to_string()).in_file(path)])?;
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let versions = [ORIGINAL_GROUP, OWN_GROUP].map(|group| format!("{group}/{VERSION}"));
    if text("kind") == kind && versions.iter().any(|version| version == text("apiVersion")) {
        return Ok(value);
    }
    let details = format!(
        "{:?} {:?} instead of kind {kind:?} of {:?} or {:?}",
        text("apiVersion"),
        text("kind"),
        versions[0],
        versions[1]
    );
    Err(vec![
        Violation::new(Reason::UnknownManifestKind, details).in_file(path),
    ])
}

/// Violations of one file, as they are found.
struct Problems<'a> {
    path: &'a str,
    reason: Reason,
    found: Vec<Violation>,
}

impl Problems<'_> {
    fn add(&mut self, field: &str, what: impl AsRef<str>) {
        let details = format!("{field}: {}", what.as_ref());
        self.found
            .push(Violation::new(self.reason, details).in_file(self.path));
    }

    /// The value at a dotted path, read as `T`; a value of another form is a violation.
    fn typed<T: for<'de> Deserialize<'de>>(&mut self, value: &Value, field: &str) -> Option<T> {
        let found = at(value, field)?;
        match T::deserialize(found) {
            Ok(typed) => Some(typed),
            Err(error) => {
                self.add(field, format!("Invalid value: {error}"));
                None
            }
        }
    }
}

fn at<'v>(value: &'v Value, field: &str) -> Option<&'v Value> {
    field
        .split('.')
        .try_fold(value, |value, key| value.get(key))
        .filter(|value| !value.is_null())
}

#[derive(Deserialize)]
struct NamedPhase {
    #[serde(default)]
    name: String,
}

fn parse(value: &Value, problems: &mut Problems<'_>) -> PackageManifest {
    let name: String = problems.typed(value, "metadata.name").unwrap_or_default();
    if name.is_empty() {
        problems.add("metadata.name", "Required value");
    } else if let Err(why) = crate::object::check_label_value(&name) {
        problems.add(
            "metadata.name",
            format!("Invalid value: it becomes a label, {why}"),
        );
    }
    let scopes: Vec<Scope> = problems.typed(value, "spec.scopes").unwrap_or_default();
    if scopes.is_empty()
        && at(value, "spec.scopes").is_none_or(|scopes| scopes == &Value::Array(vec![]))
    {
        problems.add("spec.scopes", "Required value");
    }
    let schema = at(value, "spec.config.openAPIV3Schema");
    let config = schema.and_then(|schema| match Schema::compile(schema) {
        Ok(schema) => Some(schema),
        Err(errors) => {
            for error in errors {
                problems.add(
                    &format!("spec.config.openAPIV3Schema{}", error.field),
                    error.message,
                );
            }
            None
        }
    });
    let phases = phases(value, problems);
    let availability_probes = probes::parse(value, problems);
    let tests = tests(value, config.as_ref(), problems);
    PackageManifest {
        name,
        scopes,
        phases,
        availability_probes,
        config,
        images: BTreeMap::new(),
        tests,
    }
}

fn phases(value: &Value, problems: &mut Problems<'_>) -> Vec<String> {
    let phases: Vec<NamedPhase> = problems.typed(value, "spec.phases").unwrap_or_default();
    let names: Vec<String> = phases.into_iter().map(|phase| phase.name).collect();
    if names.is_empty() && at(value, "spec.phases").is_none_or(|it| it == &Value::Array(vec![])) {
        problems.add("spec.phases", "Required value");
    }
    if names.len() > stevedore_proto_core::limit::PHASES {
        let limit = stevedore_proto_core::limit::PHASES;
        problems.add(
            "spec.phases",
            format!("{} phases, the limit is {limit}", names.len()),
        );
    }
    for (number, name) in names.iter().enumerate() {
        let field = format!("spec.phases[{number}].name");
        if name.is_empty() {
            problems.add(&field, "Required value");
        } else if name.len() > 63 {
            problems.add(&field, "must be no longer than 63 characters");
        } else if names[..number].contains(name) {
            problems.add(&field, "must be unique");
        }
    }
    names
}

fn check_images(images: &[ManifestImage], problems: &mut Problems<'_>) {
    for (number, it) in images.iter().enumerate() {
        let field = |name: &str| format!("spec.images[{number}].{name}");
        if it.name.is_empty() {
            problems.add(&field("name"), "must be non empty");
        }
        if it.image.is_empty() {
            problems.add(&field("image"), "must be non empty");
        }
        if images[..number].iter().any(|other| other.name == it.name) {
            problems.add(&field("name"), "must be unique");
        }
    }
}

fn tests(value: &Value, schema: Option<&Schema>, problems: &mut Problems<'_>) -> Vec<TestCase> {
    let tests: Vec<TestCase> = problems.typed(value, "test.template").unwrap_or_default();
    for (number, case) in tests.iter().enumerate() {
        let field = format!("test.template[{number}]");
        let word = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
        if case.name.is_empty() || case.name.len() > 253 || !case.name.chars().all(word) {
            let what = "must be letters, digits, '-', '_' or '.'";
            problems.add(&format!("{field}.name"), what);
        }
        if tests[..number].iter().any(|other| other.name == case.name) {
            problems.add(&format!("{field}.name"), "must be unique");
        }
        let admitted = crate::config::admit(schema, case.context.config.as_ref());
        for error in admitted.err().unwrap_or_default() {
            problems.add(
                &format!("{field}.context.config{}", error.field),
                error.message,
            );
        }
    }
    if tests.len() > limit::VIOLATIONS {
        problems.add(
            "test.template",
            format!("at most {} cases", limit::VIOLATIONS),
        );
    }
    tests
}

#[cfg(test)]
mod tests;
