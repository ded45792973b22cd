//! `manifest.lock.yaml`: the digests of the images a manifest names by tag.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::digest::Digest;

use super::document::{Problems, find, read};
use super::fields;
use super::model::{LockedImage, ManifestImage};
use crate::files::PackageFiles;
use crate::overrides::ImagePrefixes;
use crate::violation::{Reason, Violation};
use crate::warning::Warnings;

pub(super) const KIND: &str = "PackageManifestLock";
/// What writes a lock file: Package Operator's own tool, until there is one here.
const UPDATE: &str = "run Package Operator's \"kubectl package update\"";

/// An image of the lock file: name and reference as in the manifest, and what the reference meant when the file was
/// written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    image: String,
    digest: String,
}

/// A lock file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    images: Vec<Entry>,
}

/// The images of the lock file, when that and the manifest agree.
pub(super) fn load(
    files: &PackageFiles,
    wanted: &[ManifestImage],
    warnings: &mut Warnings,
) -> Result<BTreeMap<String, LockedImage>, Vec<Violation>> {
    let Some((path, bytes)) = find(files, "manifest.lock", Reason::LockDuplicated)? else {
        let details = format!(
            "the manifest names images, and manifest.lock.yaml gives the digest of each; {UPDATE}"
        );
        return match wanted {
            [] => Ok(BTreeMap::new()),
            _ => Err(vec![Violation::new(Reason::LockMissing, details)]),
        };
    };
    let kind = (KIND, &fields::LOCK);
    let (value, mut problems) = read(path, bytes, kind, Reason::LockInvalid, warnings)?;
    let lock: Lock = problems.typed(&value, "spec").unwrap_or_default();
    check(&lock, &value, &mut problems);
    let mut violations = problems.found;
    violations.extend(differences(path, &lock, wanted));
    if !violations.is_empty() {
        return Err(violations);
    }
    let locked = lock.images.into_iter().map(|it| {
        let Entry {
            name,
            image,
            digest,
        } = it;
        (name, LockedImage { image, digest })
    });
    Ok(locked.collect())
}

impl LockedImage {
    /// `repository@digest`, as templates see it under `.images`, with its prefix replaced where that is overridden.
    pub(crate) fn pinned(&self, prefixes: &ImagePrefixes) -> String {
        let image = prefixes.replace(&self.image);
        format!("{}@{}", repository(&image), self.digest)
    }
}

fn check(lock: &Lock, value: &Value, problems: &mut Problems<'_>) {
    problems.images(lock.images.iter().map(|it| (&*it.name, &*it.image)));
    for (number, it) in lock.images.iter().enumerate() {
        if it.digest.parse::<Digest>().is_err() {
            let field = format!("spec.images[{number}].digest");
            problems.add(&field, "must be sha256: and 64 hex digits");
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
    let locked = lock.images.iter().map(|it| (&*it.name, &*it.image));
    let mut locked: BTreeMap<&str, &str> = locked.collect();
    let mut details = Vec::new();
    for ManifestImage { name, image } in wanted {
        match locked.remove(&**name) {
            None => details.push(format!("image {name:?} is missing; {UPDATE}")),
            Some(locked) if locked != image => {
                details.push(format!(
                    "image {name:?} is {locked:?}, not {image:?}; {UPDATE}"
                ));
            }
            Some(_) => {}
        }
    }
    let others = locked.keys();
    details.extend(others.map(|name| format!("image {name:?} is not in the manifest; {UPDATE}")));
    let violation = |details| Violation::new(Reason::LockDiffers, details).in_file(path);
    details.into_iter().map(violation).collect()
}

/// The repository of an image reference: without tag and digest.
fn repository(reference: &str) -> &str {
    let named = reference
        .split_once('@')
        .map_or(reference, |(named, _)| named);
    let last = named.rfind('/').map_or(0, |slash| slash + 1);
    named[last..]
        .find(':')
        .map_or(named, |colon| &named[..last + colon])
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn tag_and_digest_are_cut_and_a_port_is_kept() {
        for reference in [
            "registry.example:5000/team/lamp",
            "registry.example:5000/team/lamp:1",
            "registry.example:5000/team/lamp@sha256:00",
            "registry.example:5000/team/lamp:1@sha256:00",
        ] {
            assert_eq!(repository(reference), "registry.example:5000/team/lamp");
        }
        assert_eq!(repository("lamp:1"), "lamp");
        assert_eq!(repository("lamp"), "lamp");
    }
}
