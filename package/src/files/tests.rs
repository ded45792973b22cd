use stevedore_proto_core::digest::Digest;

use super::*;
use crate::limit;

fn files(entries: &[(&str, &[u8])]) -> PackageFiles {
    let mut files = PackageFiles::new();
    for (path, content) in entries {
        files.insert(path, content.to_vec()).unwrap();
    }
    files
}

fn borrowed(stored: &StoredFiles) -> Vec<(Digest, &[u8])> {
    stored
        .parts
        .iter()
        .map(|part| (part.digest, part.bytes.as_slice()))
        .collect()
}

/// Bytes that do not compress.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn paths_that_are_not_canonical_are_refused() {
    for path in [
        "", "/a", "a/", "a//b", "./a", "a/./b", "..", "a/../b", "../a", "a\\b", "a\0", "a\nb",
    ] {
        let result = PackageFiles::new().insert(path, Vec::new());
        assert!(
            matches!(result, Err(FilesError::Path(PathError::NotCanonical(_)))),
            "{path:?}: {result:?}"
        );
    }
}

#[test]
fn a_path_has_1024_bytes_and_16_segments_and_no_more() {
    let mut files = PackageFiles::new();
    assert_eq!(files.insert(&"x".repeat(1_024), Vec::new()), Ok(true));
    assert!(files.insert(&"x".repeat(1_025), Vec::new()).is_err());
    assert_eq!(files.insert(&["x"; 16].join("/"), Vec::new()), Ok(true));
    assert!(files.insert(&["x"; 17].join("/"), Vec::new()).is_err());
}

#[test]
fn hidden_files_are_left_out() {
    let mut files = PackageFiles::new();
    for path in [".git", ".test-fixtures/case/a.yaml", "a/.config.yaml"] {
        assert_eq!(files.insert(path, Vec::new()), Ok(false), "{path}");
    }
    assert!(files.is_empty());
}

#[test]
fn there_are_5000_files_and_no_more() {
    let mut files = PackageFiles::new();
    for number in 0..limit::ENTRIES {
        files.insert(&format!("f{number}"), Vec::new()).unwrap();
    }
    assert_eq!(files.insert("f0", vec![1]), Ok(true), "replacing adds none");
    assert_eq!(
        files.insert("one-more", Vec::new()),
        Err(FilesError::TooMany)
    );
}

#[test]
fn there_are_64_mib_and_no_more() {
    let mut files = PackageFiles::new();
    files.insert("a", vec![0; limit::UNPACKED_BYTES]).unwrap();
    assert_eq!(files.insert("b", vec![0]), Err(FilesError::TooLarge));
    files.insert("a", Vec::new()).unwrap();
    assert_eq!(
        files.insert("b", vec![0]),
        Ok(true),
        "replaced bytes no longer count"
    );
}

#[test]
fn the_digest_tells_apart_what_differs_and_nothing_else() {
    let one = files(&[("a", b"1"), ("b", b"2")]);
    assert_eq!(one.digest(), files(&[("b", b"2"), ("a", b"1")]).digest());
    for other in [
        files(&[("a", b"1"), ("b", b"3")]),
        files(&[("a", b"1"), ("c", b"2")]),
        files(&[("a", b"1b"), ("x", b"2")]),
        files(&[("a", b"1")]),
    ] {
        assert_ne!(one.digest(), other.digest());
    }
}

#[test]
fn slash_sorts_before_every_other_character() {
    let mut paths = vec!["b.yaml", "a/b.yaml", "a-b.yaml", "a", "a/a.yaml"];
    paths.sort_by(|one, other| package_order(one, other));
    assert_eq!(paths, ["a", "a/a.yaml", "a/b.yaml", "a-b.yaml", "b.yaml"]);
}

#[test]
fn stored_files_are_read_back_as_they_were() {
    let large = noise(2 * limit::PART_BYTES);
    let files = files(&[("a", b""), ("b/c.yaml", b"text"), ("large", &large)]);
    let stored = files.to_stored().unwrap();
    assert_eq!(stored, files.to_stored().unwrap());
    assert_eq!(stored.parts.len(), 3);
    assert!(
        stored
            .parts
            .iter()
            .all(|part| part.bytes.len() <= limit::PART_BYTES)
    );
    assert_eq!(
        PackageFiles::from_stored(&stored.files, &borrowed(&stored)).unwrap(),
        files
    );
}

#[test]
fn a_part_that_was_changed_lost_or_swapped_is_noticed() {
    let large = noise(limit::PART_BYTES + 10);
    let stored = files(&[("large", &large)]).to_stored().unwrap();
    let parts = borrowed(&stored);
    let read = |parts: &[(Digest, &[u8])]| PackageFiles::from_stored(&stored.files, parts);
    let mut changed = stored.parts[0].bytes.clone();
    changed[100] ^= 1;
    assert!(matches!(
        read(&[(parts[0].0, &changed), parts[1]]),
        Err(StoredError::PartDigest(_))
    ));
    assert!(read(&parts[..1]).is_err());
    assert!(read(&[parts[1], parts[0]]).is_err());
    let other = files(&[("large", b"x")]).to_stored().unwrap();
    assert!(matches!(
        read(&borrowed(&other)),
        Err(StoredError::FilesDigest { .. })
    ));
}

#[test]
fn files_that_stay_above_10_mib_packed_are_not_stored_and_not_read() {
    let under = files(&[("a", &noise(limit::PACKED_BYTES - 4_096))]);
    let stored = under.to_stored().unwrap();
    assert_eq!(
        PackageFiles::from_stored(&stored.files, &borrowed(&stored)).unwrap(),
        under
    );
    let over = files(&[("a", &noise(limit::PACKED_BYTES + 1))]);
    assert!(matches!(over.to_stored(), Err(StoredError::TooLarge(_))));
    let bytes = vec![0; limit::PACKED_BYTES + 1];
    let read = PackageFiles::from_stored(&over.digest(), &[(Digest::of(&bytes), &bytes)]);
    assert!(matches!(read, Err(StoredError::TooLarge(_))));
}

#[test]
fn a_stored_bomb_is_refused_while_it_unpacks() {
    let bomb = zstd::bulk::compress(&vec![0; stored_stream_limit() + 1], 1).unwrap();
    let read = PackageFiles::from_stored(&Digest::of(b""), &[(Digest::of(&bomb), &bomb)]);
    assert!(
        matches!(read, Err(StoredError::Files(FilesError::TooLarge))),
        "{read:?}"
    );
}

fn stored_stream_limit() -> usize {
    limit::UNPACKED_BYTES + limit::ENTRIES * (limit::PATH_BYTES + 8) + 64
}
