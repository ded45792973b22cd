//! The warnings of valid packages.

use super::*;
use crate::warning::WarningReason;

fn told(package: &Package) -> Vec<(WarningReason, String, usize)> {
    let validated = package.check().unwrap();
    let warnings = validated.warnings.list().iter();
    let place =
        |it: &crate::warning::Warning| (it.path.clone().unwrap(), it.position.unwrap().line);
    warnings
        .map(|it| (it.reason, place(it).0, place(it).1))
        .collect()
}

/// A package whose objects are the same in both scopes.
fn namespaced(files: &[(&str, &str)]) -> Package {
    let mut all = PackageFiles::new();
    let manifest = manifest("  bright: 1\n").replace("[Cluster, Namespaced]", "[Namespaced]");
    all.insert("manifest.yaml", manifest.into_bytes()).unwrap();
    for (path, text) in files {
        all.insert(path, text.as_bytes().to_vec()).unwrap();
    }
    Package::load(all).unwrap()
}

#[test]
fn a_valid_package_is_told_what_may_surprise_in_manifest_files_and_what_templates_write() {
    let plain = format!("{}data: {{a: x, a: z}}\n", object("a", "one", ""));
    let template = format!("{}data:\n  {{{{ \"on\" }}}}: x\n", object("b", "two", ""));
    let package = namespaced(&[("a.yaml", &plain), ("b.yaml.gotmpl", &template)]);
    assert_eq!(
        told(&package),
        [
            (WarningReason::UnknownField, "manifest.yaml".to_owned(), 7),
            (WarningReason::RepeatedKey, "a.yaml".to_owned(), 6),
            (WarningReason::KeyRead, "b.yaml".to_owned(), 7),
        ]
    );
    let rendered = render(&package, &input()).unwrap();
    assert_eq!(
        rendered.content.phases[0].objects[0].object["data"],
        json!({"a": "z"})
    );
    assert_eq!(
        rendered.content.phases[1].objects[0].object["data"],
        json!({"true": "x"})
    );
    assert_eq!(
        rendered.warnings.list().len(),
        1,
        "those of the package are its own"
    );
}

#[test]
fn a_warning_is_told_once_however_many_cases_are_rendered() {
    let template = format!("{}data: {{y: a}}\n", object("a", "one", ""));
    let mut all = PackageFiles::new();
    let case = |name: &str| {
        format!("{{name: {name}, context: {{package: {{metadata: {{name: x, namespace: z}}}}}}}}")
    };
    let cases = format!("test: {{template: [{}, {}]}}\n", case("a"), case("b"));
    all.insert("manifest.yaml", manifest(&cases).into_bytes())
        .unwrap();
    all.insert("a.yaml.gotmpl", template.into_bytes()).unwrap();
    let package = Package::load(all).unwrap();
    let told = told(&package);
    assert_eq!(told, [(WarningReason::KeyRead, "a.yaml".to_owned(), 6)]);
}

#[test]
fn documents_that_are_separated_in_another_way_are_read_and_told() {
    let files = format!(
        "{}--- # the second\n{}",
        object("a", "one", ""),
        object("b", "one", "")
    );
    let package = namespaced(&[("a.yaml", &files)]);
    let rendered = render(&package, &input()).unwrap();
    assert_eq!(names(&rendered)[0].1, ["a", "b"]);
    let told = told(&package);
    assert_eq!(told[1], (WarningReason::Separator, "a.yaml".to_owned(), 6));
}

#[test]
fn a_text_that_overflows_a_float_is_a_label_and_survives_to_yaml() {
    let labelled = object("a", "one", "").replace("  name", "  labels: {commit: 6123e456}\n  name");
    let written = format!(
        "{}data:\n  a: {{{{ (fromYaml (toYaml (dict \"sha\" \"6123e456\"))).sha }}}}\n",
        object("b", "one", "")
    );
    let package = namespaced(&[("a.yaml", &labelled), ("b.yaml.gotmpl", &written)]);
    let rendered = render(&package, &input()).unwrap();
    let objects = &rendered.content.phases[0].objects;
    assert_eq!(
        objects[0].object["metadata"]["labels"]["commit"],
        "6123e456"
    );
    assert_eq!(objects[1].object["data"]["a"], "6123e456");
}

#[test]
fn what_a_template_of_a_component_writes_is_told_with_its_path_in_the_package() {
    let template = format!("{}data: {{y: a}}\n", object("a", "run", ""));
    let files = [
        (
            "components/horn/manifest.yaml",
            &*format!("{HEAD}spec: {{scopes: [Namespaced], phases: [{{name: run}}]}}\n"),
        ),
        ("components/horn/a.yaml.gotmpl", &*template),
    ];
    let package = package_with("  components: {}\n", &files).unwrap();
    let component = RenderInput {
        component: Some("horn".into()),
        ..input()
    };
    let rendered = render(&package, &component).unwrap();
    let warnings = rendered.warnings.list().iter();
    let paths: Vec<_> = warnings.map(|it| it.path.as_deref()).collect();
    assert_eq!(paths, [Some("components/horn/a.yaml")]);
}
