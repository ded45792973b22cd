//! Packages of several components: which one is installed is part of what a revision is made from.

use serde_json::{Value, json};
use stevedore_hub_core::ports::Orders as _;
use stevedore_package::files::PackageFiles;
use stevedore_proto_core::{Content, Features};

use super::seed;
use super::world::World;

const HEAD: &str = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";

/// A package with the components `horn` and `bulb`, and a phase of its own of this class.
fn lamp(class: &str) -> PackageFiles {
    let manifest = |spec: &str| {
        format!("{HEAD}metadata: {{name: lamp}}\nspec:\n  scopes: [Cluster]\n  {spec}\n")
    };
    let object = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\n  \
             annotations: {{package-operator.run/phase: one}}\n"
        )
    };
    let root = format!("phases: [{{name: one, class: {class}}}]\n  components: {{}}");
    let mut files = PackageFiles::new();
    for (path, text) in [
        ("manifest.yaml", manifest(&root)),
        ("root.yaml", object("root")),
        (
            "components/horn/manifest.yaml",
            manifest("phases: [{name: one}]"),
        ),
        ("components/horn/horn.yaml", object("horn")),
        (
            "components/bulb/manifest.yaml",
            manifest("phases: [{name: one}]"),
        ),
        ("components/bulb/bulb.yaml", object("bulb")),
    ] {
        files.insert(path, text.into_bytes()).unwrap();
    }
    files
}

fn set_component(world: &World, component: Value) {
    seed::set(
        &world.api,
        "clusterpackages",
        "demo",
        "component",
        component,
    );
}

/// A member with `demo`, of which this component is asked for.
async fn asked_for(class: &str, component: Value) -> World {
    let world = World::with_members(&["east"]).await;
    let image = world.registry.push("v1", &lamp(class));
    // Both in one change: nobody sees the package without its component.
    world.api.change(|objects| {
        let spec =
            json!({"image": image, "component": component, "placement": {"clusterSelector": {}}});
        objects.make(
            "clusterpackages",
            json!({"metadata": {"name": "demo"}, "spec": spec}),
        )
    });
    world
}

/// Name of the one object that the member was ordered.
async fn ordered(world: &mut World) -> String {
    let held = world.agents[0].held.values().next().unwrap();
    let reference = held.content.unwrap();
    let hub = world.loaded().await;
    let bytes = hub.content(reference.digest).await.unwrap();
    let content = Content::from_bytes(&bytes, &reference).unwrap();
    let object = &content.phases[0].objects[0].object;
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn message(world: &World, condition: &str) -> String {
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let conditions = package["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|it| it["type"] == condition);
    found.unwrap()["message"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn another_component_of_the_same_image_is_a_revision_of_its_own_and_can_be_undone() {
    let mut world = asked_for("default", json!("horn")).await;
    world.everywhere("demo", 1).await;
    assert_eq!(ordered(&mut world).await, "horn");
    set_component(&world, json!("bulb"));
    world.everywhere("demo", 2).await;
    assert_eq!(ordered(&mut world).await, "bulb");
    let mut of_revisions: Vec<_> = world.api.all("packagerevisions");
    of_revisions.sort_by_key(|revision| revision["spec"]["number"].as_i64());
    let components: Vec<_> = of_revisions
        .iter()
        .map(|revision| revision["spec"]["component"].clone())
        .collect();
    assert_eq!(components, ["horn", "bulb"]);
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world.everywhere("demo", 1).await;
    assert_eq!(ordered(&mut world).await, "horn");
    // A pin ends with the next component, as it does with the next image.
    set_component(&world, Value::Null);
    world.everywhere("demo", 3).await;
    assert_eq!(ordered(&mut world).await, "root");
    let undo = world.api.get("packageactions", "undo").unwrap();
    assert_eq!(undo["status"]["state"], "Ended");
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_starts_anew_orders_the_same_component() {
    let mut world = asked_for("default", json!("horn")).await;
    world.everywhere("demo", 1).await;
    world.settled().await;
    world.crash().await;
    world.settled().await;
    assert_eq!(ordered(&mut world).await, "horn");
    assert_eq!(world.api.all("packagerevisions").len(), 1);
    assert_eq!(
        world.agents[0].held.values().next().unwrap().tuple.number,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_component_that_does_not_exist_is_invalid_and_said_with_those_that_do() {
    let mut world = asked_for("default", json!("bell")).await;
    world
        .condition("clusterpackages", "demo", "Invalid=True/LoadError")
        .await;
    let message = message(&world, "Invalid");
    assert!(
        message.contains("\"bell\" is none of bulb, horn"),
        "{message}"
    );
    assert!(world.api.all("packagerevisions").is_empty());
    assert!(world.agents[0].held.is_empty());
    set_component(&world, json!("bulb"));
    world.everywhere("demo", 1).await;
    assert_eq!(ordered(&mut world).await, "bulb");
}

#[tokio::test(start_paused = true)]
async fn what_runs_stays_while_a_component_is_asked_for_that_does_not_exist() {
    let mut world = asked_for("default", json!("horn")).await;
    world.everywhere("demo", 1).await;
    set_component(&world, json!("bell"));
    world
        .condition("clusterpackages", "demo", "Invalid=True/LoadError")
        .await;
    world.settled().await;
    assert_eq!(ordered(&mut world).await, "horn");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_says_what_an_agent_must_know_also_to_a_hub_that_starts_anew() {
    let mut world = asked_for("hosted-cluster", Value::Null).await;
    world.everywhere("demo", 1).await;
    world.crash().await;
    world.settled().await;
    let hub = world.loaded().await;
    let orders = hub.of(seed::cluster(1)).unwrap();
    let wanted = orders.orders.values().next().unwrap();
    assert_eq!(wanted.needs, Features::PHASE_CLASSES);
}
