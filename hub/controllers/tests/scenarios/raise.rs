//! Raising the epoch: asked for by an operator, shown, confirmed, and carried out once.

use std::time::Duration;

use serde_json::Value;
use stevedore_crds::record;
use stevedore_proto_core::{DeploymentUid, Epoch, Held, PackageUid};

use super::api_server::{Gate, Reaction};
use super::seed;
use super::world::World;

async fn ask(world: &mut World, request: &str) -> Value {
    seed::ask_for_raise(&world.api, record::RAISE_REQUEST, request);
    world.census(request, record::RAISE_READY).await;
    findings(world)
}

async fn confirm(world: &mut World, request: &str) {
    seed::ask_for_raise(&world.api, record::RAISE_CONFIRM, request);
    world.census(request, record::RAISE_DONE).await;
}

fn findings(world: &World) -> Value {
    let census = world.api.get("configmaps", record::CENSUS).unwrap();
    let text = census["data"][record::CENSUS_FINDINGS].as_str().unwrap();
    serde_json::from_str(text).unwrap()
}

fn epoch(world: &World) -> String {
    let map = world.api.get("configmaps", record::EPOCH).unwrap();
    map["data"]["epoch"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_census_changes_nothing_until_it_is_confirmed() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    let census = ask(&mut world, "first").await;
    assert_eq!(
        (&census["asOrdered"], &census["notAsked"]),
        (&2.into(), &0.into())
    );
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.story_since(place), ["create configmaps"]);
    // What is confirmed is this census and no other.
    seed::ask_for_raise(&world.api, record::RAISE_CONFIRM, "another");
    world.settled().await;
    assert_eq!(epoch(&world), "1");
}

#[tokio::test(start_paused = true)]
async fn everything_is_ordered_anew_above_what_members_hold() {
    let mut world = World::with_package(&["east", "west"]).await;
    // The hub was put back: a member holds what it does not know.
    for held in world.agent("west").held.values_mut() {
        held.tuple.number = 40;
    }
    let census = ask(&mut world, "first").await;
    assert_eq!(census["lines"][0]["cluster"], "west");
    assert_eq!(census["lines"][0]["number"], 40);
    confirm(&mut world, "first").await;
    world.everywhere_in_epoch(2).await;
    for agent in &world.agents {
        for held in agent.held.values() {
            assert!(held.tuple.number > 40, "{held:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_epoch_is_above_every_epoch_that_a_member_holds() {
    let mut world = World::with_package(&["east", "west"]).await;
    for held in world.agent("west").held.values_mut() {
        let id = held.tuple.epoch.id;
        held.tuple.epoch = Epoch { counter: 6, id };
    }
    ask(&mut world, "first").await;
    confirm(&mut world, "first").await;
    assert_eq!(epoch(&world), "7");
    world.everywhere_in_epoch(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_followed_once_also_by_the_hubs_that_come_after() {
    let mut world = World::with_package(&["east"]).await;
    ask(&mut world, "first").await;
    confirm(&mut world, "first").await;
    world.everywhere_in_epoch(2).await;
    world.crash().await;
    world.settled().await;
    assert_eq!(epoch(&world), "2");
    ask(&mut world, "second").await;
    confirm(&mut world, "second").await;
    assert_eq!(epoch(&world), "3");
}

#[tokio::test(start_paused = true)]
async fn every_session_ends_once_so_that_members_meet_the_epoch_from_the_first_message_on() {
    let mut world = World::with_package(&["east", "west"]).await;
    let before: Vec<_> = world.agents.iter().map(|it| it.incarnation).collect();
    ask(&mut world, "first").await;
    confirm(&mut world, "first").await;
    world.everywhere_in_epoch(2).await;
    world.settled().await;
    let after: Vec<_> = world.agents.iter().map(|it| it.incarnation - 1).collect();
    assert_eq!(before, after);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_away_is_named_and_follows_when_it_returns() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.agent("west").is_online = false;
    world.settled().await;
    let census = ask(&mut world, "first").await;
    assert_eq!(census["missing"], serde_json::json!(["west"]));
    confirm(&mut world, "first").await;
    world.everywhere_in_epoch(2).await;
    world.agent("west").is_online = true;
    world.everywhere_in_epoch(2).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_hub_does_not_know_is_listed_and_never_ordered_away() {
    let mut world = World::with_package(&["east"]).await;
    let known = world.agents[0].held.values().next().unwrap().clone();
    let uid = PackageUid::from_bytes([9; 16]);
    let deployment = DeploymentUid::derive(&uid, &world.agents[0].cluster);
    let mut stranger = Held {
        deployment,
        ..known
    };
    stranger.package.uid = uid;
    stranger.package.name = "stranger".to_owned();
    world.agents[0].held.insert(deployment, stranger);
    let census = ask(&mut world, "first").await;
    assert_eq!(census["lines"][0]["package"], "stranger");
    assert_eq!(census["lines"][0]["finding"], "UnknownToHub");
    confirm(&mut world, "first").await;
    world.settled().await;
    let left = &world.agents[0].held[&deployment];
    assert!(left.content.is_some() && left.tuple.epoch.counter == 1);
}

#[tokio::test(start_paused = true)]
async fn a_raise_that_a_successor_overtook_is_carried_out_by_it_alone() {
    let mut world = World::with_package(&["east"]).await;
    ask(&mut world, "first").await;
    world.restarts = false;
    let gate = Gate::closed();
    let held = gate.clone();
    world
        .api
        .set_rule(move |call| match (call.process, call.plural()) {
            (1, "leases") => Reaction::Hang,
            (1, "configmaps") if call.is_write() => Reaction::Hold(held.clone()),
            _ => Reaction::Serve,
        });
    seed::ask_for_raise(&world.api, record::RAISE_CONFIRM, "first");
    world.pass(Duration::from_secs(3)).await;
    world.start_hub();
    world.census("first", record::RAISE_DONE).await;
    gate.open();
    world.settled().await;
    assert_eq!(epoch(&world), "2");
    let writes = world.writes_since(0);
    let mut late = writes
        .iter()
        .filter(|it| it.process == 1 && it.plural() == "configmaps");
    // It named the version that it had read.
    assert_eq!(late.next_back().unwrap().code, 409);
}
