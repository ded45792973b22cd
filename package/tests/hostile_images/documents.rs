//! Manifests and indexes as a registry gives them.

use serde_json::{Value, json};
use stevedore_package::image::{DOCKER_INDEX_TYPE, INDEX_TYPE, MANIFEST_TYPE};
use stevedore_proto_core::Digest;

use super::reader::Input;
use crate::Case;

fn descriptor(size: Value) -> Value {
    json!({"mediaType": "application/octet-stream", "digest": Digest::of(b""), "size": size})
}

fn document(value: &Value) -> Input {
    Input::Document(value.to_string().into_bytes())
}

fn text(text: &str) -> Input {
    Input::Document(text.as_bytes().to_vec())
}

fn manifest(sizes: &[Value]) -> Input {
    let layers: Vec<_> = sizes.iter().cloned().map(descriptor).collect();
    document(&json!({"config": descriptor(json!(1)), "layers": layers}))
}

pub(crate) fn manifests() -> Vec<Case> {
    let mut foreign = descriptor(json!(1));
    foreign["digest"] = json!(format!("sha512:{}", "0".repeat(128)));
    let mut outside = descriptor(json!(1));
    outside["digest"] = json!("sha256:../../../etc/passwd");
    let with = |layer: Value| document(&json!({"config": descriptor(json!(1)), "layers": [layer]}));
    let one = descriptor(json!(1));
    vec![
        (
            "10,000 layers",
            manifest(&vec![json!(1); 10_000]),
            "the limit is 262144",
        ),
        (
            "257 layers",
            manifest(&vec![json!(1); 257]),
            "257 layers, the limit is 256",
        ),
        (
            "layers above the limit",
            manifest(&[json!(6_000_000), json!(6_000_000)]),
            "bytes packed",
        ),
        (
            "layers beyond all numbers",
            manifest(&[json!(u64::MAX), json!(u64::MAX)]),
            "bytes packed",
        ),
        (
            "a layer of negative size",
            manifest(&[json!(-1)]),
            "cannot be read",
        ),
        (
            "a layer of half a byte",
            manifest(&[json!(0.5)]),
            "cannot be read",
        ),
        (
            "a layer of endless size",
            manifest(&[json!("1e999")]),
            "cannot be read",
        ),
        ("a digest of another kind", with(foreign), "cannot be read"),
        ("a digest that is a path", with(outside), "cannot be read"),
        (
            "layers that are none",
            document(&json!({"config": one, "layers": {"a": 1}})),
            "cannot be read",
        ),
    ]
}

pub(crate) fn texts() -> Vec<Case> {
    let one = descriptor(json!(1));
    vec![
        (
            "a manifest without a config",
            document(&json!({"layers": [one]})),
            "config",
        ),
        ("a manifest of nothing", text(""), "cannot be read"),
        ("a list", text("[]"), "cannot be read"),
        (
            "a page",
            text("<!DOCTYPE html><title>Log in</title>"),
            "cannot be read",
        ),
        (
            "a deep document",
            text(&"[".repeat(200_000)),
            "cannot be read",
        ),
        (
            "a deep field",
            text(&format!("{{\"a\":{}", "[".repeat(200_000))),
            "cannot be read",
        ),
        (
            "a document twice",
            text("{\"layers\":[],\"layers\":[]}"),
            "duplicate",
        ),
        (
            "not text",
            Input::Document(vec![0xff; 200_000]),
            "cannot be read",
        ),
        (
            "the first kind of manifests",
            text("{\"schemaVersion\":1,\"fsLayers\":[]}"),
            "schema 1",
        ),
        (
            "a manifest that is an index as well",
            document(&json!({"config": one, "layers": [], "manifests": []})),
            "not both",
        ),
        (
            "words that drive terminals",
            document(&json!({"config": "\u{1b}[2J".repeat(1_000), "layers": []})),
            "cannot be read",
        ),
    ]
}

pub(crate) fn indexes() -> Vec<Case> {
    let entry = |media_type: &str, architecture: &str| {
        let mut entry = descriptor(json!(1));
        entry["mediaType"] = json!(media_type);
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        entry
    };
    let index = |entries: Vec<Value>| document(&json!({"manifests": entries}));
    let mut proof = entry(MANIFEST_TYPE, "amd64");
    proof["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let platforms = (0..1_000).map(|number| {
        let name = format!("\u{1b}[2J{number}{}", "x".repeat(20));
        entry(MANIFEST_TYPE, &name)
    });
    vec![
        ("an index of nothing", index(vec![]), "offers no image"),
        (
            "an index of another platform",
            index(vec![entry(MANIFEST_TYPE, "arm64")]),
            "linux/arm64",
        ),
        (
            "an index of attestations",
            index(vec![proof]),
            "offers no image",
        ),
        (
            "an index of an index",
            index(vec![entry(INDEX_TYPE, "amd64")]),
            "is an index again",
        ),
        (
            "a list of a list",
            index(vec![entry(DOCKER_INDEX_TYPE, "amd64")]),
            "is an index again",
        ),
        (
            "an index of many platforms",
            index(platforms.collect()),
            "990 more",
        ),
        (
            "an index that has none",
            text(&format!("{{\"mediaType\":\"{INDEX_TYPE}\"}}")),
            "manifests",
        ),
        (
            "an index of text",
            document(&json!({"manifests": "x".repeat(200_000)})),
            "cannot be read",
        ),
        (
            "an index of 10,000",
            index(vec![descriptor(json!(1)); 10_000]),
            "the limit is 262144",
        ),
    ]
}
