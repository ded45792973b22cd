//! The ways in which bytes are not an image.

use stevedore_proto_core::digest::Digest;
use thiserror::Error as ThisError;

use super::descriptor::PLATFORM;
use crate::archive::UnpackError;
use crate::limit;

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
    /// A document that is both, and read by some programs as one, by others as the other.
    #[error("the document has layers and manifests; it is an image or an index, not both")]
    Ambiguous,
    /// The first form of Docker's manifests, which has neither sizes nor a config.
    #[error(
        "the image has a manifest of schema 1, which is not read; push it again with a current tool"
    )]
    Schema1,
    /// An index without an image of the platform.
    #[error(
        "this is an index of images, and none in it is for {PLATFORM} or without a platform; it offers {offered}"
    )]
    NoPlatform {
        /// The platforms that there are.
        offered: String,
    },
    /// An index in an index.
    #[error(
        "this is an index of images, and its entry for {PLATFORM}, {0}, is an index again; name that one, or the image in it"
    )]
    NestedIndex(Digest),
    /// More than [`limit::LAYERS`].
    #[error("the image has {0} layers, the limit is {max}", max = limit::LAYERS)]
    TooManyLayers(usize),
    /// The bytes of a layer are not what its media type could mean.
    #[error("{source} (the manifest says {media_type:?})")]
    MediaType {
        /// What the manifest says of the layer, cut.
        media_type: String,
        /// Why it cannot be unpacked.
        source: UnpackError,
    },
    /// The layers.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}
