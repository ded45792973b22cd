//! Tests of what is built: the same bytes on every machine, and the same files out of them.

use std::io::Write as _;

use flate2::write::GzEncoder;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::archive::unpack;

#[test]
fn the_same_files_have_the_same_digest_on_every_machine_and_in_every_build() {
    let mut files = PackageFiles::new();
    for (path, content) in [
        ("manifest.yaml", "kind: PackageManifest\n"),
        ("config/a.yaml.gotmpl", "{{ .config }}\n"),
        ("config/ä.yaml", "é\n"),
    ] {
        files.insert(path, content.repeat(40).into_bytes()).unwrap();
    }
    let labels = BTreeMap::from([("team".to_owned(), "harbour".to_owned())]);
    let image = build(&files, &labels).unwrap();
    assert_eq!(
        image.manifest.digest.to_string(),
        "sha256:5ab684a9061cd36798e7c74911d95d07fa26226f1fbeec076eaee2513dc08e54"
    );
}

#[test]
fn nothing_of_the_machine_is_in_an_entry() {
    let image = build(&files(), &BTreeMap::new()).unwrap();
    let mut tar = Vec::new();
    std::io::copy(
        &mut flate2::read::GzDecoder::new(image.layer.bytes.as_slice()),
        &mut tar,
    )
    .unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(header.mtime().unwrap(), 0);
        assert_eq!(header.mode().unwrap(), 0o644);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.username().unwrap(), Some(""));
        assert_eq!(header.groupname().unwrap(), Some(""));
    }
}

/// Files with odd names and bytes; none is hidden.
fn any_files() -> impl Strategy<Value = PackageFiles> {
    let segment = "[a-zA-Z0-9_ äß漢=,;+-][a-zA-Z0-9_. äß漢=,;+-]{0,40}";
    let path = vec(segment, 1..6).prop_map(|segments| segments.join("/"));
    let content = vec(any::<u8>(), 0..600);
    btree_map(path, content, 1..12).prop_map(|map| {
        let mut files = PackageFiles::new();
        for (path, content) in map {
            files.insert(&path, content).unwrap();
        }
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_built_unpacks_to_the_same_bytes_and_builds_the_same_image(files in any_files()) {
        let image = build(&files, &BTreeMap::new()).unwrap();
        let manifest = Manifest::parse(&image.manifest.bytes).unwrap();
        let pulled = manifest.unpack(&[&image.layer.bytes]).unwrap();
        prop_assert_eq!(&pulled, &files);
        prop_assert_eq!(&build(&pulled, &BTreeMap::new()).unwrap(), &image);
        let layout = image.to_layout(&[]).unwrap();
        prop_assert_eq!(&read_archive(&layout).unwrap(), &files);
    }

    #[test]
    fn any_bytes_are_an_error_or_files_and_never_a_panic(
        mut bytes in vec(any::<u8>(), 0..2000),
        magic in 0_usize..4,
        cut in 0_usize..1500,
    ) {
        let image = build(&files(), &BTreeMap::new()).unwrap();
        let start: &[u8] = [&[][..], &[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd], &image.layer.bytes][magic];
        bytes.splice(0..0, start[..start.len().min(cut)].iter().copied());
        let _ = unpack(&[&bytes]);
        let _ = read_archive(&bytes);
        let _ = Document::parse(&bytes);
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        let _ = unpack(&[&encoder.finish().unwrap()]);
    }
}
