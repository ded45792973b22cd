//! Tests of layers: their compressions, their order, and what they remove from each other.

use super::*;

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

#[test]
fn layers_of_every_compression_are_read_by_their_first_bytes() {
    let plain = tar(&[file("package/a", b"text")]);
    // What builders put around frames for readers that take single files out of a layer.
    let skippable = [
        &[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, b'h', b'i'],
        &zstd(&plain)[..],
    ]
    .concat();
    let two_members = [gzip(&plain[..700], 9), gzip(&plain[700..], 1)].concat();
    let two_frames = [zstd(&plain[..700]), zstd(&plain[700..])].concat();
    for layer in [
        plain.clone(),
        gzip(&plain, 6),
        zstd(&plain),
        skippable,
        two_members,
        two_frames,
    ] {
        let files = unpack(&[&layer]).unwrap();
        assert_eq!(files.get("a"), Some(b"text".as_slice()));
    }
}

#[test]
fn a_zstd_window_of_32_mib_is_read_and_a_larger_one_is_refused() {
    let framed = |window_log: u8| {
        // Magic, a header without a size, the window, and a raw block that is the last one.
        let content = tar(&[file("package/a", b"text")]);
        let block = (content.len() as u32) << 3 | 1;
        let mut layer = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
        layer.extend(&block.to_le_bytes()[..3]);
        layer.extend(content);
        layer
    };
    assert!(unpack(&[&framed(25)]).is_ok());
    let error = unpack(&[&framed(26)]).unwrap_err().to_string();
    assert!(error.contains("too much memory"), "{error}");
}

#[test]
fn the_last_of_equal_entries_counts() {
    let layer = tar(&[file("package/a", b"1"), file("./package/./a", b"2")]);
    let files = unpack(&[&layer]).unwrap();
    assert_eq!((files.len(), files.get("a")), (1, Some(b"2".as_slice())));
}

#[test]
fn whiteouts_remove_what_earlier_layers_have_and_nothing_of_their_own() {
    let lower = tar(&[
        file("package/a", b"1"),
        file("package/ab", b"1"),
        file("package/dir/b", b"1"),
        file("package/dir/deep/c", b"1"),
    ]);
    for (upper, left) in [
        (vec![".wh.x", "package/.wh.x"], "a ab dir/b dir/deep/c"),
        (vec!["package/.wh.a"], "ab dir/b dir/deep/c"),
        (vec!["./package/.wh.dir"], "a ab"),
        (vec!["package/dir/.wh.deep"], "a ab dir/b"),
        (vec!["package/dir/.wh..wh..opq"], "a ab"),
        (vec!["package/.wh..wh..opq", "package/new"], "new"),
        (vec![".wh..wh..opq", "package/new"], "new"),
        (vec![".wh.package", "package/new"], "new"),
        // Whatever the order in the layer.
        (vec!["package/a", "package/.wh.a"], "a ab dir/b dir/deep/c"),
        (vec!["package/dir/x", "package/.wh.dir"], "a ab dir/x"),
        // What other tools keep for themselves.
        (
            vec!["package/.wh..wh.plnk", "package/.wh."],
            "a ab dir/b dir/deep/c",
        ),
    ] {
        let entries: Vec<_> = upper.iter().map(|path| file(path, b"2")).collect();
        let files = unpack(&[&lower, &tar(&entries)]).unwrap();
        assert_eq!(paths(&files).join(" "), left, "{upper:?}");
    }
}

#[test]
fn a_file_that_was_removed_may_come_back() {
    let lower = tar(&[file("package/a", b"1"), file("package/b", b"1")]);
    let middle = tar(&[file("package/.wh.a", b"")]);
    let upper = tar(&[file("package/a", b"3")]);
    assert_eq!(paths(&unpack(&[&lower, &middle]).unwrap()), ["b"]);
    let files = unpack(&[&lower, &middle, &upper]).unwrap();
    assert_eq!(files.get("a"), Some(b"3".as_slice()));
    let nothing = unpack(&[&lower, &tar(&[file(".wh.package", b"")])]);
    assert!(matches!(nothing, Err(UnpackError::NoFiles)));
}

#[test]
fn a_layer_without_entries_is_one() {
    let full = tar(&[file("package/a", b"1")]);
    let files = unpack(&[&gzip(&[0; 1024], 6), &full, &[]]).unwrap();
    assert_eq!(paths(&files), ["a"]);
}
