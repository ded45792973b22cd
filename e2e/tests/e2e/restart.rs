//! A hub that starts again: what the one before wrote about a fleet in which nothing happens stays as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use stevedore_fleet::AuditEntry;

use stevedore_e2e::api::{condition, core, list, merge, ours};
use stevedore_e2e::draft::{Draft, GATE, members, object};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World};

const TWO: Shape = Shape {
    members: 2,
    joined: 2,
    ..SMALL
};
const MEMBERS: [&str; 2] = ["member-1", "member-2"];
/// How long a hub has to end in good order.
const GRACE: Duration = Duration::from_secs(20);

/// Status and time of the last transition of each condition, by its type.
type Turns = BTreeMap<String, (String, String)>;

fn turns(object: &Value) -> Turns {
    let conditions = object["status"]["conditions"].as_array();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let turn = |one: &Value| {
        let turn = (text(&one["status"]), text(&one["lastTransitionTime"]));
        (text(&one["type"]), turn)
    };
    conditions.into_iter().flatten().map(turn).collect()
}

/// The turns of every package and member, by plural and name.
async fn all(world: &World) -> BTreeMap<(String, String), Turns> {
    let mut all = BTreeMap::new();
    for plural in ["clusterpackages", "memberclusters"] {
        for found in list(&world.client(), &ours(plural)).await {
            let name = found["metadata"]["name"].as_str().unwrap_or_default();
            all.insert((plural.to_owned(), name.to_owned()), turns(&found));
        }
    }
    all
}

/// What a status that was written turns, unless it is as before.
fn fault(before: &BTreeMap<(String, String), Turns>, entry: &AuditEntry) -> Option<String> {
    let about = entry.object_ref.as_ref()?;
    let known = before.get(&(about.resource.clone(), about.name.clone()))?;
    let written = entry.response_object.as_ref()?;
    let now = turns(written);
    let is_turned = about.subresource == "status" && now != *known;
    is_turned.then(|| {
        format!(
            "{} {}: {known:#?} {}",
            about.resource, about.name, written["status"]
        )
    })
}

async fn gate(world: &World, value: &str) {
    let path = core("default", "configmaps", "gate");
    let change = json!({"metadata": {"annotations": {"e2e.example/gate": value}}});
    for member in MEMBERS {
        let client = world.cluster(member).client();
        await_state("there is a gate", WITHIN, || async {
            let turned = merge(&client, &path, &change).await;
            turned.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
}

/// Waits until the ledger of a package keeps this of both members for the next hub.
async fn remembered(world: &World, package: &str, reason: &str) {
    await_state("the ledger remembers", WITHIN, || async {
        let ledger = world.ledger(package).await;
        let details = ledger["status"]["details"].as_array();
        let details = details.into_iter().flatten();
        match details.filter(|detail| detail["reason"] == reason).count() {
            2 => Ok(()),
            _ => Err(ledger["status"].to_string()),
        }
    })
    .await;
}

/// Packages that are available, refused, and no longer available.
async fn installed(world: &World) {
    let steady = Draft::one_map("steady", "fine");
    steady.roll_out(world, &members(), 2).await;
    // Nothing that is known of it without an API server is wrong.
    let service = object("v1", "Service", "default", "wrong", "only", "");
    let refused = Draft::new("refused", &["only"]).file(
        "wrong.yaml",
        &format!("{service}spec: {{ports: [{{port: 99999}}]}}\n"),
    );
    refused.install(world, &members()).await;
    refused.says(world, "Stalled", "True", "Invalid").await;
    let shut = Draft::new("shut", &["only"])
        .probe(GATE)
        .inside("default")
        .gate("gate", "only");
    shut.install(world, &members()).await;
    gate(world, "open").await;
    shut.available(world, 2).await;
    // That it was available is remembered by then.
    await_state("the ledger says nothing against it", WITHIN, || async {
        let ledger = world.ledger("shut").await;
        match ledger["status"]["observed"].as_str() {
            Some(observed) if !observed.is_empty() && ledger["status"]["details"].is_null() => {
                Ok(())
            }
            _ => Err(ledger["status"].to_string()),
        }
    })
    .await;
    gate(world, "shut").await;
    shut.says(world, "Stalled", "True", "ProbeFailure").await;
    remembered(world, "refused", "Invalid").await;
    remembered(world, "shut", "ProbeFailure").await;
}

#[test]
fn a_hub_that_is_stopped_or_killed_and_starts_again_turns_no_condition() {
    alone(TWO, async |world| {
        installed(world).await;
        let newest = Draft::one_map("newest", "0");
        newest.roll_out(world, &members(), 2).await;
        let mut before = all(world).await;
        before.remove(&("clusterpackages".to_owned(), "newest".to_owned()));
        assert_eq!(before.len(), 5, "{before:?}");
        for (round, is_asked) in [true, false, true, false].into_iter().enumerate() {
            let mut log = world.fleet.hub().audit_from_now();
            match is_asked {
                true => drop(world.hub.daemon.stop(GRACE).await),
                false => drop(world.hub.daemon.kill().await),
            }
            world.hub.daemon.start().await.expect("it starts again");
            world.sessions(2).await;
            // Only a hub that hears everybody sees this through, and ten seconds later at the earliest it is remembered.
            let ledger = world.ledger("newest").await;
            let next = Draft::one_map("newest", &round.to_string());
            next.upgrade(world, &format!("restart-{round}")).await;
            next.available(world, 2).await;
            await_state("the ledger remembers that", WITHIN, || async {
                let now = world.ledger("newest").await;
                match now["status"]["observed"] != ledger["status"]["observed"] {
                    true => Ok(()),
                    false => Err(now["status"].to_string()),
                }
            })
            .await;
            let entries = log.read_new().expect("the audit log can be read");
            let faults: Vec<_> = entries
                .iter()
                .filter_map(|entry| fault(&before, entry))
                .collect();
            assert!(faults.is_empty(), "asked: {is_asked}: {faults:#?}");
        }
        let steady = list(&world.client(), &ours("clusterpackages")).await;
        let mut steady = steady
            .iter()
            .filter(|it| it["metadata"]["name"] == "steady");
        assert_eq!(
            condition(steady.next().expect("it is there"), "Available").0,
            "True"
        );
    });
}
