//! The ways in which layers cannot be unpacked.

use std::io;

use thiserror::Error as ThisError;

use crate::files::FilesError;
use crate::limit;

/// Most characters of somebody else's message or path that are shown.
const SHOWN: usize = 200;

/// Why layers cannot be unpacked.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum UnpackError {
    /// More packed bytes than [`limit::PACKED_BYTES`].
    #[error("the image has {0} bytes packed, the limit is {max}", max = limit::PACKED_BYTES)]
    PackedTooLarge(u64),
    /// More than [`limit::UNPACKED_BYTES`].
    #[error("the image unpacks to more than {} bytes", limit::UNPACKED_BYTES)]
    UnpackedTooLarge,
    /// More than [`limit::RATIO`] times its packed size.
    #[error(
        "the image unpacks to more than {} times its packed size",
        limit::RATIO
    )]
    Ratio,
    /// More than [`limit::ENTRIES`].
    #[error("the image has more than {} entries", limit::ENTRIES)]
    TooManyEntries,
    /// A path that leaves the archive, is absolute or not text.
    #[error("entry {0:?} does not have a canonical path")]
    Path(String),
    /// A link, a device or the like below `package/`.
    #[error("entry {path:?} is {what}; only regular files are allowed")]
    NotAFile {
        /// The path in the archive.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A file is refused.
    #[error("entry {path:?}: {source}")]
    File {
        /// The path in the archive.
        path: String,
        /// Why.
        source: FilesError,
    },
    /// A compression that is recognised and not read.
    #[error("layer {layer} is {what}; layers are read as tar, tar+gzip and tar+zstd")]
    Compression {
        /// Number of the layer, from 0.
        layer: usize,
        /// Its name.
        what: &'static str,
    },
    /// What is in a layer is no archive.
    #[error("layer {0} is not a tar archive, neither plain nor compressed with gzip or zstd")]
    NotTar(usize),
    /// A damaged layer.
    #[error("layer {layer} cannot be read: {message}")]
    Damaged {
        /// Number of the layer, from 0.
        layer: usize,
        /// What is wrong.
        message: String,
    },
    /// Nothing below `package/`.
    #[error("the image contains no package files")]
    NoFiles,
}

impl UnpackError {
    /// The words of a library may quote the archive.
    pub(super) fn damaged(layer: usize, error: &io::Error) -> Self {
        let words = error.to_string();
        let shown = words.chars().take(SHOWN);
        let message = shown.map(|it| if it.is_control() { ' ' } else { it });
        Self::Damaged {
            layer,
            message: message.collect(),
        }
    }
}

/// As much of a path as a message has room for.
pub(super) fn shown(path: &str) -> String {
    path.chars().take(SHOWN).collect()
}
