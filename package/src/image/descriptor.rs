//! References to bytes as images hold them, and the media types that are written and asked for.

use serde::{Deserialize, Serialize};
use stevedore_proto_core::digest::Digest;

/// Media type of an image manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of Docker's image manifest.
pub const DOCKER_MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of an image config.
pub const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer as it is built here.
pub const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of an index of images.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of Docker's index of images.
pub const DOCKER_INDEX_TYPE: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The platform that is looked for in an index. A package has no programs; its builders say this one, or none.
pub const PLATFORM: &str = "linux/amd64";

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

impl Descriptor {
    /// Whether it says that the bytes are an index.
    pub(super) fn is_index(&self) -> bool {
        is_index(&self.media_type)
    }

    /// Whether the bytes are those that are meant.
    pub fn names(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && Digest::of(bytes) == self.digest
    }
}

/// Whether a media type is one of an index.
pub(super) fn is_index(media_type: &str) -> bool {
    media_type == INDEX_TYPE || media_type == DOCKER_INDEX_TYPE
}
