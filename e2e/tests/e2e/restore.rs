//! A hub whose data was put back to an older copy.

use serde_json::{Value, json};

use super::audit_log::package_writes;
use stevedore_e2e::api::{core, get, uid};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World};

/// A hub whose data can be put back.
const RESTORABLE: Shape = Shape {
    own_etcd: true,
    ..SMALL
};

/// One package that was changed after the copy was made, and one that the copy does not know.
struct Past {
    changed: Draft,
    /// The changed package's object, as the member has it.
    held: Value,
    /// The object of the package that the copy does not know.
    unknown: Value,
    /// How much was written on the member before the hub went back.
    written: usize,
}

fn map(name: &str) -> String {
    core("default", "configmaps", name)
}

/// Puts the hub back to a copy of which the member knows more. `meanwhile` happens when the hub is down.
async fn put_back(world: &World, meanwhile: impl AsyncFnOnce()) -> Past {
    let first = Draft::one_map("restored", "1");
    first.roll_out(world, &members(), 1).await;
    let backup = world.fleet.hub().back_up().await.expect("a backup");

    let later = Draft::one_map("later", "1");
    later.roll_out(world, &members(), 1).await;
    change(world, &first, "2").await;
    first.available(world, 1).await;
    let member = world.cluster("member-1");
    let past = Past {
        held: seen(world, "restored-map").await,
        unknown: seen(world, "later-map").await,
        written: package_writes(member, "default").len(),
        changed: first,
    };

    world
        .hub_starts_again(async || {
            meanwhile().await;
            let restored = world.fleet.hub().restore(&backup).await;
            restored.expect("the older copy starts");
        })
        .await;
    past
}

async fn change(world: &World, draft: &Draft, tag: &str) {
    let next = draft.clone().config_map("restored-map", "only", tag);
    next.upgrade(world, tag).await;
}

async fn seen(world: &World, name: &str) -> Value {
    let found = get(&world.cluster("member-1").client(), &map(name)).await;
    found.expect("it is there")
}

/// Nothing was written on the member since the hub went back.
async fn is_untouched(world: &World, past: &Past) {
    for (name, before) in [("restored-map", &past.held), ("later-map", &past.unknown)] {
        let now = seen(world, name).await;
        assert_eq!(
            now["metadata"]["resourceVersion"],
            before["metadata"]["resourceVersion"]
        );
    }
    let written = package_writes(world.cluster("member-1"), "default").len();
    assert_eq!(written, past.written);
}

/// An operator raises the epoch: the census names what differs and what the hub does not know, then the fleet
/// comes together without an object made again, and what is not known stays.
async fn raise(world: &World, past: &Past, wanted: &str) {
    let census = world.stevedore(["hub", "raise-epoch", "--yes"]).await.ok();
    let line = |package: &str| {
        let mut lines = census.lines();
        lines.find(|line| line.contains(package) && line.contains("member-1"))
    };
    assert!(line("restored").is_some(), "{census}");
    let unknown = line("later").unwrap_or_else(|| panic!("{census}"));
    assert!(unknown.contains("UnknownToHub"), "{census}");
    past.changed.available(world, 1).await;
    let now = seen(world, "restored-map").await;
    assert_eq!(uid(&now), uid(&past.held), "it was made again");
    assert_eq!(now["data"]["value"], wanted);
    assert_eq!(seen(world, "later-map").await, past.unknown);
}

#[test]
fn a_restored_hub_reports_freezes_and_after_a_raise_brings_the_fleet_together() {
    alone(RESTORABLE, async |world| {
        let past = put_back(world, async || {}).await;
        past.changed.fails(world, "raise-epoch").await;
        change(world, &past.changed, "3").await;
        past.changed.fails(world, "raise-epoch").await;
        is_untouched(world, &past).await;
        raise(world, &past, "3").await;
    });
}

#[test]
fn a_restored_hub_that_gave_higher_numbers_meanwhile_is_noticed_by_its_history() {
    alone(RESTORABLE, async |world| {
        let agent = &world.agent("member-1").daemon;
        let past = put_back(world, async || {
            agent.kill().await;
        })
        .await;
        let numbers = async || world.ledger("restored").await["spec"]["highestNumber"].as_i64();
        // The member holds number 2 of a history that ended. Without it, the hub gives 2 and 3 anew: pausing waits for
        // nobody.
        for (paused, number) in [(true, 2), (false, 3)] {
            let spec = json!({"paused": paused});
            past.changed.change(world, &spec).await;
            await_state("the next order is durable", WITHIN, || async {
                match numbers().await {
                    Some(found) if found == number => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            })
            .await;
        }
        change(world, &past.changed, "4").await;
        agent.start().await.expect("the agent starts");
        past.changed.fails(world, "raise-epoch").await;
        is_untouched(world, &past).await;
        raise(world, &past, "4").await;
    });
}
