//! The warnings of valid manifests, and the places of what is wrong with others.

use super::*;

/// What is told of a manifest, and of its lock file.
fn told(manifest: &str, lock: &str) -> Vec<String> {
    let files = super::files(&[("manifest.yaml", manifest), ("manifest.lock.yaml", lock)]);
    let warnings = load(&files).unwrap().warnings;
    warnings.list().iter().map(ToString::to_string).collect()
}

#[test]
fn unknown_fields_are_passed_over_and_told_with_their_place() {
    let manifest =
        format!("{HEAD}{GOOD}  frobnicate: {{a: 1}}\n  images.name: 1\n  \"images[].name\": 1\n");
    let lock = format!("{LOCK}spec:\n  images: []\n  signed: true\n");
    let passed =
        "Package Operator passes over it, and so is it done here; correct its name, or remove it";
    assert_eq!(
        told(&manifest, &lock),
        [
            format!("unknown field in manifest.yaml: line 7, column 3: spec.frobnicate: {passed}"),
            format!("unknown field in manifest.yaml: line 8, column 3: spec.images.name: {passed}"),
            format!(
                "unknown field in manifest.yaml: line 9, column 3: spec.images[].name: {passed}"
            ),
            format!("unknown field in manifest.lock.yaml: line 5, column 3: spec.signed: {passed}"),
        ]
    );
    let probe = "  availabilityProbes:\n  - selector: {kind: {group: apps, kind: Deployment}}\n    probes:\n    - {http: {}, condition: {type: A}}\n";
    let told = told(&format!("{HEAD}{GOOD}{probe}"), LOCK);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("line 10, column 8: spec.availabilityProbes[0].probes[0].http"),
        "{told:?}"
    );
}

#[test]
fn names_of_fields_count_in_any_case_as_they_do_for_go() {
    let manifest = format!("{HEAD}{GOOD}")
        .replace("scopes:", "Scopes:")
        .replace("spec:", "SPEC:");
    let files = super::files(&[("manifest.yaml", &manifest)]);
    let loaded = load(&files).unwrap();
    assert_eq!(loaded.scopes, [Scope::Cluster]);
    let told = told(&manifest, LOCK);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("line 5, column 3: SPEC.Scopes: it is read as \"scopes\""),
        "{told:?}"
    );
    let both = format!("{HEAD}{GOOD}  Scopes: [Namespaced]\n");
    let files = [("manifest.yaml", both.as_str())];
    let loaded = load(&super::files(&files)).unwrap();
    assert_eq!(loaded.scopes, [Scope::Cluster], "the exact name counts");
}

#[test]
fn numbers_and_booleans_are_texts_where_a_text_is_wanted() {
    let manifest = format!("{HEAD}{GOOD}")
        .replace("name: lamp", "name: 1.10")
        .replace("{name: deploy}", "{name: 0777}, {name: on}, {name: 17}");
    let files = super::files(&[("manifest.yaml", &manifest)]);
    let loaded = load(&files).unwrap();
    let phases: Vec<&str> = loaded.phases.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        (loaded.name.as_str(), phases),
        ("1.1", vec!["511", "true", "17"])
    );
    let told = told(&manifest, LOCK);
    let field = told
        .iter()
        .filter(|it| it.starts_with("field that is no text in manifest.yaml"));
    assert_eq!(field.count(), 4, "{told:?}");
    assert!(
        told.iter()
            .any(|it| it.contains("line 6, column 13: spec.phases[0].name")),
        "{told:?}"
    );
}

#[test]
fn violations_of_a_manifest_have_their_place() {
    let manifest = GOOD
        .replace("[Cluster]", "\n  - Planet")
        .replace("{name: deploy}", "{name: ''}");
    let found = violations(&manifest);
    assert!(
        found
            .iter()
            .any(|it| it.contains("line 6, column 5: spec.scopes[0]: ")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|it| it.contains("line 7, column 13: spec.phases[0].name: ")),
        "{found:?}"
    );
    let broken =
        load(&files(&[("manifest.yaml", &format!("{HEAD}spec: [\n"))])).expect_err("no YAML");
    assert!(
        broken[0]
            .to_string()
            .starts_with("manifest invalid in manifest.yaml: line 3, column 7: "),
        "{broken:?}"
    );
}

#[test]
fn a_key_of_any_length_and_content_is_told_in_bounds_and_without_control_characters() {
    let long = "x".repeat(1_000);
    let labels = "    a: {b: 1}\n";
    let text = format!("{HEAD}{GOOD}").replace(
        "{name: lamp}",
        &format!("\n  name: lamp\n  labels:\n{labels}    {long}: {{{long}: 2}}"),
    );
    let manifest = format!("{text}  {long}: 1\n  \"\\e[2J\": 1\n");
    let told = told(&manifest, LOCK);
    assert_eq!(told.len(), 4, "{}", told.len());
    for line in &told {
        assert!(line.len() < 800 && !line.contains('\u{1b}'), "{line}");
    }
}
