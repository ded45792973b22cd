//! Tests of indexes: which of their images is taken, and what is said where there is none.

use serde_json::Value;

use super::*;

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// An entry of an index whose digest is that of the name.
fn entry(name: &str, platform: Option<&str>) -> Value {
    let mut entry = json!({"mediaType": MANIFEST_TYPE, "digest": digest(name), "size": 7});
    if let Some((os, architecture)) = platform.and_then(|platform| platform.split_once('/')) {
        entry["platform"] = json!({"os": os, "architecture": architecture});
    }
    entry
}

fn attestation(name: &str) -> Value {
    let mut entry = entry(name, Some("unknown/unknown"));
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    entry
}

fn parse(document: &Value) -> Result<Document, ImageError> {
    Document::parse(document.to_string().as_bytes())
}

/// The digest of the image that is taken of an index of these entries.
fn taken(entries: &[Value]) -> Result<Digest, ImageError> {
    let document = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries});
    let Document::Index(index) = parse(&document)? else {
        panic!("an index");
    };
    index.image().map(|entry| entry.digest)
}

#[test]
fn the_first_image_that_is_for_the_platform_or_for_none_is_taken() {
    let mut v2 = entry("v2", Some("linux/amd64"));
    v2["platform"]["variant"] = json!("v2");
    let mut bare_attestation = entry("proof", None);
    bare_attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    for (entries, expected) in [
        (
            vec![entry("a", Some("linux/amd64")), attestation("proof")],
            "a",
        ),
        (
            vec![attestation("proof"), entry("a", Some("linux/amd64"))],
            "a",
        ),
        (
            vec![
                entry("arm", Some("linux/arm64")),
                entry("a", Some("linux/amd64")),
            ],
            "a",
        ),
        (
            vec![
                entry("w", Some("windows/amd64")),
                entry("a", Some("linux/amd64")),
            ],
            "a",
        ),
        (vec![entry("bare", None)], "bare"),
        (
            vec![entry("bare", None), entry("a", Some("linux/amd64"))],
            "bare",
        ),
        (vec![bare_attestation, entry("a", Some("linux/amd64"))], "a"),
        (vec![v2, entry("a", Some("linux/amd64"))], "v2"),
    ] {
        assert_eq!(taken(&entries).unwrap(), digest(expected), "{entries:?}");
    }
}

#[test]
fn an_index_without_a_fitting_image_says_what_it_is_what_it_offers_and_what_is_looked_for() {
    for (entries, offers) in [
        (
            vec![entry("arm", Some("linux/arm64")), attestation("proof")],
            "linux/arm64",
        ),
        (
            vec![
                entry("arm", Some("linux/arm64")),
                entry("w", Some("windows/amd64")),
            ],
            "linux/arm64, windows/amd64",
        ),
        (vec![attestation("proof")], "no image"),
        (vec![], "no image"),
    ] {
        let said = taken(&entries).unwrap_err().to_string();
        for word in ["index of images", offers, "linux/amd64"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    let many: Vec<_> = (0..500)
        .map(|number| entry("x", Some(&format!("os\u{1b}{number}/{}", "y".repeat(100)))))
        .collect();
    let said = taken(&many).unwrap_err().to_string();
    assert!(said.contains("490 more") && said.len() < 800, "{said}");
    assert!(!said.contains(char::is_control), "{said:?}");
}

#[test]
fn an_index_in_an_index_is_refused_whether_it_says_so_or_not() {
    for nested in [INDEX_TYPE, DOCKER_INDEX_TYPE] {
        let mut entry = entry("inner", Some("linux/amd64"));
        entry["mediaType"] = json!(nested);
        let said = taken(&[entry]).unwrap_err().to_string();
        assert!(said.contains(&digest("inner").to_string()), "{said}");
        assert!(said.contains("is an index again"), "{said}");
    }
    let inner = json!({"manifests": []}).to_string();
    let liar = Descriptor {
        media_type: MANIFEST_TYPE.to_owned(),
        digest: digest(&inner),
        size: inner.len() as u64,
    };
    let said = manifest_of(&liar, inner.as_bytes()).unwrap_err();
    assert!(said.to_string().contains("is an index again"), "{said}");
}

#[test]
fn the_manifest_of_an_entry_has_its_digest_and_size() {
    let image = build(&files(), &BTreeMap::new()).unwrap().manifest;
    let entry = |digest, size| Descriptor {
        media_type: MANIFEST_TYPE.to_owned(),
        digest,
        size,
    };
    let size = image.bytes.len() as u64;
    assert!(manifest_of(&entry(image.digest, size), &image.bytes).is_ok());
    for wrong in [entry(digest("other"), size), entry(image.digest, size + 1)] {
        let result = manifest_of(&wrong, &image.bytes);
        assert!(matches!(result, Err(ImageError::Digest(_))), "{result:?}");
    }
}

#[test]
fn what_a_document_is_follows_from_what_it_has() {
    let config = json!({"mediaType": CONFIG_TYPE, "digest": digest("c"), "size": 1});
    let image = json!({"config": config, "layers": []});
    let mut docker = image.clone();
    docker["mediaType"] = json!(DOCKER_MANIFEST_TYPE);
    let mut liar = image.clone();
    liar["mediaType"] = json!(INDEX_TYPE);
    for document in [&image, &docker, &liar] {
        assert!(matches!(parse(document), Ok(Document::Manifest(_))));
    }
    let mut both = image.clone();
    both["manifests"] = json!([]);
    assert!(matches!(parse(&both), Err(ImageError::Ambiguous)));
    let first = json!({"schemaVersion": 1, "fsLayers": []});
    assert!(matches!(parse(&first), Err(ImageError::Schema1)));
    let none = json!({"mediaType": INDEX_TYPE});
    assert!(matches!(parse(&none), Err(ImageError::Malformed { .. })));
}

/// An archive in the form of an OCI layout.
fn layout(names: &[Value], blobs: &[&[u8]]) -> Vec<u8> {
    let index = json!({"manifests": names}).to_string();
    let named: Vec<_> = blobs
        .iter()
        .map(|blob| (format!("blobs/sha256/{}", Digest::of(blob).hex()), *blob))
        .collect();
    let mut entries = vec![("index.json", index.as_bytes())];
    entries.extend(named.iter().map(|(path, blob)| (path.as_str(), *blob)));
    tar(&entries)
}

#[test]
fn archives_with_several_names_or_platforms_of_one_image_are_read() {
    let image = build(&files(), &BTreeMap::new()).unwrap();
    let names = ["registry.example/lamp:1", "registry.example/lamp:2"].map(str::to_owned);
    assert_eq!(
        read_archive(&image.to_layout(&names).unwrap()).unwrap(),
        files()
    );
    let mut amd64 = entry("x", Some("linux/amd64"));
    amd64["digest"] = json!(image.manifest.digest);
    amd64["size"] = json!(image.manifest.bytes.len());
    let index = json!({"manifests": [entry("arm", Some("linux/arm64")), amd64]}).to_string();
    let named = json!({"mediaType": INDEX_TYPE, "digest": digest(&index), "size": index.len()});
    let blobs = [
        index.as_bytes(),
        &image.manifest.bytes,
        &image.config.bytes,
        &image.layer.bytes,
    ];
    assert_eq!(read_archive(&layout(&[named], &blobs)).unwrap(), files());
    // Straight in the list of names, as some tools write several platforms.
    let names = [entry("arm", Some("linux/arm64")), amd64];
    assert_eq!(read_archive(&layout(&names, &blobs)).unwrap(), files());
    let names = [entry("one", None), entry("two", None)];
    let error = read_archive(&layout(&names, &[])).unwrap_err().to_string();
    assert!(error.contains("2 images"), "{error}");
}
