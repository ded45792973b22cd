//! Rollouts in waves on real clusters: a canary, a soak time, an approval, a failure that halts, and its repair.

use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use stevedore_e2e::api::{condition, core, get, merge};
use stevedore_e2e::draft::{Draft, GATE, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World};

/// Three members without pods.
const THREE: Shape = Shape {
    members: 3,
    joined: 3,
    ..SMALL
};

/// A package with one object that says which edition it is of.
fn edition(name: &str, value: &str) -> Draft {
    let map = format!("{name}-map");
    Draft::new(name, &["only"])
        .inside("default")
        .config_map(&map, "only", value)
}

/// An edition that is available where somebody opened its gate.
fn gated(name: &str, value: &str) -> Draft {
    edition(name, value)
        .probe(GATE)
        .gate(&format!("{name}-{value}"), "only")
}

/// Which members have which edition, in the order of their names.
async fn editions(world: &World, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for member in world.fleet.members() {
        let map = get(
            &member.client(),
            &core("default", "configmaps", &format!("{name}-map")),
        )
        .await;
        found.push(map.map_or(Value::Null, |map| map["data"]["value"].clone()));
    }
    found
}

async fn open(cluster: &ControlPlane, gate: &str) {
    let path = core("default", "configmaps", gate);
    await_state("the gate is there", WITHIN, || async {
        let opened = json!({"metadata": {"annotations": {"e2e.example/gate": "open"}}});
        let merged = merge(&cluster.client(), &path, &opened).await;
        merged.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

/// What each wave waits for.
fn gates<'a>(package: &'a Value) -> Vec<(&'a str, &'a str)> {
    let waves = package["status"]["waves"].as_array();
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    let waves = waves.into_iter().flatten();
    waves
        .map(|wave| (text(&wave["name"]), text(&wave["gate"])))
        .collect()
}

#[test]
fn a_change_goes_through_canary_soak_and_approval_and_a_hub_that_is_killed_meanwhile_forgets_nothing()
 {
    alone(THREE, async |world| {
        let draft = edition("staged", "1");
        draft.roll_out(world, &members(), 3).await;
        let rollout = json!({
            "waves": [
                {"name": "canary", "clusterNames": ["member-2"], "minReadySeconds": 20},
                {"name": "others", "approval": "Before"},
            ],
            "maxUnavailable": "50%",
        });
        draft.change(world, &json!({"rollout": rollout})).await;
        let next = edition("staged", "2");
        next.upgrade(world, "2").await;
        world
            .seen("the canary soaks", &draft.path(), |package| {
                gates(package) == [("canary", "Soaking"), ("others", "EarlierWave")]
            })
            .await;
        assert_eq!(editions(world, "staged").await, ["1", "2", "1"]);
        world.hub_starts_again(async || {}).await;
        let waiting = world
            .seen(
                "the others wait for an approval",
                &draft.path(),
                |package| gates(package) == [("canary", "Passed"), ("others", "Approval")],
            )
            .await;
        assert_eq!(condition(&waiting, "Ready").1, "AwaitingApproval");
        let since = &waiting["status"]["waves"][1]["since"];
        assert!(since.is_string(), "{waiting}");
        assert_eq!(editions(world, "staged").await, ["1", "2", "1"]);

        let status = world.stevedore(["rollout", "status", "staged"]).await;
        assert_eq!(status.code, Some(3), "{status:?}");
        assert!(status.out.contains("others  Approval"), "{status:?}");
        let approve = ["rollout", "approve", "staged", "--reason", "seen at sea"];
        world.stevedore(approve).await.ok();
        next.available(world, 3).await;
        assert_eq!(editions(world, "staged").await, ["2", "2", "2"]);
        world.stevedore(["rollout", "status", "staged"]).await.ok();
    });
}

#[test]
fn a_canary_that_does_not_come_up_halts_the_rollout_until_it_is_undone_or_repaired() {
    alone(THREE, async |world| {
        let draft = edition("halting", "1");
        draft.roll_out(world, &members(), 3).await;
        let rollout = json!({"progressDeadlineSeconds": 5});
        draft.change(world, &json!({"rollout": rollout})).await;
        let next = gated("halting", "2");
        next.upgrade(world, "2").await;
        next.says(world, "Ready", "False", "RolloutHalted").await;
        next.says(world, "Stalled", "True", "RolloutHalted").await;
        assert_eq!(editions(world, "halting").await, ["2", "1", "1"]);

        // Undone: the canary is back where it was, and nobody else was touched.
        world.stevedore(["rollout", "undo", "halting"]).await.ok();
        draft.says_any(world, "Ready", "True").await;
        assert_eq!(editions(world, "halting").await, ["1", "1", "1"]);

        // Ordered again and repaired: it goes on to the others.
        world
            .stevedore(["rollout", "release", "halting"])
            .await
            .ok();
        next.says(world, "Ready", "False", "RolloutHalted").await;
        for member in world.fleet.members() {
            open(member, "halting-2").await;
        }
        next.available(world, 3).await;
        assert_eq!(editions(world, "halting").await, ["2", "2", "2"]);
    });
}
