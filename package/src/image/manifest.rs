//! The manifest of an image: what it refers to, under the limits of an artefact.

use serde::{Deserialize, Serialize};

use super::descriptor::Descriptor;
use super::error::ImageError;
use crate::archive::{UnpackError, unpack};
use crate::files::PackageFiles;
use crate::limit;

/// Most characters of a foreign text that a message shows.
const SHOWN: usize = 200;

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
    /// Reads the manifest of one image, and refuses one whose layers are too many or too large, before any of them is
    /// fetched.
    ///
    /// # Errors
    /// When the bytes are too many or not a manifest, or the layers together exceed [`limit::PACKED_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let manifest: Manifest = json("the image manifest", bytes)?;
        if manifest.layers.len() > limit::LAYERS {
            return Err(ImageError::TooManyLayers(manifest.layers.len()));
        }
        let packed = manifest.packed();
        if packed > limit::PACKED_BYTES as u64 {
            return Err(UnpackError::PackedTooLarge(packed).into());
        }
        Ok(manifest)
    }

    /// Bytes of all layers, as they travel.
    pub fn packed(&self) -> u64 {
        let sizes = self.layers.iter().map(|layer| layer.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// Unpacks the layers of the image, given in the manifest's order, as [`unpack`] does.
    ///
    /// # Errors
    /// As there. A layer that is no archive is named with its media type.
    pub fn unpack(&self, layers: &[&[u8]]) -> Result<PackageFiles, ImageError> {
        unpack(layers).map_err(|source| {
            let (UnpackError::NotTar(layer) | UnpackError::Compression { layer, .. }) = source
            else {
                return source.into();
            };
            match self.layers.get(layer) {
                Some(descriptor) => ImageError::MediaType {
                    media_type: descriptor.media_type.chars().take(SHOWN).collect(),
                    source,
                },
                None => source.into(),
            }
        })
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
    serde_json::from_slice(bytes).map_err(|error| {
        let words = error.to_string();
        refuse(words.chars().take(SHOWN).collect())
    })
}
