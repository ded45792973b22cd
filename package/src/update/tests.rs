use super::*;
use crate::package::Package;

const KIND: &str = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest";
const LOCK_HEAD: &str =
    "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifestLock\n";
const LAMP: &str = "registry.example/lamp:1";
const HORN: &str = "registry.example/horn:1";

fn manifest(name: &str, images: &[(&str, &str)]) -> String {
    let images = images.iter();
    let images: String = images
        .map(|(name, image)| format!("  - {{name: {name:?}, image: {image:?}}}\n"))
        .collect();
    format!(
        "\nmetadata: {{name: {name}}}\nspec:\n  scopes: [Cluster]\n  phases: [{{name: all}}]\n  images:\n{images}"
    )
}

fn package(entries: &[(&str, &str)]) -> PackageFiles {
    let mut files = PackageFiles::new();
    for (path, text) in entries {
        let text = match text.starts_with("\nmetadata") {
            true => format!("{KIND}{text}"),
            false => (*text).to_owned(),
        };
        files.insert(path, text.into_bytes()).unwrap();
    }
    files
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// As a registry answers that has something of its own under every reference.
fn update(files: &PackageFiles) -> Vec<LockFile> {
    let update = Update::new(files.clone()).unwrap();
    let references = update.references().into_iter();
    let digests = references.map(|it| (it.to_owned(), digest(it))).collect();
    update.finish(&digests).unwrap()
}

fn refused(files: &PackageFiles) -> Vec<String> {
    let invalid = Update::new(files.clone()).unwrap_err();
    invalid.into_iter().map(|it| it.to_string()).collect()
}

fn changes(lock: &LockFile) -> Vec<(&str, Change)> {
    let images = lock.images.iter();
    images.map(|it| (&*it.name, it.change())).collect()
}

fn entry(name: &str, image: &str, digest: &str) -> String {
    format!("  - {{name: {name}, image: '{image}', digest: '{digest}'}}\n")
}

#[test]
fn a_lock_file_is_written_as_the_originals_tool_writes_it_and_the_package_is_valid_with_it() {
    let mut files = package(&[("manifest.yaml", &manifest("a", &[("lamp", LAMP)]))]);
    let locks = update(&files);
    let expected = format!(
        "{LOCK_HEAD}spec:\n  images:\n  - digest: {}\n    image: {LAMP}\n    name: lamp\n",
        digest(LAMP)
    );
    assert_eq!(locks.len(), 1);
    let lock = &locks[0];
    assert_eq!(
        (lock.path.as_str(), lock.text.as_deref()),
        ("manifest.lock.yaml", Some(&*expected))
    );
    assert_eq!(changes(lock), [("lamp", Change::Added)]);
    files.insert(&lock.path, expected.into_bytes()).unwrap();
    let loaded = Package::load(files.clone()).unwrap();
    let locked = &loaded.manifest().images["lamp"];
    assert_eq!(locked.digest, digest(LAMP).to_string());
    assert_eq!(update(&files)[0].text, None);
}

#[test]
fn what_is_added_changed_removed_and_unchanged_is_told_apart() {
    let images = [
        ("lamp", LAMP),
        ("horn", HORN),
        ("new", "registry.example/new"),
    ];
    let lock = [
        entry("gone", "registry.example/gone:1", "sha256:00"),
        entry("horn", HORN, &digest("older").to_string()),
        entry("lamp", LAMP, &digest(LAMP).to_string()),
    ];
    let lock = format!("{LOCK_HEAD}spec:\n  images:\n{}", lock.concat());
    let files = package(&[
        ("manifest.yaml", &manifest("a", &images)),
        ("manifest.lock.yaml", &lock),
    ]);
    let locks = update(&files);
    assert_eq!(
        changes(&locks[0]),
        [
            ("lamp", Change::Unchanged),
            ("horn", Change::Changed),
            ("new", Change::Added),
            ("gone", Change::Removed),
        ]
    );
    let horn = &locks[0].images[1];
    let digests = [&horn.before, &horn.after].map(|it| it.as_ref().unwrap().digest.clone());
    assert_eq!(
        digests,
        [digest("older"), digest(HORN)].map(|it| it.to_string())
    );
    // Another tag of the same image is a change too.
    let files = package(&[
        (
            "manifest.yaml",
            &manifest("a", &[("lamp", LAMP), ("horn", HORN)]),
        ),
        (
            "manifest.lock.yaml",
            &lock.replace("lamp:1", "lamp:0").replace("00'", "'"),
        ),
    ]);
    assert_eq!(changes(&update(&files)[0])[0], ("lamp", Change::Changed));
}

#[test]
fn what_the_originals_tool_wrote_is_kept_while_it_is_right_and_in_whatever_order() {
    let images = [("lamp", LAMP), ("horn", HORN)];
    let lock = format!(
        "# ours\n{LOCK_HEAD}metadata:\n  creationTimestamp: \"2024-08-16T07:59:23Z\"\nspec:\n  images:\n{}{}",
        entry("horn", HORN, &digest(HORN).to_string()),
        entry("lamp", LAMP, &digest(LAMP).to_string()),
    );
    let manifest = manifest("a", &images);
    for name in ["manifest.lock.yaml", "manifest.lock.yml"] {
        let files = package(&[("manifest.yaml", &manifest), (name, &lock)]);
        let fresh = &update(&files)[0];
        assert_eq!((fresh.path.as_str(), &fresh.text), (name, &None));
        // The file that is there is the one that is written.
        let stale = lock.replace("horn:1", "horn:0");
        let files = package(&[("manifest.yaml", &manifest), (name, &stale)]);
        let stale = &update(&files)[0];
        assert_eq!(stale.path, name);
        assert!(stale.text.is_some());
    }
}

#[test]
fn every_component_has_a_lock_file_of_its_own_and_each_reference_is_asked_for_once() {
    let root = format!("{}  components: {{}}\n", manifest("a", &[("lamp", LAMP)]));
    let files = package(&[
        ("manifest.yaml", &root),
        (
            "components/back/manifest.yml",
            &manifest("b", &[("lamp", LAMP), ("horn", HORN)]),
        ),
        ("components/front/manifest.yaml", &manifest("c", &[])),
    ]);
    let found = Update::new(files.clone()).unwrap();
    assert_eq!(found.references(), BTreeSet::from([HORN, LAMP]));
    let locks = update(&files);
    let paths: Vec<_> = locks.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(
        paths,
        ["manifest.lock.yaml", "components/back/manifest.lock.yaml"]
    );
    assert_eq!(locks[1].component.as_deref(), Some("back"));
    assert_eq!(locks[1].images.len(), 2);
    // Without `components: {}` the folder is one like any other.
    let files = package(&[
        ("manifest.yaml", &manifest("a", &[("lamp", LAMP)])),
        (
            "components/back/manifest.yml",
            &manifest("b", &[("horn", HORN)]),
        ),
    ]);
    assert_eq!(update(&files).len(), 1);
}

#[test]
fn a_reference_by_digest_is_locked_by_it_and_nobody_is_asked() {
    let image = format!("registry.example/lamp:1@{}", digest("lamp"));
    let files = package(&[("manifest.yaml", &manifest("a", &[("lamp", &image)]))]);
    let found = Update::new(files).unwrap();
    let locks = found.finish(&BTreeMap::new()).unwrap();
    let after = locks[0].images[0].after.as_ref().unwrap();
    assert_eq!(after.image, image);
    assert_eq!(after.digest, digest("lamp").to_string());
    let short = "registry.example/lamp@sha256:00";
    let files = package(&[("manifest.yaml", &manifest("a", &[("lamp", short)]))]);
    let said = refused(&files);
    assert_eq!(
        said,
        [
            "manifest invalid in manifest.yaml: spec.images[0].image: \"sha256:00\" is not sha256: and 64 hex digits"
        ]
    );
}

#[test]
fn nothing_is_written_for_a_package_without_images_but_a_lock_file_that_has_some_loses_them() {
    let none = manifest("a", &[]);
    assert_eq!(update(&package(&[("manifest.yaml", &none)])), []);
    let lock = format!("{LOCK_HEAD}spec:\n  images: []\n");
    let files = [
        ("manifest.yaml", &*none),
        ("manifest.lock.yaml", lock.as_str()),
    ];
    assert_eq!(update(&package(&files))[0].text, None);
    let old = format!(
        "{LOCK_HEAD}spec:\n  images:\n{}",
        entry("gone", LAMP, "sha256:00")
    );
    let files = [("manifest.yaml", &*none), ("manifest.lock.yaml", &old)];
    let locks = update(&package(&files));
    assert_eq!(changes(&locks[0]), [("gone", Change::Removed)]);
    assert_eq!(locks[0].text.as_deref(), Some(&*lock));
}

#[test]
fn entries_that_are_wrong_are_replaced() {
    let right = entry("lamp", LAMP, &digest(LAMP).to_string());
    for entries in [
        entry("lamp", LAMP, ""),
        entry("''", LAMP, &digest(LAMP).to_string()),
        format!("{right}{right}"),
        format!("{}{right}", entry("lamp", LAMP, "sha256:00")),
    ] {
        let lock = format!("{LOCK_HEAD}spec:\n  images:\n{entries}");
        let manifest = manifest("a", &[("lamp", LAMP)]);
        let files = [("manifest.yaml", &*manifest), ("manifest.lock.yaml", &lock)];
        let locks = update(&package(&files));
        let text = locks[0].text.as_deref().unwrap_or_else(|| panic!("{lock}"));
        let files = [("manifest.yaml", &*manifest), ("manifest.lock.yaml", text)];
        Package::load(package(&files)).unwrap();
    }
}

#[test]
fn what_an_update_would_lose_or_cannot_read_is_refused() {
    let manifest = manifest("a", &[("lamp", LAMP)]);
    let dependencies = format!(
        "{LOCK_HEAD}spec:\n  images: []\n  dependencies: [{{name: b, image: c, digest: d, version: 1.0.0}}]\n"
    );
    for (lock, words) in [
        (
            dependencies.as_str(),
            &["spec.dependencies", "not supported yet"][..],
        ),
        ("<<<<<<< ours\n", &["manifest.lock.yaml", "remove the file"]),
        ("kind: ConfigMap\n", &["PackageManifestLock"]),
        (
            &format!("{LOCK_HEAD}spec: {{images: 1}}\n"),
            &["spec.images", "must be a list", "remove the file"],
        ),
    ] {
        let files = [("manifest.yaml", &*manifest), ("manifest.lock.yaml", lock)];
        let said = refused(&package(&files));
        assert!(words.iter().all(|word| said[0].contains(word)), "{said:?}");
    }
    let lock = format!("{LOCK_HEAD}spec: {{images: []}}\n");
    let both = [
        ("manifest.yaml", &*manifest),
        ("manifest.lock.yaml", &lock),
        ("manifest.lock.yml", &lock),
    ];
    assert!(refused(&package(&both))[0].contains("both manifest.lock.yaml and"));
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_component() {
    let root = format!("{}  components: {{}}\n", manifest("a", &[]));
    let files = package(&[
        ("manifest.yaml", &root),
        ("components/one/manifest.yaml", "kind: Other\n"),
        (
            "components/three/manifest.yaml",
            &manifest("three", &[("lamp", "lamp@md5:1")]),
        ),
        ("components/two/readme.md", ""),
    ]);
    let said = refused(&files);
    assert_eq!(said.len(), 3, "{said:?}");
    for (said, words) in said.iter().zip([
        "in components/one/manifest.yaml [one]",
        "manifest not found [two]",
        "in components/three/manifest.yaml [three]",
    ]) {
        assert!(said.contains(words), "{words} in {said}");
    }
    let dependencies = format!("{}  dependencies: []\n", manifest("a", &[]));
    let said = refused(&package(&[("manifest.yaml", &dependencies)]));
    assert!(said[0].contains("spec.dependencies"), "{said:?}");
}

#[test]
fn a_reference_that_was_not_resolved_is_an_error() {
    let files = package(&[("manifest.yaml", &manifest("a", &[("lamp", LAMP)]))]);
    let error = Update::new(files)
        .unwrap()
        .finish(&BTreeMap::new())
        .unwrap_err();
    assert_eq!(error, UpdateError::NotResolved(LAMP.to_owned()));
}

#[test]
fn names_that_yaml_would_take_for_something_else_come_back_as_they_are() {
    let names = [
        "y", "1e3", "0777", "null", "~", "a: b", "#c", "ä", "- x", " ",
    ];
    let images: Vec<_> = names.iter().map(|name| (*name, LAMP)).collect();
    for group in [manifest::ORIGINAL_GROUP, manifest::OWN_GROUP] {
        let text = format!("{KIND}{}", manifest("a", &images));
        let text = text.replace(manifest::ORIGINAL_GROUP, group);
        let mut files = package(&[("manifest.yaml", &text)]);
        let written = update(&files)[0].text.clone().unwrap();
        assert!(written.contains(group), "{written}");
        let lock = written.into_bytes();
        files.insert("manifest.lock.yaml", lock).unwrap();
        assert_eq!(update(&files)[0].text, None);
        let loaded = Package::load(files).unwrap();
        assert!(
            names
                .iter()
                .all(|name| loaded.manifest().images.contains_key(*name))
        );
    }
}
