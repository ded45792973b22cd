//! The entries of a tar archive, read under limits: neither an entry nor what describes one is held before its size
//! is known to be allowed.
//!
//! Long names (GNU) and extended headers (pax) are put together here: the crate would hold them whatever their size,
//! and reads records by line, so that a line break in a value hides what follows.

use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

use super::budget::{Budget, Counted};
use super::error::{UnpackError, shown};
use crate::limit;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// Something else, in words.
    Other(&'static str),
}

/// One entry.
pub(super) struct Member<'e> {
    /// Below the archive's root: no empty segment, no `.` and no `..`. Empty for the root itself.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// Bytes of `content`, within the limits.
    pub(super) size: usize,
    pub(super) content: &'e mut dyn Read,
}

/// Reads the entries of a layer in order, and the layer to its end.
pub(super) fn walk<R: Read>(
    layer: usize,
    archive: R,
    budget: &Budget,
    mut visit: impl FnMut(Member<'_>) -> Result<(), UnpackError>,
) -> Result<(), UnpackError> {
    let damaged = |error: io::Error| {
        let exceeded = budget.exceeded();
        exceeded.unwrap_or_else(|| UnpackError::damaged(layer, &error))
    };
    let malformed = |message: &str| UnpackError::damaged(layer, &io::Error::other(message));
    let archive = Counted {
        inner: archive,
        budget,
    };
    let mut archive = Archive::new(archive);
    let mut ahead = Ahead::default();
    for (position, entry) in archive.entries().map_err(damaged)?.raw(true).enumerate() {
        let mut entry = entry.map_err(|error| match position {
            0 if !budget.is_broken() => UnpackError::NotTar(layer),
            _ => damaged(error),
        })?;
        let size = budget.claim(entry.size())?;
        if ahead.take(&mut entry).map_err(damaged)? {
            continue;
        }
        budget.count_entry()?;
        let described = std::mem::take(&mut ahead);
        if described.size.is_some_and(|said| said != entry.size()) {
            return Err(malformed("an entry is said to have two sizes"));
        }
        let name = described.name(&entry);
        let path = canonical(&name)?;
        let kind = described.kind(&entry, &name);
        if kind == SPARSE && is_extended(&entry) {
            // Where the next entry begins is written in its content.
            let path = shown(&path);
            let what = "a sparse file";
            return Err(UnpackError::NotAFile { path, what });
        }
        visit(Member {
            path,
            kind,
            size,
            content: &mut entry,
        })?;
    }
    if !ahead.is_empty() {
        return Err(malformed("it ends where an entry was announced"));
    }
    // Checksums of compressions stand at their ends, behind that of the archive.
    let rest = io::copy(&mut archive.into_inner(), &mut io::sink());
    rest.map(|_| ()).map_err(damaged)
}

const SPARSE: Kind = Kind::Other("a sparse file");

fn is_extended<R: Read>(entry: &Entry<'_, R>) -> bool {
    let header = entry.header().as_gnu();
    header.is_none_or(tar::GnuHeader::is_extended)
}

/// What stands in front of an entry and describes it.
#[derive(Default)]
struct Ahead {
    /// A name in an entry of its own, which comes before every other.
    long_name: Option<Vec<u8>>,
    has_long_link: bool,
    has_records: bool,
    path: Option<Vec<u8>>,
    sparse_name: Option<Vec<u8>>,
    is_sparse: bool,
    size: Option<u64>,
}

impl Ahead {
    fn is_empty(&self) -> bool {
        self.long_name.is_none() && !self.has_long_link && !self.has_records
    }

    /// Takes an entry that describes the next one; says whether it is one.
    fn take<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> io::Result<bool> {
        let twice = || io::Error::other("an entry is described twice");
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut name = read(entry)?;
                while name.last() == Some(&0) {
                    name.pop();
                }
                match self.long_name.replace(name) {
                    Some(_) => Err(twice()),
                    None => Ok(true),
                }
            }
            EntryType::GNULongLink => match std::mem::replace(&mut self.has_long_link, true) {
                true => Err(twice()),
                false => Ok(true),
            },
            EntryType::XHeader => {
                if std::mem::replace(&mut self.has_records, true) {
                    return Err(twice());
                }
                let records = read(entry)?;
                self.describe(&records)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Reads records of the form `LENGTH KEY=VALUE\n`; of equal keys the last one counts, an empty value takes a
    /// key back.
    fn describe(&mut self, mut records: &[u8]) -> io::Result<()> {
        while !records.is_empty() {
            let (record, rest) = record(records)
                .ok_or_else(|| io::Error::other("a record of an extended header is malformed"))?;
            records = rest;
            let (key, value) = record;
            let text = || (!value.is_empty()).then(|| value.to_vec());
            match key {
                b"path" => self.path = text(),
                b"GNU.sparse.name" => self.sparse_name = text(),
                b"size" => {
                    let number = std::str::from_utf8(value).ok();
                    let number = number.and_then(|text| text.parse().ok());
                    let refused = || io::Error::other("the size of an extended header is none");
                    self.size = match value {
                        [] => None,
                        _ => Some(number.ok_or_else(refused)?),
                    };
                }
                _ => {}
            }
            self.is_sparse |= key.starts_with(b"GNU.sparse.");
        }
        Ok(())
    }

    fn name<R: Read>(&self, entry: &Entry<'_, R>) -> Vec<u8> {
        let said = [&self.long_name, &self.sparse_name, &self.path];
        let said = said.into_iter().find_map(Option::clone);
        said.unwrap_or_else(|| entry.header().path_bytes().into_owned())
    }

    fn kind<R: Read>(&self, entry: &Entry<'_, R>, name: &[u8]) -> Kind {
        match entry.header().entry_type() {
            EntryType::Regular if self.is_sparse => SPARSE,
            // Archives older than the type of directories.
            EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
            EntryType::Regular => Kind::File,
            EntryType::Directory | EntryType::XGlobalHeader => Kind::Directory,
            EntryType::Link => Kind::Other("a hard link"),
            EntryType::Symlink => Kind::Other("a symbolic link"),
            EntryType::Char | EntryType::Block => Kind::Other("a device"),
            EntryType::Fifo => Kind::Other("a pipe"),
            EntryType::GNUSparse => SPARSE,
            _ => Kind::Other("of an unknown type"),
        }
    }
}

/// The whole of an entry that describes another one.
fn read<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Vec<u8>> {
    let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
    if size > limit::HEADER_BYTES {
        let limit = limit::HEADER_BYTES;
        return Err(io::Error::other(format!(
            "a header of {size} bytes, the limit is {limit}"
        )));
    }
    let mut bytes = Vec::with_capacity(size);
    entry.read_to_end(&mut bytes)?;
    match bytes.len() == size {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

type Record<'r> = ((&'r [u8], &'r [u8]), &'r [u8]);

/// The first of some records, and what is behind it.
fn record(records: &[u8]) -> Option<Record<'_>> {
    let space = records.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let (b'\n', pair) = record.get(space + 1..)?.split_last()? else {
        return None;
    };
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    // The reader of one of two programs would see another end of the text.
    let is_text = !key.is_empty() && !key.contains(&0);
    is_text.then_some(((key, value), rest))
}

/// The path without `.`, without empty segments and without a trailing `/`.
fn canonical(name: &[u8]) -> Result<String, UnpackError> {
    let refuse = || UnpackError::Path(shown(&String::from_utf8_lossy(name)));
    let text = std::str::from_utf8(name).map_err(|_| refuse())?;
    if text.starts_with('/') || text.contains('\0') {
        return Err(refuse());
    }
    let segments: Vec<_> = text
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    match segments.contains(&"..") {
        true => Err(refuse()),
        false => Ok(segments.join("/")),
    }
}
