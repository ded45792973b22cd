use std::collections::BTreeMap;

use serde_json::json;
use stevedore_proto_core::digest::Digest;
use tar::Builder;

use super::*;
use crate::files::PackageFiles;
use crate::limit;

mod build;
mod index;

const SINGLE: &[u8] = include_bytes!("../../tests/fixtures/single.tar");
const MULTI: &[u8] = include_bytes!("../../tests/fixtures/multi.tar");

fn files() -> PackageFiles {
    let mut files = PackageFiles::new();
    files
        .insert("manifest.yaml", b"kind: PackageManifest".to_vec())
        .unwrap();
    files
        .insert(
            &format!("deep/{}/a.yaml", "x".repeat(150)),
            b"a: 1".to_vec(),
        )
        .unwrap();
    files
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn archives_of_the_original_tool_are_read() {
    let single = read_archive(SINGLE).unwrap();
    let paths: Vec<_> = single.iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "config.yaml.gotmpl",
            "entry.yaml.gotmpl",
            "manifest.yaml",
            "namespace.yaml.gotmpl",
            "workload.yaml.gotmpl"
        ]
    );
    assert_eq!(
        single.get("manifest.yaml"),
        Some(include_bytes!("../../tests/fixtures/single/manifest.yaml").as_slice())
    );
    assert!(
        read_archive(MULTI)
            .unwrap()
            .get("components/backend/manifest.yaml")
            .is_some()
    );
}

#[test]
fn an_image_is_built_the_same_every_time_and_read_back_as_it_was() {
    let labels = BTreeMap::from([("team".to_owned(), "harbour".to_owned())]);
    let image = build(&files(), &labels).unwrap();
    assert_eq!(image, build(&files(), &labels).unwrap());
    assert_ne!(
        image.manifest.digest,
        build(&files(), &BTreeMap::new()).unwrap().manifest.digest
    );
    let layout = image
        .to_layout(&["registry.example/lamp:1".to_owned()])
        .unwrap();
    assert_eq!(
        layout,
        image
            .to_layout(&["registry.example/lamp:1".to_owned()])
            .unwrap()
    );
    assert_eq!(read_archive(&layout).unwrap(), files());
    let manifest = Manifest::parse(&image.manifest.bytes).unwrap();
    assert_eq!(
        (manifest.config.digest, manifest.layers[0].digest),
        (image.config.digest, image.layer.digest)
    );
}

#[test]
fn an_image_without_files_is_not_built() {
    assert!(build(&PackageFiles::new(), &BTreeMap::new()).is_err());
}

#[test]
fn a_blob_that_was_changed_is_noticed() {
    let image = build(&files(), &BTreeMap::new()).unwrap();
    let mut layout = image.to_layout(&[]).unwrap();
    let layer = layout
        .windows(16)
        .position(|window| image.layer.bytes.starts_with(window))
        .unwrap();
    layout[layer + 40] ^= 1;
    assert!(matches!(read_archive(&layout), Err(ImageError::Digest(_))));
}

#[test]
fn what_is_not_an_image_archive_says_what_is_missing() {
    for (bytes, message) in [
        (tar(&[("a", b"1")]), "neither index.json nor manifest.json"),
        (tar(&[("manifest.json", b"[]")]), "0 images"),
        (
            tar(&[("manifest.json", b"{")]),
            "manifest.json cannot be read",
        ),
        (
            tar(&[("manifest.json", br#"[{"Config":"c","Layers":[]}]"#)]),
            "lacks \"c\"",
        ),
        (tar(&[("index.json", br#"{"manifests":[]}"#)]), "0 images"),
        (
            b"no archive at all".repeat(100),
            "the archive cannot be read",
        ),
        (Vec::new(), "neither index.json nor manifest.json"),
    ] {
        let error = read_archive(&bytes).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_archive_has_10_mib_and_no_more() {
    let mut bytes = build(&files(), &BTreeMap::new())
        .unwrap()
        .to_layout(&[])
        .unwrap();
    bytes.resize(limit::PACKED_BYTES, 0);
    assert!(read_archive(&bytes).is_ok());
    bytes.push(0);
    assert!(matches!(read_archive(&bytes), Err(ImageError::TooLarge(_))));
}

#[test]
fn a_manifest_that_names_layers_above_10_mib_is_refused_before_they_are_fetched() {
    let digest = Digest::of(b"");
    let manifest = |sizes: [u64; 2]| {
        let layer = |size| json!({"mediaType": LAYER_TYPE, "digest": digest, "size": size});
        let config = json!({"mediaType": CONFIG_TYPE, "digest": digest, "size": 0});
        json!({"config": config, "layers": sizes.map(layer)}).to_string()
    };
    let at = limit::PACKED_BYTES as u64;
    assert!(Manifest::parse(manifest([at - 1, 1]).as_bytes()).is_ok());
    assert!(Manifest::parse(manifest([at, 1]).as_bytes()).is_err());
    assert!(Manifest::parse(manifest([u64::MAX, u64::MAX]).as_bytes()).is_err());
}

#[test]
fn a_manifest_has_256_kib_and_no_more() {
    let digest = Digest::of(b"");
    let mut text =
        json!({"config": {"mediaType": CONFIG_TYPE, "digest": digest, "size": 0}}).to_string();
    text.push_str(&" ".repeat(limit::IMAGE_JSON_BYTES - text.len()));
    assert!(Manifest::parse(text.as_bytes()).is_ok());
    text.push(' ');
    assert!(matches!(
        Manifest::parse(text.as_bytes()),
        Err(ImageError::Malformed { .. })
    ));
}
