//! The state that a scenario leaves behind, in words: equal texts mean equal states, whatever happened on the way.
//!
//! Times, versions, UIDs of what the hub makes, and terms are left out: they differ from run to run.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stevedore_crds::record;
use stevedore_proto_core::ledger;

use super::agent::Agent;
use super::api_server::ApiServer;
use super::world::World;

/// The state of everything that the hub writes, and what agents hold.
pub(crate) fn of(world: &World) -> String {
    let api = &world.api;
    let mut lines = vec![];
    for plural in ["clusterpackages", "packages"] {
        lines.extend(api.all(plural).iter().map(|it| package(plural, it)));
    }
    let clusters: BTreeMap<_, _> = world
        .agents
        .iter()
        .map(|agent| (agent.cluster, agent.name.as_str()))
        .collect();
    for object in api.all("packageledgers") {
        lines.push(format!(
            "ledger {}: highest {}, keeps {}, drained {}",
            object["metadata"]["name"],
            object["spec"]["highestNumber"],
            object["metadata"]["finalizers"],
            conditions(&object)
        ));
        lines.extend(rows(&object, &clusters));
    }
    for object in api.all("packagerevisions") {
        let spec = &object["spec"];
        lines.push(format!(
            "revision {} of {}: {} -> {} in {}, keeps {}",
            object["metadata"]["name"],
            spec["package"]["uid"],
            spec["number"],
            spec["contentDigest"],
            spec["contentSecrets"],
            object["metadata"]["finalizers"],
        ));
    }
    lines.extend(api.all("packageactions").iter().map(action));
    lines.extend(api.all("memberclusters").iter().map(member));
    let revisions = api.all("packagerevisions");
    let secrets = api.all("secrets").into_iter();
    lines.extend(secrets.filter(|it| !is_stray(it, &revisions)).map(secret));
    for object in api.all("configmaps") {
        let data = &object["data"];
        lines.push(match object["metadata"]["name"].as_str() {
            Some(record::EPOCH) => format!("epoch {} floors {}", data["epoch"], data["floors"]),
            Some(record::CENSUS) => format!("census {} {}", data["request"], data["state"]),
            _ => format!("map {}", object["metadata"]["name"]),
        });
    }
    lines.extend(world.agents.iter().flat_map(held));
    // Another port in every world.
    lines
        .join("\n")
        .replace(&world.registry.address, "registry")
}

/// Lines of two states that are not in both; none when they are equal.
pub(crate) fn difference(expected: &str, found: &str) -> Option<String> {
    let only = |sign: &str, one: &str, other: &str| -> Vec<String> {
        let other: Vec<_> = other.lines().collect();
        let lines = one.lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("{sign} {line}")).collect()
    };
    let lines = [only("-", expected, found), only("+", found, expected)].concat();
    (expected != found).then(|| lines.join("\n"))
}

fn package(plural: &str, object: &Value) -> String {
    let status = &object["status"];
    format!(
        "{plural} {}: image {} observed {} of {}, keeps {}, going {}, revision {} {}, {}, {}, failures {}",
        object["metadata"]["name"],
        object["spec"]["image"],
        status["observedGeneration"],
        object["metadata"]["generation"],
        object["metadata"]["finalizers"],
        object["metadata"]["deletionTimestamp"].is_string(),
        status["revision"],
        status["resolvedImage"],
        conditions(object),
        status["counts"],
        status["failures"],
    )
}

fn rows(
    object: &Value,
    clusters: &BTreeMap<stevedore_proto_core::ClusterUid, &str>,
) -> Vec<String> {
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    let contents = object["spec"]["contents"].as_array();
    let contents = contents.cloned().unwrap_or_default();
    let rows = ledger::decode(&bytes(&object["spec"]["rows"]), contents.len()).unwrap();
    let observed = ledger::decode_observed(&bytes(&object["status"]["observed"])).unwrap();
    rows.iter()
        .map(|row| {
            let content = &contents[usize::from(row.content)];
            let seen = observed.iter().find(|seen| seen.cluster == row.cluster);
            format!(
                "  {}: number {} revision {} {} tombstone {} paused {}, seen {:?}",
                clusters.get(&row.cluster).unwrap_or(&"?"),
                row.number,
                content["revision"],
                content["content"],
                row.tombstone,
                content["paused"],
                seen.map(|seen| (seen.number, seen.state)),
            )
        })
        .collect()
}

fn action(object: &Value) -> String {
    let status = &object["status"];
    format!(
        "action {}: {} sequence {} {}, {}",
        object["metadata"]["name"],
        status["state"],
        status["sequence"],
        status["message"],
        conditions(object)
    )
}

fn member(object: &Value) -> String {
    let status = &object["status"];
    format!(
        "member {}: cluster {} {} {} offline {}, {}",
        object["metadata"]["name"],
        object["spec"]["clusterUID"],
        status["environment"],
        status["agentVersion"],
        status["offlineSince"].is_string(),
        conditions(object)
    )
}

/// Content that no revision names is removed in time, but not at once: a hub may be about to name it.
fn is_stray(secret: &Value, revisions: &[Value]) -> bool {
    let mut named = revisions.iter().flat_map(|revision| {
        let names = revision["spec"]["contentSecrets"].as_array();
        names.into_iter().flatten()
    });
    secret["type"] == record::CONTENT_TYPE && !named.any(|it| *it == secret["metadata"]["name"])
}

fn secret(object: Value) -> String {
    let data = object["data"].as_object();
    let keys: Vec<_> = data.into_iter().flat_map(|data| data.keys()).collect();
    format!(
        "secret {} {}: {keys:?}",
        object["metadata"]["name"], object["type"]
    )
}

fn held(agent: &Agent) -> Vec<String> {
    let held = agent.held.values();
    held.map(|held| {
        format!(
            "{} holds {} {} revision {} {:?} in epoch {}",
            agent.name,
            held.package.name,
            held.tuple.number,
            held.package.revision,
            held.stage,
            held.tuple.epoch.counter
        )
    })
    .collect()
}

/// Conditions as `Type=Status/Reason`.
pub(crate) fn conditions(object: &Value) -> String {
    let all = object["status"]["conditions"].as_array();
    let words: Vec<_> = all
        .into_iter()
        .flatten()
        .map(|it| {
            let text = |field: &str| it[field].as_str().unwrap_or_default();
            format!("{}={}/{}", text("type"), text("status"), text("reason"))
        })
        .collect();
    words.join(" ")
}

/// Whether the content of some package's spec, or of a kept revision, is not in the API server.
pub(crate) fn lacks_content(api: &ApiServer) -> bool {
    let revisions = api.all("packagerevisions");
    let secrets = api.all("secrets");
    let is_there = |name: &Value| secrets.iter().any(|it| it["metadata"]["name"] == *name);
    let mut stored = revisions.iter().flat_map(|revision| {
        let names = revision["spec"]["contentSecrets"].as_array();
        names.into_iter().flatten()
    });
    if !stored.all(is_there) {
        return true;
    }
    let packages = [api.all("packages"), api.all("clusterpackages")].concat();
    packages.iter().any(|package| {
        let is_going = package["metadata"]["deletionTimestamp"].is_string();
        let of_package = revisions
            .iter()
            .filter(|it| it["spec"]["package"]["uid"] == package["metadata"]["uid"]);
        let newest = of_package.max_by_key(|it| it["spec"]["number"].as_i64());
        let is_current = newest.is_some_and(|newest| {
            ["image", "config"]
                .iter()
                .all(|field| newest["spec"][*field] == package["spec"][*field])
        });
        !is_going && !is_current
    })
}
