//! Watches: a hub follows the API server whatever happens to the connection.

use std::time::Duration;

use super::api_server::{Entry, Reaction, Verb};
use super::registry::files;
use super::seed;
use super::world::World;

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_too_far_behind_lists_again_and_misses_nothing() {
    let mut world = World::with_package(&["east"]).await;
    let image = world.registry.push("v2", &files("two"));
    world.api.change(|objects| {
        objects.edit("clusterpackages", "demo", |package| {
            package["spec"]["image"] = image.into();
        });
        objects.compact();
    });
    world.everywhere("demo", 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_nobody_watched_is_noticed() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.api.change(|objects| {
        objects.lose("memberclusters", "west");
        objects.compact();
    });
    world
        .until("its row is gone", |world| {
            let ledger = world.api.all("packageledgers").remove(0);
            let rows = ledger["spec"]["rows"].as_str().unwrap().len();
            (rows == 40).then_some(()).ok_or_else(|| rows.to_string())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn watches_go_on_for_hours_without_a_list() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    world.pass(Duration::from_secs(3600)).await;
    let log = world.api.log_since(place);
    let lists = log.iter().filter(|entry| match entry {
        Entry::Request(call) => {
            call.verb == Verb::List && call.kind.is_some_and(|it| it.group == "stevedore.dev")
        }
        Entry::Told(..) => false,
    });
    assert_eq!(lists.count(), 0);
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    let asked = tokio::time::Instant::now();
    world.everywhere("demo", 2).await;
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_watches_is_asked_with_growing_pauses() {
    let mut world = World::with_package(&["east"]).await;
    world.api.set_rule(|call| match call.verb {
        Verb::Watch | Verb::List => Reaction::Refuse(503),
        _ => Reaction::Serve,
    });
    world.api.change(|objects| objects.compact());
    // Something changes, so that every watch notices that it is behind.
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    seed::set(
        &world.api,
        "memberclusters",
        "east",
        "accepted",
        true.into(),
    );
    let place = world.api.place();
    world.pass(Duration::from_secs(120)).await;
    let asked = world.api.log_since(place).len();
    // Two watches of which each asks every ten seconds at most often, beside what is asked anyway.
    assert!(asked < 300, "{asked}");
    world.api.clear_rule();
    world.everywhere("demo", 2).await;
}
