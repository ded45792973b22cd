use serde_json::json;
use stevedore_package::files::PackageFiles;
use stevedore_package::render::ClusterFacts;

use super::*;

fn package(name: &str) -> Package {
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
    let content = renderer.render(&package, &input("west")).unwrap().content;
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
