//! The documents of manifest and lock file, before and while they are checked.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use stevedore_template::yaml::{self, Single};

use super::walk::{Fields, Walk, position};
use crate::files::PackageFiles;
use crate::limit;
use crate::violation::{Position, Reason, Violation};
use crate::warning::{Warning, Warnings};

/// Group of manifests as Package Operator writes them.
pub const ORIGINAL_GROUP: &str = "manifests.package-operator.run";
/// Our own group of the same manifests.
pub const OWN_GROUP: &str = "manifests.stevedore.dev";
const VERSION: &str = "v1alpha1";

/// The file `stem.yaml` or `stem.yml`.
pub(super) fn find<'a>(
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

/// The versions that a manifest file may have.
pub(super) fn versions() -> [String; 2] {
    [ORIGINAL_GROUP, OWN_GROUP].map(|group| format!("{group}/{VERSION}"))
}

/// The `apiVersion` of a document.
pub(super) fn api_version(document: &Value) -> &str {
    text(document, "apiVersion")
}

fn text<'v>(document: &'v Value, field: &str) -> &'v str {
    document
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The document of a manifest file, if its kind is one of a manifest, and what is wrong with its fields. What they
/// hold is as Go's decoder reads it.
pub(super) fn read<'a>(
    path: &'a str,
    bytes: &[u8],
    (kind, fields): (&str, &Fields),
    invalid: Reason,
    warnings: &mut Warnings,
) -> Result<(Value, Problems<'a>), Vec<Violation>> {
    let document = yaml::document(path, bytes).map_err(|error| {
        let position = Position {
            line: error.line,
            column: Some(error.column),
        };
        let violation = Violation::new(invalid, error.message).in_file(path);
        vec![violation.on(position)]
    })?;
    let value = &document.value;
    let (version, found) = (api_version(value), text(value, "kind"));
    let versions = versions();
    if found != kind || versions.iter().all(|known| known != version) {
        let details = format!(
            "{:?} {:?} instead of kind {kind:?} of {:?} or {:?}",
            version, found, versions[0], versions[1]
        );
        return Err(vec![
            Violation::new(Reason::UnknownManifestKind, details).in_file(path),
        ]);
    }
    for found in &document.found {
        warnings.add(Warning::found(found).in_file(path));
    }
    let mut value = document.value.clone();
    let mut walk = Walk {
        fields,
        path,
        invalid,
        document: &document,
        violations: Vec::new(),
        warnings,
    };
    walk.value("", &mut value, "");
    let problems = Problems {
        path,
        reason: invalid,
        found: walk.violations,
        document,
    };
    Ok((value, problems))
}

/// Violations of one file, as they are found.
pub(super) struct Problems<'a> {
    pub(super) path: &'a str,
    pub(super) reason: Reason,
    pub(super) found: Vec<Violation>,
    pub(super) document: Single,
}

impl Problems<'_> {
    pub(super) fn add(&mut self, field: &str, what: impl AsRef<str>) {
        let details = format!("{field}: {}", what.as_ref());
        let violation = Violation::new(self.reason, details).in_file(self.path);
        self.found.push(match position(&self.document, field) {
            Some(position) => violation.on(position),
            None => violation,
        });
    }

    /// Checks that no two of a list have the same name.
    pub(super) fn unique<'n>(&mut self, list: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for (number, name) in names.enumerate() {
            if !seen.insert(name) {
                self.add(&format!("{list}[{number}].name"), "must be unique");
            }
        }
    }

    /// Checks names and references of images.
    pub(super) fn images<'i>(&mut self, images: impl Iterator<Item = (&'i str, &'i str)> + Clone) {
        let count = images.clone().count();
        if count > limit::IMAGES {
            let limit = limit::IMAGES;
            self.add(
                "spec.images",
                format!("{count} images, the limit is {limit}"),
            );
            return;
        }
        for (number, (name, image)) in images.clone().enumerate() {
            for (field, text) in [("name", name), ("image", image)] {
                if text.is_empty() {
                    self.add(
                        &format!("spec.images[{number}].{field}"),
                        "must be non empty",
                    );
                }
            }
        }
        self.unique("spec.images", images.map(|(name, _)| name));
    }

    /// The value at a dotted path, read as `T`; a value of another form is a violation.
    pub(super) fn typed<T: for<'de> Deserialize<'de>>(
        &mut self,
        value: &Value,
        field: &str,
    ) -> Option<T> {
        let found = at(value, field)?;
        match T::deserialize(found) {
            Ok(typed) => Some(typed),
            Err(error) => {
                self.add(field, format!("Invalid value: {error}"));
                None
            }
        }
    }

    /// The entries of the list at a dotted path. Each that has another form is a violation, and then there are none:
    /// what is said of the others would name the wrong ones. What is no list was found before.
    pub(super) fn entries<T: for<'de> Deserialize<'de>>(
        &mut self,
        value: &Value,
        field: &str,
    ) -> Vec<T> {
        let found = at(value, field).and_then(Value::as_array);
        let found = found.map(Vec::as_slice).unwrap_or_default();
        let mut typed = Vec::new();
        let mut wrong = 0;
        for (number, entry) in found.iter().enumerate() {
            match T::deserialize(entry) {
                Ok(entry) => typed.push(entry),
                Err(error) => {
                    wrong += 1;
                    let field = format!("{field}[{number}]");
                    self.add(&field, format!("Invalid value: {error}"));
                }
            }
            if wrong > limit::VIOLATIONS {
                break;
            }
        }
        match wrong {
            0 => typed,
            _ => Vec::new(),
        }
    }
}

pub(super) fn at<'v>(value: &'v Value, field: &str) -> Option<&'v Value> {
    field
        .split('.')
        .try_fold(value, |value, key| value.get(key))
        .filter(|value| !value.is_null())
}
