//! The documents of manifest and lock file, before they are checked.

use std::collections::BTreeSet;

use serde_json::Value;
use stevedore_template::yaml;

use super::problems::Problems;
use super::walk::{Fields, Walk};
use crate::files::PackageFiles;
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
    let mut problems = Problems {
        path,
        reason: invalid,
        found: Vec::new(),
        told: BTreeSet::new(),
        document,
    };
    let mut walk = Walk {
        fields,
        problems: &mut problems,
        warnings,
    };
    walk.value("", &mut value, "");
    Ok((value, problems))
}
