//! The compression of a layer, told by its first bytes: a media type is a claim of whoever pushed the image.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::error::UnpackError;

/// Largest window of zstd, as a power of two: 32 MiB, the most that the levels of common builders use. A decoder
/// takes memory for the window that a frame claims.
const ZSTD_WINDOW_LOG: u32 = 25;

/// What compressions begin with that are recognised only to be named.
const UNREAD: [(&[u8], &str); 3] = [
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
];

/// The bytes of a layer without their compression.
pub(super) fn decompressed(number: usize, layer: &[u8]) -> Result<Box<dyn Read + '_>, UnpackError> {
    if layer.starts_with(b"\x1f\x8b") {
        return Ok(Box::new(MultiGzDecoder::new(layer)));
    }
    if is_zstd(layer) {
        return zstd(layer).map_err(|error| UnpackError::damaged(number, &error));
    }
    let unread = UNREAD.iter().find(|(magic, _)| layer.starts_with(magic));
    match unread {
        Some((_, what)) => Err(UnpackError::Compression {
            layer: number,
            what,
        }),
        None => Ok(Box::new(layer)),
    }
}

fn zstd(layer: &[u8]) -> io::Result<Box<dyn Read + '_>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(layer)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(Box::new(decoder))
}

/// A frame, or a skippable frame in front of one.
fn is_zstd(layer: &[u8]) -> bool {
    match layer {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        [first, 0x2a, 0x4d, 0x18, ..] => first & 0xf0 == 0x50,
        _ => false,
    }
}
