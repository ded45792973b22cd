//! Members that differ in facts: a package goes to those that it is for, and shows each what it reads of it.

use serde_json::{Value, json};

use super::audit_log::package_writes;
use super::open_shift::{become_open_shift, shows, upgrade_open_shift};
use stevedore_e2e::api::{condition, core, get};
use stevedore_e2e::draft::{Draft, members, object};
use stevedore_e2e::harness::{WITHIN, alone};
use stevedore_e2e::world::{SMALL, Shape, World, seen_on};

const THREE: Shape = Shape {
    members: 3,
    joined: 3,
    ..SMALL
};

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
        upgrade_open_shift(&client("member-1"), "4.18.0").await;
        shows(world, "member-1", "4.18.0").await;
        renders(world, "member-1", "4.18.0").await;
        draft.available(world, 2).await;
        let after = package_writes(world.cluster("member-3"), "default").len();
        assert_eq!(after, untouched);
        assert_eq!(get(&client("member-2"), &map).await, None);
    });
}
