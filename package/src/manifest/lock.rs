//! `manifest.lock.yaml`: the digests of the images a manifest names by tag.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use stevedore_proto_core::digest::Digest;
use stevedore_template::yaml;

use super::document::{find, read};
use super::fields;
use super::model::{LockedImage, ManifestImage, Written};
use super::problems::Problems;
use crate::files::PackageFiles;
use crate::limit;
use crate::overrides::ImagePrefixes;
use crate::violation::{Reason, Violation};
use crate::warning::Warnings;

pub(super) const KIND: &str = "PackageManifestLock";
/// What writes a lock file.
const UPDATE: &str = "run \"stevedore package update PATH\"";

/// An image of the lock file: name and reference as in the manifest, and what the reference meant when the file was
/// written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    image: String,
    digest: String,
}

/// The images of the lock file, when that and the manifest agree. Where it is not known what the manifest wants, they
/// are not compared.
pub(super) fn load(
    files: &PackageFiles,
    wanted: Option<&[ManifestImage]>,
    warnings: &mut Warnings,
) -> Result<BTreeMap<String, LockedImage>, Vec<Violation>> {
    let Some((path, bytes)) = find(files, "manifest.lock", Reason::LockDuplicated)? else {
        let details = format!(
            "the manifest names images, and manifest.lock.yaml gives the digest of each; {UPDATE}"
        );
        return match wanted {
            None | Some([]) => Ok(BTreeMap::new()),
            Some(_) => Err(vec![Violation::new(Reason::LockMissing, details)]),
        };
    };
    let kind = (KIND, &fields::LOCK);
    let (value, mut problems) = read(path, bytes, kind, Reason::LockInvalid, warnings)?;
    let images = problems.entries(&value, "spec.images");
    check(&images, &value, &mut problems);
    // An entry that cannot be read is not one that is missing.
    let is_read = !problems.is_told("spec.images");
    let mut violations = problems.found;
    if let Some(wanted) = wanted.filter(|_| is_read) {
        violations.extend(differences(path, &images, wanted));
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(images.into_iter().map(|(_, it)| it.locked()).collect())
}

/// What the lock file holds, of whatever manifest it is.
///
/// # Errors
/// When it cannot be read, or has what an update would lose.
pub(super) fn written(files: &PackageFiles) -> Result<Option<Written>, Vec<Violation>> {
    let Some((path, bytes)) = find(files, "manifest.lock", Reason::LockDuplicated)? else {
        return Ok(None);
    };
    let kind = (KIND, &fields::LOCK);
    let mut unheard = Warnings::default();
    let (value, mut problems) = read(path, bytes, kind, Reason::LockInvalid, &mut unheard)
        .map_err(|found| found.into_iter().map(with_way_out).collect::<Vec<_>>())?;
    let images: Vec<(usize, Entry)> = problems.entries(&value, "spec.images");
    let mut violations: Vec<Violation> = problems.found.drain(..).map(with_way_out).collect();
    dependencies(&value, &mut problems);
    violations.append(&mut problems.found);
    if !violations.is_empty() {
        return Err(violations);
    }
    let images = images.into_iter().map(|(_, it)| it.locked()).collect();
    Ok(Some(Written { path, images }))
}

/// The same, of a file from which nothing can be kept.
fn with_way_out(mut violation: Violation) -> Violation {
    violation
        .details
        .push_str("; mend it, or remove the file and the update makes a new one");
    violation
}

/// A lock file of these images, as Package Operator's tool writes it, but for the time: the same images are the same
/// bytes.
///
/// # Errors
/// When it would be too long.
pub(crate) fn text(
    api_version: &str,
    images: &[(String, LockedImage)],
) -> Result<String, Violation> {
    let images = images.iter().map(|(name, LockedImage { image, digest })| {
        json!({"name": name, "image": image, "digest": digest})
    });
    let images: Vec<Value> = images.collect();
    let lock = json!({"apiVersion": api_version, "kind": KIND, "spec": {"images": images}});
    yaml::to_text(&lock, limit::YAML_BYTES).map_err(|why| Violation::new(Reason::TooLarge, why))
}

impl Entry {
    fn locked(self) -> (String, LockedImage) {
        let Self {
            name,
            image,
            digest,
        } = self;
        (name, LockedImage { image, digest })
    }
}

impl LockedImage {
    /// `repository@digest`, as templates see it under `.images`, with its prefix replaced where that is overridden.
    pub(crate) fn pinned(&self, prefixes: &ImagePrefixes) -> String {
        let image = prefixes.replace(&self.image);
        format!("{}@{}", repository(&image), self.digest)
    }
}

fn check(images: &[(usize, Entry)], value: &Value, problems: &mut Problems<'_>) {
    let named = images.iter();
    problems.images(named.map(|(number, it)| (*number, &*it.name, &*it.image)));
    for (number, it) in images {
        let field = format!("spec.images[{number}].digest");
        if it.digest.parse::<Digest>().is_err() && !problems.is_told(&field) {
            problems.add(&field, "must be sha256: and 64 hex digits");
        }
    }
    dependencies(value, problems);
}

fn dependencies(value: &Value, problems: &mut Problems<'_>) {
    let dependencies = value
        .pointer("/spec/dependencies")
        .and_then(Value::as_array);
    if dependencies.is_some_and(|all| !all.is_empty()) {
        let what = "dependencies are not supported yet";
        problems.refuse(Reason::NotSupported, "spec.dependencies", what);
    }
}

fn differences(path: &str, images: &[(usize, Entry)], wanted: &[ManifestImage]) -> Vec<Violation> {
    let locked = images.iter().map(|(_, it)| (&*it.name, &*it.image));
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
