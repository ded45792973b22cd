use serde_json::{Value, json};
use stevedore_proto_core::content::{Phase, PhaseObject};
use stevedore_proto_core::digest::Digest;

use super::*;
use crate::files::PackageFiles;
use crate::manifest::Scope;

mod budgets;
mod checks;
mod children;
mod components;
mod facts;
mod faults;
mod filters;
mod fixtures;
mod limits;
mod reads;
mod records;
mod templates;
mod warnings;

const HEAD: &str = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";

fn manifest(spec: &str) -> String {
    format!(
        "{HEAD}metadata: {{name: lamp}}\nspec:\n  scopes: [Cluster, Namespaced]\n  phases: [{{name: one}}, {{name: two}}]\n{spec}"
    )
}

fn package_with(spec: &str, files: &[(&str, &str)]) -> Result<Package, Invalid> {
    let mut all = PackageFiles::new();
    all.insert("manifest.yaml", manifest(spec).into_bytes())
        .unwrap();
    for (path, text) in files {
        all.insert(path, text.as_bytes().to_vec()).unwrap();
    }
    Package::load(all)
}

fn package(files: &[(&str, &str)]) -> Package {
    package_with("", files).unwrap()
}

fn object(name: &str, phase: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations: {{package-operator.run/phase: {phase}{more}}}\n"
    )
}

fn input() -> RenderInput {
    RenderInput {
        name: "my-lamp".to_owned(),
        namespace: Some("harbour".to_owned()),
        image: "registry.example/lamp:1".to_owned(),
        environment: json!({"kubernetes": {"version": "v1.36.3"}}),
        cluster: ClusterFacts {
            name: "east".to_owned(),
            uid: "u-1".to_owned(),
            labels: BTreeMap::from([("tier".to_owned(), "edge".to_owned())]),
        },
        ..RenderInput::default()
    }
}

fn render(package: &Package, input: &RenderInput) -> Result<Rendered, Invalid> {
    package.render(&package.context(input)?)
}

fn reasons(result: Result<Rendered, Invalid>) -> Vec<(Reason, Option<String>)> {
    let invalid = result.map(|_| ()).expect_err("an invalid result");
    invalid
        .violations()
        .iter()
        .map(|it| (it.reason, it.path.clone()))
        .collect()
}

fn names(rendered: &Rendered) -> Vec<(String, Vec<String>)> {
    let name = |it: &PhaseObject| it.object["metadata"]["name"].as_str().unwrap().to_owned();
    let phases = rendered.content.phases.iter();
    phases
        .map(|phase| (phase.name.clone(), phase.objects.iter().map(name).collect()))
        .collect()
}

#[test]
fn objects_are_ordered_by_path_and_place_inside_the_manifests_phases() {
    let two = format!("{}---\n{}", object("d", "one", ""), object("c", "one", ""));
    let package = package(&[
        ("b.yaml", &object("e", "one", "")),
        ("a-b.yaml", &object("b", "one", "")),
        ("a/z.yml", &two),
        ("0.yaml", &object("a", "two", "")),
        ("_helper.yaml", "not: an object"),
        ("README.md", "text"),
    ]);
    let rendered = render(&package, &input()).unwrap();
    let expected = |name: &str, objects: &[&str]| {
        (
            name.to_owned(),
            objects.iter().map(ToString::to_string).collect(),
        )
    };
    assert_eq!(
        names(&rendered),
        [
            expected("one", &["d", "c", "b", "e"]),
            expected("two", &["a"])
        ]
    );
}

#[test]
fn phases_without_objects_are_left_out() {
    let rendered = render(&package(&[("a.yaml", &object("a", "two", ""))]), &input()).unwrap();
    assert_eq!(names(&rendered).len(), 1);
    assert_eq!(names(&rendered)[0].0, "two");
}

#[test]
fn a_phase_of_a_class_is_sent_as_one_and_the_default_class_is_not_written() {
    let render_with = |class: &str| {
        let mut files = PackageFiles::new();
        let manifest =
            manifest("").replace("{name: one}", &format!("{{name: one, class: {class}}}"));
        files
            .insert("manifest.yaml", manifest.into_bytes())
            .unwrap();
        files
            .insert("a.yaml", object("a", "one", "").into_bytes())
            .unwrap();
        render(&Package::load(files).unwrap(), &input())
            .unwrap()
            .content
    };
    let remote = render_with("hosted-cluster");
    assert_eq!(remote.phases[0].class.as_deref(), Some("hosted-cluster"));
    assert_eq!(render_with("default").phases[0].class, None);
}

#[test]
fn a_condition_decides_before_duplicates_are_looked_for() {
    let edge = object(
        "a",
        "one",
        ", package-operator.run/condition: 'cluster.labels.tier == \"edge\"'",
    );
    let core = object(
        "a",
        "two",
        ", package-operator.run/condition: 'cluster.labels.tier != \"edge\"'",
    );
    let package = package(&[("a.yaml", &edge), ("b.yaml", &core)]);
    let here = render(&package, &input()).unwrap();
    assert_eq!(names(&here)[0].0, "one");
    let mut elsewhere = input();
    elsewhere
        .cluster
        .labels
        .insert("tier".to_owned(), "core".to_owned());
    assert_eq!(names(&render(&package, &elsewhere).unwrap())[0].0, "two");
    elsewhere.cluster.labels.clear();
    let expected = [
        (Reason::ClusterLabelMissing, Some("a.yaml".to_owned())),
        (Reason::ClusterLabelMissing, Some("b.yaml".to_owned())),
    ];
    assert_eq!(reasons(render(&package, &elsewhere)), expected);
}

#[test]
fn the_same_object_twice_is_a_violation_whatever_its_version() {
    let newer = object("a", "one", "").replace("apiVersion: v1", "apiVersion: v2");
    let package = package(&[("a.yaml", &object("a", "one", "")), ("b.yaml", &newer)]);
    assert_eq!(
        reasons(render(&package, &input())),
        [(Reason::Duplicate, Some("b.yaml".to_owned()))]
    );
}

#[test]
fn a_package_may_render_to_nothing() {
    let package = package(&[("a.yaml.gotmpl", "{{ if .config.never }}{{ end }}")]);
    let invalid = render(&package, &input()).expect_err("a missing key");
    assert_eq!(invalid.violations()[0].reason, Reason::Template);
    let nothing =
        super::tests::package(&[("a.yaml.gotmpl", "{{ if not .package.image }}a: 1{{ end }}")]);
    let rendered = render(&nothing, &input()).unwrap();
    assert_eq!(names(&rendered), []);
    let sent = Content::from_bytes(&rendered.content.to_bytes(), &rendered.reference);
    assert_eq!(sent.unwrap(), rendered.content);
}

#[test]
fn every_violation_of_every_file_is_reported_with_path_and_index() {
    let bad = format!(
        "{}---\n{}",
        object("a", "one", ""),
        object("b", "three", "")
    );
    let package = package(&[("a.yaml", &bad), ("b.yaml", "kind: ConfigMap")]);
    let invalid = render(&package, &input()).expect_err("two violations");
    let found: Vec<_> = invalid
        .violations()
        .iter()
        .map(|it| (it.reason, it.path.as_deref(), it.index))
        .collect();
    assert_eq!(
        found,
        [
            (Reason::PhaseUnknown, Some("a.yaml"), Some(1)),
            (Reason::GvkNotSet, Some("b.yaml"), Some(0))
        ]
    );
}

#[test]
fn damaged_templates_and_files_are_found_when_the_package_is_loaded() {
    let found = |files: &[(&str, &str)]| {
        let invalid = package_with("", files)
            .map(|_| ())
            .expect_err("a damaged package");
        (invalid.violations()[0].reason, invalid.to_string())
    };
    let (reason, message) = found(&[("a.yaml.gotmpl", "a\n{{ frobnicate }}")]);
    assert_eq!(reason, Reason::Template);
    assert!(
        message.contains("a.yaml.gotmpl")
            && message.contains("line 2")
            && message.contains("frobnicate"),
        "{message}"
    );
    let (reason, message) = found(&[("a.yaml", "a: 1\nb: [2")]);
    assert_eq!(reason, Reason::InvalidYaml);
    assert!(
        message.contains("a.yaml idx 0: line 2, column 4: "),
        "{message}"
    );
}

#[test]
fn a_template_error_names_file_and_line() {
    let package = package(&[("a.yaml.gotmpl", "a: 1\nb: {{ .config.missing }}\n")]);
    let message = render(&package, &input())
        .expect_err("a missing key")
        .to_string();
    assert!(
        message.contains("in a.yaml.gotmpl: line 2") && message.contains("missing"),
        "{message}"
    );
}

#[test]
fn rendered_output_that_is_not_yaml_names_the_file_without_its_suffix() {
    let package = package(&[("a.yaml.gotmpl", "a: [{{ 1 }}\n")]);
    assert_eq!(
        reasons(render(&package, &input())),
        [(Reason::InvalidYaml, Some("a.yaml".to_owned()))]
    );
}

#[test]
fn the_scope_and_the_configuration_are_checked_first() {
    let spec = "  config: {openAPIV3Schema: {type: object, properties: {num: {type: integer}}}}\n";
    let package = package_with(
        &format!("{spec}  #"),
        &[("a.yaml", &object("a", "one", ""))],
    )
    .unwrap();
    let with = |config: Value| RenderInput {
        config: Some(config),
        ..input()
    };
    let message = render(&package, &with(json!({"num": "x"})))
        .expect_err("a text")
        .to_string();
    assert!(
        message.starts_with("config invalid: spec.config.num: Invalid value"),
        "{message}"
    );
    let mut files = PackageFiles::new();
    files
        .insert(
            "manifest.yaml",
            manifest("")
                .replace("[Cluster, Namespaced]", "[Cluster]")
                .into_bytes(),
        )
        .unwrap();
    files
        .insert("a.yaml", object("a", "one", "").into_bytes())
        .unwrap();
    let cluster_only = Package::load(files).unwrap();
    assert_eq!(
        reasons(render(&cluster_only, &input())),
        [(Reason::ScopeUnsupported, None)]
    );
    let nameless = RenderInput {
        name: String::new(),
        ..input()
    };
    assert_eq!(
        reasons(render(&package, &nameless)),
        [(Reason::LabelsInvalid, None)]
    );
}

#[test]
fn templates_see_package_config_environment_images_and_cluster() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {package-operator.run/phase: one}\ndata:\n  all: '{{ .package.metadata.name }} {{ .package.metadata.namespace }} {{ .package.metadata.labels.l }} {{ .package.image }} {{ .environment.kubernetes.version }} {{ .cluster.name }} {{ .cluster.uid }} {{ .cluster.labels.tier }} {{ len .images }}'\n";
    let package = package(&[("a.yaml.gotmpl", text)]);
    let input = RenderInput {
        labels: BTreeMap::from([("l".to_owned(), "v".to_owned())]),
        ..input()
    };
    let rendered = render(&package, &input).unwrap();
    assert_eq!(
        rendered.content.phases[0].objects[0].object["data"]["all"],
        "my-lamp harbour v registry.example/lamp:1 v1.36.3 east u-1 edge 0"
    );
}

#[test]
fn defaults_of_the_package_object_reach_the_content() {
    use stevedore_proto_core::content::CollisionProtection::{IfNoController, None, Prevent};
    let own = object(
        "a",
        "one",
        ", package-operator.run/collision-protection: None",
    );
    let package = package(&[("a.yaml", &own), ("b.yaml", &object("b", "one", ""))]);
    let input = RenderInput {
        collision_protection: Some(IfNoController),
        success_delay_seconds: Some(5),
        ..input()
    };
    let content = render(&package, &input).unwrap().content;
    let protections: Vec<_> = content.phases[0]
        .objects
        .iter()
        .map(|it| it.collision_protection)
        .collect();
    assert_eq!(protections, [Some(None), Some(IfNoController)]);
    assert_ne!(protections[0], Some(Prevent));
    assert_eq!(content.success_delay_seconds, Some(5));
}

#[test]
fn clusters_that_agree_on_what_is_read_share_a_key_and_others_do_not() {
    let text = format!(
        "{}data: {{tier: '{{{{ .cluster.labels.tier }}}}'}}\n",
        object("a", "one", "")
    );
    let conditional = object(
        "b",
        "one",
        ", package-operator.run/condition: 'cluster.name != \"west\"'",
    );
    let package = package(&[("a.yaml.gotmpl", &text), ("b.yaml", &conditional)]);
    let key = |input: &RenderInput| {
        let context = package.context(input).unwrap();
        (
            package
                .render(&context)
                .unwrap()
                .reads
                .key(&package.digest(), &context),
            context,
        )
    };
    let (first, _) = key(&input());
    let mut other = input();
    other.cluster.uid = "u-2".to_owned();
    other
        .cluster
        .labels
        .insert("zone".to_owned(), "b".to_owned());
    other.environment = json!({"kubernetes": {"version": "v1.37.0"}});
    assert_eq!(key(&other).0, first, "nothing of this is read");
    let mut tier = input();
    tier.cluster
        .labels
        .insert("tier".to_owned(), "core".to_owned());
    assert_ne!(key(&tier).0, first, "a template reads it");
    let mut name = input();
    name.cluster.name = "west".to_owned();
    assert_ne!(key(&name).0, first, "a condition reads it");
    let mut namespace = input();
    namespace.namespace = Some("quay".to_owned());
    assert_ne!(key(&namespace).0, first, "the namespace is always read");
}

#[test]
fn packages_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&package(&[]));
}
