//! `manifest.yaml` and its lock file.

mod components;
mod constraints;
mod document;
mod expressions;
mod fields;
mod filter;
mod glob;
mod lock;
mod model;
mod parse;
mod phases;
mod probes;
mod problems;
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
    /// Whether images and phases are all that were meant.
    knows_images: bool,
    knows_phases: bool,
    violations: Vec<Violation>,
}

/// Manifest and lock file, as far as they could be read.
pub(crate) struct Loaded {
    /// What is wrong of it is left out, or as if it were not there.
    pub(crate) manifest: PackageManifest,
    /// Whether its phases are all that were meant.
    pub(crate) knows_phases: bool,
    /// Everything that is wrong with the two.
    pub(crate) violations: Vec<Violation>,
}

impl Loaded {
    /// The manifest, if nothing is wrong.
    ///
    /// # Errors
    /// With at least one violation.
    pub(crate) fn checked(self) -> Result<PackageManifest, Vec<Violation>> {
        match self.violations.is_empty() {
            true => Ok(self.manifest),
            false => Err(self.violations),
        }
    }
}

/// Finds, reads and checks manifest and lock file. A component has the name of its folder, whatever its manifest says.
///
/// # Errors
/// When there is no manifest that can be read; with at least one violation.
pub(crate) fn load(
    files: &PackageFiles,
    component: Option<&str>,
) -> Result<Loaded, Vec<Violation>> {
    let read = read(files, component)?;
    let Read {
        mut manifest,
        mut violations,
        ..
    } = read;
    let wanted = read.knows_images.then_some(&*read.images);
    match lock::load(files, wanted, &mut manifest.warnings) {
        Ok(images) => manifest.images = images,
        Err(more) => violations.extend(more),
    }
    Ok(Loaded {
        manifest,
        knows_phases: read.knows_phases,
        violations,
    })
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
        ..
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
    let images: Vec<(usize, ManifestImage)> = problems.entries(&value, "spec.images");
    let named = images.iter();
    problems.images(named.map(|(number, it)| (*number, &*it.name, &*it.image)));
    manifest.warnings = warnings;
    Ok(Read {
        path,
        api_version: document::api_version(&value).to_owned(),
        manifest,
        images: images.into_iter().map(|(_, image)| image).collect(),
        knows_images: !problems.is_told("spec.images"),
        knows_phases: !problems.is_told("spec.phases"),
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
