use serde_json::json;
use stevedore_package::files::PackageFiles;
use stevedore_package::render::ClusterFacts;

use super::*;

/// Renders for one cluster, however long it takes.
fn render(
    renderer: &Renderer,
    package: &Arc<Package>,
    input: RenderInput,
) -> Result<Rendered, Failure> {
    let mut pass = renderer.render(package, [((), input)], Duration::MAX);
    pass.results.remove(0).1
}

fn package(name: &str) -> Package {
    with_files(name, &[])
}

fn with_files(name: &str, more: &[(&str, &str)]) -> Package {
    let manifest = format!(
        "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {{name: {name}}}\nspec:\n  scopes: [Cluster]\n  phases: [{{name: one}}]\n"
    );
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n  namespace: default\n  \
         annotations: {package-operator.run/phase: one}\ndata: {where: \"{{ .cluster.name }}\"}\n";
    let mut files = PackageFiles::new();
    files
        .insert("manifest.yaml", manifest.into_bytes())
        .unwrap();
    files.insert("map.yaml.gotmpl", object.into()).unwrap();
    for (path, text) in more {
        files.insert(path, (*text).into()).unwrap();
    }
    Package::load(files).unwrap()
}

fn input(cluster: &str) -> RenderInput {
    RenderInput {
        name: "demo".into(),
        environment: json!({"kubernetes": {"version": "v1.36.3"}}),
        cluster: ClusterFacts {
            name: cluster.into(),
            ..ClusterFacts::default()
        },
        ..RenderInput::default()
    }
}

#[test]
fn packages_are_kept_by_their_bytes_and_the_one_not_used_goes_first() {
    let renderer = Renderer::default();
    let digests: Vec<_> = (0..100)
        .map(|at| renderer.keep(package(&format!("p{at}")), 1000).digest())
        .collect();
    assert!(
        digests
            .iter()
            .all(|digest| renderer.package(digest).is_some()),
        "small ones are all kept"
    );
    renderer.package(&digests[0]);
    renderer.keep(package("large"), PACKAGE_BYTES - 1000);
    assert!(renderer.package(&digests[0]).is_some());
    assert!(renderer.package(&digests[1]).is_none());
}

#[test]
fn a_content_that_was_let_go_is_found_through_any_cluster_that_gives_it() {
    let renderer = Renderer::default();
    let package = renderer.keep(package("demo"), 1000);
    let content = render(&renderer, &package, input("west")).unwrap().content;
    let fresh = Renderer::default();
    let inputs = [input("relabelled"), input("west")];
    assert!(
        fresh
            .again(&package, &inputs[..1], &content.digest)
            .is_none()
    );
    let bytes = fresh.again(&package, &inputs, &content.digest).unwrap();
    assert_eq!(Digest::of(&bytes), content.digest);
}

#[test]
fn what_is_too_costly_for_every_cluster_so_far_is_not_tried_for_the_next() {
    let renderer = Renderer::default();
    let much = "{{if ne .cluster.name `good`}}{{repeat 4194304 `x`}}{{end}}";
    let names = ["1", "2", "3", "4", "5"].map(|name| format!("{name}.txt.gotmpl"));
    let files = names.each_ref().map(|name| (name.as_str(), much));
    let package = renderer.keep(with_files("demo", &files), 1000);
    for name in ["a", "b", "c"] {
        let failure = render(&renderer, &package, input(name)).expect_err("20 MiB");
        assert_eq!(failure.reason.as_str(), "TooCostly");
    }
    assert!(
        render(&renderer, &package, input("good")).is_err(),
        "it would render, but nobody tries"
    );
    let changed = |name| RenderInput {
        image: "registry.example/demo:2".into(),
        ..input(name)
    };
    assert!(
        render(&renderer, &package, changed("good")).is_ok(),
        "another image or configuration is tried"
    );
    for name in ["a", "b", "c"] {
        assert!(render(&renderer, &package, changed(name)).is_err());
    }
    let mut other = changed("good");
    other.cluster.labels = [("other".to_owned(), "label".to_owned())].into();
    assert!(
        render(&renderer, &package, other).is_ok(),
        "where one cluster could afford it, every one is tried"
    );
}

#[test]
fn a_pass_whose_time_is_over_gives_only_what_is_known() {
    let renderer = Renderer::default();
    let package = renderer.keep(package("demo"), 1000);
    render(&renderer, &package, input("west")).unwrap();
    let inputs = || ["east", "west", "north"].map(|name| (name, input(name)));
    let pass = renderer.render(&package, inputs(), Duration::ZERO);
    let names: Vec<_> = pass.results.iter().map(|(name, _)| *name).collect();
    assert_eq!((names, pass.is_complete), (vec!["west"], false));
    let pass = renderer.render(&package, inputs(), Duration::MAX);
    assert_eq!((pass.results.len(), pass.is_complete), (3, true));
}

#[test]
fn ten_thousand_clusters_that_differ_in_a_label_of_four_values_cost_four_renderings() {
    let renderer = Renderer::default();
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n  namespace: default\n  \
         annotations: {package-operator.run/phase: one}\ndata: {where: \"{{ .cluster.labels.region }}\"}\n";
    let package = with_files("demo", &[("map.yaml.gotmpl", object)]);
    let package = renderer.keep(package, 1000);
    let inputs = (0..10_000).map(|number| {
        let mut input = input(&format!("cluster-{number}"));
        let region = ["north", "east", "south", "west"][number % 4];
        let own = format!("rack-{number}");
        input.cluster.labels = [("region", region), ("rack", own.as_str())]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        (number, input)
    });
    let inputs: Vec<_> = inputs.collect();
    let four = renderer.render(&package, inputs[..4].to_vec(), Duration::MAX);
    assert_eq!((four.results.len(), four.is_complete), (4, true));
    // In no time nothing is rendered: all others are what one of the four is.
    let pass = renderer.render(&package, inputs, Duration::ZERO);
    assert_eq!((pass.results.len(), pass.is_complete), (10_000, true));
    assert!(pass.results.iter().all(|(_, result)| result.is_ok()));
    let contents = renderer.state.lock().contents.len();
    assert_eq!(contents, 4, "each rendering gives another content");
}
