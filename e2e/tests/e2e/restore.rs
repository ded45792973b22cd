//! A hub whose data was put back to an older copy.

use serde_json::json;

use super::rollout::package_writes;
use stevedore_e2e::api::{core, get, uid};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::alone;
use stevedore_e2e::world::{SMALL, Shape};

/// A hub whose data can be put back.
const RESTORABLE: Shape = Shape {
    own_etcd: true,
    ..SMALL
};

#[test]
fn a_restored_hub_reports_freezes_and_after_a_raise_brings_the_fleet_together() {
    alone(RESTORABLE, async |world| {
        let first = Draft::new("restored", &["only"])
            .inside("default")
            .config_map("restored-map", "only", "old");
        let image = first.push(world, "1").await;
        first.order(world, &image, &members()).await;
        first.available(world, 1).await;
        let backup = world.fleet.hub().back_up().await.expect("a backup");

        let second = first.clone().config_map("restored-map", "only", "new");
        let newer = second.push(world, "2").await;
        second.change(world, &json!({"image": newer})).await;
        second.available(world, 1).await;
        let member = world.cluster("member-1");
        let map = core("default", "configmaps", "restored-map");
        let held = get(&member.client(), &map).await.expect("it is there");
        let written = package_writes(member, "default").len();

        world.hub.daemon.kill().await;
        let restored = world.fleet.hub().restore(&backup).await;
        restored.expect("the older copy starts");
        world.hub.daemon.start().await.expect("the hub starts");
        first.fails(world, "raise-epoch").await;
        // It gives higher numbers than the member holds, of a history that the member does not know.
        for tag in ["3", "4"] {
            let third = first.clone().config_map("restored-map", "only", tag);
            let image = third.push(world, tag).await;
            third.change(world, &json!({"image": image})).await;
        }
        first.fails(world, "raise-epoch").await;
        let now = get(&member.client(), &map).await.expect("it is there");
        assert_eq!(
            now["metadata"]["resourceVersion"],
            held["metadata"]["resourceVersion"]
        );
        assert_eq!(package_writes(member, "default").len(), written);

        let census = world.stevedore(["hub", "raise-epoch", "--yes"]).await.ok();
        assert!(
            census.contains("restored") && census.contains("member-1"),
            "{census}"
        );
        first.available(world, 1).await;
        let now = get(&member.client(), &map).await.expect("it is there");
        assert_eq!(uid(&now), uid(&held), "it was made again");
        assert_eq!(now["data"]["value"], "4");
    });
}
