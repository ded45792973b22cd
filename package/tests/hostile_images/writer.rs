//! A writer of archives that no builder would write.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

/// One entry with a header of its own making.
pub(crate) struct Raw {
    pub(crate) header: Header,
    pub(crate) content: Vec<u8>,
}

/// An entry whose name is written as it is, cut to 100 bytes.
pub(crate) fn entry(kind: EntryType, name: &[u8], content: &[u8]) -> Raw {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let end = name.len().min(100);
    header.as_old_mut().name[..end].copy_from_slice(&name[..end]);
    header.set_cksum();
    Raw {
        header,
        content: content.to_vec(),
    }
}

pub(crate) fn file(name: &str, content: &[u8]) -> Raw {
    entry(EntryType::Regular, name.as_bytes(), content)
}

impl Raw {
    /// Changes the header, and makes its checksum right again.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self.header.set_cksum();
        self
    }
}

/// Entries one after the other, and the end of an archive.
pub(crate) fn tar(entries: &[Raw]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Raw { header, content } in entries {
        bytes.extend(header.as_bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

/// Bytes that do not compress.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// A record of an extended header.
pub(crate) fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let tail = [b" ", key, b"=", value, b"\n"].concat();
    let mut length = tail.len() + 1;
    while length.to_string().len() + tail.len() > length {
        length += 1;
    }
    [length.to_string().as_bytes(), &tail].concat()
}

/// A file with an extended header in front of it.
pub(crate) fn described(records: &[u8], name: &str) -> Vec<u8> {
    tar(&[
        entry(EntryType::XHeader, b"PaxHeaders/x", records),
        file(name, b"text"),
    ])
}
