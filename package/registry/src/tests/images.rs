//! Tests of what references stand for: images, indexes of them, and bytes that are not what digests say.

use stevedore_package::files::PackageFiles;
use stevedore_package::image::{Image, build};

use super::*;

fn image() -> Image {
    let mut files = PackageFiles::new();
    files
        .insert("manifest.yaml", b"kind: PackageManifest\n".to_vec())
        .unwrap();
    build(&files, &BTreeMap::new()).unwrap()
}

/// A registry with the image, not under any tag.
fn untagged(image: &Image) -> Stored {
    let blobs = [&image.layer, &image.config].map(|blob| (format!("blobs/{}", blob.digest), blob));
    let manifest = (
        format!("manifests/{}", image.manifest.digest),
        &image.manifest,
    );
    let all = blobs.into_iter().chain([manifest]);
    all.map(|(path, blob)| (path, blob.bytes.clone())).collect()
}

/// What a standard builder pushes: an index of the image and of an attestation of it.
fn attested(image: &Image) -> String {
    let of = |digest: Digest, platform: &str| {
        let (os, architecture) = platform.split_once('/').unwrap();
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{},
               "platform":{{"os":"{os}","architecture":"{architecture}"}}}}"#,
            image.manifest.bytes.len()
        )
    };
    format!(
        r#"{{"schemaVersion":2,"manifests":[{},{}]}}"#,
        of(Digest::of(b"proof"), "unknown/unknown"),
        of(image.manifest.digest, "linux/amd64"),
    )
}

#[tokio::test]
async fn an_index_stands_for_its_image_and_its_own_digest_is_shown_by_tag_and_by_digest() {
    let image = image();
    let index = attested(&image).into_bytes();
    let digest = Digest::of(&index);
    let mut all = untagged(&image);
    all.insert("manifests/1".to_owned(), index.clone());
    all.insert(format!("manifests/{digest}"), index);
    let settings = Settings::default();
    for name in ["demo:1".to_owned(), format!("demo@{digest}")] {
        let pulled = pull_as(&name, &settings, stored(all.clone())).await;
        assert_eq!(pulled, format!("{digest} with 1 files"));
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_index_or_its_reference_says_is_refused() {
    let image = image();
    let index = attested(&image);
    let mut all = untagged(&image);
    all.insert("manifests/1".to_owned(), index.clone().into_bytes());
    let path = format!("manifests/{}", image.manifest.digest);
    // One byte more than the index says, and a manifest all the same.
    let mut other = image.manifest.bytes.clone();
    other.push(b' ');
    all.insert(path, other);
    let said = pull(stored(all.clone())).await;
    assert!(said.contains("do not have the digest"), "{said}");
    // By digest, what the registry has under it is something else.
    let name = format!("demo@{}", image.manifest.digest);
    let said = pull_as(&name, &Settings::default(), stored(all)).await;
    assert!(said.contains("do not have the digest"), "{said}");
}

#[tokio::test]
async fn an_index_without_a_fitting_image_is_a_fault_that_says_what_it_offers() {
    let index = attested(&image()).replace("amd64", "arm64");
    let all = Stored::from([("manifests/1".to_owned(), index.into_bytes())]);
    let said = pull(stored(all)).await;
    for word in ["index of images", "linux/arm64", "linux/amd64"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test]
async fn a_layer_of_other_bytes_or_another_size_is_refused() {
    let image = image();
    let mut all = untagged(&image);
    let path = format!("blobs/{}", image.layer.digest);
    let mut flipped = image.layer.bytes.clone();
    flipped[20] ^= 1;
    all.insert("manifests/1".to_owned(), image.manifest.bytes.clone());
    all.insert(path.clone(), flipped);
    let said = pull(stored(all.clone())).await;
    assert!(said.contains("do not have its digest"), "{said}");
    // The right bytes, of which the manifest says that there are more.
    let size = image.layer.bytes.len();
    let text = String::from_utf8(image.manifest.bytes.clone()).unwrap();
    let text = text.replace(
        &format!("\"size\":{size}"),
        &format!("\"size\":{}", size + 1),
    );
    all.insert("manifests/1".to_owned(), text.into_bytes());
    all.insert(path, image.layer.bytes.clone());
    let said = pull(stored(all)).await;
    assert!(said.contains(&format!("it has {size} bytes")), "{said}");
}

#[tokio::test]
async fn what_is_known_already_is_asked_for_once_and_not_fetched() {
    let image = image();
    let asked: Arc<Mutex<usize>> = Arc::default();
    let mut all = untagged(&image);
    all.insert("manifests/1".to_owned(), image.manifest.bytes.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serve = Arc::new(stored(all));
    let reference = parse(&format!("{}/demo:1", listener.local_addr().unwrap())).unwrap();
    let count = Arc::clone(&asked);
    let service = axum::Router::new().fallback(move |request: Request| {
        *count.lock().unwrap() += 1;
        let response = serve(&request);
        async move { response }
    });
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (connections, settings) = (Connections::default(), Settings::default());
    let nobody = || ready(Ok(None)).boxed();
    let asking = async {
        let repository = Repository::new(&connections, &settings, &reference, &nobody).await?;
        let known = repository.resolve(Some(image.manifest.digest)).await?;
        let other = repository.resolve(Some(Digest::of(b"other"))).await?;
        Ok::<_, Error>((known, other.map(|resolved| resolved.digest)))
    };
    let (known, other) = tokio::select! {
        ended = axum::serve(listener, service).into_future() => panic!("{ended:?}"),
        result = asking => result.unwrap(),
    };
    assert_eq!((known, other), (None, Some(image.manifest.digest)));
    assert_eq!(*asked.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_registry_without_tls_is_talked_to_where_somebody_says_so() {
    let image = image();
    let mut all = untagged(&image);
    all.insert("manifests/1".to_owned(), image.manifest.bytes.clone());
    let insecure = Settings {
        insecure: true,
        ..Settings::default()
    };
    let pulled = pull_as("demo:1", &insecure, stored(all)).await;
    assert!(pulled.ends_with("with 1 files"), "{pulled}");
}
