//! A package from its image to all members: which write comes before which, and before which order.

use std::time::Duration;

use serde_json::json;
use stevedore_proto_core::Stage;

use super::api_server::{Reaction, Verb};
use super::registry::files;
use super::world::World;
use super::{seed, state};

#[tokio::test(start_paused = true)]
async fn content_comes_before_its_revision_and_finalizer_and_ledger_before_any_order() {
    let mut world = World::with_members(&["east", "west"]).await;
    let place = world.api.place();
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    world.everywhere("demo", 1).await;
    world.settled().await;
    let mut story = world.story_since(place);
    // Wherever the finalizer comes, it comes before the ledger.
    let finalizer = story.iter().position(|it| it == "apply clusterpackages");
    let ledger = story.iter().position(|it| it == "create packageledgers");
    assert!(finalizer.is_some() && finalizer < ledger, "{story:?}");
    story.retain(|effect| effect != "apply clusterpackages");
    assert_eq!(
        story,
        [
            "create secrets",
            "create packagerevisions",
            "create packageledgers",
            "tell east",
            "tell west",
        ]
    );
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert_eq!(package["status"]["counts"]["available"], 2);
    world
        .condition("clusterpackages", "demo", "Available=True/")
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_writes_its_content_and_the_ledger_and_then_tells() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world.everywhere("demo", 2).await;
    world.settled().await;
    assert_eq!(
        world.story_since(place),
        [
            "create secrets",
            "create packagerevisions",
            "replace packageledgers",
            "tell east",
            // Nothing is left to be changed.
            "replace packageledgers",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_an_order_while_its_ledger_is_being_stored() {
    let mut world = World::with_package(&["east"]).await;
    let gate = world.api.hold("replace packageledgers");
    let place = world.api.place();
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world.pass(Duration::from_secs(60)).await;
    let story = world.story_since(place);
    assert_eq!(story, ["create secrets", "create packagerevisions"]);
    gate.open();
    world.everywhere("demo", 2).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_ordered_while_the_finalizer_is_refused() {
    let mut world = World::with_members(&["east"]).await;
    let place = world.api.place();
    world.api.set_rule(|call| match call.verb {
        Verb::Apply => Reaction::Refuse(503),
        _ => Reaction::Serve,
    });
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "Stalled=True/NotStored")
        .await;
    world.pass(Duration::from_secs(120)).await;
    let story = world.story_since(place);
    let tries = story.iter().filter(|it| *it == "apply clusterpackages");
    // Two seconds, doubling up to a minute.
    assert!((3..12).contains(&tries.count()), "{story:?}");
    assert!(!story.iter().any(|it| it.contains("ledger")), "{story:?}");
    world.api.clear_rule();
    world.everywhere("demo", 1).await;
    world
        .condition("clusterpackages", "demo", "Stalled=False/NotStalled")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_made_again_from_the_ledger_that_somebody_else_wrote() {
    let mut world = World::with_package(&["east"]).await;
    let name = world.api.all("packageledgers")[0]["metadata"]["name"].clone();
    seed::set(
        &world.api,
        "packageledgers",
        name.as_str().unwrap(),
        "highestNumber",
        json!(7),
    );
    let place = world.api.place();
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world.everywhere("demo", 2).await;
    // Not 2: the number may have been given by whoever wrote it.
    let held = world.agents[0].held.values().next().unwrap();
    assert_eq!(held.tuple.number, 8);
    let writes = world.writes_since(place);
    let codes: Vec<_> = writes
        .iter()
        .filter(|write| write.effect() == "replace packageledgers")
        .map(|write| write.code)
        .collect();
    assert_eq!(codes, [409, 200, 200]);
}

#[tokio::test(start_paused = true)]
async fn what_a_ledger_refuses_is_not_asked_for_without_pause() {
    let mut world = World::with_package(&["east"]).await;
    world.api.set_rule(|call| match call.effect().as_str() {
        "replace packageledgers" => Reaction::Refuse(409),
        _ => Reaction::Serve,
    });
    let place = world.api.place();
    seed::set(&world.api, "clusterpackages", "demo", "paused", true.into());
    world.pass(Duration::from_secs(60)).await;
    let tries = world.writes_since(place).len();
    // A few at once, then with back-off and said, although nothing but the refusal is known.
    assert!((5..20).contains(&tries), "{tries}");
    world
        .condition("clusterpackages", "demo", "Stalled=True/NotStored")
        .await;
    let held = world.agents[0].held.values().next().unwrap();
    assert_eq!(held.tuple.number, 1);
}

#[tokio::test(start_paused = true)]
async fn a_package_that_is_slow_on_one_member_is_progressing_and_then_available() {
    let mut world = World::with_members(&["east", "west"]).await;
    world.agent("west").reaches = Stage::Applied;
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    world.everywhere("demo", 1).await;
    world
        .condition("clusterpackages", "demo", "Progressing=True/")
        .await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert_eq!(package["status"]["counts"]["available"], 1);
    world.agent("west").reaches = Stage::Available;
    world.everyone_reports();
    world
        .condition("clusterpackages", "demo", "Available=True/")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_joins_later_gets_what_is_there_and_the_others_nothing_new() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    world.add_member("west", seed::cluster(9));
    world.everywhere("demo", 1).await;
    world.settled().await;
    assert_eq!(
        world.story_since(place),
        ["replace packageledgers", "tell west"]
    );
    let numbers: Vec<_> = world
        .agents
        .iter()
        .flat_map(|agent| agent.held.values().map(|held| held.tuple.number))
        .collect();
    assert_eq!(numbers, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_starts_again_orders_and_writes_nothing_new() {
    let mut world = World::with_package(&["east", "west"]).await;
    let before = world.settled().await;
    let place = world.api.place();
    world.crash().await;
    let after = world.settled().await;
    assert_eq!(state::difference(&before, &after), None);
    // The Lease is replaced, which is no durable write; the term is taken.
    assert_eq!(world.story_since(place), ["replace configmaps"]);
}

#[tokio::test(start_paused = true)]
async fn a_namespaced_package_keeps_its_history_in_its_namespace_and_its_ledger_in_the_hubs() {
    let mut world = World::with_members(&["east"]).await;
    // Such a package reaches the hub's own cluster, and no other.
    let own = world.api.get("namespaces", "kube-system").unwrap();
    let own = own["metadata"]["uid"].as_str().unwrap().parse().unwrap();
    world.add_member("own", own);
    let image = world.registry.push("v1", &files("one"));
    let package = json!({
        "metadata": {"name": "demo", "namespace": "default"},
        "spec": {"image": image},
    });
    world
        .api
        .change(|objects| objects.make("packages", package));
    world
        .condition("packages", "demo", "Available=True/Available")
        .await;
    let namespace = |plural| world.api.all(plural)[0]["metadata"]["namespace"].clone();
    assert_eq!(namespace("packagerevisions"), "default");
    assert_eq!(namespace("packageledgers"), seed::SYSTEM);
    assert_eq!(namespace("secrets"), seed::SYSTEM);
    assert!(world.agent("east").held.is_empty());
    let held = world.agent("own").held.values().next().unwrap();
    assert_eq!(held.package.namespace.as_deref(), Some("default"));
}

#[tokio::test(start_paused = true)]
async fn events_that_cannot_be_written_hold_up_nothing() {
    let mut world = World::with_members(&["east"]).await;
    world.api.set_rule(|call| match call.plural() {
        "events" => Reaction::Refuse(403),
        _ => Reaction::Serve,
    });
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    let asked = tokio::time::Instant::now();
    world.everywhere("demo", 1).await;
    world
        .condition("clusterpackages", "demo", "Available=True/")
        .await;
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn people_are_told_by_events_what_was_made_and_ordered() {
    let world = World::with_package(&["east"]).await;
    let events = world.api.all("events");
    let told = |reason: &str| {
        let mut all = events.iter();
        let found = all.find(|event| event["reason"] == reason);
        found.map(|event| event["note"].as_str().unwrap_or_default())
    };
    let made = told("RevisionCreated").unwrap_or_default();
    assert!(made.starts_with("revision 1 from"), "{events:?}");
    assert_eq!(told("Ordered"), Some("ordered: Install for 1 clusters"));
    assert_eq!(told("Connected"), Some("the agent has a session"));
}
