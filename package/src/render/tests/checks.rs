//! The check of a package by its author.

use super::*;
use crate::check::Validated;

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

/// A package of this one template in the scope `Cluster`, with these test cases.
fn of_one_template(data: &str, cases: &str) -> Package {
    let text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  annotations: {{package-operator.run/phase: one}}\n  labels: {{value: '{data}'}}\n"
    );
    let spec = format!("  #\ntest: {{template: [{cases}]}}\n");
    package_with(&spec, &[("a.yaml.gotmpl", &text)]).unwrap()
}

const REGION: &str = "{{ .cluster.labels.region }}";
const LAMP: &str = "package: {metadata: {name: lamp}}";

#[test]
fn a_label_of_a_cluster_that_nobody_gave_is_no_fault_and_is_said() {
    for cases in [
        String::new(),
        format!("{{name: plain, context: {{{LAMP}}}}}"),
    ] {
        let package = of_one_template(REGION, &cases);
        let validated = package.check().unwrap();
        let warnings = validated.warnings.list();
        let said = warnings.first().map(ToString::to_string);
        let said = said.unwrap_or_default();
        assert!(
            said.contains("not rendered in a.yaml.gotmpl")
                && said.contains("the cluster has no label \"region\": executing")
                && said.contains("a test case whose context has \"cluster: {labels: {"),
            "{cases}: {said}"
        );
    }
}

#[test]
fn a_test_case_gives_the_labels_of_a_cluster_and_is_held_to_them() {
    let case = |labels: &str| {
        format!("{{name: east, context: {{{LAMP}, cluster: {{name: east, labels: {labels}}}}}}}")
    };
    let package = of_one_template(REGION, &case("{region: north}"));
    assert_eq!(package.check().unwrap(), Validated::default());
    let without = of_one_template(REGION, &case("{}"));
    let invalid = without
        .check()
        .expect_err("the case says that there is none");
    assert!(invalid.is_all(Reason::ClusterLabelMissing), "{invalid}");
    let named = of_one_template(
        "{{ if ne .cluster.name `east` }}{{ fail `no` }}{{ end }}",
        &case("{}"),
    );
    named.check().unwrap();
}

#[test]
fn a_condition_that_needs_a_label_of_the_cluster_is_no_fault_either() {
    let text = object(
        "a",
        "one",
        ", package-operator.run/condition: \"cluster.labels.region == 'north'\"",
    );
    let text = format!("{text}  namespace: default\n");
    let package = package_with("  #", &[("a.yaml", &text)]).unwrap();
    let validated = package.check().unwrap();
    let details = &validated.warnings.list()[0].details;
    let said = "the cluster has no label \"region\": ";
    assert!(details.starts_with(said), "{details}");
    let mut input = input();
    input.namespace = None;
    assert_eq!(
        reasons(render(&package, &input)),
        [(Reason::ClusterLabelMissing, Some("a.yaml".to_owned()))]
    );
}

#[test]
fn other_missing_keys_stay_errors_beside_a_missing_label() {
    for data in [
        "{{ .cluster.zone }}",
        "{{ .environment.openShift.version }}",
    ] {
        assert!(of_one_template(data, "").check().is_err(), "{data}");
    }
    let one = of_one_template(&format!("{REGION}{{{{ .config.missing }}}}"), "");
    assert!(one.check().is_ok(), "the label is missed first");
    let files = [
        ("a.yaml.gotmpl", "a: {{ .cluster.labels.region }}"),
        ("b.yaml.gotmpl", "b: {{ .config.missing }}"),
    ];
    assert!(package_with("", &files).unwrap().check().is_err());
}

#[test]
fn a_test_case_without_an_environment_has_the_shape_of_one() {
    let data = "{{ .environment.kubernetes.version }}{{ hasKey .environment `openShift` }}";
    let package = of_one_template(data, &format!("{{name: plain, context: {{{LAMP}}}}}"));
    package.check().unwrap();
    let managed = "environment: {openShift: {version: 4.17.3, managed: {data: {plan: large}}}}";
    let data =
        "{{ .environment.openShift.managed.data.plan }}{{ .environment.kubernetes.version }}";
    let package = of_one_template(
        data,
        &format!("{{name: os, context: {{{LAMP}, {managed}}}}}"),
    );
    package.check().unwrap();
}

#[test]
fn every_case_is_looked_at_and_what_is_wrong_in_several_is_told_once() {
    let cases = "test: {template: [
  {name: one, context: {package: {metadata: {name: lamp}}, config: {wrong: one}}},
  {name: two, context: {package: {metadata: {name: lamp}}, config: {wrong: two}}}]}\n";
    let spec = "  config: {openAPIV3Schema: {type: object, properties: {wrong: {type: string}}}}\n";
    let files = [
        (
            "a.yaml.gotmpl",
            "{{ if eq .config.wrong \"two\" }}a: [{{ end }}",
        ),
        ("b.yaml", &*object("b", "none", "")),
    ];
    let package = package_with(&format!("{spec}  #\n{cases}"), &files).unwrap();
    let invalid = package.check().unwrap_err();
    let found = invalid.violations().iter();
    let found: Vec<_> = found.map(|it| (it.reason, it.case().unwrap())).collect();
    let expected = [
        (Reason::MetadataInvalid, "one"),
        (Reason::PhaseUnknown, "one"),
        (Reason::InvalidYaml, "two"),
    ];
    assert_eq!(found, expected, "{invalid}");
}

#[test]
fn after_a_case_that_is_too_costly_no_other_is_rendered() {
    let case = |number: u8| {
        format!("{{name: c{number}, context: {{package: {{metadata: {{name: lamp}}}}}}}}")
    };
    let cases: Vec<String> = (0..40).map(case).collect();
    let spec = format!("  #\ntest: {{template: [{}]}}\n", cases.join(", "));
    let endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    let package = package_with(&spec, &[("a.yaml.gotmpl", endless)]).unwrap();
    let invalid = package.check().unwrap_err();
    assert!(invalid.is_too_costly());
    assert_eq!(invalid.violations().len(), 1);
    assert_eq!(invalid.violations()[0].case(), Some("c0"));
}
