//! Entries of layers: names, kinds, sizes, and what stands in front of them.

use tar::EntryType;

use super::reader::Input;
use super::writer::{Raw, described, entry, file, record, tar};
use crate::Case;

fn of(entries: &[Raw]) -> Input {
    Input::layer(tar(entries))
}

pub(crate) fn names() -> Vec<Case> {
    let refused = "does not have a canonical path";
    let named = |name: &str| of(&[file("package/ok", b""), file(name, b"")]);
    let raw = |name: &[u8]| of(&[entry(EntryType::Regular, name, b"")]);
    let pax = |name: &[u8]| Input::layer(described(&record(b"path", name), "package/a"));
    let long = |name: &[u8]| {
        let name = entry(EntryType::GNULongName, b"././@LongLink", name);
        of(&[name, file("package/a", b"")])
    };
    let deep = format!("package/{}a", "x/".repeat(40));
    let wide = format!("package/{}", "x".repeat(4_000));
    vec![
        ("an absolute path", named("/package/a"), refused),
        ("an absolute path elsewhere", named("/etc/passwd"), refused),
        ("a path that leaves", named("../package/a"), refused),
        (
            "a path that leaves and returns",
            named("package/../../package/a"),
            refused,
        ),
        (
            "a path that leaves in a record",
            pax(b"package/../../a"),
            refused,
        ),
        ("an absolute path in a record", pax(b"/package/a"), refused),
        (
            "a path that leaves in a long name",
            long(b"package/../../a\0"),
            refused,
        ),
        (
            "a path that ends in a long name",
            long(b"package/a\0/../../b\0"),
            refused,
        ),
        ("a path that is not text", raw(b"package/\xff\xfe"), refused),
        (
            "a path that ends early in a record",
            pax(b"package/a\0b"),
            refused,
        ),
        (
            "a path with a backslash",
            named("package/a\\..\\b"),
            "not a canonical path",
        ),
        (
            "a path that drives terminals",
            named("package/\x1b[2J"),
            "not a canonical path",
        ),
        ("a deep path", pax(deep.as_bytes()), "too long"),
        ("a long path", long(wide.as_bytes()), "too long"),
    ]
}

pub(crate) fn kinds() -> Vec<Case> {
    let kind = |kind: EntryType| of(&[file("package/ok", b""), entry(kind, b"package/x", b"")]);
    let sparse = entry(EntryType::GNUSparse, b"elsewhere", b"");
    let extended = sparse.with(|header| header.as_gnu_mut().unwrap().set_is_extended(true));
    let renamed = [
        record(b"GNU.sparse.major", b"1"),
        record(b"GNU.sparse.name", b"package/a"),
        record(b"GNU.sparse.realsize", b"1000000000000"),
    ];
    let renamed = described(&renamed.concat(), "GNUSparseFile.0/a");
    vec![
        (
            "a symbolic link",
            kind(EntryType::Symlink),
            "a symbolic link",
        ),
        ("a hard link", kind(EntryType::Link), "a hard link"),
        ("a character device", kind(EntryType::Char), "a device"),
        ("a block device", kind(EntryType::Block), "a device"),
        ("a pipe", kind(EntryType::Fifo), "a pipe"),
        (
            "an unknown kind",
            kind(EntryType::new(b'Z')),
            "of an unknown type",
        ),
        ("a sparse file", kind(EntryType::GNUSparse), "a sparse file"),
        (
            "a sparse file by records",
            Input::layer(renamed),
            "a sparse file",
        ),
        (
            "a sparse file with more headers",
            of(&[extended]),
            "a sparse file",
        ),
    ]
}

pub(crate) fn sizes() -> Vec<Case> {
    let sized = |size: &[u8; 12]| {
        let odd = file("package/b", b"").with(|header| {
            header.as_old_mut().size.copy_from_slice(size);
        });
        of(&[file("package/a", b""), odd])
    };
    let pax = |size: &[u8]| Input::layer(described(&record(b"size", size), "package/a"));
    let (large, unread) = ("more than 67108864 bytes", "cannot be read");
    vec![
        ("a negative size", sized(b"-0000000001\0"), unread),
        ("a negative size in binary", sized(&[0xff; 12]), unread),
        (
            "a size of 8 EiB",
            sized(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
            large,
        ),
        ("a size of 8 GiB", sized(b"77777777777\0"), large),
        (
            "a size that is no number",
            sized(b"x\x1b[2Jyyyyyy\0"),
            unread,
        ),
        (
            "a size beyond the ratio",
            sized(b"00020000000\0"),
            "100 times",
        ),
        ("a size beyond the archive", sized(b"00000010000\0"), unread),
        ("another size in a record", pax(b"0"), "two sizes"),
        ("a negative size in a record", pax(b"-1"), unread),
        (
            "a size without end in a record",
            pax(&[b'9'; 4_000]),
            unread,
        ),
    ]
}

pub(crate) fn headers() -> Vec<Case> {
    let kind = |kind: EntryType, bytes: usize| entry(kind, b"x", &vec![b'x'; bytes]);
    let before = |entries: Vec<Raw>| {
        let mut all = vec![file("package/a", b"")];
        all.extend(entries);
        of(&all)
    };
    let mib = 1024 * 1024;
    let limit = "the limit is 1048576";
    let mut claimed = tar(&[file("package/a", b"")]);
    claimed.truncate(512);
    let claim = kind(EntryType::XHeader, 0).with(|header| header.set_size(63 << 20));
    claimed.extend(claim.header.as_bytes());
    vec![
        (
            "a long name of 9 MiB",
            before(vec![kind(EntryType::GNULongName, 9 * mib)]),
            limit,
        ),
        (
            "an extended header of 9 MiB",
            before(vec![kind(EntryType::XHeader, 9 * mib)]),
            limit,
        ),
        (
            "a long link and no file",
            before(vec![kind(EntryType::GNULongLink, 9 * mib)]),
            "announced",
        ),
        (
            "a header that claims 63 MiB",
            Input::layer(claimed),
            "100 times",
        ),
        (
            "an extended header for nothing",
            before(vec![kind(EntryType::XHeader, 0)]),
            "announced",
        ),
        (
            "extended headers in a row",
            before((0..9).map(|_| kind(EntryType::XHeader, 0)).collect()),
            "described twice",
        ),
    ]
}

pub(crate) fn records() -> Vec<Case> {
    let records = |bytes: &[u8]| Input::layer(described(bytes, "package/a"));
    vec![
        (
            "a record without a length",
            records(b"path=package/b\n"),
            "malformed",
        ),
        (
            "a record that is longer",
            records(b"999 path=package/b\n"),
            "malformed",
        ),
        (
            "a record of no bytes",
            records(b"0 path=package/b\n"),
            "malformed",
        ),
        (
            "a record of endless digits",
            records(&[b'1'; 100_000]),
            "malformed",
        ),
        (
            "a record whose key ends early",
            records(&record(b"path\0x", b"package/b")),
            "malformed",
        ),
        (
            "a record without a key",
            records(&record(b"", b"package/b")),
            "malformed",
        ),
        (
            "a record with odd keys",
            records(&record(b"PATH", b"/etc/passwd")),
            "1 files",
        ),
    ]
}

pub(crate) fn numbers() -> Vec<Case> {
    let many = |count: usize, name: fn(usize) -> String| {
        let entries: Vec<_> = (0..count).map(|number| file(&name(number), b"")).collect();
        of(&entries)
    };
    let globals: Vec<_> = (0..6_000)
        .map(|_| entry(EntryType::XGlobalHeader, b"pax_global_header", b""))
        .collect();
    let same: Vec<_> = (0..4_000).map(|_| file("package/a", &[7; 1_500])).collect();
    vec![
        (
            "more files than are taken",
            many(5_001, |number| format!("package/{number}")),
            "5000 entries",
        ),
        (
            "more whiteouts",
            many(5_001, |number| format!("package/.wh.{number}")),
            "5000 entries",
        ),
        ("more headers for all", of(&globals), "5000 entries"),
        ("one file very often", of(&same), "1 files"),
    ]
}
