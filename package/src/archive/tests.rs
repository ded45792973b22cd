use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::files::tests::noise;

mod entries;
mod layers;

fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header
}

/// A tar of entries whose names are written as they are.
fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = header(*kind, content.len());
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file<'a>(path: &'a str, content: &'a [u8]) -> (&'a str, EntryType, &'a [u8]) {
    (path, EntryType::Regular, content)
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn paths(files: &PackageFiles) -> Vec<&str> {
    files.iter().map(|(path, _)| path).collect()
}

#[test]
fn later_layers_replace_files_of_earlier_ones() {
    let lower = tar(&[file("package/a", b"1"), file("package/b", b"1")]);
    let upper = gzip(
        &tar(&[file("package/b", b"2"), file("./package/c/d", b"2")]),
        6,
    );
    let files = unpack(&[&lower, &upper]).unwrap();
    assert_eq!(paths(&files), ["a", "b", "c/d"]);
    assert_eq!(files.get("b"), Some(b"2".as_slice()));
}

#[test]
fn hidden_files_and_files_elsewhere_are_ignored() {
    let layer = tar(&[
        (".", EntryType::Directory, b""),
        ("./", EntryType::Directory, b""),
        ("package/", EntryType::Directory, b""),
        file("package/a.yaml", b"1"),
        file("package/.git/config", b"1"),
        ("package/.venv/lib", EntryType::Symlink, b""),
        file("etc/passwd", b"1"),
        ("bin/sh", EntryType::Symlink, b""),
        file("packages/b.yaml", b"1"),
    ]);
    assert_eq!(paths(&unpack(&[&layer]).unwrap()), ["a.yaml"]);
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in [
        "../package/a",
        "package/../../a",
        "package/a/..",
        "/package/a",
    ] {
        let result = unpack(&[&tar(&[file("package/ok", b""), file(path, b"")])]);
        assert!(
            matches!(result, Err(UnpackError::Path(_))),
            "{path}: {result:?}"
        );
    }
    let result = unpack(&[&tar(&[file("package/a\\b", b"")])]);
    assert!(
        matches!(result, Err(UnpackError::File { .. })),
        "{result:?}"
    );
}

#[test]
fn links_devices_and_pipes_in_the_package_are_refused_by_name() {
    for (kind, what) in [
        (EntryType::Symlink, "symbolic link"),
        (EntryType::Link, "hard link"),
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "pipe"),
    ] {
        let error = unpack(&[&tar(&[("package/x", kind, b"")])])
            .expect_err(what)
            .to_string();
        assert!(
            error.contains("package/x") && error.contains(what),
            "{error}"
        );
    }
}

#[test]
fn an_image_without_package_files_says_so() {
    for layers in [vec![], vec![tar(&[file("etc/passwd", b"1")])]] {
        let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
        assert!(matches!(unpack(&layers), Err(UnpackError::NoFiles)));
    }
}

#[test]
fn damaged_and_unknown_layers_are_errors_that_name_the_layer() {
    let good = tar(&[file("package/a", b"text")]);
    let mut cut = gzip(&good, 6);
    cut.truncate(cut.len() - 20);
    for (layer, message) in [
        (vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0], "layer 1 cannot be read"),
        (
            b"certainly not a tar archive".repeat(50),
            "layer 1 is not a tar",
        ),
        (b"{}".to_vec(), "layer 1 is not a tar"),
        (gzip(b"{}", 6), "layer 1 is not a tar"),
        (b"\xfd7zXZ\0 and more".to_vec(), "layer 1 is xz"),
        (cut, "layer 1"),
        (good[..700].to_vec(), "layer 1"),
    ] {
        let error = unpack(&[&good, &layer]).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_entry_that_claims_a_huge_size_costs_no_memory() {
    let mut layer = tar(&[file("package/a", b"text")]);
    let mut claim = header(EntryType::Regular, 0);
    claim.set_path("package/a").unwrap();
    claim.set_size(1 << 40);
    claim.set_cksum();
    layer[..512].copy_from_slice(claim.as_bytes());
    assert!(matches!(
        unpack(&[&layer]),
        Err(UnpackError::UnpackedTooLarge)
    ));
}

#[test]
fn layers_have_10_mib_packed_and_no_more() {
    let filler = |bytes: usize| tar(&[file("package/a", &vec![7; bytes])]);
    let overhead = filler(0).len();
    let at = filler(limit::PACKED_BYTES - overhead);
    assert_eq!(at.len(), limit::PACKED_BYTES);
    assert!(unpack(&[&at]).is_ok());
    let mut over = at;
    over.push(0);
    assert!(matches!(
        unpack(&[&over]),
        Err(UnpackError::PackedTooLarge(_))
    ));
}

#[test]
fn layers_have_64_mib_unpacked_and_no_more() {
    // Half noise, half zeroes: large enough packed that the ratio is not in the way.
    let layer = |bytes: usize| {
        let mut content = noise(1024 * 1024);
        content.resize(bytes, 0);
        gzip(&tar(&[file("package/a", &content)]), 6)
    };
    let overhead = tar(&[file("package/a", b"")]).len();
    let end_blocks_left_unread = 512 * 2;
    let at = limit::UNPACKED_BYTES - overhead + end_blocks_left_unread;
    assert!(unpack(&[&layer(at - 1024)]).is_ok());
    assert!(matches!(
        unpack(&[&layer(at + 1024)]),
        Err(UnpackError::UnpackedTooLarge)
    ));
}

#[test]
fn layers_unpack_to_100_times_their_size_and_no_more() {
    let layer = |noisy: usize, bytes: usize| {
        let mut content = noise(noisy);
        content.resize(bytes, 0);
        gzip(&tar(&[file("package/a", &content)]), 9)
    };
    let bytes = 4 * 1024 * 1024;
    let enough = (0..)
        .map(|step| 30_000 + step * 500)
        .find(|noisy| layer(*noisy, bytes).len() * limit::RATIO > bytes);
    let enough = enough.unwrap();
    assert!(unpack(&[&layer(enough + 500, bytes)]).is_ok());
    assert!(matches!(
        unpack(&[&layer(enough - 500, bytes)]),
        Err(UnpackError::Ratio)
    ));
}

#[test]
fn small_layers_may_be_mostly_padding() {
    let layer = gzip(&tar(&[file("package/a", &vec![0; 900 * 1024])]), 9);
    assert!(layer.len() * limit::RATIO < 900 * 1024);
    assert!(unpack(&[&layer]).is_ok());
}

#[test]
fn layers_have_5000_entries_and_no_more() {
    let names: Vec<String> = (0..=limit::ENTRIES)
        .map(|number| format!("etc/{number}"))
        .collect();
    let entries: Vec<_> = names.iter().map(|name| file(name, b"")).collect();
    let package = [file("package/a", b"")];
    let lower = tar(&package);
    assert!(unpack(&[&lower, &tar(&entries[..limit::ENTRIES - 1])]).is_ok());
    let over = unpack(&[&lower, &tar(&entries[..limit::ENTRIES])]);
    assert!(matches!(over, Err(UnpackError::TooManyEntries)), "{over:?}");
}
