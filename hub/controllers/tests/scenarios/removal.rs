//! The end of a package: tombstones first, then what the hub keeps of it, and the ledger last.

use std::time::Duration;

use super::api_server::{Call, Gate, Reaction, on_write};
use super::registry::files;
use super::world::World;
use super::{seed, state};

#[tokio::test(start_paused = true)]
async fn tombstones_then_history_then_the_package_and_its_ledger_last() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    seed::delete(&world.api, "clusterpackages", "demo");
    world.gone("clusterpackages", "demo").await;
    world.settled().await;
    assert_eq!(
        world.story_since(place),
        [
            "replace packageledgers",
            "tell east",
            "tell west",
            // Both are torn down: their rows go.
            "replace packageledgers",
            "tell east",
            "tell west",
            "patch packagerevisions",
            "delete packagerevisions",
            "delete secrets",
            "patch clusterpackages",
            "patch packageledgers",
            "delete packageledgers",
        ]
    );
    for plural in ["packageledgers", "packagerevisions", "secrets"] {
        assert_eq!(world.api.all(plural), Vec::<serde_json::Value>::new());
    }
}

/// Nothing is left of a package that is gone.
async fn leaves_nothing(world: &mut World) {
    world.gone("clusterpackages", "demo").await;
    world.settled().await;
    for plural in ["packageledgers", "packagerevisions", "secrets"] {
        assert_eq!(world.api.all(plural), Vec::<serde_json::Value>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_package_that_goes_while_its_next_image_is_pulled_leaves_no_revision_behind() {
    let mut world = World::with_package(&["east"]).await;
    let gate = Gate::closed();
    world.registry.hold(&gate);
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world.pass(Duration::from_secs(1)).await;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.gone("clusterpackages", "demo").await;
    assert_eq!(world.registry.asked_for("v2"), 0);
    gate.open();
    leaves_nothing(&mut world).await;
    assert_eq!(world.registry.asked_for("v2"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_package_that_goes_while_its_next_revision_is_made_takes_that_with_it() {
    let mut world = World::with_package(&["east"]).await;
    let gate = world.api.hold("create packagerevisions");
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world
        .until("the content is stored", |world| {
            let stored = world.api.all("secrets").len();
            (stored == 2)
                .then_some(())
                .ok_or_else(|| stored.to_string())
        })
        .await;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.pass(Duration::from_secs(5)).await;
    assert!(world.agents[0].held.values().all(|it| it.is_finished()));
    gate.open();
    leaves_nothing(&mut world).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_tears_down_before_the_tombstone_is_durable() {
    let mut world = World::with_package(&["east"]).await;
    let gate = world.api.hold("replace packageledgers");
    let place = world.api.place();
    seed::delete(&world.api, "clusterpackages", "demo");
    world.pass(Duration::from_secs(90)).await;
    assert_eq!(world.story_since(place), Vec::<String>::new());
    assert!(world.agents[0].held.values().all(|it| it.content.is_some()));
    gate.open();
    world.gone("clusterpackages", "demo").await;
}

#[tokio::test(start_paused = true)]
async fn a_package_stays_until_a_connected_member_has_torn_it_down() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.agent("west").tears_down = false;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.pass(Duration::from_secs(120)).await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert_eq!(
        package["metadata"]["finalizers"][0],
        "stevedore.dev/teardown"
    );
    let ledger = &world.api.all("packageledgers")[0];
    assert_eq!(state::conditions(ledger), "Drained=False/TearingDown");
    world.agent("west").tears_down = true;
    world.agent("west").forget_what_it_holds();
    world.gone("clusterpackages", "demo").await;
}

#[tokio::test(start_paused = true)]
async fn a_package_goes_while_a_member_is_away_and_its_tombstone_waits_in_the_ledger() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.agent("west").is_online = false;
    world.settled().await;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.gone("clusterpackages", "demo").await;
    world.settled().await;
    let ledger = &world.api.all("packageledgers")[0];
    assert_eq!(state::conditions(ledger), "Drained=False/MembersOffline");
    assert!(world.api.all("packagerevisions").is_empty());

    // Also another hub keeps it for the member.
    world.crash().await;
    world.settled().await;
    world.agent("west").is_online = true;
    world
        .until("the ledger is gone", |world| {
            match world.api.all("packageledgers").as_slice() {
                [] => Ok(()),
                [ledger, ..] => Err(ledger.to_string()),
            }
        })
        .await;
    let held = world.agent("west").held.values().next().unwrap();
    assert!(held.is_finished(), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_has_just_started_lets_no_package_go_before_its_members_had_time_to_come() {
    let mut world = World::with_package(&["east"]).await;
    world.agent("east").tears_down = false;
    seed::delete(&world.api, "clusterpackages", "demo");
    world
        .until("the tombstone is taken", |world| {
            let mut held = world.agents[0].held.values();
            let is_taken = held.all(|held| held.content.is_none());
            is_taken.then_some(()).ok_or_else(|| "not yet".to_owned())
        })
        .await;
    world.agent("east").is_online = false;
    world.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(50)).await;
    assert!(world.api.get("clusterpackages", "demo").is_some());
    // It stays away: after a minute it counts as away.
    world.gone("clusterpackages", "demo").await;
}

#[tokio::test(start_paused = true)]
async fn finalizers_and_labels_of_others_stay_when_the_hub_lets_go() {
    let mut world = World::with_package(&["east"]).await;
    let plurals = ["clusterpackages", "packageledgers", "packagerevisions"];
    for plural in plurals {
        let name = world.api.all(plural)[0]["metadata"]["name"].clone();
        world.api.change(|objects| {
            objects.edit(plural, name.as_str().unwrap(), |object| {
                let finalizers = object["metadata"]["finalizers"].as_array_mut();
                finalizers.unwrap().push("example/other".into());
            });
        });
    }
    world.settled().await;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.settled().await;
    for plural in plurals {
        let left = world.api.all(plural);
        assert_eq!(left.len(), 1, "{plural}:\n{}", state::of(&world));
        let finalizers = &left[0]["metadata"]["finalizers"];
        assert_eq!(
            finalizers.as_array().unwrap(),
            &["example/other"],
            "{plural}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_torn_down_while_the_definition_of_the_kind_goes() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    world.api.change(|objects| {
        objects.edit(
            "customresourcedefinitions",
            "clusterpackages.stevedore.dev",
            |it| {
                it["metadata"]["finalizers"] = serde_json::json!(["example/cleanup"]);
            },
        );
        objects.delete_as_person("customresourcedefinitions", "clusterpackages.stevedore.dev");
        objects.delete_as_person("clusterpackages", "demo");
    });
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(world.story_since(place), Vec::<String>::new());
    world
        .condition(
            "clusterpackages",
            "demo",
            "Stalled=True/DefinitionTerminating",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_left_alone_when_the_object_of_its_package_vanishes() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    world
        .api
        .change(|objects| objects.lose("clusterpackages", "demo"));
    world.settled().await;
    assert_eq!(world.story_since(place), Vec::<String>::new());
    let ledger = &world.api.all("packageledgers")[0];
    assert_eq!(state::conditions(ledger), "Drained=False/PackageVanished");

    // A cluster that is emptied gets a tombstone all the same.
    seed::set(&world.api, "memberclusters", "east", "leaving", true.into());
    world
        .condition("memberclusters", "east", "Drained=True/")
        .await;
    let held = |name: &str, world: &mut World| {
        let held = world.agent(name).held.values().next().unwrap();
        held.is_finished()
    };
    assert!(held("east", &mut world) && !held("west", &mut world));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_tears_down_before_a_lost_answer_was_planned_with_counts_all_the_same() {
    let mut world = World::with_package(&["east"]).await;
    // Sooner than the hub plans again after a write that lost.
    world.step = Duration::from_millis(5);
    world.api.set_rule(on_write(1, Reaction::LoseAnswer));
    let place = world.api.place();
    seed::delete(&world.api, "clusterpackages", "demo");
    world.gone("clusterpackages", "demo").await;
    let writes = world.writes_since(place);
    let ledgers: Vec<&Call> = writes
        .iter()
        .filter(|it| it.plural() == "packageledgers")
        .collect();
    // The tombstone, whose answer was lost; once more from what was known before; and the row is dropped.
    let codes: Vec<_> = ledgers.iter().take(3).map(|call| call.code).collect();
    assert_eq!(codes, [200, 409, 200]);
}
