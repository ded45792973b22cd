use super::*;

const COMPONENTS: &str = "  components: {}\n";

/// A manifest of a component, with one phase.
fn own_manifest(more: &str) -> String {
    format!("{HEAD}spec:\n  scopes: [Cluster, Namespaced]\n  phases: [{{name: run}}]\n{more}")
}

fn of_two(files: &[(&str, &str)]) -> Result<Package, Invalid> {
    let (horn, bulb) = (own_manifest(""), own_manifest(""));
    let mut all = vec![
        ("components/horn/manifest.yaml", &*horn),
        ("components/bulb/manifest.yml", &*bulb),
    ];
    all.extend(files);
    package_with(COMPONENTS, &all)
}

/// An object that is one in both scopes when defaults are rendered.
fn placed(name: &str, phase: &str) -> String {
    object(name, phase, "").replace("metadata:\n", "metadata:\n  namespace: default\n")
}

fn component(name: &str) -> RenderInput {
    RenderInput {
        component: Some(name.to_owned()),
        ..input()
    }
}

fn first_violation(loaded: Result<Package, Invalid>) -> (Reason, String) {
    let invalid = loaded.map(|_| ()).expect_err("an invalid package");
    (invalid.violations()[0].reason, invalid.to_string())
}

#[test]
fn a_component_renders_its_own_files_under_its_folders_name_and_the_root_none_of_them() {
    let package = of_two(&[
        ("a.yaml", &object("a", "one", "")),
        ("components/horn/h.yaml", &object("h", "run", "")),
        ("components/bulb/deep/b.yaml", &object("b", "run", "")),
    ])
    .unwrap();
    let all: Vec<_> = package.components().map(|(name, _)| name).collect();
    assert_eq!(all, ["bulb", "horn"]);
    assert_eq!(names(&render(&package, &input()).unwrap())[0].1, ["a"]);
    let horn = render(&package, &component("horn")).unwrap();
    assert_eq!(names(&horn), [("run".to_owned(), vec!["h".to_owned()])]);
    let labels = &horn.content.phases[0].objects[0].object["metadata"]["labels"];
    assert_eq!(labels["stevedore.dev/package"], "horn");
    assert_eq!(labels["stevedore.dev/instance"], "my-lamp");
}

#[test]
fn templates_of_a_root_read_no_file_of_a_component_and_those_of_a_component_no_file_outside() {
    let text = |path: &str| {
        format!(
            "{{{{ define \"part\" }}}}{{{{ end }}}}{}data: {{seen: '{{{{ getFileGlob \"{path}\" | len }}}}'}}\n",
            object("a", "one", "")
        )
    };
    let of_horn = text("*.txt").replace("phase: one", "phase: run");
    let package = of_two(&[
        ("a.yaml.gotmpl", &text("**/*.txt")),
        ("root.txt", "1"),
        ("components/horn/h.yaml.gotmpl", &of_horn),
        ("components/horn/horn.txt", "2"),
        ("components/horn/other.txt", "3"),
    ])
    .unwrap();
    let seen = |input: &RenderInput| {
        let content = render(&package, input).unwrap().content;
        content.phases[0].objects[0].object["data"]["seen"].clone()
    };
    assert_eq!(seen(&component("horn")), "2");
    assert_ne!(seen(&input()), "3");
}

#[test]
fn what_is_wrong_in_a_component_says_file_and_component() {
    let nameless = own_manifest("  images: [{name: horn}]\n");
    let (_, message) = first_violation(package_with(
        COMPONENTS,
        &[("components/horn/manifest.yaml", &nameless)],
    ));
    assert!(
        message.starts_with("manifest invalid in components/horn/manifest.yaml [horn]: "),
        "{message}"
    );
    let package = of_two(&[
        ("a.yaml", &placed("a", "one")),
        ("components/bulb/b.yaml", &placed("b", "run")),
        ("components/horn/h.yaml", &placed("h", "none")),
    ])
    .unwrap();
    let rendered = render(&package, &component("horn")).map(|_| ());
    for found in [rendered, package.check().map(|_| ())] {
        let message = found.expect_err("no such phase").to_string();
        let expected = "phase not in manifest in components/horn/h.yaml idx 0 [horn]: ";
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_component_without_a_manifest_is_refused() {
    let loaded = package_with(COMPONENTS, &[("components/horn/h.yaml", "a: 1")]);
    let (reason, message) = first_violation(loaded);
    assert_eq!(reason, Reason::ManifestNotFound);
    assert!(message.contains("[horn]"), "{message}");
}

#[test]
fn a_file_beside_the_components_is_refused_and_a_dot_file_is_not() {
    let (reason, message) = first_violation(of_two(&[("components/notes", "text")]));
    assert_eq!(reason, Reason::ComponentsFile);
    assert!(message.contains(" in components/notes: "), "{message}");
    assert!(of_two(&[("components/.notes", "text")]).is_ok());
}

#[test]
fn a_component_has_no_components_and_no_name_that_is_no_label() {
    let nested = own_manifest("  components: {}\n");
    let files = [("components/horn/manifest.yaml", &*nested)];
    let (reason, message) = first_violation(package_with(COMPONENTS, &files));
    assert_eq!(reason, Reason::ComponentsNested);
    assert!(
        message.contains("components/horn/manifest.yaml [horn]"),
        "{message}"
    );
    let path = "components/the horn/manifest.yaml";
    let (reason, _) = first_violation(package_with(COMPONENTS, &[(path, &own_manifest(""))]));
    assert_eq!(reason, Reason::ComponentInvalid);
}

#[test]
fn a_package_has_128_components_and_no_more() {
    let of = |count: usize| {
        let own = own_manifest("");
        let paths: Vec<_> = (0..count)
            .map(|number| format!("components/c{number}/manifest.yaml"))
            .collect();
        let files: Vec<_> = paths.iter().map(|path| (&**path, &*own)).collect();
        package_with(COMPONENTS, &files)
    };
    assert!(of(limit::COMPONENTS).is_ok());
    assert_eq!(
        first_violation(of(limit::COMPONENTS + 1)).0,
        Reason::TooLarge
    );
}

#[test]
fn a_component_that_does_not_exist_is_said_with_those_that_do() {
    let violation = |package: &Package| {
        let invalid = package.context(&component("bell")).map(|_| ());
        invalid
            .expect_err("no such component")
            .violations()
            .to_vec()
    };
    let found = violation(&of_two(&[]).unwrap());
    assert_eq!(found[0].reason, Reason::ComponentNotFound);
    assert_eq!(found[0].details, "\"bell\" is none of bulb, horn");
    let found = violation(&package(&[]));
    assert_eq!(found[0].reason, Reason::ComponentsNotEnabled);
}

#[test]
fn without_components_in_the_manifest_their_folder_is_one_like_all_others() {
    let package = package(&[
        ("a.yaml", &object("a", "one", "")),
        ("components/horn/h.yaml", &object("h", "two", "")),
        ("components/t.yaml.gotmpl", &object("t", "two", "")),
    ]);
    let rendered = render(&package, &input()).unwrap();
    assert_eq!(names(&rendered)[1].1, ["h", "t"]);
}

#[test]
fn a_rendering_of_a_component_has_another_key_than_that_of_the_root() {
    let package = of_two(&[
        ("a.yaml", &object("a", "one", "")),
        ("components/horn/h.yaml", &object("h", "run", "")),
    ])
    .unwrap();
    let key = |input: &RenderInput| {
        let context = package.context(input).unwrap();
        let reads = package.render(&context).unwrap().reads;
        reads.key(&package.digest(), &context)
    };
    assert_ne!(key(&input()), key(&component("horn")));
}

#[test]
fn the_manifests_of_components_are_paid_for_from_one_budget() {
    let heavy = format!("a: [{}]\n", "1,".repeat(900_000));
    let files: Vec<_> = (0..12)
        .map(|number| format!("components/horn/f{number}.yaml"))
        .collect();
    let files: Vec<_> = files.iter().map(|path| (&**path, &*heavy)).collect();
    assert_eq!(first_violation(of_two(&files)).0, Reason::TooCostly);
}

#[test]
fn the_scope_of_a_test_case_is_what_its_context_says() {
    let with = |scopes: &str, context: &str, file: &str| {
        let case = format!(
            "test: {{template: [{{name: a, context: {{package: {{metadata: {{name: lamp{context}}}}}}}}}]}}\n"
        );
        let mut files = PackageFiles::new();
        let manifest = manifest("").replace("[Cluster, Namespaced]", scopes);
        let manifest = format!("{manifest}{case}");
        files
            .insert("manifest.yaml", manifest.into_bytes())
            .unwrap();
        files
            .insert("a.yaml.gotmpl", file.as_bytes().to_vec())
            .unwrap();
        Package::load(files).unwrap().check()
    };
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: 'a{{ .package.metadata.namespace }}'\n  annotations: {package-operator.run/phase: one}\n";
    let here = ", namespace: harbour";
    assert!(with("[Cluster]", here, role).is_ok());
    assert!(with("[Cluster]", "", role).is_ok());
    let invalid = with("[Cluster, Namespaced]", here, role).expect_err("a cluster-scoped object");
    assert_eq!(invalid.violations()[0].reason, Reason::ClusterScoped);
    let map = object("a", "one", "");
    assert!(with("[Namespaced]", "", &map).is_ok());
    assert!(with("[Namespaced]", here, &map).is_ok());
}

#[test]
fn cases_of_components_count_too() {
    let case = "test: {template: [{name: dark, context: {package: {metadata: {name: lamp, namespace: harbour}}}}]}\n";
    let horn = own_manifest("") + case;
    let broken = object("{{ .config.missing }}", "run", "");
    let package = package_with(
        COMPONENTS,
        &[
            ("a.yaml", &placed("a", "one")),
            ("components/horn/manifest.yaml", &horn),
            ("components/horn/h.yaml.gotmpl", &broken),
        ],
    )
    .unwrap();
    let message = package.check().expect_err("a missing key").to_string();
    assert!(
        message.starts_with("template error in components/horn/h.yaml.gotmpl [horn]: ")
            && message.contains("test case \"dark\""),
        "{message}"
    );
}
