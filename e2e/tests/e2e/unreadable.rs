//! Objects that hub or agent cannot decode: each says so, none stops another, and none is taken for deleted.
//!
//! What the definitions let pass today is decoded; so the definitions are opened here, as those of an older or newer
//! release may be, and every kind that is watched gets an object that is nested 200 deep where a word should be.

use kube::Client;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stevedore_client::decode::part;

use stevedore_e2e::api::{condition, core, get, merge, send_text};
use stevedore_e2e::draft::{Draft, named};
use stevedore_e2e::harness::{WITHIN, await_state};
use stevedore_e2e::world::{SMALL, Shape, World, seen_on};

mod agent;
mod hub;

/// Planted in what cannot be decoded.
const MARKER: &str = "marker-7f3a-of-what-cannot-be-decoded";

/// Audit logs have no bodies, for they are decoded too.
const ONE: Shape = Shape {
    audit_bodies: false,
    ..SMALL
};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Nested 200 deep.
fn deep() -> Value {
    (0..200).fold(json!(MARKER), |inner, _| json!({"a": inner}))
}

/// The status of an object, however deep the rest of it is.
async fn status(client: &Client, path: &str) -> kube::Result<Value> {
    let text = send_text(client, "GET", path, None).await?;
    let object = RawValue::from_string(text).expect("JSON");
    let status = part(&object, &["status"]).unwrap_or(Value::Null);
    Ok(json!({ "status": status }))
}

/// Waits until an object says by this condition that it cannot be read.
async fn says_unreadable(client: &Client, path: &str, type_: &str) {
    let what = format!("{path} says {type_} for it is Unreadable");
    await_state(&what, WITHIN, || async {
        let now = status(client, path).await;
        let now = now.map_err(|error| error.to_string())?;
        let (_, reason, message) = condition(&now, type_);
        assert!(!now.to_string().contains(MARKER), "{now}");
        if reason == "Unreadable" && message.contains("levels deep") {
            return Ok(());
        }
        Err(now.to_string())
    })
    .await;
}

/// Lets the definition of a kind take whatever it is given as spec.
async fn open(client: &Client, plural: &str) {
    let path = format!("{DEFINITIONS}/{plural}.stevedore.dev");
    let mut definition = get(client, &path).await.expect("the definition");
    let versions = &mut definition["spec"]["versions"];
    let schema = &mut versions[0]["schema"]["openAPIV3Schema"];
    schema["x-kubernetes-validations"] = Value::Null;
    schema["properties"]["spec"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let change = json!({"spec": {"versions": versions}});
    merge(client, &path, &change).await.expect("a definition");
}

/// Writes what the definition that was opened a moment ago takes.
async fn spoil(client: &Client, path: &str, spec: &Value) {
    let change = json!({"spec": spec});
    await_state(&format!("{path} takes it"), WITHIN, || async {
        match send_text(client, "PATCH", path, Some(&change)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

/// Deletes an object, however deep it is, and waits until it is gone.
async fn is_deleted(client: &Client, path: &str) {
    let deleted = send_text(client, "DELETE", path, Some(&json!({}))).await;
    deleted.expect("it can be deleted");
    await_state(&format!("{path} is gone"), WITHIN, || async {
        match status(client, path).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// The log of a daemon has nothing of what cannot be decoded.
fn is_clean(log: &std::path::Path) {
    let log = std::fs::read(log).expect("a log");
    let log = String::from_utf8_lossy(&log);
    let line = log.lines().find(|line| line.contains(MARKER));
    assert!(line.is_none(), "{line:?}");
}

fn logs_are_clean(world: &World, members: &[&str]) {
    is_clean(world.hub.daemon.log_path());
    for member in members {
        is_clean(world.agent(member).daemon.log_path());
    }
}

fn map(name: &str) -> String {
    core("default", "configmaps", &format!("{name}-map"))
}

/// A package that runs on these members.
async fn running(world: &World, name: &str, members: &[&str]) -> Draft {
    let draft = Draft::one_map(name, "one");
    let image = draft.push(world, "one").await;
    draft.order(world, &image, &named(members)).await;
    let clusters = i64::try_from(members.len()).expect("few members");
    draft.available(world, clusters).await;
    draft
}

/// Rolls another value out, to prove that the hub is at work.
async fn rolls_out(world: &World, name: &str, value: &str) {
    let next = Draft::one_map(name, value);
    next.upgrade(world, value).await;
    next.available(world, 1).await;
    shows(world, "member-1", name, value).await;
}

async fn shows(world: &World, member: &str, name: &str, value: &str) {
    let client = world.cluster(member).client();
    let what = format!("{name} on {member} is {value}");
    seen_on(&client, &what, WITHIN, &map(name), |map| {
        map["data"]["value"] == value
    })
    .await;
}
