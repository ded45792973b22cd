//! Rollouts in waves: whom the hub orders after whom, and what it waits for, also across processes.

use std::time::Duration;

use serde_json::{Value, json};

use super::registry::files;
use super::seed;
use super::world::World;

const MEMBERS: [&str; 4] = ["east", "north", "south", "west"];

/// Four members that run the first version of a package that is rolled out so.
async fn world(rollout: Value) -> World {
    let mut world = World::with_package(&MEMBERS).await;
    if !rollout.is_null() {
        set_rollout(&world, rollout);
        world.settled().await;
    }
    world
}

fn set_rollout(world: &World, rollout: Value) {
    seed::set(&world.api, "clusterpackages", "demo", "rollout", rollout);
}

fn upgrade(world: &World, to: u8) {
    let image = world
        .registry
        .push(&format!("v{to}"), &files(&to.to_string()));
    seed::set_image(&world.api, "demo", &image);
}

/// Whom the hub told of orders since a place in the log.
fn told(world: &World, place: usize) -> Vec<String> {
    let story = world.story_since(place).into_iter();
    let told = story.filter_map(|effect| effect.strip_prefix("tell ").map(str::to_owned));
    told.collect()
}

fn status(world: &World) -> Value {
    world.api.get("clusterpackages", "demo").unwrap()["status"].clone()
}

/// What each wave waits for.
fn gates(world: &World) -> Vec<(String, String)> {
    let status = status(world);
    let waves = status["waves"].as_array().cloned().unwrap_or_default();
    let text = |wave: &Value, field: &str| wave[field].as_str().unwrap_or_default().to_owned();
    waves
        .iter()
        .map(|wave| (text(wave, "name"), text(wave, "gate")))
        .collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, gate): &(&str, &str)| ((*name).to_owned(), (*gate).to_owned());
    wanted.iter().map(pair).collect()
}

#[tokio::test(start_paused = true)]
async fn without_a_rollout_one_cluster_goes_first_and_one_at_a_time_follows() {
    let mut world = world(Value::Null).await;
    let place = world.api.place();
    upgrade(&world, 2);
    world.everywhere("demo", 2).await;
    world.settled().await;
    assert_eq!(told(&world, place), MEMBERS);
    let story = world.story_since(place);
    let at = |effect: &str| story.iter().position(|it| it == effect).unwrap();
    let between = &story[at("tell east")..at("tell north")];
    assert_eq!(between, ["tell east", "replace packageledgers"]);
    assert_eq!(gates(&world), []);
    world
        .condition("clusterpackages", "demo", "Ready=True/Available")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_canary_halts_the_rollout_also_for_the_next_process_and_its_repair_resumes_it() {
    let mut world = world(Value::Null).await;
    world.agent("east").complaint = Some("the lamp is out".to_owned());
    let place = world.api.place();
    upgrade(&world, 2);
    world
        .condition("clusterpackages", "demo", "Ready=False/RolloutHalted")
        .await;
    world
        .condition("clusterpackages", "demo", "Stalled=True/RolloutHalted")
        .await;
    assert_eq!(gates(&world)[0], pairs(&[("canary", "Halted")])[0]);
    world.crash().await;
    world.pass(Duration::from_secs(180)).await;
    assert_eq!(told(&world, place), ["east"]);
    let hub = world.hub().unwrap().clone();
    let east = world.agent("east");
    east.complaint = None;
    east.report_all(&hub);
    world.everywhere("demo", 2).await;
    world
        .condition("clusterpackages", "demo", "Ready=True/Available")
        .await;
}

#[tokio::test(start_paused = true)]
async fn another_spec_takes_over_from_a_halted_rollout() {
    let mut world = world(Value::Null).await;
    world.agent("east").complaint = Some("the lamp is out".to_owned());
    upgrade(&world, 2);
    world
        .condition("clusterpackages", "demo", "Ready=False/RolloutHalted")
        .await;
    world.agent("east").complaint = None;
    let place = world.api.place();
    upgrade(&world, 3);
    world.everywhere("demo", 3).await;
    let told = told(&world, place);
    assert_eq!(
        told, MEMBERS,
        "nobody but the canary ever had the second one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_soak_time_goes_on_across_processes_and_is_never_cut_short() {
    let rollout = json!({
        "waves": [{"name": "first", "clusterNames": ["west"], "minReadySeconds": 600}],
        "maxUnavailable": "100%",
    });
    let mut world = world(rollout).await;
    let place = world.api.place();
    upgrade(&world, 2);
    world.settled().await;
    assert_eq!(told(&world, place), ["west"]);
    assert_eq!(
        gates(&world),
        pairs(&[("first", "Soaking"), ("rest", "EarlierWave")])
    );
    world.pass(Duration::from_secs(300)).await;
    world.crash().await;
    world.pass(Duration::from_secs(240)).await;
    assert_eq!(told(&world, place), ["west"]);
    world.pass(Duration::from_secs(70)).await;
    world.everywhere("demo", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_wave_waits_for_an_approval_of_its_revision() {
    let rollout = json!({
        "waves": [
            {"name": "region", "label": {"key": "name", "values": ["south", "north"]}},
            {"name": "others", "approval": "Before"},
        ],
        "maxUnavailable": "100%",
    });
    let mut world = world(rollout).await;
    let place = world.api.place();
    upgrade(&world, 2);
    world
        .condition("clusterpackages", "demo", "Ready=False/AwaitingApproval")
        .await;
    world.settled().await;
    assert_eq!(told(&world, place), ["south", "north"]);
    let waiting = [
        ("region/south", "Passed"),
        ("region/north", "Passed"),
        ("others", "Approval"),
    ];
    assert_eq!(gates(&world), pairs(&waiting));
    seed::approval(&world.api, "yes", "demo", "others", 2);
    world.everywhere("demo", 2).await;
    let action = world.api.get("packageactions", "yes").unwrap();
    assert_eq!(action["status"]["state"], "Active");
    upgrade(&world, 3);
    world
        .condition("clusterpackages", "demo", "Ready=False/AwaitingApproval")
        .await;
    let action = world.api.get("packageactions", "yes").unwrap();
    assert_eq!(action["status"]["state"], "Ended");
}

#[tokio::test(start_paused = true)]
async fn a_roll_back_goes_through_the_waves_and_waits_for_no_approval() {
    let rollout = json!({"waves": [
        {"name": "first", "clusterNames": ["west"]},
        {"name": "others", "approval": "Before"},
    ]});
    let mut world = world(rollout).await;
    upgrade(&world, 2);
    world
        .condition("clusterpackages", "demo", "Ready=False/AwaitingApproval")
        .await;
    seed::approval(&world.api, "yes", "demo", "others", 2);
    world.everywhere("demo", 2).await;
    world.settled().await;
    let place = world.api.place();
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world.everywhere("demo", 1).await;
    assert_eq!(told(&world, place), ["west", "east", "north", "south"]);
}

#[tokio::test(start_paused = true)]
async fn an_offline_member_is_not_waited_for_and_catches_up_when_it_is_back() {
    let mut world = world(Value::Null).await;
    world.agent("east").is_online = false;
    world.pass(Duration::from_secs(1)).await;
    let place = world.api.place();
    upgrade(&world, 2);
    world.settled().await;
    assert_eq!(told(&world, place), ["north", "south", "west"]);
    world
        .condition("clusterpackages", "demo", "Ready=Unknown/MembersOffline")
        .await;
    world.agent("east").is_online = true;
    world.everywhere("demo", 2).await;
    assert_eq!(told(&world, place), ["north", "south", "west", "east"]);
}

#[tokio::test(start_paused = true)]
async fn a_held_member_keeps_what_it_has_and_the_others_go_on() {
    let mut world = world(Value::Null).await;
    let hold = |world: &World, hold: Value| {
        seed::set(&world.api, "memberclusters", "north", "hold", hold);
    };
    hold(&world, json!({"reason": "dredging"}));
    let place = world.api.place();
    upgrade(&world, 2);
    world
        .condition("clusterpackages", "demo", "Ready=True/Available")
        .await;
    world.settled().await;
    assert_eq!(told(&world, place), ["east", "south", "west"]);
    assert_eq!(status(&world)["counts"]["held"], 1);
    seed::delete(&world.api, "clusterpackages", "demo");
    world.settled().await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert!(package["metadata"]["deletionTimestamp"].is_string());
    hold(&world, Value::Null);
    world.gone("clusterpackages", "demo").await;
}
