//! Archives of images: layouts and what other tools save.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{INDEX_TYPE, Image, MANIFEST_TYPE, build};
use stevedore_proto_core::Digest;
use tar::EntryType;

use super::reader::Input;
use super::writer::{Raw, entry, file, tar};
use crate::Case;

fn image() -> Image {
    let mut files = PackageFiles::new();
    files
        .insert("manifest.yaml", b"kind: x\n".to_vec())
        .unwrap();
    build(&files, &BTreeMap::new()).unwrap()
}

/// A blob where its digest says.
fn blob(bytes: &[u8]) -> Raw {
    file(&path(bytes), bytes)
}

fn path(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::of(bytes).hex())
}

fn layout(entries: &[Value], blobs: Vec<Raw>) -> Input {
    let index = json!({"manifests": entries}).to_string();
    let mut all = vec![file("index.json", index.as_bytes())];
    all.extend(blobs);
    Input::Archive(tar(&all))
}

fn named(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()})
}

fn saved(text: &str) -> Input {
    Input::Archive(tar(&[file("manifest.json", text.as_bytes())]))
}

pub(crate) fn whole() -> Vec<Case> {
    let cut = file("index.json", b"{}").with(|header| header.set_size(4_000_000));
    let many: Vec<_> = (0..5_001)
        .map(|number| file(&number.to_string(), b""))
        .collect();
    vec![
        (
            "an archive above the limit",
            Input::Archive(vec![0; 10_485_761]),
            "the limit is 10485760",
        ),
        (
            "an archive of nothing",
            Input::Archive(Vec::new()),
            "neither index.json nor",
        ),
        (
            "an archive that is none",
            Input::Archive(vec![b'x'; 5_000]),
            "the archive cannot be read",
        ),
        (
            "an archive of too many entries",
            Input::Archive(tar(&many)),
            "5000 entries",
        ),
        (
            "an entry that ends after the archive",
            Input::Archive(tar(&[cut])),
            "cannot be read",
        ),
    ]
}

pub(crate) fn layouts() -> Vec<Case> {
    let image = image();
    let manifest = &image.manifest.bytes;
    let entry_of = || named(MANIFEST_TYPE, manifest);
    let wrong = file(&path(manifest), &manifest.to_ascii_uppercase());
    let mut short = entry_of();
    short["size"] = json!(1);
    let nested = json!({"manifests": [named(INDEX_TYPE, b"itself")]}).to_string();
    let nested_entry = named(INDEX_TYPE, nested.as_bytes());
    let link = entry(EntryType::Symlink, path(manifest).as_bytes(), b"");
    let large = format!("{{\"manifests\": [{}]}}", " ".repeat(300_000));
    vec![
        (
            "a layout without its blob",
            layout(&[entry_of()], vec![]),
            "lacks",
        ),
        (
            "a layout whose blob is a link",
            layout(&[entry_of()], vec![link]),
            "lacks",
        ),
        (
            "a layout with a wrong digest",
            layout(&[entry_of()], vec![wrong]),
            "digest",
        ),
        (
            "a layout with a wrong size",
            layout(&[short], vec![blob(manifest)]),
            "digest",
        ),
        (
            "a layout without its layers",
            layout(&[entry_of()], vec![blob(manifest)]),
            "lacks",
        ),
        ("a layout of no image", layout(&[], vec![]), "0 images"),
        (
            "an index in an index in a layout",
            layout(&[nested_entry], vec![blob(nested.as_bytes())]),
            "is an index again",
        ),
        (
            "an index.json above the limit",
            Input::Archive(tar(&[file("index.json", large.as_bytes())])),
            "the limit is 262144",
        ),
    ]
}

pub(crate) fn saved_images() -> Vec<Case> {
    let layers = ["\"l\""; 5_000].join(",");
    vec![
        ("a saved image of nothing", saved("[]"), "0 images"),
        (
            "two saved images",
            saved(r#"[{"Config":"c","Layers":[]},{"Config":"c","Layers":[]}]"#),
            "2 images",
        ),
        (
            "a saved image without its config",
            saved(r#"[{"Config":"../c","Layers":["/etc/passwd"]}]"#),
            "lacks",
        ),
        (
            "a saved image that repeats a layer",
            Input::Archive(tar(&[
                file(
                    "manifest.json",
                    format!(r#"[{{"Config":"c","Layers":[{layers}]}}]"#).as_bytes(),
                ),
                file("c", b"{}"),
                file("l", &tar(&[file("package/a", &[0; 4_000])])),
            ])),
            "the limit is 256",
        ),
    ]
}
