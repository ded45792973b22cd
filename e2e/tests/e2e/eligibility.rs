//! Members that differ in facts: a package goes to those that it is for, and shows each what it reads of it.

use kube::Client;
use serde_json::{Value, json};

use super::audit_log::package_writes;
use stevedore_e2e::api::{condition, core, create, create_namespace, get, merge, ours};
use stevedore_e2e::draft::{Draft, members, object};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World, seen_on};
use stevedore_fleet::install::allow_open_shift;

const THREE: Shape = Shape {
    members: 3,
    joined: 3,
    ..SMALL
};
const CLUSTER_VERSION: &str = "/apis/config.openshift.io/v1/clusterversions";

/// A package for OpenShift alone that shows the version of it.
fn draft() -> Draft {
    let head = object("v1", "ConfigMap", "default", "shown", "only", "");
    let manifest = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {name: platform}\nspec:\n  scopes: [Cluster]\n  phases: [{name: only}]\n  \
         constraints:\n  - platform: [OpenShift]\n  - platformVersion: {name: Kubernetes, range: '>=1.20'}\n";
    Draft::new("platform", &["only"])
        .file("manifest.yaml", manifest)
        .file(
            "shown.yaml.gotmpl",
            &format!("{head}data: {{value: {{{{ .environment.openShift.version | quote }}}}}}\n"),
        )
}

fn history(version: &str) -> Value {
    json!({"status": {"history": [{"state": "Completed", "version": version}]}})
}

/// Makes a member one of OpenShift: the rights that its owner gives the agent, and what the agent then reads.
async fn become_open_shift(client: &Client, version: &str) {
    create_namespace(client, "openshift-config").await;
    let allowed = allow_open_shift(client).await;
    allowed.expect("the rights are given");
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "clusterversions.config.openshift.io"},
        "spec": {
            "group": "config.openshift.io",
            "scope": "Cluster",
            "names": {
                "kind": "ClusterVersion",
                "listKind": "ClusterVersionList",
                "plural": "clusterversions",
                "singular": "clusterversion",
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": any},
            }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let defined = create(client, definitions, &definition).await;
    defined.expect("it is defined");
    let mut version = history(version);
    version["apiVersion"] = "config.openshift.io/v1".into();
    version["kind"] = "ClusterVersion".into();
    version["metadata"] = json!({"name": "version"});
    await_state("its version is stored", WITHIN, || async {
        let created = create(client, CLUSTER_VERSION, &version).await;
        created.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

/// Waits until a member's record shows this version of OpenShift.
async fn shows(world: &World, member: &str, version: &str) {
    let path = format!("{}/{member}", ours("memberclusters"));
    let what = format!("{member} shows {version}");
    world
        .seen(&what, &path, |member| {
            member["status"]["environment"]["openShift"]["version"] == version
        })
        .await;
}

/// Waits until the package's ConfigMap on a member has this value.
async fn renders(world: &World, member: &str, version: &str) {
    let path = core("default", "configmaps", "shown");
    let client = world.cluster(member).client();
    let what = format!("{member} runs what is rendered for {version}");
    let is = |map: &Value| map["data"]["value"] == version;
    seen_on(&client, &what, WITHIN, &path, is).await;
}

#[test]
fn a_package_goes_to_the_members_that_it_is_for_and_a_changed_fact_to_the_one_that_has_it() {
    alone(THREE, async |world| {
        let client = |member: &str| world.cluster(member).client();
        for (member, version) in [("member-1", "4.16.1"), ("member-3", "4.17.3")] {
            become_open_shift(&client(member), version).await;
            shows(world, member, version).await;
        }
        let draft = draft();
        draft.install(world, &members()).await;
        let package = draft.available(world, 2).await;
        let counts = &package["status"]["counts"];
        assert_eq!(
            (&counts["targeted"], &counts["ineligible"]),
            (&json!(3), &json!(1))
        );
        let why = &package["status"]["ineligible"][0];
        assert_eq!(why["reason"], "WrongPlatform");
        assert_eq!(why["clusters"], json!(["member-2"]));
        let said = condition(&package, "Available").2;
        assert!(said.contains("2 of 2 clusters are available"), "{said}");
        renders(world, "member-1", "4.16.1").await;
        renders(world, "member-3", "4.17.3").await;
        let map = core("default", "configmaps", "shown");
        assert_eq!(get(&client("member-2"), &map).await, None);

        let explained = world
            .stevedore(["explain", "platform", "--cluster", "member-2", "-o", "json"])
            .await;
        assert_eq!(explained.code, Some(3), "{explained:?}");
        let explained: Value = serde_json::from_str(&explained.out).expect("JSON");
        assert_eq!(explained["standing"], "Ineligible", "{explained}");
        let listed = world
            .stevedore(["fleet", "status", "-o", "json"])
            .await
            .ok();
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        assert!(listed.to_string().contains("\"ineligible\":1"), "{listed}");

        let untouched = package_writes(world.cluster("member-3"), "default").len();
        let path = format!("{CLUSTER_VERSION}/version");
        let upgraded = merge(&client("member-1"), &path, &history("4.18.0")).await;
        upgraded.expect("another version");
        shows(world, "member-1", "4.18.0").await;
        renders(world, "member-1", "4.18.0").await;
        draft.available(world, 2).await;
        let after = package_writes(world.cluster("member-3"), "default").len();
        assert_eq!(after, untouched);
        assert_eq!(get(&client("member-2"), &map).await, None);
    });
}
