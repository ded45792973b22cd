//! `manifest.yaml` and its lock file.

mod components;
mod constraints;
mod document;
mod expressions;
mod fields;
mod filter;
mod lock;
mod model;
mod parse;
mod phases;
mod probes;
pub mod schema;
mod walk;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::{PackageFiles, whole_path};
use crate::violation::{Reason, Violation};
use crate::warning::Warnings;

pub use constraints::{Constraints, Platform, Unmet};
pub use document::{ORIGINAL_GROUP, OWN_GROUP};
pub(crate) use filter::{ConditionalPath, Filter, NamedCondition};
pub(crate) use lock::text as lock_text;
pub use model::{LockedImage, ManifestPhase, PackageManifest, Scope};
pub(crate) use model::{ManifestImage, TestCase, Unlocked, Written};

const KIND: &str = "PackageManifest";

/// A manifest that was read, and what is wrong with it.
struct Read {
    path: &'static str,
    api_version: String,
    manifest: PackageManifest,
    images: Vec<ManifestImage>,
    violations: Vec<Violation>,
}

/// Finds, reads and checks manifest and lock file, and gives everything that is wrong with them. A component has the
/// name of its folder, whatever its manifest says.
///
/// # Errors
/// With at least one violation.
pub(crate) fn load(
    files: &PackageFiles,
    component: Option<&str>,
) -> Result<PackageManifest, Vec<Violation>> {
    let Read {
        mut manifest,
        images,
        mut violations,
        ..
    } = read(files, component)?;
    match lock::load(files, &images, &mut manifest.warnings) {
        Ok(images) => manifest.images = images,
        Err(more) => violations.extend(more),
    }
    if violations.is_empty() {
        Ok(manifest)
    } else {
        Err(violations)
    }
}

/// Finds, reads and checks the manifest alone, and finds what its lock file holds now.
///
/// # Errors
/// With at least one violation.
pub(crate) fn unlocked(
    files: &PackageFiles,
    component: Option<&str>,
) -> Result<Unlocked, Vec<Violation>> {
    let Read {
        path,
        api_version,
        manifest,
        images,
        mut violations,
    } = read(files, component)?;
    let lock = lock::written(files).unwrap_or_else(|more| {
        violations.extend(more);
        None
    });
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(Unlocked {
        path,
        api_version,
        has_components: manifest.has_components,
        images,
        lock,
    })
}

fn read(files: &PackageFiles, component: Option<&str>) -> Result<Read, Vec<Violation>> {
    let found = document::find(files, "manifest", Reason::ManifestDuplicated)?;
    let missing = || {
        let [one, other] = ["manifest.yaml", "manifest.yml"].map(|it| whole_path(component, it));
        let details = format!("there is neither {one} nor {other}");
        vec![Violation::new(Reason::ManifestNotFound, details)]
    };
    let (path, bytes) = found.ok_or_else(missing)?;
    let mut warnings = Warnings::default();
    let kind = (KIND, &fields::MANIFEST);
    let (value, mut problems) =
        document::read(path, bytes, kind, Reason::ManifestInvalid, &mut warnings)?;
    let mut manifest = parse::parse(&value, component, &mut problems);
    let images: Vec<ManifestImage> = problems.entries(&value, "spec.images");
    problems.images(images.iter().map(|it| (&*it.name, &*it.image)));
    manifest.warnings = warnings;
    Ok(Read {
        path,
        api_version: document::api_version(&value).to_owned(),
        manifest,
        images,
        violations: problems.found,
    })
}

/// The names of manifest and lock file, without their suffix.
pub(crate) const STEMS: [&str; 2] = ["manifest", "manifest.lock"];

/// What manifest and lock file say, as they are decoded, by the names of [`STEMS`]; with the names that the files have.
///
/// # Errors
/// As those of [`load`], where a file cannot be read at all.
pub(crate) fn documents(
    files: &PackageFiles,
) -> Result<BTreeMap<&'static str, (&'static str, Value)>, Vec<Violation>> {
    let mut documents = BTreeMap::new();
    let kinds = [
        ((KIND, &fields::MANIFEST), Reason::ManifestInvalid),
        ((lock::KIND, &fields::LOCK), Reason::LockInvalid),
    ];
    for (stem, (kind, invalid)) in STEMS.into_iter().zip(kinds) {
        if let Some((path, bytes)) = document::find(files, stem, invalid)? {
            let mut warnings = Warnings::default();
            let (value, _) = document::read(path, bytes, kind, invalid, &mut warnings)?;
            documents.insert(stem, (path, value));
        }
    }
    Ok(documents)
}

#[cfg(test)]
mod tests;
