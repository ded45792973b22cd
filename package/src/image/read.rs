//! The reader of image archives: OCI layouts, and what `docker save` writes.

use std::collections::BTreeMap;

use serde::Deserialize;
use stevedore_proto_core::digest::Digest;
use tar::{Archive, EntryType};

use super::descriptor::Descriptor;
use super::document::{Document, manifest_of};
use super::error::ImageError;
use super::index::Index;
use super::manifest::{Manifest, json};
use crate::archive::{UnpackError, unpack};
use crate::files::PackageFiles;
use crate::limit;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    layers: Vec<String>,
}

/// The package in an image archive: an OCI layout, or what `docker save` and Package Operator's tool write.
///
/// # Errors
/// When it is too large, not such an archive, holds no or several images, a digest does not fit, or
/// [`unpack`] refuses its layers.
pub fn read_archive(bytes: &[u8]) -> Result<PackageFiles, ImageError> {
    if bytes.len() > limit::PACKED_BYTES {
        return Err(ImageError::TooLarge(bytes.len()));
    }
    let blobs = Blobs::list(bytes)?;
    if let Some(index) = blobs.files.get("index.json") {
        let manifest = blobs.manifest(index)?;
        blobs.by_digest(&manifest.config)?;
        let layers = manifest.layers.iter().map(|layer| blobs.by_digest(layer));
        return manifest.unpack(&layers.collect::<Result<Vec<_>, _>>()?);
    }
    let saved = blobs
        .files
        .get("manifest.json")
        .ok_or(ImageError::NotAnImage)?;
    let saved: Vec<SavedImage> = json("manifest.json", saved)?;
    let image = single("manifest.json", saved)?;
    if image.layers.len() > limit::LAYERS {
        return Err(ImageError::TooManyLayers(image.layers.len()));
    }
    let config = blobs.get(&image.config)?;
    if image
        .config
        .parse::<Digest>()
        .is_ok_and(|digest| Digest::of(config) != digest)
    {
        return Err(ImageError::Digest(image.config));
    }
    let layers = image.layers.iter().map(|layer| blobs.get(layer));
    Ok(unpack(&layers.collect::<Result<Vec<_>, _>>()?)?)
}

fn single<T>(what: &str, mut all: Vec<T>) -> Result<T, ImageError> {
    let count = all.len();
    match all.pop() {
        Some(only) if count == 1 => Ok(only),
        _ => Err(ImageError::Malformed {
            what: what.to_owned(),
            message: format!("it names {count} images instead of one"),
        }),
    }
}

/// The regular files of an archive, without copying them.
struct Blobs<'a> {
    files: BTreeMap<String, &'a [u8]>,
}

impl<'a> Blobs<'a> {
    fn list(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let damaged = |message: String| ImageError::Malformed {
            what: "the archive".to_owned(),
            message,
        };
        let mut files = BTreeMap::new();
        let mut archive = Archive::new(bytes);
        let entries = archive
            .entries()
            .map_err(|error| damaged(error.to_string()))?;
        for (number, entry) in entries.enumerate() {
            if number == limit::ENTRIES {
                return Err(UnpackError::TooManyEntries.into());
            }
            let entry = entry.map_err(|error| damaged(error.to_string()))?;
            if entry.header().entry_type() != EntryType::Regular {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let range = usize::try_from(entry.raw_file_position())
                .ok()
                .zip(usize::try_from(entry.size()).ok());
            let content = range
                .and_then(|(start, size)| bytes.get(start..start.checked_add(size)?))
                .ok_or_else(|| damaged(format!("entry {path:?} ends after the archive")))?;
            files.insert(
                path.strip_prefix("./")
                    .map(ToOwned::to_owned)
                    .unwrap_or(path),
                content,
            );
        }
        Ok(Blobs { files })
    }

    fn get(&self, path: &str) -> Result<&'a [u8], ImageError> {
        self.files
            .get(path)
            .copied()
            .ok_or_else(|| ImageError::Missing(path.to_owned()))
    }

    fn by_digest(&self, descriptor: &Descriptor) -> Result<&'a [u8], ImageError> {
        let path = format!("blobs/sha256/{}", descriptor.digest.hex());
        let bytes = self.get(&path)?;
        match descriptor.names(bytes) {
            true => Ok(bytes),
            false => Err(ImageError::Digest(path)),
        }
    }

    /// The one image that the archive has, also when its name stands for an index of platforms.
    fn manifest(&self, index: &[u8]) -> Result<Manifest, ImageError> {
        let names: Index = json("index.json", index)?;
        match Document::parse(self.by_digest(names.only()?)?)? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(index) => {
                let entry = index.image()?;
                manifest_of(entry, self.by_digest(entry)?)
            }
        }
    }
}
