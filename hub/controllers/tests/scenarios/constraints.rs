//! Constraints of packages: which members get nothing, what they keep, and how they are counted.

use std::time::Duration;

use serde_json::{Value, json};
use stevedore_package::files::PackageFiles;
use stevedore_proto_core::Environment;
use stevedore_proto_core::environment::{Fact, OpenShift};

use super::seed;
use super::world::World;

const FOR_OPEN_SHIFT: &str = "{platform: [OpenShift]}";
const ALONE: &str = "{uniqueInScope: {}}";

/// A package `demo` of one object that says `text`.
fn files(constraints: &str, text: &str) -> PackageFiles {
    let manifest = format!(
        "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {{name: demo}}\nspec:\n  scopes: [Cluster]\n  phases: [{{name: one}}]\n  \
         constraints: [{constraints}]\n"
    );
    let object = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo\n  namespace: default\n  \
         annotations: {{package-operator.run/phase: one}}\ndata: {{text: \"{text}\"}}\n"
    );
    let mut files = PackageFiles::new();
    files.insert("manifest.yaml", manifest.into()).unwrap();
    files.insert("demo.yaml", object.into()).unwrap();
    files
}

fn kubernetes() -> Environment {
    Environment {
        kubernetes_version: "v1.36.0".into(),
        open_shift: Fact::Absent,
        ..Environment::default()
    }
}

fn open_shift() -> Environment {
    Environment {
        open_shift: Fact::Present(OpenShift {
            version: "4.17.3".into(),
            managed: None,
        }),
        ..kubernetes()
    }
}

/// A hub with the plain member `east` and the OpenShift member `west`.
async fn east_and_west() -> World {
    let mut world = World::new().await;
    for (at, (name, environment)) in [("east", kubernetes()), ("west", open_shift())]
        .into_iter()
        .enumerate()
    {
        world.add_member(name, seed::cluster(u8::try_from(at).unwrap() + 1));
        world.agent(name).environment = environment;
    }
    world.start_hub();
    world.settled().await;
    world
}

/// How many clusters the status counts as targeted, updated, available, failed and ineligible.
fn counts(world: &World, package: &str) -> [i64; 5] {
    let package = world.api.get("clusterpackages", package).unwrap();
    let counts = &package["status"]["counts"];
    ["targeted", "updated", "available", "failed", "ineligible"]
        .map(|count| counts[count].as_i64().unwrap_or(-1))
}

/// The reasons why clusters are ineligible, and which those are.
fn ineligible(world: &World, package: &str) -> Vec<(String, Value)> {
    let package = world.api.get("clusterpackages", package).unwrap();
    let groups = package["status"]["ineligible"].as_array().cloned();
    let groups = groups.unwrap_or_default().into_iter();
    let of = |it: Value| {
        (
            it["reason"].as_str().unwrap().to_owned(),
            it["clusters"].clone(),
        )
    };
    groups.map(of).collect()
}

fn message(world: &World, package: &str, condition: &str) -> String {
    let package = world.api.get("clusterpackages", package).unwrap();
    let conditions = package["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|it| it["type"] == condition);
    found.unwrap()["message"].as_str().unwrap().to_owned()
}

/// Revisions that a member holds, of orders that are no tombstones.
fn held(world: &mut World, member: &str) -> Vec<u64> {
    let held = world.agent(member).held.values();
    let held = held.filter(|held| held.content.is_some());
    held.map(|held| held.package.revision).collect()
}

/// The member says something new of itself, on its own session.
fn says(world: &mut World, member: &str, environment: Environment) {
    world.agent(member).environment = environment.clone();
    let hub = world.hub().unwrap().clone();
    let report = stevedore_hub_core::session::Report::Environment(Box::new(environment));
    world.agent(member).say(&hub, report);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_the_package_is_not_for_gets_nothing_and_is_counted_apart() {
    let mut world = east_and_west().await;
    let image = world.registry.push("v1", &files(FOR_OPEN_SHIFT, "one"));
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "Available=True/Available")
        .await;
    world.settled().await;
    assert_eq!(held(&mut world, "east"), [] as [u64; 0]);
    assert_eq!(held(&mut world, "west"), [1]);
    assert_eq!(counts(&world, "demo"), [2, 1, 1, 0, 1]);
    let east = ("WrongPlatform".to_owned(), json!(["east"]));
    assert_eq!(ineligible(&world, "demo"), [east]);
    let said = message(&world, "demo", "Available");
    assert!(
        said.contains("1 of 1 clusters are available; 1 more are ineligible: east:"),
        "{said}"
    );
    world
        .condition("clusterpackages", "demo", "Progressing=False/Idle")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_package_that_is_for_none_of_its_clusters_is_not_available() {
    let mut world = World::new().await;
    world.add_member("east", seed::cluster(1));
    world.agent("east").environment = kubernetes();
    world.start_hub();
    let image = world.registry.push("v1", &files(FOR_OPEN_SHIFT, "one"));
    seed::package(&world.api, "demo", &image);
    for condition in [
        "Available=False/WrongPlatform",
        "Ready=False/WrongPlatform",
        "Stalled=True/WrongPlatform",
    ] {
        world.condition("clusterpackages", "demo", condition).await;
    }
    says(&mut world, "east", open_shift());
    world
        .condition("clusterpackages", "demo", "Available=True/Available")
        .await;
    assert_eq!(counts(&world, "demo"), [1, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_installed_member_that_becomes_ineligible_keeps_what_it_runs_and_gets_nothing_new() {
    let mut world = east_and_west().await;
    let image = world.registry.push("v1", &files("", "one"));
    seed::package(&world.api, "demo", &image);
    world.everywhere("demo", 1).await;
    world.settled().await;
    let image = world.registry.push("v2", &files(FOR_OPEN_SHIFT, "two"));
    seed::set_image(&world.api, "demo", &image);
    world
        .until("west runs the second", |world| {
            let west = world.agents.iter().find(|agent| agent.name == "west");
            let mut held = west.unwrap().held.values();
            match held.all(|held| held.package.revision == 2) {
                true => Ok(()),
                false => Err("it does not".to_owned()),
            }
        })
        .await;
    world.settled().await;
    assert_eq!(held(&mut world, "east"), [1]);
    assert_eq!(counts(&world, "demo"), [2, 1, 1, 0, 1]);
    world
        .condition("clusterpackages", "demo", "Available=True/Available")
        .await;
    // Also when nothing but the hub's memory is new.
    world.crash().await;
    world.settled().await;
    assert_eq!(held(&mut world, "east"), [1]);
    assert_eq!(counts(&world, "demo"), [2, 1, 1, 0, 1]);
    says(&mut world, "east", open_shift());
    world.everywhere("demo", 2).await;
    world.settled().await;
    assert_eq!(counts(&world, "demo"), [2, 2, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_yet_is_waited_for_and_is_not_ineligible() {
    let mut world = east_and_west().await;
    // An agent of the release before says nothing of OpenShift.
    world.add_member("old", seed::cluster(9));
    let image = world.registry.push("v1", &files(FOR_OPEN_SHIFT, "one"));
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "Available=False/FactUnknown")
        .await;
    world.settled().await;
    assert_eq!(counts(&world, "demo"), [3, 1, 1, 1, 1]);
    assert_eq!(held(&mut world, "old"), [] as [u64; 0]);
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert_eq!(package["status"]["failures"][0]["clusters"], json!(["old"]));
    let conditions = package["status"]["conditions"].to_string();
    assert!(!conditions.contains("\"Invalid\""), "{conditions}");
    says(&mut world, "old", open_shift());
    world
        .condition("clusterpackages", "demo", "Available=True/Available")
        .await;
    world.settled().await;
    assert_eq!(counts(&world, "demo"), [3, 2, 2, 0, 1]);
    // It is set back to the release before: what was known of its cluster still is.
    says(&mut world, "old", Environment::default());
    world.pass(Duration::from_secs(60)).await;
    world.settled().await;
    assert_eq!(counts(&world, "demo"), [3, 2, 2, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn of_two_packages_that_have_to_be_the_only_one_the_first_has_the_cluster_until_it_is_gone() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("v1", &files(ALONE, "one"));
    seed::package(&world.api, "first", &image);
    world.everywhere("first", 1).await;
    seed::package(&world.api, "second", &image);
    world
        .condition("clusterpackages", "second", "Available=False/NotUnique")
        .await;
    world.settled().await;
    assert_eq!(counts(&world, "second"), [1, 0, 0, 0, 1]);
    let said = message(&world, "second", "Available");
    assert!(said.contains("first is another one"), "{said}");
    // Whichever is planned first by a hub that knows nothing of claims.
    for _ in 0..3 {
        world.crash().await;
        world.settled().await;
        assert_eq!(counts(&world, "first"), [1, 1, 1, 0, 0]);
        assert_eq!(counts(&world, "second"), [1, 0, 0, 0, 1]);
    }
    seed::delete(&world.api, "clusterpackages", "first");
    world.gone("clusterpackages", "first").await;
    world.everywhere("second", 1).await;
    world
        .condition("clusterpackages", "second", "Available=True/Available")
        .await;
}
