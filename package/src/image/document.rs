//! The document that a tag or a digest of a registry stands for: the manifest of an image, or an index of images.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::descriptor::{Descriptor, is_index};
use super::error::ImageError;
use super::index::Index;
use super::manifest::{Manifest, json};

/// What a tag or a digest of a registry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Images by platform.
    Index(Index),
}

/// What tells one kind of document from the other. The media type in a document is optional, and that of the answer
/// of a registry is not covered by any digest: what counts is what the document has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    schema_version: u64,
    #[serde(default)]
    media_type: String,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
}

impl Document {
    /// Reads a document and refuses an image whose layers are too many or too large, before any of them is fetched.
    ///
    /// # Errors
    /// When the bytes are too many or neither a manifest nor an index, or the layers together exceed
    /// [`crate::limit::PACKED_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let shape: Shape = json("the image manifest", bytes)?;
        if shape.schema_version == 1 {
            return Err(ImageError::Schema1);
        }
        let is_image = shape.layers.is_some() || shape.config.is_some();
        match (shape.manifests.is_some(), is_image) {
            (true, true) => Err(ImageError::Ambiguous),
            (true, false) => Ok(Self::Index(json("the index", bytes)?)),
            (false, false) if is_index(&shape.media_type) => {
                Ok(Self::Index(json("the index", bytes)?))
            }
            (false, _) => Ok(Self::Manifest(Manifest::parse(bytes)?)),
        }
    }
}

/// The manifest that an entry of an index stands for.
///
/// # Errors
/// When the bytes are not those of the entry, not a manifest, or an index again.
pub fn manifest_of(entry: &Descriptor, bytes: &[u8]) -> Result<Manifest, ImageError> {
    if !entry.names(bytes) {
        return Err(ImageError::Digest(entry.digest.to_string()));
    }
    match Document::parse(bytes)? {
        Document::Manifest(manifest) => Ok(manifest),
        Document::Index(_) => Err(ImageError::NestedIndex(entry.digest)),
    }
}
