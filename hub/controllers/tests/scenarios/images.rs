//! Images of packages: what a tag was resolved to is kept, and one that cannot be used is looked at again.

use std::time::Duration;

use serde_json::{Value, json};
use stevedore_package::files::PackageFiles;

use super::registry::files;
use super::seed;
use super::world::World;

/// Files that are no package.
fn broken(text: &str) -> PackageFiles {
    let mut files = PackageFiles::new();
    files.insert("manifest.yaml", text.into()).unwrap();
    files
}

fn set_config(world: &World, config: &Value) {
    seed::set(
        &world.api,
        "clusterpackages",
        "demo",
        "config",
        config.clone(),
    );
}

fn ask(world: &World, value: &str) {
    world.api.change(|objects| {
        objects.edit("clusterpackages", "demo", |package| {
            package["metadata"]["annotations"]["stevedore.dev/pull-again"] = value.into();
        });
    });
}

/// The digests of the package's revisions, the oldest first.
fn resolved(world: &World) -> Vec<String> {
    let mut revisions = world.api.all("packagerevisions");
    revisions.sort_by_key(|revision| revision["spec"]["number"].as_u64());
    let digest = |revision: &Value| revision["spec"]["imageDigest"].as_str().unwrap().to_owned();
    revisions.iter().map(digest).collect()
}

async fn message(world: &mut World, condition: &str) -> String {
    world.condition("clusterpackages", "demo", condition).await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let conditions = package["status"]["conditions"].as_array().unwrap();
    let invalid = conditions.iter().find(|one| one["type"] == "Invalid");
    invalid.map_or_else(String::new, |one| {
        one["message"].as_str().unwrap().to_owned()
    })
}

#[tokio::test(start_paused = true)]
async fn another_config_keeps_what_the_tag_was_resolved_to_and_asks_no_registry() {
    let mut world = World::with_package(&["east"]).await;
    let asked = world.registry.asked_for("v1");
    // The tag stands for something else now, and the image that was resolved is nowhere any more.
    world.registry.forget();
    world.registry.push("v1", &files("two"));
    set_config(&world, &json!({"a": 1}));
    world.settled().await;
    assert_eq!(world.registry.asked_for("v1"), asked);
    let digests = resolved(&world);
    assert_eq!(digests.len(), 2, "{digests:?}");
    assert_eq!(digests[0], digests[1]);
    world
        .condition("clusterpackages", "demo", "Ready=True/")
        .await;
    // A hub that knows nothing of it reads the files that it kept.
    world.crash().await;
    set_config(&world, &json!({"a": 2}));
    world.settled().await;
    assert_eq!(world.registry.asked_for("v1"), asked);
    assert_eq!(resolved(&world).len(), 3);
    // Another image is resolved.
    let image = world.registry.push("v2", &files("three"));
    seed::set_image(&world.api, "demo", &image);
    world.settled().await;
    assert_ne!(resolved(&world)[3], digests[0]);
}

#[tokio::test(start_paused = true)]
async fn another_config_waits_for_files_that_were_lost_and_are_pulled_by_digest() {
    let mut world = World::with_package(&["east"]).await;
    let name = world.name_of("secrets");
    let first = resolved(&world);
    let asked = world.registry.asked_for("v1");
    world.halt().await;
    world.api.change(|objects| objects.lose("secrets", &name));
    set_config(&world, &json!({"a": 1}));
    world.registry.push("v1", &files("two"));
    world.start_hub();
    world
        .until("the second revision", |world| match resolved(world) {
            two if two.len() == 2 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    assert_eq!(resolved(&world), [first[0].clone(), first[0].clone()]);
    assert_eq!(world.registry.asked_for("v1"), asked);
}

#[tokio::test(start_paused = true)]
async fn a_tag_whose_image_cannot_be_used_is_looked_at_again_by_itself_and_seldom() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("draft", &broken("kind: x\n"));
    seed::package(&world.api, "demo", &image);
    let said = message(&mut world, "Invalid=True/LoadError").await;
    for word in [
        "the tag is looked at again at 20",
        "stevedore.dev/pull-again",
    ] {
        assert!(said.contains(word), "{said}");
    }
    world
        .condition("clusterpackages", "demo", "Unpacked=False/LoadError")
        .await;
    assert_eq!(world.registry.asked_for("draft"), 1);
    let fetched = world.registry.fetched();
    world.pass(Duration::from_secs(1500)).await;
    let asked = world.registry.asked_for("draft");
    assert!((2..=4).contains(&asked), "{asked}");
    assert_eq!(
        world.registry.fetched(),
        fetched,
        "the same image is fetched again"
    );
    world.registry.push("draft", &files("one"));
    world.pass(Duration::from_secs(800)).await;
    world.everywhere("demo", 1).await;
    world
        .condition("clusterpackages", "demo", "Unpacked=True/UnpackSuccess")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_was_pushed_again_after_a_load_error_is_noticed_when_somebody_asks() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("draft", &broken("kind: x\n"));
    seed::package(&world.api, "demo", &image);
    message(&mut world, "Invalid=True/LoadError").await;
    world.registry.push("draft", &broken("kind: y\n"));
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.registry.asked_for("draft"), 1);
    ask(&world, "once");
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.registry.asked_for("draft"), 2);
    message(&mut world, "Unpacked=False/LoadError").await;
    world.registry.push("draft", &files("one"));
    ask(&world, "twice");
    let asked = tokio::time::Instant::now();
    world.everywhere("demo", 1).await;
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_named_by_digest_and_cannot_be_used_is_not_looked_at_again() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("draft", &broken("kind: x\n"));
    let digest = world.registry.digest("draft");
    seed::package(
        &world.api,
        "demo",
        &image.replace(":draft", &format!("@{digest}")),
    );
    let said = message(&mut world, "Invalid=True/LoadError").await;
    assert!(!said.contains("looked at again"), "{said}");
    world.pass(Duration::from_secs(900)).await;
    assert_eq!(world.registry.asked_for(&digest), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_is_installed_and_its_own_digest_is_shown_everywhere() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("indexed", &files("one"));
    let digest = world.registry.wrap("indexed", "linux/amd64");
    seed::package(&world.api, "demo", &image);
    world.everywhere("demo", 1).await;
    world.settled().await;
    assert_eq!(resolved(&world), [&*digest]);
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let by_digest = image.replace(":indexed", &format!("@{digest}"));
    assert_eq!(package["status"]["resolvedImage"], *by_digest);
    // The image may be named so as well.
    seed::set_image(&world.api, "demo", &by_digest);
    world.settled().await;
    assert_eq!(resolved(&world), [&*digest, &*digest]);
}

#[tokio::test(start_paused = true)]
async fn an_index_for_other_platforms_is_a_fault_of_the_image_and_is_not_asked_for_over_and_over() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("arm", &files("one"));
    world.registry.wrap("arm", "linux/arm64");
    seed::package(&world.api, "demo", &image);
    let said = message(&mut world, "Invalid=True/LoadError").await;
    for word in ["index of images", "linux/arm64", "linux/amd64"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    world.pass(Duration::from_secs(300)).await;
    assert_eq!(world.registry.asked_for("arm"), 1);
}
