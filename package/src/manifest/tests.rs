use stevedore_proto_core::digest::Digest;

use super::*;
use crate::overrides::ImagePrefixes;

mod faults;
mod warnings;

const HEAD: &str = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";
const GOOD: &str =
    "metadata: {name: lamp}\nspec:\n  scopes: [Cluster]\n  phases: [{name: deploy}]\n";
const LOCK: &str =
    "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifestLock\n";

fn files(entries: &[(&str, &str)]) -> PackageFiles {
    let mut files = PackageFiles::new();
    for (path, text) in entries {
        files.insert(path, text.as_bytes().to_vec()).unwrap();
    }
    files
}

fn load(files: &PackageFiles) -> Result<PackageManifest, Vec<Violation>> {
    super::load(files, None).and_then(Loaded::checked)
}

fn violations(manifest: &str) -> Vec<String> {
    let found = load(&files(&[("manifest.yaml", &format!("{HEAD}{manifest}"))]));
    found
        .expect_err("an invalid manifest")
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn one_names(manifest: &str, words: &[&str]) {
    let found = violations(manifest);
    assert!(
        found
            .iter()
            .any(|violation| words.iter().all(|word| violation.contains(word))),
        "{words:?} in {found:?}"
    );
}

#[test]
fn the_original_group_and_ours_are_read() {
    for group in [ORIGINAL_GROUP, OWN_GROUP] {
        let text = format!("apiVersion: {group}/v1alpha1\nkind: PackageManifest\n{GOOD}");
        let manifest = load(&files(&[("manifest.yml", &text)])).unwrap();
        assert_eq!(
            (manifest.name.as_str(), manifest.phases[0].name.as_str()),
            ("lamp", "deploy")
        );
    }
}

#[test]
fn a_missing_doubled_or_foreign_manifest_is_named() {
    let good = format!("{HEAD}{GOOD}");
    let reason =
        |entries: &[(&str, &str)]| load(&files(entries)).expect_err("no manifest")[0].reason;
    assert_eq!(reason(&[("a.yaml", "")]), Reason::ManifestNotFound);
    assert_eq!(
        reason(&[("manifest.yaml", &good), ("manifest.yml", &good)]),
        Reason::ManifestDuplicated
    );
    assert_eq!(
        reason(&[("manifest.yaml", "apiVersion: v1\nkind: ConfigMap")]),
        Reason::UnknownManifestKind
    );
    assert_eq!(
        reason(&[("manifest.yaml", "a: [")]),
        Reason::ManifestInvalid
    );
    assert_eq!(
        reason(&[("manifest.yaml", "text")]),
        Reason::UnknownManifestKind
    );
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_in_kubernetes_words() {
    let found =
        violations("metadata: {}\nspec:\n  phases: [{name: a}, {name: a}, {}]\n  scopes: []\n");
    for expected in [
        "metadata.name: Required value",
        "spec.scopes: Required value",
        "spec.phases[1].name: must be unique",
        "spec.phases[2].name: Required value",
    ] {
        assert!(
            found.iter().any(|it| it.ends_with(expected)),
            "{expected} in {found:?}"
        );
    }
}

#[test]
fn wrong_types_and_values_are_violations_and_never_panics() {
    one_names(
        &format!("{GOOD}  scopes: Cluster\n").replacen("  scopes: [Cluster]\n", "", 1),
        &["spec.scopes", "must be a list"],
    );
    one_names(
        &GOOD.replace("[Cluster]", "[Planet]"),
        &["spec.scopes", "Planet"],
    );
    one_names(
        &GOOD.replace("[{name: deploy}]", "[deploy]"),
        &["spec.phases[0]", "must be a map"],
    );
    one_names(
        &GOOD.replace("[{name: deploy}]", "{name: deploy}"),
        &["spec.phases", "must be a list"],
    );
    one_names(
        &GOOD.replace("name: lamp", "name: 'no label'"),
        &["metadata.name"],
    );
    one_names("spec: 1\n", &["spec: must be a map"]);
}

#[test]
fn what_this_version_does_not_honour_is_refused_by_name() {
    for (field, words) in [
        (
            "  dependencies: [{image: {name: a}}]\n",
            ["spec.dependencies", "not supported yet"],
        ),
        (
            "  repositories: [{file: a}]\n",
            ["spec.repositories", "not supported yet"],
        ),
        ("  images: {name: a}\n", ["spec.images", "must be a list"]),
        ("  config: [1]\n", ["spec.config", "must be a map"]),
    ] {
        one_names(&format!("{GOOD}{field}"), &words);
    }
}

#[test]
fn a_phase_has_the_class_that_it_names_and_the_default_one_is_none() {
    let class = |text: &str| {
        let manifest = GOOD.replace(
            "{name: deploy}",
            &format!("{{name: deploy, class: {text}}}"),
        );
        let manifest = format!("{HEAD}{manifest}");
        let loaded = load(&files(&[("manifest.yaml", &manifest)]));
        loaded.map(|mut manifest| manifest.phases.remove(0).class)
    };
    assert_eq!(
        class("hosted-cluster"),
        Ok(Some("hosted-cluster".to_owned()))
    );
    for own in ["default", "''", "null"] {
        assert_eq!(class(own), Ok(None), "{own}");
    }
    one_names(
        &GOOD.replace("{name: deploy}", "{name: deploy, class: 'a b'}"),
        &["spec.phases[0].class", "Invalid value"],
    );
    assert!(class(&"x".repeat(63)).is_ok());
    assert!(class(&"x".repeat(64)).is_err());
}

#[test]
fn constraints_are_read_and_what_they_may_not_have_is_named() {
    let with = |constraints: &str| format!("{GOOD}  constraints: {constraints}\n");
    let text = format!(
        "{HEAD}{}",
        with(
            "[{platform: [OpenShift]}, {platformVersion: {name: Kubernetes, range: '>=1.28'}}, {uniqueInScope: {}}]"
        )
    );
    let manifest = load(&files(&[("manifest.yaml", &text)])).unwrap();
    assert!(manifest.constraints.is_unique_in_scope() && manifest.constraints.has_platform());
    one_names(
        &with("[{platformVersion: {name: Kubernetes, range: banana}}]"),
        &["spec.constraints[0].platformVersion.range", "banana"],
    );
    one_names(&with("{}"), &["spec.constraints", "must be a list"]);
}

#[test]
fn the_environment_of_a_test_case_has_a_members_form() {
    one_names(
        &format!(
            "{GOOD}test: {{template: [{{name: a, context: {{environment: {{kubernetes: v1}}}}}}]}}\n"
        ),
        &["test.template[0].context.environment", "Invalid value"],
    );
}

#[test]
fn a_manifest_has_64_phases_and_no_more() {
    let phases = |count: usize| {
        let all: Vec<String> = (0..count)
            .map(|number| format!("{{name: p{number}}}"))
            .collect();
        format!(
            "{HEAD}{}",
            GOOD.replace("[{name: deploy}]", &format!("[{}]", all.join(",")))
        )
    };
    assert!(load(&files(&[("manifest.yaml", &phases(64))])).is_ok());
    assert!(load(&files(&[("manifest.yaml", &phases(65))])).is_err());
}

#[test]
fn probes_are_checked_and_their_rules_compiled() {
    let probes = |text: &str| format!("{GOOD}  availabilityProbes:\n  - {text}\n");
    let selector = "selector: {kind: {group: apps, kind: Deployment}}";
    let good = probes(&format!(
        "{{{selector}, probes: [{{condition: {{type: Available}}}}, {{cel: {{rule: 'self.a == 1', message: m}}}}]}}"
    ));
    let manifest = load(&files(&[("manifest.yaml", &format!("{HEAD}{good}"))])).unwrap();
    assert_eq!(
        manifest.availability_probes[0].probes[0]
            .condition
            .as_ref()
            .unwrap()
            .status,
        "True"
    );
    for (text, words) in [
        (
            format!("{{{selector}}}"),
            ["availabilityProbes[0].probes", "Required value"],
        ),
        (
            format!("{{{selector}, probes: [{{}}]}}"),
            ["probes[0]", "condition, fieldsEqual or cel"],
        ),
        (
            format!("{{{selector}, probes: [{{cel: {{rule: 'self.a ==', message: m}}}}]}}"),
            ["cel.rule", "not a CEL"],
        ),
        (
            format!("{{{selector}, probes: [{{cel: {{rule: 'slef.a', message: m}}}}]}}"),
            ["cel.rule", "slef"],
        ),
        (
            format!("{{{selector}, probes: [{{cel: {{rule: '1 + 1', message: m}}}}]}}"),
            ["cel.rule", "not a boolean"],
        ),
        (
            format!("{{{selector}, probes: [{{fieldsEqual: {{fieldA: .a, fieldB: ''}}}}]}}"),
            ["fieldB", "Required"],
        ),
        (
            format!("{{{selector}, probes: [{{condition: {{}}}}]}}"),
            ["probes[0].condition.type", "Required value"],
        ),
        (
            "{selector: {}, probes: [{condition: {type: A}}]}".to_owned(),
            ["selector", "kind or selector"],
        ),
    ] {
        one_names(&probes(&text), &words);
    }
}

#[test]
fn cases_of_template_tests_have_names_and_configurations_that_fit() {
    let schema = "  config: {openAPIV3Schema: {type: object, required: [a], properties: {a: {type: integer}}}}\n";
    let case = |text: &str| format!("{GOOD}{schema}test: {{template: [{text}]}}\n");
    one_names(
        &case("{name: 'a b', context: {config: {a: 1}}}"),
        &["test.template[0].name"],
    );
    one_names(
        &case("{name: a, context: {config: {a: b}}}"),
        &["test.template[0].context.config.a", "Invalid value"],
    );
    one_names(
        &case("{name: a}"),
        &["test.template[0].context.config.a", "Required value"],
    );
}

#[test]
fn images_are_pinned_by_the_lock_file() {
    let manifest =
        format!("{HEAD}{GOOD}  images: [{{name: lamp, image: 'registry.example/lamp:1'}}]\n");
    let digest = Digest::of(b"lamp");
    let lock = |images: &str| format!("{LOCK}spec: {{images: [{images}]}}\n");
    let good = format!("{{name: lamp, image: 'registry.example/lamp:1', digest: '{digest}'}}");
    let load_with = |lock: &str| {
        load(&files(&[
            ("manifest.yaml", &manifest),
            ("manifest.lock.yaml", lock),
        ]))
    };
    let loaded = load_with(&lock(&good)).unwrap();
    let pinned = |prefixes: &str| {
        let prefixes = ImagePrefixes::parse(prefixes).unwrap();
        loaded.images["lamp"].pinned(&prefixes)
    };
    assert_eq!(pinned(""), format!("registry.example/lamp@{digest}"));
    // The tag is part of what a prefix is compared with, and is not part of what comes out.
    assert_eq!(
        pinned("registry.example/lamp:=mirror.example/lamp:"),
        format!("mirror.example/lamp@{digest}")
    );
    for (images, reason, word) in [
        (String::new(), Reason::LockDiffers, "is missing"),
        (
            good.replace("lamp:1", "lamp:2"),
            Reason::LockDiffers,
            "lamp:2",
        ),
        (
            format!("{good}, {}", good.replace("name: lamp", "name: horn")),
            Reason::LockDiffers,
            "horn",
        ),
        (
            good.replace(&digest.to_string(), "sha256:1"),
            Reason::LockInvalid,
            "digest",
        ),
        (format!("{good}, {good}"), Reason::LockInvalid, "unique"),
    ] {
        let found = load_with(&lock(&images)).expect_err(word);
        assert!(
            found
                .iter()
                .any(|it| it.reason == reason && it.details.contains(word)),
            "{word}: {found:?}"
        );
    }
    let missing = load(&files(&[("manifest.yaml", &manifest)])).expect_err("no lock file");
    assert_eq!(missing[0].reason, Reason::LockMissing);
}

#[test]
fn a_field_that_is_null_is_one_that_is_not_there() {
    let nulls = "  components: null\n  availabilityProbes: null\n  filter: {paths: null}
test:
  template:
  - name: one
    context:
      package: {metadata: {name: lamp, namespace: null, labels: null, annotations: null}}
      environment: null
      config: null
";
    let manifest = format!("{HEAD}{GOOD}{nulls}");
    let manifest = load(&files(&[("manifest.yaml", &manifest)])).unwrap();
    let metadata = &manifest.tests[0].context.package.metadata;
    assert_eq!((&*metadata.name, &metadata.namespace), ("lamp", &None));
    assert!(manifest.warnings.is_empty() && !manifest.has_components);
    one_names(
        "metadata: {name: lamp}\nspec: {scopes: null}\n",
        &["spec.scopes", "Required"],
    );
}

#[test]
fn the_name_of_a_test_case_leads_to_no_other_folder() {
    for name in ["..", ".", "..a", "a/b", "", "a b"] {
        let case = format!("{GOOD}test: {{template: [{{name: {name:?}}}]}}\n");
        one_names(&case, &["test.template[0].name"]);
    }
    let good = format!("{HEAD}{GOOD}test: {{template: [{{name: .a..b}}]}}\n");
    load(&files(&[("manifest.yaml", &good)])).unwrap();
}

#[test]
fn a_lock_file_that_has_to_be_written_is_said_with_a_command_that_exists() {
    let manifest =
        format!("{HEAD}{GOOD}  images: [{{name: lamp, image: 'registry.example/lamp:1'}}]\n");
    let without = files(&[("manifest.yaml", &manifest)]);
    let lock = format!("{LOCK}spec: {{images: []}}\n");
    let differing = files(&[("manifest.yaml", &manifest), ("manifest.lock.yaml", &lock)]);
    for files in [without, differing] {
        let found = load(&files).expect_err("no digest of the image");
        let details = &found[0].details;
        assert!(
            details.contains("stevedore package update PATH"),
            "{details}"
        );
    }
}
