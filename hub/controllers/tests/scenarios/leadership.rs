//! Leading: nothing is written or ordered without a Lease, and every leader takes a term of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use stevedore_crds::record;
use stevedore_hub_core::ports::{Members as _, Orders as _};
use stevedore_proto_core::message::CloseReason;
use stevedore_runtime::supervise::Exit;

use super::api_server::{Call, Entry, Gate, Reaction, Told};
use super::registry::files;
use super::world::World;
use super::{seed, state};

/// The API server answers nothing about Leases any more.
fn without_leases(call: &Call) -> Reaction {
    match call.plural() {
        "leases" => Reaction::Hang,
        _ => Reaction::Serve,
    }
}

fn term(world: &World) -> String {
    let map = world.api.get("configmaps", record::EPOCH).unwrap();
    map["data"]["term"].as_str().unwrap().to_owned()
}

/// Orders that anybody was told of since a place in the log.
fn told_since(world: &World, place: usize) -> Vec<Entry> {
    let mut log = world.api.log_since(place);
    log.retain(|entry| matches!(entry, Entry::Told(_, Told::Changed(..) | Told::Reloaded)));
    log
}

#[tokio::test(start_paused = true)]
async fn the_lease_and_a_term_are_taken_before_anything_is_listed_or_written() {
    let mut world = World::new().await;
    world.add_member("east", seed::cluster(1));
    world.start_hub();
    world.settled().await;
    let log = world.api.log_since(0).into_iter();
    let calls = log.filter_map(|entry| match entry {
        Entry::Request(call) => Some(call),
        Entry::Told(..) => None,
    });
    let of_ours = |call: &Call| call.kind.is_some_and(|it| it.group == "stevedore.dev");
    let before: Vec<_> = calls.take_while(|call| !of_ours(call)).collect();
    let writes: Vec<_> = before.iter().filter(|it| it.is_write()).collect();
    let effects: Vec<_> = writes.iter().map(|call| call.effect()).collect();
    assert_eq!(effects, ["create leases", "create configmaps"]);
    assert_eq!(term(&world), "1");
}

#[tokio::test(start_paused = true)]
async fn a_hub_whose_lease_is_not_renewed_writes_and_orders_nothing_more() {
    let mut world = World::with_package(&["east"]).await;
    world.restarts = false;
    world.api.set_rule(without_leases);
    let hub = world.hub().unwrap().clone();
    world
        .until("the hub knows that it no longer leads", |_| {
            hub.leadership().map_or(Ok(()), |it| Err(format!("{it:?}")))
        })
        .await;
    let place = world.api.place();
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    seed::package(&world.api, "other", &image);
    seed::action(&world.api, "undo", "demo", "Pin", Some(1));
    world.add_member("west", seed::cluster(2));
    seed::delete(
        &world.api,
        "packagerevisions",
        &world.name_of("packagerevisions"),
    );
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(
        world
            .writes_since(place)
            .iter()
            .map(Call::to_string)
            .collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    assert_eq!(told_since(&world, place).len(), 0);
    let agent = &world.agents[0];
    let close = hub.admit(agent.cluster, agent.member).unwrap_err();
    assert_eq!(close.reason, CloseReason::NotLeader);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_begun_as_leader_is_not_carried_on_without_the_lease() {
    let mut world = World::with_members(&["east"]).await;
    world.restarts = false;
    let gate = Gate::closed();
    let held = gate.clone();
    world
        .api
        .set_rule(move |call| match call.effect().as_str() {
            "apply clusterpackages" => Reaction::Hold(held.clone()),
            _ => without_leases(call),
        });
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    world.pass(Duration::from_secs(30)).await;
    let place = world.api.place();
    gate.open();
    world.pass(Duration::from_secs(60)).await;
    // What was asked for while it led is answered; what would have followed is not asked for.
    let mut story = world.story_since(place);
    story.dedup();
    assert_eq!(story, ["apply clusterpackages"]);
    assert!(world.agents[0].held.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_hub_takes_over_when_the_lease_has_run_out_and_only_it_orders() {
    let mut world = World::with_package(&["east"]).await;
    world.restarts = false;
    world.api.set_rule(|call| match call.process {
        1 => without_leases(call),
        _ => Reaction::Serve,
    });
    world.start_hub();
    let place = world.api.place();
    let image = world.registry.push("v2", &files("two"));
    world
        .until("the second hub leads", |world| {
            let second = world.processes[1].hub();
            second
                .and_then(|hub| hub.leadership())
                .map(drop)
                .ok_or_else(String::new)
        })
        .await;
    assert!(world.processes[0].hub().unwrap().leadership().is_none());
    assert_eq!(term(&world), "2");
    seed::set_image(&world.api, "demo", &image);
    world.everywhere("demo", 2).await;
    world.settled().await;
    let writers: Vec<_> = world
        .writes_since(place)
        .iter()
        .map(|it| it.process)
        .collect();
    assert!(
        !writers.is_empty() && writers.iter().all(|it| *it == 2),
        "{writers:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_stops_lets_its_lease_go_and_the_next_one_does_not_wait() {
    let mut world = World::with_package(&["east"]).await;
    let process = world.processes.remove(0);
    assert_eq!(process.stop().await, Exit::Clean);
    let lease = world.api.get("leases", record::LEASE).unwrap();
    assert!(lease["spec"]["holderIdentity"].is_null(), "{lease}");
    let asked = tokio::time::Instant::now();
    world.start_hub();
    world.loaded().await;
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_hub_ends_when_it_cannot_read_its_epoch_and_orders_nothing() {
    let mut world = World::with_package(&["east"]).await;
    world.halt().await;
    world.api.change(|objects| {
        objects.edit("configmaps", record::EPOCH, |map| {
            map["data"]["epoch"] = json!("one")
        });
    });
    let place = world.api.place();
    world.start_hub();
    let reason = world
        .until("the hub ends", |world| match world.exits.first() {
            Some(Exit::TaskEnded { reason, .. }) => Ok(reason.clone()),
            other => Err(format!("{other:?}")),
        })
        .await;
    assert_eq!(
        reason,
        "the stored epoch cannot be read: epoch is not a number"
    );
    assert_eq!(world.story_since(place), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_read_holds_up_its_own_package_and_no_other() {
    let mut world = World::with_package(&["east"]).await;
    let broken = world.name_of("packageledgers");
    let image = world.registry.image("v1");
    seed::package(&world.api, "other", &image);
    world.everywhere("other", 1).await;
    world.settled().await;
    world.halt().await;
    seed::set(&world.api, "packageledgers", &broken, "rows", json!("AAAA"));
    let place = world.api.place();
    for name in ["demo", "other"] {
        let paused = json!(true);
        seed::set(&world.api, "clusterpackages", name, "paused", paused);
    }
    world.start_hub();
    let ledgers = |world: &World| {
        let writes = world.writes_since(place).into_iter();
        let specs = writes.filter(|call| call.plural() == "packageledgers" && !call.is_status);
        specs.map(|call| call.name).collect::<BTreeSet<_>>()
    };
    let stored = world
        .until("the other package is ordered", |world| {
            let stored = ledgers(world);
            match stored.is_empty() {
                false => Ok(stored),
                true => Err("no ledger was stored".to_owned()),
            }
        })
        .await;
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(ledgers(&world), stored);
    assert!(!stored.contains(&broken), "{stored:?}");
    assert_eq!(world.exits.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_waited_long_for_its_lease_gives_members_the_same_time_to_come() {
    let mut world = World::with_package(&["east"]).await;
    world.start_hub();
    world.pass(Duration::from_secs(300)).await;
    let before = world.settled().await;
    world.agent("east").is_online = false;
    world.agent("east").hung_up(1);
    let first = world.processes.remove(0);
    first.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(50)).await;
    assert_eq!(state::difference(&before, &state::of(&world)), None);
}
