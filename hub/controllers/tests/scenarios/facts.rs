//! Facts and labels of members that templates read: what changes when they do, and what when they are missing.

use serde_json::{Value, json};
use stevedore_hub_core::session::Report;
use stevedore_package::files::PackageFiles;
use stevedore_proto_core::Environment;
use stevedore_proto_core::environment::{Fact, OpenShift};

use super::seed;
use super::world::World;

/// Whether the package says that it is invalid.
fn is_invalid(world: &World) -> bool {
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let conditions = package["status"]["conditions"].as_array().unwrap();
    conditions.iter().any(|it| it["type"] == "Invalid")
}

/// Gives a member these labels and no others.
fn label(world: &World, member: &str, labels: Value) {
    world.api.change(|objects| {
        objects.edit("memberclusters", member, |member| {
            member["metadata"]["labels"] = labels;
        });
    });
}

/// A package `demo` of one object that says what this expression gives.
fn reading(expression: &str) -> PackageFiles {
    let manifest = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {name: demo}\nspec:\n  scopes: [Cluster]\n  phases: [{name: one}]\n";
    let object = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo\n  namespace: default\n  \
         annotations: {{package-operator.run/phase: one}}\ndata: {{text: \"{expression}\"}}\n"
    );
    let mut files = PackageFiles::new();
    files.insert("manifest.yaml", manifest.into()).unwrap();
    files.insert("demo.yaml.gotmpl", object.into()).unwrap();
    files
}

fn open_shift(version: &str) -> Environment {
    Environment {
        kubernetes_version: "v1.36.0".into(),
        open_shift: Fact::Present(OpenShift {
            version: version.into(),
            managed: None,
        }),
        ..Environment::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_fact_is_an_order_for_that_member_and_of_the_package_that_reads_it() {
    let mut world = World::new().await;
    for (name, number) in [("east", 1), ("west", 2)] {
        world.add_member(name, seed::cluster(number));
        world.agent(name).environment = open_shift("4.16.1");
    }
    world.start_hub();
    world.settled().await;
    let reads = reading("{{ .environment.openShift.version }}");
    let image = world.registry.push("reads", &reads);
    seed::package(&world.api, "reads", &image);
    let other = reading("{{ .environment.kubernetes.version }}");
    let image = world.registry.push("other", &other);
    seed::package(&world.api, "other", &image);
    world.everywhere("reads", 1).await;
    world.everywhere("other", 1).await;
    world.settled().await;
    let place = world.api.place();
    let hub = world.hub().unwrap().clone();
    let upgraded = Report::Environment(Box::new(open_shift("4.17.3")));
    world.agent("west").say(&hub, upgraded);
    world.settled().await;
    let story = world.story_since(place);
    // The last write says that nothing is left to be changed.
    let writes = [
        "replace packageledgers",
        "tell west",
        "replace packageledgers",
    ];
    assert_eq!(story, writes);
    let member = world.api.get("memberclusters", "west").unwrap();
    let shown = &member["status"]["environment"]["openShift"]["version"];
    assert_eq!(shown, "4.17.3");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_lost_a_label_which_a_template_reads_is_named_and_not_available() {
    let mut world = World::with_members(&["east", "north", "west"]).await;
    let image = world
        .registry
        .push("v1", &reading("{{ .cluster.labels.name }}"));
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "Available=True/Available")
        .await;
    world.settled().await;
    let place = world.api.place();
    label(&world, "north", json!({"tier": "edge"}));
    world
        .condition(
            "clusterpackages",
            "demo",
            "Available=False/ClusterLabelMissing",
        )
        .await;
    world.settled().await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let counts = &package["status"]["counts"];
    assert_eq!(
        (&counts["available"], &counts["failed"]),
        (&json!(2), &json!(1))
    );
    let failure = &package["status"]["failures"][0];
    assert_eq!(failure["clusters"], json!(["north"]));
    assert_eq!(failure["reason"], "ClusterLabelMissing");
    let story = world.story_since(place);
    assert_eq!(story, [] as [&str; 0], "what runs stays");
    label(&world, "north", json!({"name": "north"}));
    world
        .condition("clusterpackages", "demo", "Available=True/Available")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_package_goes_on_for_the_clusters_that_have_the_label_and_is_invalid_where_none_has_it() {
    let mut world = World::with_members(&["east", "north", "west"]).await;
    label(&world, "north", json!({"tier": "edge"}));
    let image = world
        .registry
        .push("v1", &reading("{{ .cluster.labels.name }}"));
    seed::package(&world.api, "demo", &image);
    let missing = "Available=False/ClusterLabelMissing";
    world.condition("clusterpackages", "demo", missing).await;
    world.settled().await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let counts = &package["status"]["counts"];
    let counts = ["targeted", "updated", "available", "failed"].map(|it| counts[it].as_u64());
    assert_eq!(counts, [3, 2, 2, 1].map(Some));
    assert!(!is_invalid(&world));
    let failure = &package["status"]["failures"][0];
    assert_eq!(failure["clusters"], json!(["north"]));
    let said = failure["message"].as_str().unwrap();
    assert!(said.contains("no label \"name\""), "{said}");
    // The next edition goes to the others too.
    let second = reading("2 {{ .cluster.labels.name }}");
    let image = world.registry.push("v2", &second);
    seed::set_image(&world.api, "demo", &image);
    for name in ["east", "west"] {
        let what = format!("{name} runs the second");
        let runs = |world: &World| {
            let agent = world.agents.iter().find(|agent| agent.name == name);
            let mut held = agent.unwrap().held.values();
            match held.any(|held| held.package.revision == 2) {
                true => Ok(()),
                false => Err("it does not".to_owned()),
            }
        };
        world.until(&what, runs).await;
    }
    world.settled().await;
    assert!(!is_invalid(&world));
    for name in ["east", "west"] {
        label(&world, name, json!({"tier": "edge"}));
    }
    let invalid = "Invalid=True/ClusterLabelMissing";
    world.condition("clusterpackages", "demo", invalid).await;
    label(&world, "east", json!({"name": "east"}));
    let is_valid = |world: &World| match is_invalid(world) {
        true => Err("it is invalid".to_owned()),
        false => Ok(()),
    };
    world.until("it can be used again", is_valid).await;
}
