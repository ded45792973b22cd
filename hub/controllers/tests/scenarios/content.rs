//! Content of packages: pulled with patience, kept, and made again where it was lost.

use std::time::Duration;

use serde_json::json;
use stevedore_hub_core::ports::{ContentError, Orders as _};
use stevedore_package::files::PackageFiles;
use stevedore_proto_core::Digest;

use super::api_server::{Entry, Reaction, Told, Verb};
use super::registry::files;
use super::seed;
use super::world::World;

/// The bytes of the content that the first agent was ordered to run, as its session would be given them.
async fn ordered_content(world: &mut World) -> (Digest, Vec<u8>) {
    let held = world.agents[0].held.values().next().unwrap();
    let digest = held.content.unwrap().digest;
    let hub = world.loaded().await;
    let bytes = hub.content(digest).await.unwrap();
    (digest, bytes.to_vec())
}

#[tokio::test(start_paused = true)]
async fn content_whose_secret_is_gone_is_pulled_again_into_the_same_secret() {
    let mut world = World::with_package(&["east"]).await;
    let name = world.name_of("secrets");
    let before = world.api.get("secrets", &name).unwrap();
    world.halt().await;
    world.api.change(|objects| objects.lose("secrets", &name));
    let place = world.api.place();
    world.start_hub();
    let after = world
        .until("the content is back", |world| {
            world
                .api
                .get("secrets", &name)
                .ok_or_else(|| "it is gone".to_owned())
        })
        .await;
    assert_eq!(before["data"], after["data"]);
    world.settled().await;
    let log = world.api.log_since(place);
    let is_told = |entry: &Entry| matches!(entry, Entry::Told(_, Told::ContentBack(_)));
    assert!(log.iter().any(is_told), "sessions wait for the content");
    // The revision, and what members run, are the same.
    assert_eq!(world.api.all("packagerevisions").len(), 1);
    assert_eq!(
        world.agents[0].held.values().next().unwrap().tuple.number,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_an_order_are_those_it_names_also_from_a_hub_that_has_just_started() {
    let mut world = World::with_package(&["east"]).await;
    let (digest, bytes) = ordered_content(&mut world).await;
    assert_eq!(Digest::of(&bytes), digest);
    world.crash().await;
    let (same, again) = ordered_content(&mut world).await;
    assert_eq!((same, again), (digest, bytes));
}

/// A hub that has just started, and finds the content that a package runs unreadable.
async fn finds_content_unreadable(world: &mut World) {
    world.start_hub();
    world
        .condition("clusterpackages", "demo", "/ContentUnavailable")
        .await;
    // Every other reason to plan the package is over.
    world.pass(Duration::from_secs(200)).await;
}

#[tokio::test(start_paused = true)]
async fn content_that_could_not_be_read_is_read_again_without_another_reason_to() {
    let mut world = World::with_package(&["east"]).await;
    let name = world.name_of("secrets");
    world.halt().await;
    world.api.set_rule(
        move |call| match call.verb == Verb::Get && call.name == name {
            true => Reaction::Refuse(504),
            false => Reaction::Serve,
        },
    );
    finds_content_unreadable(&mut world).await;
    world.api.clear_rule();
    world
        .condition("clusterpackages", "demo", "Ready=True/")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_no_content_is_pulled_again_once_somebody_deletes_it() {
    let mut world = World::with_package(&["east"]).await;
    let name = world.name_of("secrets");
    let before = world.api.get("secrets", &name).unwrap();
    world.halt().await;
    world.api.change(|objects| {
        objects.edit("secrets", &name, |secret| {
            secret["data"]["part"] = "Zm9yZ2Vk".into();
        });
    });
    finds_content_unreadable(&mut world).await;
    world.api.change(|objects| objects.lose("secrets", &name));
    world
        .condition("clusterpackages", "demo", "Ready=True/")
        .await;
    let after = world.api.get("secrets", &name).unwrap();
    assert_eq!(before["data"], after["data"]);
}

#[tokio::test(start_paused = true)]
async fn content_whose_package_or_member_cannot_be_read_is_not_called_missing() {
    for (plural, name, field) in [
        ("clusterpackages", "demo", "image"),
        ("memberclusters", "east", "leaving"),
    ] {
        let mut world = World::with_package(&["east"]).await;
        let (digest, _) = ordered_content(&mut world).await;
        world.halt().await;
        seed::set(&world.api, plural, name, field, json!({"not": "readable"}));
        world.start_hub();
        let hub = world.loaded().await;
        let answer = hub.content(digest).await;
        assert!(
            matches!(answer, Err(ContentError::Unavailable(_))),
            "{name}: {answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_is_asked_for_less_and_less_often() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.image("late");
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "Unpacked=False/ImagePullBackOff")
        .await;
    world.pass(Duration::from_secs(400)).await;
    // At once, and after 10, 30, 70, 150 and 310 seconds, give or take a fifth.
    let asked = world.registry.asked_for("late");
    assert!((5..=7).contains(&asked), "{asked}");
    world.registry.push("late", &files("late"));
    world.everywhere("demo", 1).await;
    world
        .condition("clusterpackages", "demo", "Unpacked=True/UnpackSuccess")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_package_that_cannot_be_pulled_holds_up_no_other() {
    let mut world = World::with_members(&["east"]).await;
    for number in 0..5 {
        let image = world.registry.image("missing");
        seed::package(&world.api, &format!("missing-{number}"), &image);
    }
    world.pass(Duration::from_secs(60)).await;
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    let asked = tokio::time::Instant::now();
    world.everywhere("demo", 1).await;
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn what_runs_stays_while_the_new_image_cannot_be_pulled() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    seed::set_image(&world.api, "demo", &world.registry.image("missing"));
    world
        .condition("clusterpackages", "demo", "Ready=False/ImagePullBackOff")
        .await;
    world.pass(Duration::from_secs(60)).await;
    world.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(60)).await;
    let mut story = world.story_since(place);
    story.retain(|effect| effect != "replace configmaps");
    assert_eq!(story, Vec::<String>::new());
    world.everywhere("demo", 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_no_package_is_pulled_once_and_called_invalid() {
    let mut world = World::with_members(&["east"]).await;
    let mut nothing = PackageFiles::new();
    nothing.insert("readme.md", b"# nothing".to_vec()).unwrap();
    let image = world.registry.push("nothing", &nothing);
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "Invalid=True/")
        .await;
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(world.registry.asked_for("nothing"), 1);
    assert!(world.api.all("packagerevisions").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_not_stored_is_shown_and_tried_again() {
    let mut world = World::with_members(&["east"]).await;
    world.api.set_rule(|call| match call.effect().as_str() {
        "create packagerevisions" => Reaction::Refuse(503),
        _ => Reaction::Serve,
    });
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    world
        .condition("clusterpackages", "demo", "/NotStored")
        .await;
    assert!(world.agents[0].held.is_empty());
    world.api.clear_rule();
    world.everywhere("demo", 1).await;
    let revision = &world.api.all("packagerevisions")[0];
    assert_eq!(revision["spec"]["number"], 1);
}
