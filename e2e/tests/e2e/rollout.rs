//! A rollout from an image to three clusters, in ordered phases, and its status back.

use serde_json::{Value, json};
use stevedore_fleet::{AuditEntry, ControlPlane};

use super::audit_log::{entries, package_writes, statuses};
use stevedore_e2e::api::{condition, core, get, list, merge, ours};
use stevedore_e2e::draft::{Draft, GATE, ROLLED_OUT, members};
use stevedore_e2e::harness::{WITHIN, await_state, shared};
use stevedore_e2e::world::{World, seen_on};

fn first(entries: &[AuditEntry], resource: &str, name: &str) -> Option<AuditEntry> {
    entries
        .iter()
        .find(|entry| entry.is_about(resource, name))
        .cloned()
}

/// Waits until a member has nothing left to do for this order of a package: it is available, and says so, and all
/// that came before it is archived.
pub(crate) async fn at_rest(member: &ControlPlane, package: &str, number: i64) {
    let what = format!("order {number} of {package} is at rest");
    await_state(&what, WITHIN, || async {
        let mut sets = list(&member.client(), &ours("clusterobjectsets")).await;
        sets.retain(|set| set["spec"]["order"]["package"]["name"] == package);
        let is_newest = |set: &Value| set["spec"]["order"]["tuple"]["number"] == number;
        let rests = |set: &Value| {
            let wanted = if is_newest(set) {
                "Available"
            } else {
                "Archived"
            };
            condition(set, wanted).0 == "True"
        };
        if sets.iter().any(is_newest) && sets.iter().all(rests) {
            return Ok(());
        }
        Err(format!("{sets:?}"))
    })
    .await;
}

/// The first time that the status of a Deployment showed it rolled out at this generation.
fn rolled_out(cluster: &ControlPlane, namespace: &str, name: &str, generation: i64) -> AuditEntry {
    let shows = |entry: &AuditEntry| {
        let (Some(reference), Some(object)) = (&entry.object_ref, &entry.response_object) else {
            return false;
        };
        reference.namespace == namespace
            && reference.name == name
            && reference.subresource == "status"
            && object["metadata"]["generation"] == generation
            && object["status"]["observedGeneration"] == generation
            && object["status"]["updatedReplicas"] == object["spec"]["replicas"]
            && condition(object, "Available").0 == "True"
    };
    let mut entries = entries(cluster).into_iter();
    entries.find(shows).expect("it was rolled out")
}

fn counts(package: &Value, available: i64, progressing: i64) -> bool {
    let counts = &package["status"]["counts"];
    counts["targeted"] == 3
        && counts["available"] == available
        && counts["progressing"] == progressing
}

async fn open(cluster: &ControlPlane, namespace: &str) -> Value {
    let gate = core(namespace, "configmaps", "gate");
    let opened = json!({"metadata": {"annotations": {"e2e.example/gate": "open"}}});
    merge(&cluster.client(), &gate, &opened)
        .await
        .expect("the gate is there")
}

#[test]
fn three_clusters_take_three_phases_in_order_and_are_available_when_all_are() {
    shared(async |world| {
        let draft = Draft::new("ordered", &["ground", "work", "entry"])
            .probe(GATE)
            .probe(ROLLED_OUT)
            .namespace("ground")
            .gate("gate", "ground")
            .deployment("worker", "work", "registry.example/worker:1")
            .config_map("door", "entry", "open");
        draft.install(world, &members()).await;

        let package = world
            .seen("all three wait in phase one", &draft.path(), |package| {
                counts(package, 0, 3)
                    && condition(package, "Available").0 == "False"
                    && condition(package, "Unpacked").0 == "True"
                    && condition(package, "Progressing").0 == "True"
                    && package["status"]["counts"]["updated"] == 3
            })
            .await;
        assert_eq!(package["status"]["revision"], 1, "{package}");
        for (done, member) in (1..).zip(world.fleet.members()) {
            first_phase_ends(world, &draft, member, done).await;
        }
        draft.available(world, 3).await;
        for member in world.fleet.members() {
            in_order(member);
        }
        said_what_was(world.fleet.hub());

        // The Deployment stays available all the time: of its new generation nothing is known at first.
        let next = draft
            .clone()
            .deployment("worker", "work", "registry.example/worker:2")
            .config_map("door", "entry", "wide");
        next.upgrade(world, "2").await;
        next.available(world, 3).await;
        for member in world.fleet.members() {
            changed_in_order(member);
        }
    });
}

/// Opens the gate of the member that waits for it, as the one that makes so many available.
async fn first_phase_ends(world: &World, draft: &Draft, member: &ControlPlane, available: i64) {
    waits_for_gate(member).await;
    let writes = package_writes(member, "ordered");
    let worker = first(&writes, "deployments.apps", "worker");
    assert_eq!(worker.map(|entry| entry.request_uri), None);
    open(member, "ordered").await;
    let what = format!("{available} of three are available");
    let package = world
        .seen(&what, &draft.path(), |package| {
            counts(package, available, 3 - available)
        })
        .await;
    let expected = if available == 3 { "True" } else { "False" };
    assert_eq!(condition(&package, "Available").0, expected, "{package}");
}

/// A later phase was changed when the new generation of the one before had rolled out.
fn changed_in_order(member: &ControlPlane) {
    let done = rolled_out(member, "ordered", "worker", 2);
    let writes = package_writes(member, "ordered");
    let is_wide = |entry: &&AuditEntry| {
        let written = entry.response_object.as_ref();
        entry.is_about("configmaps", "door")
            && written.is_some_and(|door| door["data"]["value"] == "wide")
    };
    let door = writes.iter().find(is_wide).expect("it was changed");
    let moments = [
        done.request_received_timestamp,
        door.request_received_timestamp,
    ];
    assert!(moments.is_sorted(), "{}: {moments:?}", member.name());
}

/// Whatever the hub said of the package was so, at every moment of its first rollout.
fn said_what_was(hub: &ControlPlane) {
    let said = statuses(hub, "clusterpackages", "ordered");
    let mut before = 0;
    for package in &said {
        let counts = &package["status"]["counts"];
        let available = counts["available"].as_i64().unwrap_or_default();
        let progressing = counts["progressing"].as_i64().unwrap_or_default();
        assert!(available >= before, "{package}");
        before = available;
        let (status, _, message) = condition(package, "Available");
        assert_eq!(status == "True", available == 3, "{package}");
        if counts["targeted"] == 3 && condition(package, "Unpacked").0 == "True" {
            assert_eq!(available + progressing, 3, "{package}");
            assert!(
                message.starts_with(&format!("{available} of 3")),
                "{package}"
            );
        }
        let conditions = package["status"]["conditions"].as_array();
        for one in conditions.into_iter().flatten() {
            let (observed, generation) = (
                &one["observedGeneration"],
                &package["metadata"]["generation"],
            );
            assert_eq!(observed, generation, "{package}");
        }
    }
    assert_eq!(before, 3, "{said:#?}");
}

#[test]
fn a_package_without_placement_goes_to_the_hubs_own_cluster_alone() {
    shared(async |world| {
        let draft = Draft::new("at-home", &["only"])
            .namespace("only")
            .config_map("map", "only", "here");
        draft.roll_out(world, &Value::Null, 1).await;
        let map = core("at-home", "configmaps", "map");
        assert!(get(&world.client(), &map).await.is_some());
        for member in world.fleet.members() {
            assert_eq!(get(&member.client(), &map).await, None, "{}", member.name());
        }
        draft.remove(world).await;
    });
}

/// Waits until the member's set says that it waits for the gate.
async fn waits_for_gate(member: &ControlPlane) {
    let sets = ours("clusterobjectsets");
    await_state("the set waits for its gate", WITHIN, || async {
        let all = list(&member.client(), &sets).await;
        let found = all
            .iter()
            .find(|set| set["spec"]["order"]["package"]["name"] == "ordered")
            .ok_or("no set")?;
        let (status, reason, message) = condition(found, "Available");
        if status == "False" && reason == "ProbeFailure" && message.contains("the gate is closed") {
            return Ok(());
        }
        Err(found["status"].to_string())
    })
    .await;
    let gate = core("ordered", "configmaps", "gate");
    seen_on(&member.client(), "the gate is there", WITHIN, &gate, |_| {
        true
    })
    .await;
}

/// Nothing of a phase was written before the one before it passed its probes.
fn in_order(member: &ControlPlane) {
    let writes = package_writes(member, "ordered");
    let wrote = |resource, name| first(&writes, resource, name).expect("it was written");
    let (gate, worker) = (
        wrote("configmaps", "gate"),
        wrote("deployments.apps", "worker"),
    );
    let door = wrote("configmaps", "door");
    let entries = entries(member);
    let opened = entries
        .iter()
        .find(|entry| {
            entry.is_about("configmaps", "gate")
                && entry.impersonated_user.is_none()
                && entry.is_write()
        })
        .expect("the gate was opened");
    let done = rolled_out(member, "ordered", "worker", 1);
    let moments = [
        gate.stage_timestamp,
        opened.request_received_timestamp,
        worker.request_received_timestamp,
        done.request_received_timestamp,
        door.request_received_timestamp,
    ];
    assert!(moments.is_sorted(), "{}: {moments:?}", member.name());
}
