//! The manifest of an image: what it refers to, under the limits of an artefact.

use serde::{Deserialize, Serialize};
use stevedore_proto_core::digest::Digest;
use thiserror::Error as ThisError;

use crate::archive::UnpackError;
use crate::limit;

/// Media type of an image manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an image config.
pub const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer as it is built here.
pub const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of an index of images.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// Why bytes are not an image.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum ImageError {
    /// An archive above the limit of packed bytes.
    #[error("the archive has {0} bytes, the limit is {max}", max = limit::PACKED_BYTES)]
    TooLarge(usize),
    /// Neither an OCI layout nor what `docker save` writes.
    #[error("not an image archive: it has neither index.json nor manifest.json")]
    NotAnImage,
    /// A file the image names is not in the archive.
    #[error("the archive lacks {0:?}")]
    Missing(String),
    /// A JSON document of the image is damaged or too large.
    #[error("{what} cannot be read: {message}")]
    Malformed {
        /// Which document.
        what: String,
        /// Why.
        message: String,
    },
    /// Bytes are not what the digest beside them names.
    #[error("{0:?} does not have the digest it is named by")]
    Digest(String),
    /// The layers.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

/// A reference to bytes by digest, as manifests hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The image's config.
    pub config: Descriptor,
    /// The layers, the lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
}

impl Manifest {
    /// Reads a manifest and refuses one whose layers are too large, before any of them is fetched.
    ///
    /// # Errors
    /// When the bytes are too many or not a manifest, or the layers together exceed
    /// [`limit::PACKED_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ImageError> {
        let manifest: Manifest = json("the image manifest", bytes)?;
        let sizes = manifest.layers.iter().map(|layer| layer.size);
        let packed = sizes.fold(0_u64, u64::saturating_add);
        if packed > limit::PACKED_BYTES as u64 {
            return Err(UnpackError::PackedTooLarge(packed).into());
        }
        if manifest.layers.len() > limit::ENTRIES {
            return Err(UnpackError::TooManyEntries.into());
        }
        Ok(manifest)
    }
}

pub(super) fn json<T: for<'de> Deserialize<'de>>(
    what: &str,
    bytes: &[u8],
) -> Result<T, ImageError> {
    let refuse = |message: String| ImageError::Malformed {
        what: what.to_owned(),
        message,
    };
    if bytes.len() > limit::IMAGE_JSON_BYTES {
        let limit = limit::IMAGE_JSON_BYTES;
        return Err(refuse(format!(
            "{} bytes, the limit is {limit}",
            bytes.len()
        )));
    }
    serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))
}
