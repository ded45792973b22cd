use clap::Parser;
use serde_json::json;
use stevedore_crds::v1alpha1::{Environment, MemberClusterSpec, MemberClusterStatus, OpenShift};

use super::super::source::tests::{lamp, loaded, manifest, map};
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(line: &[&str]) -> Result<Options, String> {
    let line = std::iter::once(&"x").chain(line);
    let parsed = Line::try_parse_from(line);
    parsed
        .map(|it| it.options)
        .map_err(|error| error.to_string())
}

/// What the options are without a cluster, which is why nobody is asked.
fn given(line: &[&str]) -> Given {
    let options = options(line).unwrap();
    assert_eq!(options.cluster, None);
    options.without_network(None).unwrap()
}

/// The report of an error, and its message.
fn told(error: Option<anyhow::Error>) -> String {
    let error = error.expect("an error");
    let told = format!("{}{error}", crate::failure::report(&error));
    anstream::adapter::strip_str(&told).to_string()
}

fn refusal(line: &[&str], loaded: &Loaded) -> String {
    told(given(line).render(loaded).err())
}

fn harbour() -> MemberCluster {
    let uid = "6f1b3c1e-6d2f-4f0e-9d53-1b1f0f6f9a01";
    let spec = MemberClusterSpec {
        cluster_uid: Some(uid.into()),
        ..MemberClusterSpec::default()
    };
    let mut cluster = MemberCluster::new("harbour-1", spec);
    cluster.metadata.labels = Some([("region".to_owned(), "north".to_owned())].into());
    cluster.status = Some(MemberClusterStatus {
        environment: Some(Environment {
            kubernetes_version: Some("v1.33.1".into()),
            open_shift: Some(OpenShift {
                version: Some("4.17.3".into()),
                managed: None,
            }),
            ..Environment::default()
        }),
        ..MemberClusterStatus::default()
    });
    cluster
}

#[test]
fn a_test_case_gives_everything_and_nothing_else_is_taken_with_it() {
    assert!(options(&["--case", "a", "--component", "horn"]).is_ok());
    for other in ["--config", "--cluster", "--scope", "--name", "--namespace"] {
        let value = if other == "--scope" { "cluster" } else { "x" };
        let refused = options(&["--case", "a", other, value]).expect_err(other);
        assert!(refused.contains("cannot be used with"), "{refused}");
    }
    for (option, value) in [
        ("--cluster", "../x"),
        ("--namespace", "a/b"),
        ("--scope", "all"),
    ] {
        assert!(options(&[option, value]).is_err(), "{option} {value}");
    }
}

#[test]
fn templates_see_of_a_member_what_the_hub_gives_them() {
    let package = loaded(&[
        (
            "manifest.yaml",
            &manifest("seen", "  scopes: [Namespaced]\n  phases: [{name: a}]\n"),
        ),
        (
            "a.yaml.gotmpl",
            &format!(
                "{}data:\n  seen: {{{{ list .cluster .environment | toJson | quote }}}}\n",
                map("a", "a", "")
            ),
        ),
    ]);
    let member = member(&harbour()).unwrap();
    let given = options(&[]).unwrap().without_network(Some(member)).unwrap();
    let previewed = given.render(&package).unwrap();
    let object = &previewed.rendered.content.phases[0].objects[0].object;
    let seen: Value = serde_json::from_str(object["data"]["seen"].as_str().unwrap()).unwrap();
    let expected = json!([
        {"name": "harbour-1", "uid": "6f1b3c1e-6d2f-4f0e-9d53-1b1f0f6f9a01", "labels": {"region": "north"}},
        {"kubernetes": {"version": "v1.33.1"}, "openShift": {"version": "4.17.3"}},
    ]);
    assert_eq!(seen, expected);
}

#[test]
fn a_member_of_which_too_little_is_known_is_refused() {
    let mut cluster = harbour();
    cluster.status = None;
    let refused = member(&cluster).unwrap_err().to_string();
    assert!(
        refused.contains("environment of harbour-1 is not known yet"),
        "{refused}"
    );
    cluster.spec.cluster_uid = None;
    let refused = member(&cluster).unwrap_err().to_string();
    assert!(refused.contains("has not joined"), "{refused}");
}

#[test]
fn a_member_that_the_package_is_not_for_is_noted_and_so_is_a_config_that_nobody_reads() {
    let constraints = "  constraints: [{platformVersion: {name: Kubernetes, range: \">=1.34\"}}]\n";
    let spec = format!("  scopes: [Cluster]\n  phases: [{{name: a}}]\n{constraints}");
    let package = loaded(&[("manifest.yaml", &manifest("new", &spec))]);
    let member = member(&harbour()).unwrap();
    let mut given = given(&[]);
    given.preview.member = Some(member);
    given.preview.config = Some(json!({"a": 1}));
    let notes = given.notes(&package).join("\n");
    assert!(
        notes.contains("no schema") && notes.contains("harbour-1 would not be given it: "),
        "{notes}"
    );
}

#[test]
fn defaults_that_are_no_configuration_lead_to_the_options_that_give_one() {
    let spec = "  scopes: [Cluster]\n  phases: [{name: a}]\n  config:\n    openAPIV3Schema: {type: object, required: [beams], properties: {beams: {type: integer}}}\n";
    let package = loaded(&[("manifest.yaml", &manifest("strict", spec))]);
    let refused = refusal(&[], &package);
    assert!(
        refused.contains("spec.config.beams")
            && refused.contains("--config FILE, or with --case NAME"),
        "{refused}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "beams: 3\n").unwrap();
    let file = file.to_str().unwrap();
    assert!(given(&["--config", file]).render(&package).is_ok());
    std::fs::write(file, "beams: many\n").unwrap();
    let refused = refusal(&["--config", file], &package);
    assert!(
        refused.starts_with("error[ConfigInvalid]: config invalid: spec.config.beams: ")
            && refused.ends_with("\n\nit cannot be rendered so: 1 violation"),
        "{refused}"
    );
    std::fs::write(file, "beams: [\n").unwrap();
    let refused = options(&["--config", file])
        .unwrap()
        .without_network(None)
        .err();
    let refused = told(refused);
    assert!(
        refused.contains("config.yaml:1:8: ") && !refused.contains("document 0"),
        "{refused}"
    );
}

#[test]
fn what_is_wrong_in_a_rendering_is_shown_as_validate_shows_it() {
    let config = "  config:\n    openAPIV3Schema: {type: object, properties: {name: {type: string, default: a}}}\n";
    let spec = format!("  scopes: [Namespaced]\n  phases: [{{name: a}}]\n{config}");
    let object = map("{{ .config.name }}", "a", "");
    let package = loaded(&[
        ("manifest.yaml", &manifest("lamp", &spec)),
        ("a.yaml.gotmpl", &object),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "name: 'b: c'\n").unwrap();
    let refused = refusal(&["--config", file.to_str().unwrap()], &package);
    let expected = "\
  |
4 |   name: b: c
  |          ^
  |
  = note: the line is of what a.yaml.gotmpl wrote
  = help: correct the YAML; of a template, what it writes

it cannot be rendered so: 1 violation";
    assert!(
        refused.starts_with("error[InvalidYaml]: invalid YAML in a.yaml:4:"),
        "{refused}"
    );
    assert!(refused.ends_with(expected), "{refused}");
}

#[test]
fn a_label_that_no_cluster_gives_leads_to_the_options_that_give_one() {
    let object = map(
        "a",
        "a",
        ", package-operator.run/condition: 'cluster.labels.region == \"north\"'",
    );
    let package = loaded(&[
        (
            "manifest.yaml",
            &manifest("seen", "  scopes: [Namespaced]\n  phases: [{name: a}]\n"),
        ),
        ("a.yaml", &object),
    ]);
    let refused = refusal(&[], &package);
    assert!(
        refused.contains("in a.yaml:5:48: ") && refused.contains("--cluster"),
        "{refused}"
    );
    let mut with_member = given(&[]);
    with_member.preview.member = Some(member(&harbour()).unwrap());
    assert!(with_member.render(&package).is_ok());
}

#[test]
fn components_cases_and_scopes_that_are_not_there_are_told_with_those_that_are() {
    for (line, said) in [
        (&["--component", "bell"][..], "is none of horn"),
        (&["--case", "bright"], "it has no test case"),
        (
            &["--component", "horn", "--scope", "cluster"],
            "Cluster is none of [Namespaced]",
        ),
        (
            &["--scope", "cluster", "--namespace", "a"],
            "a ClusterPackage has no namespace",
        ),
    ] {
        let refused = refusal(line, &lamp());
        assert!(refused.contains(said), "{line:?}: {refused}");
    }
}

#[test]
fn two_editions_are_rendered_by_one_name_and_in_a_scope_that_both_have() {
    let edition = |name: &str, scopes: &str| {
        let spec = format!("  scopes: [{scopes}]\n  phases: [{{name: a}}]\n");
        loaded(&[("manifest.yaml", &manifest(name, &spec))])
    };
    let mut both = given(&[]);
    both.for_both(
        &edition("old", "Cluster, Namespaced"),
        &edition("new", "Namespaced"),
    );
    assert_eq!(both.preview.name.as_deref(), Some("old"));
    assert_eq!(both.preview.scope, Some(Scope::Namespaced));
    let mut both = given(&["--name", "mine", "--scope", "cluster"]);
    both.for_both(&edition("old", "Namespaced"), &edition("new", "Namespaced"));
    assert_eq!(both.preview.name.as_deref(), Some("mine"));
    assert_eq!(both.preview.scope, Some(Scope::Cluster));
}

#[test]
fn a_folder_beside_an_image_is_rendered_under_the_name_of_the_image() {
    let spec = "  scopes: [Namespaced]\n  phases: [{name: a}]\n";
    let object = format!(
        "{}data: {{image: '{{{{ .package.image }}}}'}}\n",
        map("a", "a", "")
    );
    let files = [
        ("manifest.yaml", &*manifest("lamp", spec)),
        ("a.yaml.gotmpl", &*object),
    ];
    let (folder, mut image) = (loaded(&files), loaded(&files));
    image.image = Some("registry.example/lamp:7".to_owned());
    let mut both = given(&[]);
    both.for_both(&image, &folder);
    for (given, package, seen) in [
        (&both, &folder, "registry.example/lamp:7"),
        (&both, &image, "registry.example/lamp:7"),
        (&given(&[]), &folder, "registry.example/lamp:test"),
    ] {
        let previewed = given.render(package).unwrap();
        let object = &previewed.rendered.content.phases[0].objects[0].object;
        assert_eq!(object["data"]["image"], seen);
    }
}

#[test]
fn components_of_an_image_are_of_that_image_as_the_hub_wants_it() {
    let mut package = lamp();
    let asks = "apiVersion: package-operator.run/v1alpha1\nkind: Package\nmetadata:\n  name: brass\n  \
                annotations: {package-operator.run/phase: light}\nspec: {image: 'registry.example/lamp:1', component: horn}\n";
    package
        .files
        .insert("horn.yaml.gotmpl", asks.into())
        .unwrap();
    package.package = Package::load(package.files.clone()).unwrap();
    assert!(given(&[]).render(&package).is_ok());
    package.image = Some("registry.example/lamp:2".to_owned());
    let refused = refusal(&[], &package);
    assert!(
        refused.contains("is not the image of the package itself"),
        "{refused}"
    );
    package.image = Some("registry.example/lamp:1".to_owned());
    assert!(given(&[]).render(&package).is_ok());
}
