use std::collections::BTreeSet;
use std::future::{IntoFuture as _, pending};
use std::sync::{Arc, Mutex};

use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// A registry on loopback. Every image of a repository that does not begin with `no` is there, and its digest is that
/// of its name.
struct Registry {
    address: String,
    asked: Arc<Mutex<BTreeSet<String>>>,
    /// Ends with it.
    _serving: JoinSet<std::io::Result<()>>,
}

impl Registry {
    async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let service = axum::Router::new()
            .route("/v2/{name}/manifests/{tag}", get(manifest))
            .with_state(asked.clone());
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, service).into_future());
        Self {
            address,
            asked,
            _serving: serving,
        }
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn manifest(
    State(asked): State<Arc<Mutex<BTreeSet<String>>>>,
    UrlPath((name, tag)): UrlPath<(String, String)>,
) -> axum::response::Response {
    let image = format!("{name}:{tag}");
    asked.lock().unwrap().insert(image.clone());
    if name.starts_with("no") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut headers = HeaderMap::new();
    let digest = digest_of(&image).parse().unwrap();
    headers.insert("docker-content-digest", digest);
    (headers, "{}").into_response()
}

fn digest_of(image: &str) -> String {
    Digest::of(image.as_bytes()).to_string()
}

/// A package of these images, and of a component with the last one.
fn package(images: &[(&str, String)]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let manifest = |images: &[(&str, String)], more: &str| {
        let images = images.iter();
        let images: String = images
            .map(|(name, image)| format!("  - {{name: {name}, image: '{image}'}}\n"))
            .collect();
        format!(
            "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\nmetadata: {{name: a}}\nspec:\n  scopes: [Cluster]\n  phases: [{{name: a}}]\n{more}  images:\n{images}"
        )
    };
    let (last, others) = images.split_last().unwrap();
    let component = place.path().join("components/back");
    std::fs::create_dir_all(&component).unwrap();
    let root = manifest(others, "  components: {}\n");
    std::fs::write(place.path().join("manifest.yaml"), root).unwrap();
    let back = manifest(std::slice::from_ref(last), "");
    std::fs::write(component.join("manifest.yaml"), back).unwrap();
    place
}

async fn update(place: &TempDir, check: bool) -> anyhow::Result<Outcome> {
    let insecure = Insecure { allowed: false };
    run(Update {
        path: place.path().to_owned(),
        check,
        insecure,
        output: Format::Name,
    })
    .await
}

/// Every file of the package with its content, hidden ones too.
fn everything(place: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![place.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((path.clone(), std::fs::read(path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn lock_files_are_written_beside_their_manifests_and_then_nothing_is() {
    let registry = Registry::start().await;
    let images = [
        ("lamp", registry.image("lamp:1")),
        ("horn", registry.image("horn:2")),
    ];
    let place = package(&images);
    let before = everything(&place);
    assert_eq!(update(&place, true).await.unwrap(), Outcome::NotAsAsked);
    assert_eq!(everything(&place), before, "a check writes nothing");
    assert_eq!(update(&place, false).await.unwrap(), Outcome::Done);
    let after = everything(&place);
    assert_eq!(after.len(), before.len() + 2);
    for (file, image) in [
        ("manifest.lock.yaml", "lamp:1"),
        ("components/back/manifest.lock.yaml", "horn:2"),
    ] {
        let text = std::fs::read_to_string(place.path().join(file)).unwrap();
        assert!(text.contains(&digest_of(image)), "{text}");
    }
    let contents = folder::read(place.path()).unwrap();
    assert_eq!(contents.check().violations, []);
    for check in [true, false] {
        assert_eq!(update(&place, check).await.unwrap(), Outcome::Done);
        assert_eq!(everything(&place), after);
    }
}

#[tokio::test]
async fn all_failures_are_told_at_once_and_nothing_is_written() {
    let registry = Registry::start().await;
    let images = [
        ("lamp", registry.image("lamp:1")),
        ("one", registry.image("no-one:1")),
        ("two", registry.image("no-two:1")),
    ];
    let place = package(&images);
    let before = everything(&place);
    let said = update(&place, false).await.unwrap_err().to_string();
    let expected = format!(
        "cannot resolve 2 of 3 images, nothing was written:\n  - {0}/no-one:1: the registry answers 404 Not Found\n  - {0}/no-two:1: the registry answers 404 Not Found",
        registry.address
    );
    assert_eq!(said, expected);
    assert_eq!(everything(&place), before);
}

#[tokio::test]
async fn nobody_is_asked_for_what_is_refused_anyway_or_named_by_digest() {
    let registry = Registry::start().await;
    let good = ("lamp", registry.image("lamp:1"));
    let pinned = format!("{}@{}", registry.image("Bell"), digest_of("bell"));
    let bad = [
        good.clone(),
        ("bell", pinned),
        ("horn", registry.image("Horn:1")),
    ];
    let said = update(&package(&bad), false).await.unwrap_err().to_string();
    for name in ["Bell@", "Horn:1 is not an image reference"] {
        assert!(said.contains(name), "{said}");
    }
    let dependencies = package(std::slice::from_ref(&good));
    let lock = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifestLock\nspec:\n  images: []\n  dependencies: [{name: a}]\n";
    std::fs::write(dependencies.path().join("manifest.lock.yml"), lock).unwrap();
    let said = update(&dependencies, false).await.unwrap_err().to_string();
    assert_eq!(said, "the package is not valid: 1 violation");
    let image = format!("{}@{}", registry.image("lamp"), digest_of("lamp"));
    let pinned = package(&[("lamp", image)]);
    assert_eq!(update(&pinned, false).await.unwrap(), Outcome::Done);
    assert_eq!(registry.asked(), 0);
}

#[tokio::test]
async fn there_is_one_deadline_for_all_and_what_answered_is_not_among_the_failures() {
    // More that never answer than are asked side by side: those after them are late too.
    let silent = (0..2 * SIDE_BY_SIDE).map(|number| format!("silent.example/a:{number}"));
    let all = std::iter::once("lamp.example/a:1".to_owned()).chain(silent);
    let references = all.map(|text| (text.clone(), registry::reference(&text).unwrap()));
    let ask = async |reference: &Reference| match reference.registry() {
        "lamp.example" => Ok(Digest::of(b"lamp")),
        _ => pending().await,
    };
    let said = resolve(references.collect(), ask, Duration::ZERO).await;
    let said = said.unwrap_err().to_string();
    let late = said.matches("took too long").count();
    assert_eq!(late, 2 * SIDE_BY_SIDE, "{said}");
    assert!(!said.contains("lamp.example"), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_lock_file_that_is_a_link_is_refused_before_anybody_is_asked() {
    let registry = Registry::start().await;
    let images = [
        ("lamp", registry.image("lamp:1")),
        ("horn", registry.image("horn:2")),
    ];
    for lock in ["manifest.lock.yaml", "components/back/manifest.lock.yml"] {
        let place = package(&images);
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), place.path().join(lock)).unwrap();
        for check in [true, false] {
            let refused = update(&place, check).await.unwrap_err().to_string();
            assert!(refused.contains(&format!("{lock} is a link")), "{refused}");
        }
        assert!(place.path().join(lock).is_symlink());
    }
    assert_eq!(registry.asked(), 0);
}

#[test]
fn nothing_is_replaced_while_another_file_cannot_be_written() {
    let place = package(&[("lamp", "lamp:1".to_owned())]);
    let lock = |path: &str| LockFile {
        path: path.to_owned(),
        component: None,
        images: vec![],
        text: Some("new".to_owned()),
    };
    let old = place.path().join("manifest.lock.yaml");
    std::fs::write(&old, "old").unwrap();
    let before = everything(&place);
    let files = [
        lock("manifest.lock.yaml"),
        lock("components/gone/manifest.lock.yaml"),
    ];
    let error = write(place.path(), &files).unwrap_err();
    assert!(error.to_string().contains("components/gone"), "{error}");
    assert_eq!(everything(&place), before);
    write(place.path(), &files[..1]).unwrap();
    assert_eq!(std::fs::read(&old).unwrap(), b"new");
}

fn image(before: Option<(&str, &str)>, after: Option<(&str, &str)>) -> Image {
    let locked = |(image, name): (&str, &str)| stevedore_package::manifest::LockedImage {
        image: image.to_owned(),
        digest: digest_of(name),
    };
    Image::from(ImageUpdate {
        name: "lamp".to_owned(),
        before: before.map(locked),
        after: after.map(locked),
    })
}

fn lock(component: Option<&str>, changed: bool, images: Vec<Image>) -> Lock {
    Lock {
        file: "p/manifest.lock.yaml".into(),
        component: component.map(str::to_owned),
        changed,
        images,
    }
}

fn updated(lock_files: Vec<Lock>) -> Updated {
    Updated {
        path: "p".into(),
        changed: lock_files.iter().any(|it| it.changed),
        lock_files,
    }
}

#[test]
fn a_person_reads_what_changed_and_what_was_written() {
    let (one, two) = (("r.example/lamp:1", "a"), ("r.example/lamp:2", "b"));
    let (moved, by_digest) = (
        ("other.example/lamp:1", "a"),
        ("r.example/lamp@sha256:0", "a"),
    );
    let short = |name: &str| digest_of(name)[7..19].to_owned();
    let images = vec![
        image(None, Some(one)),
        image(Some(one), Some(two)),
        image(Some(one), Some(("r.example/lamp:1", "b"))),
        image(Some(one), Some(moved)),
        image(Some(by_digest), Some(one)),
        image(Some(one), None),
        image(Some(one), Some(one)),
    ];
    let (a, b) = (short("a"), short("b"));
    let said = words(&updated(vec![lock(None, true, images)]), false);
    let expected = [
        "NAME  IMAGE                                        CHANGE     DIGEST".to_owned(),
        format!("lamp  r.example/lamp:1                             added      {a}"),
        format!("lamp  r.example/lamp:1 -> 2                        changed    {a} -> {b}"),
        format!("lamp  r.example/lamp:1                             changed    {a} -> {b}"),
        format!("lamp  r.example/lamp:1 -> other.example/lamp:1     changed    {a}"),
        format!("lamp  r.example/lamp@sha256:0 -> r.example/lamp:1  changed    {a}"),
        format!("lamp  r.example/lamp:1                             removed    {a}"),
        format!("lamp  r.example/lamp:1                             unchanged  {a}"),
        String::new(),
        "wrote p/manifest.lock.yaml".to_owned(),
    ];
    assert_eq!(said, expected.join("\n"));
    let images = || vec![image(Some(one), Some(one))];
    let fresh = updated(vec![lock(None, false, images())]);
    assert_eq!(words(&fresh, false), "p is already up to date: 1 image");
    let both = updated(vec![
        lock(None, false, images()),
        lock(Some("back"), true, vec![image(None, Some(one))]),
    ]);
    let said = words(&both, true);
    for line in [
        "COMPONENT  NAME",
        "-          lamp",
        "back       lamp",
        "p/manifest.lock.yaml is not up to date\nrun: stevedore package update p",
    ] {
        assert!(said.contains(line), "{line} in\n{said}");
    }
    assert!(!said.contains("wrote"), "{said}");
    let none = updated(vec![]);
    assert_eq!(
        words(&none, false),
        "p names no images, and needs no lock file"
    );
}

#[test]
fn a_program_reads_whole_digests_and_what_was_there_only_where_it_differs() {
    let (one, two) = (("r.example/lamp:1", "a"), ("r.example/lamp:1", "b"));
    let images = vec![image(Some(one), Some(one)), image(Some(one), Some(two))];
    let value = serde_json::to_value(updated(vec![lock(None, true, images)])).unwrap();
    let same = json!({"name": "lamp", "change": "Unchanged", "image": "r.example/lamp:1", "digest": digest_of("a")});
    let changed = json!({
        "name": "lamp", "change": "Changed", "image": "r.example/lamp:1", "digest": digest_of("b"),
        "previousImage": "r.example/lamp:1", "previousDigest": digest_of("a"),
    });
    assert_eq!(
        value,
        json!({"path": "p", "changed": true, "lockFiles": [
            {"file": "p/manifest.lock.yaml", "changed": true, "images": [same, changed]},
        ]})
    );
}

#[test]
fn nothing_of_a_package_controls_a_terminal() {
    let mut found = image(None, Some(("r.example/lamp:1", "a")));
    found.name = "\u{1b}[31mx".to_owned();
    let said = words(&updated(vec![lock(None, true, vec![found])]), false);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}
