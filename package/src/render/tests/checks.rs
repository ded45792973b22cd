//! The check of a package by its author.

use super::*;

#[test]
fn a_test_case_that_does_not_render_is_named() {
    let files = [("a.yaml.gotmpl", "a: {{ .config.missing }}")];
    let cases = "test: {template: [{name: plain, context: {package: {metadata: {name: lamp}}}}]}\n";
    let message = package_with(&format!("  #\n{cases}"), &files)
        .unwrap()
        .check()
        .expect_err("a missing key")
        .to_string();
    assert!(
        message.contains("test case \"plain\"") && message.contains("a.yaml.gotmpl"),
        "{message}"
    );
    assert!(
        package_with("", &files).unwrap().check().is_err(),
        "without cases the defaults are rendered"
    );
}

#[test]
fn a_package_that_could_not_be_rendered_for_want_of_a_configuration_is_not_called_checked() {
    let spec = "  config: {openAPIV3Schema: {type: object, required: [beam], properties: {beam: {type: integer}}}}\n";
    let files = [("a.yaml.gotmpl", "a: {{ .config.missing }}")];
    let unknown = package_with(&format!("{spec}  #"), &files).unwrap();
    let validated = unknown.check().unwrap();
    let scopes: Vec<_> = validated.not_rendered.iter().map(|it| it.scope).collect();
    assert_eq!(scopes, [Scope::Cluster, Scope::Namespaced]);
    let note = validated.not_rendered[0].to_string();
    assert!(
        note.contains("spec.config.beam: Required value") && note.contains("test.template"),
        "{note}"
    );
    let cases = "test: {template: [{name: plain, context: {package: {metadata: {name: lamp}}, config: {beam: 1}}}]}\n";
    let known = package_with(&format!("{spec}  #\n{cases}"), &files).unwrap();
    assert!(known.check().is_err(), "with a test case it is rendered");
    let good = package_with("", &[("a.yaml", &object("a", "one", ""))]).unwrap();
    let all = good.check().map(|validated| validated.not_rendered.len());
    assert!(
        all.is_err_and(|invalid| invalid.is_all(Reason::MetadataInvalid)),
        "no namespace in scope Cluster"
    );
}
