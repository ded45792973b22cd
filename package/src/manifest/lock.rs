//! `manifest.lock.yaml`: the digests of the images a manifest names by tag.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::digest::Digest;

use super::document::{Problems, find, read};
use super::image::repository;
use super::model::ManifestImage;
use crate::files::PackageFiles;
use crate::violation::{Reason, Violation};

const KIND: &str = "PackageManifestLock";
/// What writes a lock file: Package Operator's own tool, until there is one here.
const UPDATE: &str = "run Package Operator's \"kubectl package update\"";

/// An image of the lock file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct LockedImage {
    /// Name, as in the manifest.
    pub name: String,
    /// Reference, as in the manifest.
    pub image: String,
    /// What the reference meant when the file was written.
    pub digest: String,
}

/// A lock file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// The images.
    pub images: Vec<LockedImage>,
}

/// `.images` of templates, when lock file and manifest agree.
pub(super) fn load(
    files: &PackageFiles,
    wanted: &[ManifestImage],
) -> Result<BTreeMap<String, String>, Vec<Violation>> {
    let Some((path, bytes)) = find(files, "manifest.lock", Reason::LockDuplicated)? else {
        let details = format!(
            "the manifest names images, and manifest.lock.yaml gives the digest of each; {UPDATE}"
        );
        return match wanted {
            [] => Ok(BTreeMap::new()),
            _ => Err(vec![Violation::new(Reason::LockMissing, details)]),
        };
    };
    let value = read(path, bytes, KIND, Reason::LockInvalid)?;
    let mut problems = Problems {
        path,
        reason: Reason::LockInvalid,
        found: Vec::new(),
    };
    let lock: Lock = problems.typed(&value, "spec").unwrap_or_default();
    check(&lock, &value, &mut problems);
    let mut violations = problems.found;
    violations.extend(differences(path, &lock, wanted));
    if !violations.is_empty() {
        return Err(violations);
    }
    let pinned = |it: LockedImage| (it.name, format!("{}@{}", repository(&it.image), it.digest));
    Ok(lock.images.into_iter().map(pinned).collect())
}

fn check(lock: &Lock, value: &Value, problems: &mut Problems<'_>) {
    for (number, it) in lock.images.iter().enumerate() {
        let field = |name: &str| format!("spec.images[{number}].{name}");
        for (name, text) in [("name", &it.name), ("image", &it.image)] {
            if text.is_empty() {
                problems.add(&field(name), "must be non empty");
            }
        }
        if it.digest.parse::<Digest>().is_err() {
            problems.add(&field("digest"), "must be sha256: and 64 hex digits");
        }
        if lock.images[..number]
            .iter()
            .any(|other| other.name == it.name)
        {
            problems.add(&field("name"), "must be unique");
        }
    }
    let dependencies = value
        .pointer("/spec/dependencies")
        .and_then(Value::as_array);
    if dependencies.is_some_and(|all| !all.is_empty()) {
        problems.reason = Reason::NotSupported;
        problems.add("spec.dependencies", "dependencies are not supported yet");
    }
}

fn differences(path: &str, lock: &Lock, wanted: &[ManifestImage]) -> Vec<Violation> {
    let mut details = Vec::new();
    for it in wanted {
        match lock.images.iter().find(|locked| locked.name == it.name) {
            None => details.push(format!("image {:?} is missing; {UPDATE}", it.name)),
            Some(locked) if locked.image != it.image => {
                let name = &it.name;
                details.push(format!(
                    "image {name:?} is {:?}, not {:?}; {UPDATE}",
                    locked.image, it.image
                ));
            }
            Some(_) => {}
        }
    }
    for locked in &lock.images {
        if !wanted.iter().any(|it| it.name == locked.name) {
            details.push(format!(
                "image {:?} is not in the manifest; {UPDATE}",
                locked.name
            ));
        }
    }
    let violation = |details| Violation::new(Reason::LockDiffers, details).in_file(path);
    details.into_iter().map(violation).collect()
}
