//! The update of a package's lock files: which images have to be resolved, and what the digests change.
//!
//! Whoever has an [`Update`] asks registries about [`Update::references`], and gives the answers to
//! [`Update::finish`].

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::digest::Digest;
use thiserror::Error as ThisError;

use crate::components;
use crate::files::{PackageFiles, whole_path};
use crate::manifest::{self, LockedImage, ManifestImage, Unlocked, Written};
use crate::violation::{Invalid, Reason, Violation};

const LOCK: &str = "manifest.lock.yaml";

/// The manifests of a package and its components, with the lock files that they have now.
#[derive(Debug)]
pub struct Update {
    folders: Vec<Folder>,
}

/// A root, or a component.
#[derive(Debug)]
struct Folder {
    component: Option<String>,
    manifest: Unlocked,
}

/// Why there is no new lock file.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum UpdateError {
    /// A reference was not resolved.
    #[error("image {0} was not resolved")]
    NotResolved(String),
    /// It could not be read again.
    #[error("{0}")]
    Invalid(Violation),
}

/// What becomes of a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// Its path in the folder of the package.
    pub path: String,
    /// The component that it is of.
    pub component: Option<String>,
    /// Every image that the manifest names or the file has, in the order of the manifest and then of the file.
    pub images: Vec<ImageUpdate>,
    /// What is to be written; none where the file says already what it should.
    pub text: Option<String>,
}

/// What becomes of an image in a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUpdate {
    /// Its name under `.images`.
    pub name: String,
    /// What the file has now.
    pub before: Option<LockedImage>,
    /// What it is to have.
    pub after: Option<LockedImage>,
}

/// How the entry of an image differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was none.
    Added,
    /// It had another reference or another digest.
    Changed,
    /// The manifest has no such image any more.
    Removed,
    /// It is what it was.
    Unchanged,
}

impl ImageUpdate {
    /// How the entry differs.
    pub fn change(&self) -> Change {
        match (&self.before, &self.after) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            (before, after) if before == after => Change::Unchanged,
            _ => Change::Changed,
        }
    }
}

impl Update {
    /// Reads manifests and lock files, and nothing else of the package. A lock file need not agree with its manifest.
    ///
    /// # Errors
    /// With everything that is wrong with manifests, and with lock files that cannot be replaced.
    pub fn new(mut files: PackageFiles) -> Result<Self, Invalid> {
        let root = manifest::unlocked(&files, None).map_err(Invalid::of)?;
        let mut violations = Vec::new();
        let parts = match root.has_components {
            true => components::split(&mut files).unwrap_or_else(|found| {
                violations.extend(found);
                BTreeMap::new()
            }),
            false => BTreeMap::new(),
        };
        let mut folders = vec![Folder {
            component: None,
            manifest: root,
        }];
        for (name, files) in parts {
            match manifest::unlocked(&files, Some(&name)) {
                Ok(manifest) => folders.push(Folder {
                    component: Some(name),
                    manifest,
                }),
                Err(found) => {
                    let found = found.into_iter().map(|it| it.in_component(&name));
                    violations.extend(found);
                }
            }
        }
        violations.extend(folders.iter().flat_map(Folder::odd_digests));
        Invalid::check(violations)?;
        Ok(Self { folders })
    }

    /// The references of all images. Nobody has to be asked about one with a digest: it says what it stands for.
    pub fn references(&self) -> BTreeSet<&str> {
        let images = self.folders.iter().flat_map(|it| &it.manifest.images);
        images.map(|it| it.image.as_str()).collect()
    }

    /// What becomes of the lock files, given what each reference stands for. A package without images has no lock
    /// file, unless one is there.
    ///
    /// # Errors
    /// When a reference without a digest is not among them.
    pub fn finish(self, digests: &BTreeMap<String, Digest>) -> Result<Vec<LockFile>, UpdateError> {
        let folders = self.folders.into_iter();
        let with_lock =
            folders.filter(|it| !it.manifest.images.is_empty() || it.manifest.lock.is_some());
        with_lock.map(|folder| folder.finish(digests)).collect()
    }
}

impl Folder {
    /// Images by a digest that is none.
    fn odd_digests(&self) -> impl Iterator<Item = Violation> {
        let images = self.manifest.images.iter().enumerate();
        let odd = images.filter_map(|(number, it)| {
            let digest = digest_of(&it.image)?;
            digest.parse::<Digest>().err()?;
            let details =
                format!("spec.images[{number}].image: {digest:?} is not sha256: and 64 hex digits");
            Some(Violation::new(Reason::ManifestInvalid, details).in_file(self.manifest.path))
        });
        odd.map(|it| match &self.component {
            Some(component) => it.in_component(component),
            None => it,
        })
    }

    fn finish(self, digests: &BTreeMap<String, Digest>) -> Result<LockFile, UpdateError> {
        let Unlocked {
            api_version,
            images,
            lock,
            ..
        } = self.manifest;
        let (path, before) = match lock {
            Some(Written { path, images }) => (path, Some(images)),
            None => (LOCK, None),
        };
        let after = images.into_iter().map(|it| locked(it, digests));
        let after = after.collect::<Result<Vec<_>, _>>()?;
        let is_fresh = before.as_ref().is_some_and(|it| is_same(it, &after));
        let text = match is_fresh {
            true => None,
            false => Some(manifest::lock_text(&api_version, &after).map_err(UpdateError::Invalid)?),
        };
        Ok(LockFile {
            path: whole_path(self.component.as_deref(), path),
            component: self.component,
            images: compare(before.unwrap_or_default(), after),
            text,
        })
    }
}

/// The digest that a reference names.
fn digest_of(reference: &str) -> Option<&str> {
    reference.split_once('@').map(|(_, digest)| digest)
}

fn locked(
    ManifestImage { name, image }: ManifestImage,
    digests: &BTreeMap<String, Digest>,
) -> Result<(String, LockedImage), UpdateError> {
    let digest = match digest_of(&image) {
        Some(digest) => digest.to_owned(),
        None => match digests.get(&image) {
            Some(digest) => digest.to_string(),
            None => return Err(UpdateError::NotResolved(image)),
        },
    };
    Ok((name, LockedImage { image, digest }))
}

/// Whether a lock file has these images, each once, in whatever order.
fn is_same(before: &[(String, LockedImage)], after: &[(String, LockedImage)]) -> bool {
    let by_name = |images: &[(String, LockedImage)]| -> BTreeMap<String, LockedImage> {
        images.iter().cloned().collect()
    };
    before.len() == after.len() && by_name(before) == by_name(after)
}

fn compare(
    before: Vec<(String, LockedImage)>,
    after: Vec<(String, LockedImage)>,
) -> Vec<ImageUpdate> {
    let mut removed: BTreeMap<String, LockedImage> = before.iter().cloned().collect();
    let kept = after.into_iter().map(|(name, after)| ImageUpdate {
        before: removed.remove(&name),
        name,
        after: Some(after),
    });
    let mut images: Vec<ImageUpdate> = kept.collect();
    for (name, _) in before {
        // Of a name that is there twice the last one counts, once.
        let before = removed.remove(&name);
        images.extend(before.map(|before| ImageUpdate {
            name,
            before: Some(before),
            after: None,
        }));
    }
    images
}

#[cfg(test)]
mod tests;
