//! Bulk content: compressed once, cut into chunks, put together and hashed again.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use stevedore_proto_core::{ContentRef, content, limit};

/// Compression level: most of the gain at little time.
const LEVEL: i32 = 3;
/// A zstd frame of incompressible bytes is longer than they are by less than this.
const FRAME_OVERHEAD: usize = 64 * 1024;

/// Why content did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than the content can have, packed or unpacked.
    #[error("the content is longer than announced")]
    TooLong,
    /// The bytes are no zstd frame.
    #[error("the content cannot be decompressed")]
    Corrupt(#[source] std::io::Error),
    /// The bytes are another content.
    #[error("the content does not have the digest it was asked for by")]
    DigestMismatch,
}

/// Compresses a content into chunks for the content call. Done once per content; the chunks are shared by all
/// who fetch it.
///
/// # Errors
/// When the compressor fails.
pub fn pack(content: &[u8]) -> std::io::Result<Vec<Bytes>> {
    let mut packed = Bytes::from(zstd::bulk::compress(content, LEVEL)?);
    let mut chunks = Vec::with_capacity(packed.len().div_ceil(limit::CONTENT_CHUNK));
    while !packed.is_empty() {
        chunks.push(packed.split_to(packed.len().min(limit::CONTENT_CHUNK)));
    }
    Ok(chunks)
}

/// Puts chunks together. Holds at most the announced size and a little, packed, before it unpacks.
#[derive(Debug)]
pub struct Unpacker {
    expected: ContentRef,
    packed: Vec<u8>,
}

impl Unpacker {
    /// Expects this content.
    ///
    /// # Errors
    /// When it is larger than any order may carry.
    pub fn new(expected: ContentRef) -> Result<Self, Error> {
        if expected.size > limit::CONTENT as u64 {
            return Err(Error::TooLong);
        }
        Ok(Self {
            expected,
            packed: Vec::new(),
        })
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// When more bytes came than the content can have.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let max = self.size() + FRAME_OVERHEAD;
        if chunk.len() > limit::CONTENT_CHUNK || self.packed.len() + chunk.len() > max {
            return Err(Error::TooLong);
        }
        self.packed.extend_from_slice(chunk);
        Ok(())
    }

    /// Unpacks and verifies; never produces more bytes than announced.
    ///
    /// # Errors
    /// When the bytes are no zstd frame, are longer than announced, or are another content.
    pub fn finish(self) -> Result<Arc<[u8]>, Error> {
        let size = self.size();
        let decoder =
            zstd::stream::read::Decoder::new(self.packed.as_slice()).map_err(Error::Corrupt)?;
        let mut bytes = Vec::with_capacity(size);
        decoder
            .take(size as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(Error::Corrupt)?;
        if bytes.len() > size {
            return Err(Error::TooLong);
        }
        content::verify(&bytes, &self.expected).map_err(|_| Error::DigestMismatch)?;
        Ok(bytes.into())
    }

    fn size(&self) -> usize {
        usize::try_from(self.expected.size).expect("checked against a limit that is a usize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(step).collect()
    }

    fn transfer(bytes: &[u8], expected: ContentRef) -> Result<Arc<[u8]>, Error> {
        let mut unpacker = Unpacker::new(expected)?;
        for chunk in pack(bytes).unwrap() {
            unpacker.push(&chunk)?;
        }
        unpacker.finish()
    }

    #[test]
    fn incompressible_content_arrives_in_chunks() {
        let bytes = noise(2 * limit::CONTENT_CHUNK + 1);
        let chunks = pack(&bytes).unwrap();
        assert!(
            chunks.len() == 3
                && chunks
                    .iter()
                    .all(|chunk| chunk.len() <= limit::CONTENT_CHUNK)
        );
        assert_eq!(
            *transfer(&bytes, content::reference(&bytes)).unwrap(),
            *bytes
        );
    }

    #[test]
    fn a_bomb_stops_at_the_announced_size() {
        let bomb = vec![0_u8; limit::CONTENT];
        let announced = ContentRef {
            size: 1_000,
            ..content::reference(&bomb)
        };
        assert!(matches!(transfer(&bomb, announced), Err(Error::TooLong)));
    }

    #[test]
    fn other_bytes_and_garbage_are_refused() {
        let expected = content::reference(b"one");
        assert!(matches!(
            transfer(b"two", expected),
            Err(Error::DigestMismatch)
        ));
        let mut unpacker = Unpacker::new(expected).unwrap();
        unpacker.push(b"garbage").unwrap();
        assert!(matches!(unpacker.finish(), Err(Error::Corrupt(_))));
    }

    #[test]
    fn content_at_the_limit_is_expected_and_one_byte_more_is_not() {
        let at = ContentRef {
            size: limit::CONTENT as u64,
            ..content::reference(b"")
        };
        assert!(Unpacker::new(at).is_ok());
        let over = ContentRef {
            size: limit::CONTENT as u64 + 1,
            ..at
        };
        assert!(matches!(Unpacker::new(over), Err(Error::TooLong)));
    }
}
