//! The files of a package in memory: path to bytes.

use std::collections::BTreeMap;

use stevedore_proto_core::digest::{Digest, Hasher};
use thiserror::Error as ThisError;

use super::path::{PathError, check_path, is_hidden};
use crate::limit;

/// Why a file cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum FilesError {
    /// The path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// More than [`limit::ENTRIES`] files.
    #[error("more than {} files", limit::ENTRIES)]
    TooMany,
    /// More than [`limit::UNPACKED_BYTES`] bytes.
    #[error("the files have more than {} bytes", limit::UNPACKED_BYTES)]
    TooLarge,
}

/// The files of a package: path to bytes, under the limits of [`limit`]. Hidden files are never among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageFiles {
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl PackageFiles {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file. A path with a segment that begins with a dot is left out: `Ok(false)`.
    ///
    /// # Errors
    /// When the path is not canonical, or there would be too many files or bytes.
    pub fn insert(&mut self, path: &str, content: Vec<u8>) -> Result<bool, FilesError> {
        check_path(path)?;
        if is_hidden(path) {
            return Ok(false);
        }
        let replaced = self.files.get(path).map_or(0, Vec::len);
        let bytes = self.bytes - replaced + content.len();
        if bytes > limit::UNPACKED_BYTES {
            return Err(FilesError::TooLarge);
        }
        if !self.files.contains_key(path) && self.files.len() == limit::ENTRIES {
            return Err(FilesError::TooMany);
        }
        self.bytes = bytes;
        self.files.insert(path.to_owned(), content);
        Ok(true)
    }

    /// Keeps the files whose paths fit.
    pub(crate) fn retain(&mut self, mut fits: impl FnMut(&str) -> bool) {
        self.files.retain(|path, _| fits(path));
        self.bytes = self.files.values().map(Vec::len).sum();
    }

    /// The content of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All files, by path in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// The files as a plain map.
    pub fn into_map(self) -> BTreeMap<String, Vec<u8>> {
        self.files
    }

    /// Takes every file below a folder out; the paths are then relative to it.
    pub(crate) fn take_below(&mut self, folder: &str) -> PackageFiles {
        let mut taken = PackageFiles::new();
        let prefix = format!("{folder}/");
        self.files.retain(|path, content| {
            let Some(inside) = path.strip_prefix(&prefix) else {
                return true;
            };
            taken.bytes += content.len();
            taken
                .files
                .insert(inside.to_owned(), std::mem::take(content));
            false
        });
        self.bytes -= taken.bytes;
        taken
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes of all files, without their paths.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A digest over paths and contents: equal exactly when the files are, however they were packed.
    pub fn digest(&self) -> Digest {
        let start = Hasher::new("stevedore.dev/package-files/v1").number(self.files.len() as u64);
        let all = self.files.iter();
        all.fold(start, |hasher, (path, content)| {
            hasher.field(path.as_bytes()).field(content)
        })
        .finish()
    }
}
