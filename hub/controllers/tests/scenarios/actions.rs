//! Undo and its end: actions are written down before anything is ordered by them.

use std::time::Duration;

use super::api_server::Reaction;
use super::registry::files;
use super::world::World;
use super::{seed, state};

/// Two versions of `demo` were rolled out.
async fn upgraded() -> World {
    let mut world = World::with_package(&["east"]).await;
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world.everywhere("demo", 2).await;
    world.settled().await;
    world
}

fn action(world: &World, name: &str) -> (String, String) {
    let action = world.api.get("packageactions", name).unwrap();
    let text = |field: &str| {
        action["status"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("state"), text("message"))
}

#[tokio::test(start_paused = true)]
async fn a_pin_is_written_down_before_it_is_ordered_and_a_release_brings_the_newest_back() {
    let mut world = upgraded().await;
    let place = world.api.place();
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world.everywhere("demo", 1).await;
    let effects: Vec<_> = world
        .writes_since(place)
        .iter()
        .map(|it| it.effect())
        .collect();
    assert_eq!(
        effects[..2],
        ["patch packageactions/status", "replace packageledgers"]
    );
    assert_eq!(action(&world, "undo").0, "Active");
    seed::action(&world.api, "redo", "demo", "Release", None);
    world.everywhere("demo", 2).await;
    world.settled().await;
    assert_eq!(
        action(&world, "undo"),
        ("Ended".to_owned(), "released".to_owned())
    );
    assert_eq!(action(&world, "redo").0, "Ended");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_ordered_by_an_action_that_could_not_be_written_down() {
    let mut world = upgraded().await;
    world.api.set_rule(|call| match call.plural() {
        "packageactions" if call.is_write() => Reaction::Refuse(503),
        _ => Reaction::Serve,
    });
    let place = world.api.place();
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world
        .condition("clusterpackages", "demo", "Stalled=True/NotStored")
        .await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.story_since(place), Vec::<String>::new());
    world.api.clear_rule();
    world.everywhere("demo", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_pin_to_what_is_not_kept_is_refused() {
    let mut world = upgraded().await;
    let place = world.api.place();
    seed::action(&world.api, "undo", "demo", "Pin", Some(7));
    world.settled().await;
    assert_eq!(action(&world, "undo").0, "Refused");
    let object = world.api.get("packageactions", "undo").unwrap();
    assert_eq!(
        state::conditions(&object),
        "Ready=False/Refused Stalled=True/Refused"
    );
    assert_eq!(world.story_since(place), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_later_of_two_pins_holds_also_for_the_next_hub() {
    let mut world = upgraded().await;
    seed::action(&world.api, "first", "demo", "Pin", Some(1));
    world.everywhere("demo", 1).await;
    seed::action(&world.api, "second", "demo", "Pin", Some(2));
    world.everywhere("demo", 2).await;
    world.crash().await;
    world.settled().await;
    world.everywhere("demo", 2).await;
    assert_eq!(action(&world, "first").0, "Ended");
    assert_eq!(action(&world, "second").0, "Active");
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert_eq!(package["status"]["revision"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_another_image_ends_does_not_bring_back_what_was_undone() {
    let mut world = upgraded().await;
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world.everywhere("demo", 1).await;
    seed::set_image(&world.api, "demo", &world.registry.image("v3"));
    world
        .until("the pin ends", |world| {
            match action(world, "undo").0.as_str() {
                "Ended" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
    // Its image cannot be pulled: what runs stays, also across a restart.
    world.pass(Duration::from_secs(60)).await;
    world.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(60)).await;
    world.everywhere("demo", 1).await;
    world.registry.push("v3", &files("three"));
    world.everywhere("demo", 3).await;
}

#[tokio::test(start_paused = true)]
async fn an_action_on_an_earlier_package_of_the_same_name_does_nothing() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("v1", &files("one"));
    let action = serde_json::json!({
        "metadata": {
            "name": "old", "namespace": seed::SYSTEM,
            "creationTimestamp": "2020-01-01T00:00:00Z",
        },
        "spec": {
            "package": {"kind": "ClusterPackage", "name": "demo"},
            "verb": "Pin", "revision": 1, "requestedBy": "someone",
        },
    });
    world
        .api
        .change(|objects| objects.make("packageactions", action));
    seed::package(&world.api, "demo", &image);
    world.everywhere("demo", 1).await;
    world.settled().await;
    let old = world.api.get("packageactions", "old").unwrap();
    assert!(old["status"].is_null(), "{old}");
}
