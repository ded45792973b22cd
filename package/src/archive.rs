//! Unpacking image layers, in memory and counted byte by byte.
//!
//! Files of a package lie below `package/`. Layers apply in order and later files replace earlier ones;
//! there are no whiteouts. Hidden files and everything outside of `package/` is ignored, but counted.

use std::cell::Cell;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};
use thiserror::Error as ThisError;

use crate::files::{FilesError, PackageFiles};
use crate::limit;

const ROOT: &str = "package/";
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

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
    /// A compression that is not read here.
    #[error("layer {0} is not tar or tar+gzip")]
    Compression(usize),
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

/// Unpacks the layers of an image, the lowest first: tar or tar+gzip, told apart by their first bytes.
///
/// # Errors
/// When a limit is exceeded, a layer is damaged, an entry is not allowed, or no file is found.
pub fn unpack(layers: &[&[u8]]) -> Result<PackageFiles, UnpackError> {
    let packed: usize = layers.iter().map(|layer| layer.len()).sum();
    if packed > limit::PACKED_BYTES {
        return Err(UnpackError::PackedTooLarge(packed as u64));
    }
    let budget = Budget {
        unpacked: Cell::new(0),
        ratio: (packed.saturating_mul(limit::RATIO)).max(limit::RATIO_FREE_BYTES),
    };
    let mut files = PackageFiles::new();
    let mut entries = 0;
    for (number, layer) in layers.iter().enumerate() {
        unpack_layer(number, layer, &budget, &mut entries, &mut files)?;
    }
    if files.is_empty() {
        return Err(UnpackError::NoFiles);
    }
    Ok(files)
}

fn unpack_layer(
    number: usize,
    layer: &[u8],
    budget: &Budget,
    entries: &mut usize,
    files: &mut PackageFiles,
) -> Result<(), UnpackError> {
    if layer.starts_with(&ZSTD) {
        return Err(UnpackError::Compression(number));
    }
    let plain: Box<dyn Read + '_> = if layer.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(layer))
    } else {
        Box::new(layer)
    };
    let damaged = |error: io::Error| {
        budget.exceeded().unwrap_or_else(|| UnpackError::Damaged {
            layer: number,
            message: error.to_string(),
        })
    };
    let mut archive = Archive::new(Counted {
        inner: plain,
        budget,
    });
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        *entries += 1;
        if *entries > limit::ENTRIES {
            return Err(UnpackError::TooManyEntries);
        }
        let path = path(&entry)?;
        let Some(inside) = path.strip_prefix(ROOT).filter(|inside| !inside.is_empty()) else {
            continue;
        };
        if !is_file(&entry, &path)? || crate::files::is_hidden(inside) {
            continue;
        }
        // The header only claims a size: memory grows with what is read, which the budget bounds.
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(damaged)?;
        files
            .insert(inside, content)
            .map_err(|source| UnpackError::File {
                path: path.clone(),
                source,
            })?;
    }
    Ok(())
}

/// The path without leading `./` and trailing `/`.
fn path<R: Read>(entry: &Entry<'_, R>) -> Result<String, UnpackError> {
    let bytes = entry.path_bytes();
    let refuse = || UnpackError::Path(String::from_utf8_lossy(&bytes).chars().take(200).collect());
    let text = std::str::from_utf8(&bytes).map_err(|_| refuse())?;
    let mut path = text;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    let path = path.trim_end_matches('/');
    if text.starts_with('/')
        || path.split('/').any(|segment| segment == "..")
        || path.contains('\0')
    {
        return Err(refuse());
    }
    Ok(path.to_owned())
}

fn is_file<R: Read>(entry: &Entry<'_, R>, path: &str) -> Result<bool, UnpackError> {
    let what = match entry.header().entry_type() {
        EntryType::Regular => return Ok(true),
        EntryType::Directory | EntryType::XGlobalHeader => return Ok(false),
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "of an unknown type",
    };
    Err(UnpackError::NotAFile {
        path: path.to_owned(),
        what,
    })
}

/// What all layers unpack to.
struct Budget {
    unpacked: Cell<usize>,
    /// As many bytes as so many packed ones may unpack to.
    ratio: usize,
}

impl Budget {
    fn exceeded(&self) -> Option<UnpackError> {
        let unpacked = self.unpacked.get();
        if unpacked > limit::UNPACKED_BYTES {
            Some(UnpackError::UnpackedTooLarge)
        } else if unpacked > self.ratio {
            Some(UnpackError::Ratio)
        } else {
            None
        }
    }
}

/// A layer whose bytes are counted.
struct Counted<'b, R> {
    inner: R,
    budget: &'b Budget,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.budget.unpacked.update(|unpacked| unpacked + read);
        match self.budget.exceeded() {
            Some(error) => Err(io::Error::other(error)),
            None => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests;
