//! Garbage collection: revisions that nobody needs, and the Secrets that only they named.

use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::json;
use stevedore_crds::record;
use stevedore_proto_core::Digest;

use super::registry::files;
use super::seed::{self, SYSTEM};
use super::world::World;

/// Rolls out one more version.
async fn version(world: &mut World, number: u64) {
    let image = world
        .registry
        .push(&format!("v{number}"), &files(&number.to_string()));
    seed::set_image(&world.api, "demo", &image);
    world.everywhere("demo", number).await;
    world.settled().await;
}

/// Numbers of the revisions that are kept; each has its content.
fn kept(world: &World) -> Vec<i64> {
    let revisions = world.api.all("packagerevisions");
    assert_eq!(revisions.len(), world.api.all("secrets").len());
    let numbers = revisions
        .iter()
        .map(|it| it["spec"]["number"].as_i64().unwrap());
    numbers.collect()
}

/// A Secret as a hub leaves it that ended before it named it.
fn stray(world: &World, bytes: &[u8], kind: &str, created: &str) -> String {
    let name = format!("content-{}", Digest::of(bytes).hex());
    let secret = json!({
        "metadata": {"name": name, "namespace": SYSTEM, "creationTimestamp": created},
        "type": kind,
        "data": {"part": ByteString(bytes.to_vec())},
    });
    world.api.change(|objects| objects.make("secrets", secret));
    name
}

#[tokio::test(start_paused = true)]
async fn revisions_beyond_the_limit_go_with_their_content() {
    let mut world = World::with_package(&["east"]).await;
    seed::set(
        &world.api,
        "clusterpackages",
        "demo",
        "revisionHistoryLimit",
        json!(1),
    );
    version(&mut world, 2).await;
    assert_eq!(kept(&world), [1, 2]);
    let place = world.api.place();
    version(&mut world, 3).await;
    assert_eq!(kept(&world), [2, 3]);
    let story = world.story_since(place);
    // Not before the members were told to run another.
    let at = story.iter().position(|effect| effect == "tell east");
    assert_eq!(
        story[at.unwrap()..],
        [
            "tell east",
            "patch packagerevisions",
            "delete packagerevisions",
            "delete secrets",
            "replace packageledgers"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_members_are_pinned_to_stays_however_old_it_is() {
    let mut world = World::with_package(&["east"]).await;
    version(&mut world, 2).await;
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world.everywhere("demo", 1).await;
    seed::set(
        &world.api,
        "clusterpackages",
        "demo",
        "revisionHistoryLimit",
        json!(0),
    );
    world.settled().await;
    assert_eq!(kept(&world), [1, 2]);
    seed::action(&world.api, "redo", "demo", "Release", None);
    world.everywhere("demo", 2).await;
    world.settled().await;
    assert_eq!(kept(&world), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_somebody_deletes_stays_as_long_as_a_member_runs_it() {
    let mut world = World::with_package(&["east"]).await;
    let name = world.name_of("packagerevisions");
    seed::delete(&world.api, "packagerevisions", &name);
    world.settled().await;
    assert_eq!(kept(&world), [1]);
    // Also another hub does not make it again, or something else of it.
    world.crash().await;
    world.settled().await;
    assert_eq!(kept(&world), [1]);
    version(&mut world, 2).await;
    assert_eq!(kept(&world), [2]);
}

#[tokio::test(start_paused = true)]
async fn content_that_two_packages_share_stays_until_the_second_one_went() {
    let mut world = World::with_package(&["east"]).await;
    seed::package(&world.api, "other", &world.registry.image("v1"));
    world.everywhere("other", 1).await;
    world.settled().await;
    assert_eq!(world.api.all("secrets").len(), 1);
    seed::delete(&world.api, "clusterpackages", "demo");
    world.gone("clusterpackages", "demo").await;
    world.settled().await;
    assert_eq!(world.api.all("secrets").len(), 1);
    seed::delete(&world.api, "clusterpackages", "other");
    world.gone("clusterpackages", "other").await;
    world.settled().await;
    assert_eq!(world.api.all("secrets").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn content_that_no_revision_names_is_removed_once_it_is_old_and_nothing_else_is() {
    let mut world = World::with_package(&["east"]).await;
    let now = jiff::Timestamp::now().to_string();
    let long_ago = "2020-01-01T00:00:00Z";
    let old = stray(&world, b"old", record::CONTENT_TYPE, long_ago);
    let young = stray(&world, b"young", record::CONTENT_TYPE, &now);
    let foreign = stray(&world, b"foreign", "Opaque", long_ago);
    world.crash().await;
    world.gone("secrets", &old).await;
    world.settled().await;
    for name in [&young, &foreign] {
        assert!(world.api.get("secrets", name).is_some(), "{name}");
    }
    // Nobody has to start a hub for it.
    let later = stray(&world, b"later", record::CONTENT_TYPE, long_ago);
    world.pass(Duration::from_secs(30 * 60)).await;
    assert!(world.api.get("secrets", &later).is_none());
    assert_eq!(world.api.all("secrets").len(), 3);
}
