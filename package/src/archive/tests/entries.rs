//! Tests of single entries: names and sizes that stand elsewhere than in their header.

use super::*;

/// Raw entries one after the other, and the end of an archive.
fn archive(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, content) in entries {
        builder.append(header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn entry<'a>(kind: EntryType, path: &str, content: &'a [u8]) -> (Header, &'a [u8]) {
    let mut header = header(kind, content.len());
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    (header, content)
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let tail = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    // The length counts its own digits.
    let mut length = tail.len() + 1;
    while length.to_string().len() + tail.len() > length {
        length += 1;
    }
    [length.to_string().as_bytes(), &tail].concat()
}

/// An archive of one file that has these records in front.
fn described(records: &[u8], path: &str) -> Vec<u8> {
    archive(&[
        entry(EntryType::XHeader, "PaxHeaders/x", records),
        entry(EntryType::Regular, path, b"text"),
    ])
}

#[test]
fn long_names_are_read_in_both_forms() {
    let long = format!("package/{}/a.yaml", "x".repeat(150));
    let gnu = archive(&[
        entry(
            EntryType::GNULongName,
            "././@LongLink",
            format!("{long}\0").as_bytes(),
        ),
        entry(EntryType::Regular, "package/cut", b"text"),
    ]);
    let pax = described(&record("path", long.as_bytes()), "package/cut");
    for layer in [gnu, pax] {
        assert_eq!(paths(&unpack(&[&layer]).unwrap()), [&long[8..]]);
    }
}

#[test]
fn records_are_read_by_their_lengths_and_the_last_of_equal_ones_counts() {
    let one = record("path", b"package/one");
    let two = record("path", b"package/two");
    let odd = record("SCHILY.xattr.security.capability", b"\n\n\0=\n12 path=x\n");
    let empty = record("path", b"");
    for (records, name) in [
        ([&one[..], &two].concat(), "two"),
        ([&odd[..], &one].concat(), "one"),
        ([&one[..], &odd].concat(), "one"),
        ([&one[..], &empty].concat(), "header"),
        (Vec::new(), "header"),
    ] {
        let layer = described(&records, "package/header");
        assert_eq!(paths(&unpack(&[&layer]).unwrap()), [name]);
    }
}

#[test]
fn records_that_are_malformed_are_refused() {
    for records in [
        &b"path=package/a\n"[..],
        b"12 path=a",
        b"7 path=\n",
        b"99999999999999999999999 path=a\n",
        b"18446744073709551615 path=a\n",
        b"-7 path=a\n",
        b"0 path=a\n",
        b"1 path=a\n",
        b"8 path=a\n",
        b"8 patha\n",
        b"6 =ab\n",
        b"11 pa\0th=a\n",
    ] {
        let result = unpack(&[&described(records, "package/a")]);
        assert!(
            matches!(result, Err(UnpackError::Damaged { .. })),
            "{records:?}: {result:?}"
        );
    }
}

#[test]
fn a_size_is_said_once() {
    let same = described(&record("size", b"4"), "package/a");
    assert!(unpack(&[&same]).is_ok());
    for size in [&b"5"[..], b"0", b"-1", b"4 ", b"99999999999999999999"] {
        let layer = described(&record("size", size), "package/a");
        let result = unpack(&[&layer]);
        assert!(
            matches!(result, Err(UnpackError::Damaged { .. })),
            "{size:?}: {result:?}"
        );
    }
}

#[test]
fn sparse_files_of_all_forms_are_refused_by_name() {
    let by_record = described(&record("GNU.sparse.major", b"1"), "package/a");
    let named = [
        record("GNU.sparse.name", b"package/a"),
        record("GNU.sparse.map", b"0,4"),
    ];
    let renamed = described(&named.concat(), "GNUSparseFile.0/a");
    let old = archive(&[entry(EntryType::GNUSparse, "package/a", b"")]);
    for layer in [by_record, renamed, old] {
        let error = unpack(&[&layer]).unwrap_err().to_string();
        assert!(error.contains("\"package/a\" is a sparse file"), "{error}");
    }
}

#[test]
fn descriptions_of_nothing_are_refused() {
    let long = || entry(EntryType::GNULongName, "././@LongLink", b"package/a");
    let link = || entry(EntryType::GNULongLink, "././@LongLink", b"package/a");
    let pax = || entry(EntryType::XHeader, "x", b"");
    let file = || entry(EntryType::Regular, "package/b", b"");
    for entries in [
        vec![file(), long()],
        vec![file(), link()],
        vec![file(), pax()],
        vec![long(), long(), file()],
        vec![link(), link(), file()],
        vec![pax(), pax(), file()],
    ] {
        let result = unpack(&[&archive(&entries)]);
        assert!(
            matches!(result, Err(UnpackError::Damaged { .. })),
            "{result:?}"
        );
    }
    assert!(unpack(&[&archive(&[long(), link(), pax(), file()])]).is_ok());
}

#[test]
fn a_description_has_1_mib_and_no_more() {
    let named = |bytes: usize| {
        let filler = vec![b'x'; bytes];
        archive(&[
            entry(EntryType::GNULongLink, "././@LongLink", b"x"),
            entry(EntryType::XHeader, "x", &filler),
            entry(EntryType::Regular, "package/a", b""),
        ])
    };
    let said = |bytes: usize| unpack(&[&named(bytes)]).unwrap_err().to_string();
    assert!(said(limit::HEADER_BYTES).contains("malformed"));
    assert!(said(limit::HEADER_BYTES + 1).contains("the limit is 1048576"));
}

#[test]
fn what_is_shown_of_an_archive_drives_no_terminal() {
    let (mut header, content) = entry(EntryType::Regular, "package/\u{1b}[2J", b"");
    let size = &mut header.as_ustar_mut().unwrap().size;
    size.copy_from_slice(b"\x1b]0;title!\x07\0");
    header.set_cksum();
    let error = unpack(&[&archive(&[
        entry(EntryType::Regular, "package/a", b""),
        (header, content),
    ])]);
    let error = error.unwrap_err().to_string();
    assert!(!error.contains(char::is_control), "{error:?}");
}

#[test]
fn a_name_that_ends_in_a_slash_is_a_directory() {
    let layer = archive(&[
        entry(EntryType::Regular, "package/dir/", b""),
        entry(EntryType::Regular, "package/dir/a", b""),
    ]);
    assert_eq!(paths(&unpack(&[&layer]).unwrap()), ["dir/a"]);
}
