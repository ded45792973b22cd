//! The builder of images: a package as an image of one layer, the same bytes for the same files.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use stevedore_proto_core::canonical_json;
use stevedore_proto_core::digest::Digest;
use tar::{Builder, EntryType, Header};

use super::descriptor::{CONFIG_TYPE, Descriptor, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE};
use super::error::ImageError;
use crate::archive::UnpackError;
use crate::files::PackageFiles;
use crate::limit;

/// Bytes with their type and digest, as they are pushed to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Media type.
    pub media_type: &'static str,
    /// Digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A package as an image of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The files.
    pub layer: Blob,
    /// The image config.
    pub config: Blob,
    /// The manifest: its digest is the image's.
    pub manifest: Blob,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Blob {
            media_type,
            digest: Digest::of(&bytes),
            bytes,
        }
    }

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.to_owned(),
            digest: self.digest,
            size: self.bytes.len() as u64,
        }
    }
}

/// Builds the image of a package. The same files and labels give the same bytes: no time, no owner, sorted.
///
/// # Errors
/// When there are no files, or they stay above the packed size of an artefact.
pub fn build(files: &PackageFiles, labels: &BTreeMap<String, String>) -> Result<Image, ImageError> {
    if files.is_empty() {
        return Err(UnpackError::NoFiles.into());
    }
    let tar = layer_tar(files)?;
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    let packed = encoder
        .write_all(&tar)
        .and_then(|()| encoder.finish())
        .map_err(|error| unbuilt(&error))?;
    if packed.len() > limit::PACKED_BYTES {
        return Err(UnpackError::PackedTooLarge(packed.len() as u64).into());
    }
    let mut settings = serde_json::Map::new();
    if !labels.is_empty() {
        settings.insert("Labels".to_owned(), json!(labels));
    }
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": Value::Object(settings),
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar)]},
    });
    let layer = Blob::new(LAYER_TYPE, packed);
    let config = Blob::new(CONFIG_TYPE, canonical_json(&config));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
    });
    let manifest = Blob::new(MANIFEST_TYPE, canonical_json(&manifest));
    Ok(Image {
        layer,
        config,
        manifest,
    })
}

impl Image {
    /// The image as an OCI layout in a tar file, with these references as its names.
    ///
    /// # Errors
    /// Only when the archive cannot be written, which memory does not refuse.
    pub fn to_layout(&self, references: &[String]) -> Result<Vec<u8>, ImageError> {
        let unnamed = json!(self.manifest.descriptor());
        let named = references.iter().map(|reference| {
            let mut entry = unnamed.clone();
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": reference});
            entry
        });
        let mut entries: Vec<Value> = named.collect();
        if entries.is_empty() {
            entries.push(unnamed);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries});
        let mut files = BTreeMap::from([
            ("index.json".to_owned(), canonical_json(&index)),
            (
                "oci-layout".to_owned(),
                canonical_json(&json!({"imageLayoutVersion": "1.0.0"})),
            ),
        ]);
        for blob in [&self.layer, &self.config, &self.manifest] {
            files.insert(
                format!("blobs/sha256/{}", blob.digest.hex()),
                blob.bytes.clone(),
            );
        }
        write_tar(
            files
                .iter()
                .map(|(path, bytes)| (path.clone(), bytes.as_slice())),
        )
    }
}

fn layer_tar(files: &PackageFiles) -> Result<Vec<u8>, ImageError> {
    write_tar(
        files
            .iter()
            .map(|(path, bytes)| (format!("package/{path}"), bytes)),
    )
}

fn write_tar<'a>(entries: impl Iterator<Item = (String, &'a [u8])>) -> Result<Vec<u8>, ImageError> {
    let mut builder = Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        builder
            .append_data(&mut header, path, bytes)
            .map_err(|error| unbuilt(&error))?;
    }
    builder.into_inner().map_err(|error| unbuilt(&error))
}

fn unbuilt(error: &std::io::Error) -> ImageError {
    ImageError::Malformed {
        what: "the archive".to_owned(),
        message: error.to_string(),
    }
}
