//! The compact form in which a hub keeps a package's files: compressed, in parts small enough for a Secret.

use std::io::Read;

use stevedore_proto_core::digest::Digest;
use thiserror::Error as ThisError;

use super::map::{FilesError, PackageFiles};
use crate::limit;

const MAGIC: &[u8] = b"stevedore-files-1\n";
const LEVEL: i32 = 9;
/// Magic, and per file two lengths and its path.
const MAX_STREAM_BYTES: usize =
    limit::UNPACKED_BYTES + limit::ENTRIES * (limit::PATH_BYTES + 8) + 64;

/// One part of stored files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Digest of the bytes: what the part is named by.
    pub digest: Digest,
    /// At most [`limit::PART_BYTES`].
    pub bytes: Vec<u8>,
}

/// A package's files as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFiles {
    /// [`PackageFiles::digest`] of what is in them.
    pub files: Digest,
    /// In order.
    pub parts: Vec<Part>,
}

/// Why stored files cannot be read back.
#[derive(Debug, ThisError)]
pub enum StoredError {
    /// More packed bytes than a package may have.
    #[error("the stored files have {0} bytes, the limit is {max}", max = limit::PACKED_BYTES)]
    TooLarge(usize),
    /// The bytes of a part are not those its digest names.
    #[error("part {0} does not have the digest it is named by")]
    PartDigest(Digest),
    /// The files are not those that were asked for.
    #[error("the stored files have digest {found}, not {expected}")]
    FilesDigest {
        /// What was asked for.
        expected: Digest,
        /// What is stored.
        found: Digest,
    },
    /// Not what [`PackageFiles::to_stored`] writes.
    #[error("the stored files cannot be read: {0}")]
    Malformed(&'static str),
    /// A file in them is refused.
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl PackageFiles {
    /// Packs the files: the same files give the same parts.
    ///
    /// # Errors
    /// When they stay above [`limit::PACKED_BYTES`] compressed.
    pub fn to_stored(&self) -> Result<StoredFiles, StoredError> {
        let mut stream = MAGIC.to_vec();
        for (path, content) in self.iter() {
            for field in [path.as_bytes(), content] {
                let length = u32::try_from(field.len()).map_err(|_| FilesError::TooLarge)?;
                stream.extend(length.to_be_bytes());
                stream.extend(field);
            }
        }
        let packed = zstd::bulk::compress(&stream, LEVEL)
            .map_err(|_| StoredError::Malformed("the compressor failed"))?;
        if packed.len() > limit::PACKED_BYTES {
            return Err(StoredError::TooLarge(packed.len()));
        }
        let part = |bytes: &[u8]| Part {
            digest: Digest::of(bytes),
            bytes: bytes.to_vec(),
        };
        Ok(StoredFiles {
            files: self.digest(),
            parts: packed.chunks(limit::PART_BYTES).map(part).collect(),
        })
    }

    /// Unpacks parts, after checking each against its digest; then the files against `expected`. Limits are
    /// those of an artefact, except the ratio: it is about packing that others did.
    ///
    /// # Errors
    /// When a digest differs, a limit is exceeded, or the parts are not what [`PackageFiles::to_stored`] wrote.
    pub fn from_stored(expected: &Digest, parts: &[(Digest, &[u8])]) -> Result<Self, StoredError> {
        let packed: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
        if packed > limit::PACKED_BYTES {
            return Err(StoredError::TooLarge(packed));
        }
        if let Some((digest, _)) = parts
            .iter()
            .find(|(digest, bytes)| Digest::of(bytes) != *digest)
        {
            return Err(StoredError::PartDigest(*digest));
        }
        let packed: Vec<u8> = parts
            .iter()
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect();
        let mut stream = Vec::new();
        zstd::stream::read::Decoder::new(packed.as_slice())
            .and_then(|decoder| {
                decoder
                    .take(MAX_STREAM_BYTES as u64 + 1)
                    .read_to_end(&mut stream)
            })
            .map_err(|_| StoredError::Malformed("not compressed as expected"))?;
        if stream.len() > MAX_STREAM_BYTES {
            return Err(StoredError::Files(FilesError::TooLarge));
        }
        let files = read(&stream)?;
        let found = files.digest();
        if found != *expected {
            return Err(StoredError::FilesDigest {
                expected: *expected,
                found,
            });
        }
        Ok(files)
    }
}

fn read(stream: &[u8]) -> Result<PackageFiles, StoredError> {
    let mut rest = stream
        .strip_prefix(MAGIC)
        .ok_or(StoredError::Malformed("unknown format"))?;
    let mut files = PackageFiles::new();
    while !rest.is_empty() {
        let path = field(&mut rest)?;
        let content = field(&mut rest)?;
        let path =
            std::str::from_utf8(path).map_err(|_| StoredError::Malformed("a path is not UTF-8"))?;
        files.insert(path, content.to_vec())?;
    }
    Ok(files)
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], StoredError> {
    let short = StoredError::Malformed("it ends early");
    let Some((length, after)) = rest.split_first_chunk::<4>() else {
        return Err(short);
    };
    let length = u32::from_be_bytes(*length) as usize;
    let Some((field, after)) = after.split_at_checked(length) else {
        return Err(short);
    };
    *rest = after;
    Ok(field)
}
