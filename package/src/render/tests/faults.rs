//! Faults of a package: all of them at once, and its warnings with them.

use super::*;
use crate::check::Validated;

/// What is wrong with a package of these files, each with the file.
fn told(spec: &str, files: &[(&str, &str)]) -> Vec<(Reason, String)> {
    let invalid = match package_with(spec, files) {
        Ok(package) => package.check().map(|_| ()).expect_err("something is wrong"),
        Err(invalid) => invalid,
    };
    let violations = invalid.violations().iter();
    violations
        .map(|it| (it.reason, it.path.clone().unwrap_or_default()))
        .collect()
}

#[test]
fn with_templates_that_do_not_parse_all_other_faults_are_told() {
    let files = [
        ("a.yaml.gotmpl", "{{ if }}"),
        ("b.yaml.gotmpl", "{{ nosuchfunction }}"),
        ("c.yaml", &*object("c", "none", "")),
        ("d.yaml", "kind: [\n"),
        // The template writes another one in its place.
        ("a.yaml", &*object("a", "none", "")),
        ("e.yaml", &*object("e", "one", "")),
    ];
    let at = |reason, path: &str| (reason, path.to_owned());
    let others = [
        at(Reason::Template, "a.yaml.gotmpl"),
        at(Reason::Template, "b.yaml.gotmpl"),
        at(Reason::InvalidYaml, "d.yaml"),
        at(Reason::PhaseUnknown, "c.yaml"),
    ];
    assert_eq!(told("", &files), others);
    let with_manifest = told("  filter: 1\n  frobnicate: 1\n", &files);
    assert_eq!(
        with_manifest[0],
        at(Reason::ManifestInvalid, "manifest.yaml")
    );
    assert_eq!(with_manifest[1..], others);
}

#[test]
fn of_a_manifest_without_readable_phases_no_object_is_said_to_be_in_a_wrong_one() {
    let files = [(
        "c.yaml",
        &*object("c", "none", "").replace("name: c", "name: C"),
    )];
    let mut all = PackageFiles::new();
    let text = manifest("").replace("{name: two}", "{name: []}");
    all.insert("manifest.yaml", text.into()).unwrap();
    all.insert(files[0].0, files[0].1.into()).unwrap();
    let invalid = Package::load(all)
        .map(|_| ())
        .expect_err("a phase has no name");
    let found: Vec<_> = invalid.violations().iter().map(|it| it.reason).collect();
    assert_eq!(
        found,
        [Reason::ManifestInvalid, Reason::MetadataInvalid],
        "{invalid}"
    );
}

#[test]
fn with_templates_that_fail_all_other_faults_are_told() {
    let files = [
        ("a.yaml.gotmpl", "{{ fail `no` }}"),
        ("a.yaml", &*object("a", "none", "")),
        ("b.yaml.gotmpl", &*object("b", "none", "")),
        ("c.yaml", &*object("c", "none", "")),
    ];
    let cases = "  #\ntest: {template: [{name: x, context: {package: {metadata: {name: a, namespace: b}}}}]}\n";
    let at = |reason, path: &str| (reason, path.to_owned());
    let expected = [
        at(Reason::Template, "a.yaml.gotmpl"),
        at(Reason::PhaseUnknown, "b.yaml"),
        at(Reason::PhaseUnknown, "c.yaml"),
    ];
    assert_eq!(told(cases, &files), expected);
}

#[test]
fn a_label_of_a_cluster_that_nobody_gave_hides_no_fault_and_is_none() {
    let files = [
        ("a.yaml.gotmpl", "a: {{ .cluster.labels.region }}"),
        ("b.yaml", &*object("b", "none", "")),
    ];
    let cases = "  #\ntest: {template: [{name: x, context: {package: {metadata: {name: a, namespace: b}}}}]}\n";
    let package = package_with(cases, &files).unwrap();
    let invalid = package.check().expect_err("a phase is unknown");
    assert!(invalid.is_all(Reason::PhaseUnknown), "{invalid}");
    let warnings = invalid.warnings().list();
    assert!(
        warnings[0].to_string().contains("\"region\""),
        "{warnings:?}"
    );
}

#[test]
fn with_faults_the_warnings_of_a_package_are_kept() {
    let word = format!("{}data: {{a: no}}\n", object("a", "one", ""));
    let files = [
        ("a.yaml", &*word),
        ("b.yaml.gotmpl", "{{ if }}"),
        ("c.yaml.gotmpl", &*word),
    ];
    let unknown = "  frobnicate: 1\n";
    let reasons = |invalid: &Invalid| {
        let warnings = invalid.warnings().list().iter();
        warnings.map(|it| it.reason.word()).collect::<Vec<_>>()
    };
    let loaded = package_with(unknown, &files)
        .map(|_| ())
        .expect_err("no template");
    assert_eq!(reasons(&loaded), ["UnknownField", "Word"]);
    let files = [files[0], files[2]];
    let checked = package_with(unknown, &files).unwrap().check().unwrap_err();
    assert_eq!(
        reasons(&checked),
        ["UnknownField", "Word", "Word"],
        "{checked}"
    );
}

#[test]
fn faults_beyond_the_limit_are_counted_once_over_all_renderings() {
    let objects: Vec<(String, String)> = (0..60)
        .map(|number| {
            let name = format!("o{number:02}");
            (format!("{name}.yaml"), object(&name, "none", ""))
        })
        .collect();
    let files = objects
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let files: Vec<_> = files.collect();
    let case = |name: &str| {
        format!("{{name: {name}, context: {{package: {{metadata: {{name: a, namespace: b}}}}}}}}")
    };
    let cases = format!("  #\ntest: {{template: [{}, {}]}}\n", case("x"), case("y"));
    let invalid = package_with(&cases, &files).unwrap().check().unwrap_err();
    assert_eq!((invalid.violations().len(), invalid.more()), (50, 10));
}

#[test]
fn a_test_case_needs_no_name_of_a_package_as_in_the_original() {
    let template = format!(
        "{}  namespace: x\ndata: {{name: '{{{{ .package.metadata.name }}}}'}}\n",
        object("a", "one", "")
    );
    for context in ["", ", context: {}", ", context: {package: {image: a}}"] {
        let cases = format!("  #\ntest: {{template: [{{name: x{context}}}]}}\n");
        let package = package_with(&cases, &[("a.yaml.gotmpl", &template)]).unwrap();
        assert_eq!(package.check(), Ok(Validated::default()), "{context}");
        let rendered = package.render(&package.preview_of_case(None, "x").unwrap());
        let object = rendered.unwrap().content.phases[0].objects[0]
            .object
            .clone();
        assert_eq!(object["data"]["name"], "");
        assert_eq!(object["metadata"]["labels"]["stevedore.dev/instance"], "");
    }
}

#[test]
fn every_document_of_a_file_that_is_wrong_is_told() {
    let wrong = format!("a: [\n---\n{}---\nb: {{\n", object("c", "none", ""));
    let at = |index| {
        let violation = (Reason::InvalidYaml, Some(index));
        let phase = (Reason::PhaseUnknown, Some(1));
        (violation, phase)
    };
    let found = |invalid: &Invalid| {
        let mut found: Vec<_> = invalid
            .violations()
            .iter()
            .map(|it| (it.reason, it.index))
            .collect();
        found.retain(|it| it.0 != Reason::MetadataInvalid);
        found.sort_by_key(|it| it.1);
        found
    };
    let expected = [at(0).0, at(0).1, at(2).0];
    let plain = package_with("", &[("a.yaml", &wrong)])
        .map(|_| ())
        .unwrap_err();
    assert_eq!(found(&plain), expected, "{plain}");
    let written = package_with("", &[("a.yaml.gotmpl", &wrong)]).unwrap();
    let written = written.check().unwrap_err();
    assert_eq!(found(&written), expected, "{written}");
}

#[test]
fn with_a_condition_that_fails_faults_of_plain_files_are_told() {
    let filter = "  filter: {conditions: [{name: a, expression: config.b}]}\n";
    let files = [("a.yaml", &*object("a", "none", ""))];
    let cases =
        "test: {template: [{name: x, context: {package: {metadata: {name: a, namespace: b}}}}]}\n";
    let expected = [
        (Reason::ConditionInvalid, "manifest.yaml".to_owned()),
        (Reason::PhaseUnknown, "a.yaml".to_owned()),
    ];
    assert_eq!(told(&format!("{filter}{cases}"), &files), expected);
}

#[test]
fn where_defaults_are_no_configuration_plain_files_are_looked_at() {
    let schema = "  config: {openAPIV3Schema: {type: object, required: [a], properties: {a: {type: integer}}}}\n";
    let files = [
        ("a.yaml", &*object("a", "none", "")),
        ("b.yaml.gotmpl", "{{ .config.missing }}"),
        ("b.yaml", &*object("b", "none", "")),
    ];
    let mut found = told(schema, &files);
    found.retain(|(reason, _)| *reason != Reason::MetadataInvalid);
    assert_eq!(found, [(Reason::PhaseUnknown, "a.yaml".to_owned())]);
    let right = [(
        "a.yaml",
        &*object("a", "one", ", package-operator.run/condition: config.a > 1"),
    )];
    let right = right.map(|(path, text)| (path, format!("{text}  namespace: x\n")));
    let right = right.each_ref().map(|(path, text)| (*path, text.as_str()));
    let validated = package_with(schema, &right).unwrap().check().unwrap();
    assert_eq!(validated.not_rendered.len(), 2, "{validated:?}");
}
