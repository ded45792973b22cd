//! Observations of members, remembered in the statuses of ledgers: in batches, at a pace, and over a restart.

use std::time::Duration;

use serde_json::Value;

use super::registry::files;
use super::world::World;
use super::{seed, state};

fn ledger_statuses(world: &World, place: usize) -> Vec<super::api_server::Call> {
    let mut writes = world.writes_since(place);
    writes.retain(|write| write.effect() == "patch packageledgers/status");
    writes
}

fn details(world: &World) -> Value {
    let ledger = world.api.all("packageledgers").remove(0);
    ledger["status"]["details"].clone()
}

#[tokio::test(start_paused = true)]
async fn reports_are_written_in_batches_of_ten_seconds() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    for number in 0..60 {
        world.agent("east").complaint = Some(number.to_string());
        world.everyone_reports();
        world.pass(Duration::from_secs(1)).await;
    }
    let writes = ledger_statuses(&world, place).len();
    assert!((5..=7).contains(&writes), "{writes}");
    world.settled().await;
    assert_eq!(details(&world)[0]["message"], "59");
}

#[tokio::test(start_paused = true)]
async fn a_failing_member_is_named_with_the_time_since_when() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.agent("west").complaint = Some("first".to_owned());
    world.everyone_reports();
    world.settled().await;
    let before = details(&world);
    assert_eq!(before.as_array().unwrap().len(), 1);
    assert_eq!(
        (&before[0]["cluster"], &before[0]["reason"]),
        (&"west".into(), &"Broken".into())
    );
    world.agent("west").complaint = Some("second".to_owned());
    world.everyone_reports();
    world.settled().await;
    let after = details(&world);
    assert_eq!(after[0]["message"], "second");
    assert_eq!(before[0]["since"], after[0]["since"]);
    world.agent("west").complaint = None;
    world.everyone_reports();
    world.settled().await;
    assert!(details(&world).is_null(), "{}", details(&world));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_starts_forgets_nothing_of_members_that_it_has_not_heard() {
    let mut world = World::with_package(&["east", "west"]).await;
    let rows = |world: &World| {
        let lines = state::of(world);
        let seen = lines.lines().filter(|line| line.contains("seen"));
        seen.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = rows(&world);
    assert!(
        before.iter().all(|row| row.contains("Available")),
        "{before:?}"
    );
    world.agent("west").is_online = false;
    world.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(rows(&world), before);
}

#[tokio::test(start_paused = true)]
async fn many_statuses_are_written_one_after_the_other_and_not_at_once() {
    let mut world = World::with_members(&["east"]).await;
    let image = world.registry.push("v1", &files("one"));
    let names: Vec<_> = (0..25).map(|number| format!("demo-{number}")).collect();
    for name in &names {
        seed::package(&world.api, name, &image);
    }
    for name in &names {
        world.everywhere(name, 1).await;
    }
    world.settled().await;
    let place = world.api.place();
    world.agent("east").complaint = Some("all of them".to_owned());
    world.everyone_reports();
    world.settled().await;
    let times: Vec<_> = ledger_statuses(&world, place)
        .iter()
        .map(|it| it.at)
        .collect();
    assert_eq!(times.len(), names.len());
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(20), "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_removed_package_waits_for_is_written_within_a_second() {
    let mut world = World::with_package(&["east"]).await;
    world.agent("east").tears_down = false;
    let place = world.api.place();
    seed::delete(&world.api, "clusterpackages", "demo");
    let asked = tokio::time::Instant::now();
    let drained = world
        .until("the ledger says what it waits for", |world| {
            let ledger = world.api.all("packageledgers").remove(0);
            let found = state::conditions(&ledger);
            (!found.is_empty()).then_some(found).ok_or_else(String::new)
        })
        .await;
    assert_eq!(drained, "Drained=False/TearingDown");
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert!(!ledger_statuses(&world, place).is_empty());
}
