//! Ledgers of more members than one object holds.

use std::collections::BTreeMap;

use serde_json::json;
use stevedore_proto_core::ledger::{self, MAX_ROWS};
use stevedore_proto_core::{ClusterUid, Digest};

use super::api_server::Reaction;
use super::registry::files;
use super::seed;
use super::world::World;

/// More than one shard has room for.
const MEMBERS: usize = MAX_ROWS + 10;

fn cluster(number: usize) -> ClusterUid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Digest::of(&number.to_be_bytes()).as_bytes()[..16]);
    ClusterUid::from_bytes(bytes)
}

/// A hub with many members that are away: nothing answers, and everything is ordered.
async fn large() -> World {
    let mut world = World::new().await;
    world.api.change(|objects| {
        for number in 0..MEMBERS {
            let member = json!({
                "metadata": {"name": format!("member-{number}")},
                "spec": {"clusterUID": cluster(number).to_string()},
                "status": {"environment": {"kubernetesVersion": "v1.36.0"}},
            });
            objects.make("memberclusters", member);
        }
    });
    world.start_hub();
    world
}

/// Every row of all shards: its shard and its number, by cluster.
fn rows(world: &World) -> BTreeMap<ClusterUid, (i64, u64)> {
    let mut rows = BTreeMap::new();
    for object in world.api.all("packageledgers") {
        let spec = &object["spec"];
        let shard = spec["shard"].as_i64().unwrap();
        let text = spec["rows"].as_str().unwrap_or_default();
        let bytes: k8s_openapi::ByteString = serde_json::from_value(json!(text)).unwrap();
        for row in ledger::decode(&bytes.0, usize::from(u16::MAX)).unwrap() {
            let before = rows.insert(row.cluster, (shard, row.number));
            assert_eq!(before, None, "{} has two rows", row.cluster);
        }
    }
    rows
}

async fn all_ordered(world: &mut World) -> BTreeMap<ClusterUid, (i64, u64)> {
    let image = world.registry.push("v1", &files("one"));
    seed::package(&world.api, "demo", &image);
    world
        .until("every member has a row", |world| {
            let rows = rows(world);
            let is_all = rows.len() == MEMBERS;
            is_all.then_some(rows).ok_or_else(|| "not yet".to_owned())
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn every_member_has_one_row_in_one_of_the_shards() {
    let mut world = large().await;
    let rows = all_ordered(&mut world).await;
    let second = rows.values().filter(|(shard, _)| *shard == 1).count();
    assert_eq!(second, MEMBERS - MAX_ROWS);
    assert!(rows.values().all(|(_, number)| *number == 1));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_ends_between_two_shards_gives_no_number_of_the_first_again() {
    let mut world = large().await;
    let mut seen = 0;
    world.api.set_rule(move |call| {
        seen += usize::from(call.effect() == "create packageledgers");
        match call.effect().as_str() {
            "create packageledgers" if seen == 1 => Reaction::CrashAfter,
            _ => Reaction::Serve,
        }
    });
    let rows = all_ordered(&mut world).await;
    for (shard, number) in rows.values() {
        // The second hub gave the next one.
        assert_eq!(u64::try_from(*shard).unwrap() + 1, *number);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_shard_goes_first_and_what_is_left_can_be_read_by_the_next_hub() {
    let mut world = large().await;
    all_ordered(&mut world).await;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.gone("clusterpackages", "demo").await;
    let place = world.api.place();
    // The first shard's finalizer is the second that goes.
    let mut patches = 0;
    world.api.set_rule(move |call| {
        let is_patch = call.effect() == "patch packageledgers";
        patches += usize::from(is_patch);
        match is_patch && patches == 2 {
            true => Reaction::CrashBefore,
            false => Reaction::Serve,
        }
    });
    world.api.change(|objects| {
        for number in 0..MEMBERS {
            objects.lose("memberclusters", &format!("member-{number}"));
        }
    });
    world
        .until("every shard is gone", |world| {
            match world.api.all("packageledgers").len() {
                0 => Ok(()),
                left => Err(format!("{left} are left")),
            }
        })
        .await;
    let gone: Vec<_> = world
        .writes_since(place)
        .iter()
        .filter(|write| write.effect() == "delete packageledgers")
        .map(|write| write.name.rsplit('-').next().unwrap().to_owned())
        .collect();
    assert_eq!(gone, ["1", "0"]);
    // The rule has ended the first process.
    assert_eq!(world.loaded_number(), 2);
}
