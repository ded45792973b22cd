//! `manifest.yaml` and its lock file.

mod document;
mod expressions;
mod fields;
mod filter;
mod lock;
mod model;
mod parse;
mod probes;

use document::Problems;

use crate::files::PackageFiles;
use crate::violation::{Reason, Violation};

pub use document::{ORIGINAL_GROUP, OWN_GROUP};
pub(crate) use filter::{ConditionalPath, Filter};
use model::ManifestImage;
pub(crate) use model::TestCase;
pub use model::{PackageManifest, Scope};

const KIND: &str = "PackageManifest";

/// Finds, reads and checks manifest and lock file, and gives everything that is wrong with them.
///
/// # Errors
/// With at least one violation.
pub(crate) fn load(files: &PackageFiles) -> Result<PackageManifest, Vec<Violation>> {
    let found = document::find(files, "manifest", Reason::ManifestDuplicated)?;
    let missing = || {
        vec![Violation::new(
            Reason::ManifestNotFound,
            "there is neither manifest.yaml nor manifest.yml",
        )]
    };
    let (path, bytes) = found.ok_or_else(missing)?;
    let value = document::read(path, bytes, KIND, Reason::ManifestInvalid)?;
    let mut problems = Problems {
        path,
        reason: Reason::ManifestInvalid,
        found: fields::check(path, &value),
    };
    let mut manifest = parse::parse(&value, &mut problems);
    let images: Vec<ManifestImage> = problems.typed(&value, "spec.images").unwrap_or_default();
    problems.images(images.iter().map(|it| (&*it.name, &*it.image)));
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

#[cfg(test)]
mod tests;
