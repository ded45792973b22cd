//! Unpacking image layers, in memory and counted byte by byte.
//!
//! Files of a package lie below `package/`. Layers apply in order: later files replace earlier ones, and whiteouts
//! remove what earlier layers have, as in a container. Hidden files and everything outside of `package/` is ignored,
//! but counted.

mod compression;
mod entries;
mod whiteouts;

use std::cell::Cell;
use std::io::{self, Read};

use thiserror::Error as ThisError;

use crate::files::{FilesError, PackageFiles, check_path, is_hidden};
use crate::limit;
use entries::{Kind, Member};
use whiteouts::Whiteouts;

const ROOT: &str = "package/";
/// Most characters of somebody else's message that are shown.
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
    fn damaged(layer: usize, error: &io::Error) -> Self {
        let words = error.to_string();
        let shown = words.chars().take(SHOWN);
        let message = shown.map(|it| if it.is_control() { ' ' } else { it });
        Self::Damaged {
            layer,
            message: message.collect(),
        }
    }
}

/// Unpacks the layers of an image, the lowest first: tar, tar+gzip or tar+zstd, told apart by their first bytes.
///
/// They are read twice: everything is checked before a file is held.
///
/// # Errors
/// When a limit is exceeded, a layer is damaged, an entry is not allowed, or no file is found.
pub fn unpack(layers: &[&[u8]]) -> Result<PackageFiles, UnpackError> {
    let packed: usize = layers.iter().map(|layer| layer.len()).sum();
    if packed > limit::PACKED_BYTES {
        return Err(UnpackError::PackedTooLarge(packed as u64));
    }
    let mut whiteouts = Vec::with_capacity(layers.len().min(limit::LAYERS));
    let budget = Budget::of(packed);
    for (number, layer) in layers.iter().enumerate() {
        whiteouts.push(check(number, layer, &budget)?);
    }
    let mut files = PackageFiles::new();
    let budget = Budget::of(packed);
    for ((number, layer), whiteouts) in layers.iter().enumerate().zip(whiteouts) {
        files.retain(|path| !whiteouts.hide(path));
        keep(number, layer, &budget, &mut files)?;
    }
    if files.is_empty() {
        return Err(UnpackError::NoFiles);
    }
    Ok(files)
}

/// Reads a layer and holds nothing of it but what it removes from those below.
fn check(number: usize, layer: &[u8], budget: &Budget) -> Result<Whiteouts, UnpackError> {
    let mut whiteouts = Whiteouts::default();
    let plain = compression::decompressed(number, layer)?;
    entries::walk(number, plain, budget, |member| {
        whiteouts.note(&member.path);
        let Some(inside) = inside(&member.path) else {
            return Ok(());
        };
        let path = || shown(&member.path);
        match member.kind {
            Kind::Directory => Ok(()),
            Kind::File => check_path(inside).map_err(|source| UnpackError::File {
                path: path(),
                source: source.into(),
            }),
            Kind::Other(what) => Err(UnpackError::NotAFile { path: path(), what }),
        }
    })?;
    Ok(whiteouts)
}

/// Takes the files of a layer.
fn keep(
    number: usize,
    layer: &[u8],
    budget: &Budget,
    files: &mut PackageFiles,
) -> Result<(), UnpackError> {
    let plain = compression::decompressed(number, layer)?;
    entries::walk(number, plain, budget, |member| {
        let Member {
            path,
            kind,
            size,
            content,
        } = member;
        let Some(inside) = inside(&path).filter(|_| kind == Kind::File) else {
            return Ok(());
        };
        let mut bytes = Vec::with_capacity(size);
        let read = content.read_to_end(&mut bytes);
        read.map_err(|error| UnpackError::damaged(number, &error))?;
        let inserted = files.insert(inside, bytes);
        inserted.map(|_| ()).map_err(|source| UnpackError::File {
            path: shown(&path),
            source,
        })
    })
}

/// As much of a path as a message has room for.
fn shown(path: &str) -> String {
    path.chars().take(SHOWN).collect()
}

/// The path below `package/`, unless it is hidden.
fn inside(path: &str) -> Option<&str> {
    path.strip_prefix(ROOT).filter(|inside| !is_hidden(inside))
}

/// What all layers unpack to.
struct Budget {
    unpacked: Cell<usize>,
    entries: Cell<usize>,
    /// As many bytes as so many packed ones may unpack to.
    ratio: usize,
    /// A layer could not be decompressed.
    is_broken: Cell<bool>,
}

impl Budget {
    fn of(packed: usize) -> Self {
        Self {
            unpacked: Cell::new(0),
            entries: Cell::new(0),
            ratio: (packed.saturating_mul(limit::RATIO)).max(limit::RATIO_FREE_BYTES),
            is_broken: Cell::new(false),
        }
    }

    fn exceeded(&self) -> Option<UnpackError> {
        self.exceeded_by(0)
    }

    fn exceeded_by(&self, more: usize) -> Option<UnpackError> {
        let unpacked = self.unpacked.get().saturating_add(more);
        if unpacked > limit::UNPACKED_BYTES {
            Some(UnpackError::UnpackedTooLarge)
        } else if unpacked > self.ratio {
            Some(UnpackError::Ratio)
        } else {
            None
        }
    }

    /// Refuses an entry whose header says that it has more bytes than are left.
    fn claim(&self, size: u64) -> Result<usize, UnpackError> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.exceeded_by(size).map_or(Ok(size), Err)
    }

    fn count_entry(&self) -> Result<(), UnpackError> {
        self.entries.update(|entries| entries + 1);
        match self.entries.get() > limit::ENTRIES {
            true => Err(UnpackError::TooManyEntries),
            false => Ok(()),
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
        let read = self.inner.read(buffer);
        let read = read.inspect_err(|_| self.budget.is_broken.set(true))?;
        self.budget.unpacked.update(|unpacked| unpacked + read);
        match self.budget.exceeded() {
            Some(error) => {
                self.budget.is_broken.set(true);
                Err(io::Error::other(error))
            }
            None => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests;
