//! Unpacking image layers, in memory and counted byte by byte.
//!
//! Files of a package lie below `package/`. Layers apply in order: later files replace earlier ones, and whiteouts
//! remove what earlier layers have, as in a container. Hidden files and everything outside of `package/` is ignored,
//! but counted.

mod budget;
mod compression;
mod entries;
mod error;
mod whiteouts;

use crate::files::{PackageFiles, check_path, is_hidden};
use crate::limit;
use budget::Budget;
use entries::{Kind, Member};
use error::shown;
use whiteouts::{ROOT, Whiteouts};

pub use error::UnpackError;

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

/// The path below `package/`, unless it is hidden.
fn inside(path: &str) -> Option<&str> {
    path.strip_prefix(ROOT).filter(|inside| !is_hidden(inside))
}

#[cfg(test)]
mod tests;
