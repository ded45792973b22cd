use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use stevedore_hub_core::ledger::{PackageIdentity, Row, Shard};
use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::{ClusterUid, PackageUid};

use super::*;
use crate::mock_api::{self, Request, Requests, fleet};
use crate::package;
use crate::rollout::{controller, ledger_store, stored_ledger};
use crate::watch::entry::Watched;
use crate::watch::index::Index;
use crate::watch::kinds::ObjectKey;
use crate::watch::unreadable;

/// Planted in what cannot be decoded.
const MARKER: &str = "marker-7f3a";
const CLUSTER: ClusterUid = ClusterUid::from_bytes([7; 16]);
const MEMBER: MemberUid = MemberUid::from_bytes([8; 16]);

/// Whatever is written is taken, and nothing is found.
fn server(request: &Request) -> (u16, Value) {
    match request.what.split_once(' ').expect("a verb").0 {
        "GET" => mock_api::status(404, "NotFound"),
        _ => (200, request.body.clone()),
    }
}

/// A package whose config is nested too deep.
fn package(kind: &str, deleting: bool) -> Value {
    let deep = (0..200).fold(json!(MARKER), |inner, _| json!({"a": inner}));
    let mut package = json!({
        "apiVersion": "stevedore.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "fleet", "uid": fleet(None).uid.to_string(), "generation": 3,
            "resourceVersion": "9", "finalizers": ["stevedore.dev/teardown"]},
        "spec": {"image": "registry.example/fleet:1", "config": deep},
    });
    if deleting {
        package["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    package
}

/// A package that can be read, for every cluster.
fn readable() -> Value {
    let mut package = package("ClusterPackage", false);
    package["spec"] =
        json!({"image": "registry.example/fleet:1", "placement": {"clusterSelector": {}}});
    package
}

/// One row: the cluster runs revision 1.
fn rows() -> Shard {
    let row = Row {
        number: 1,
        ordered: Arc::new(mock_api::ordered()),
        previous: None,
        tombstone: false,
        disruptive: false,
    };
    Shard {
        highest: 1,
        rows: BTreeMap::from([(CLUSTER, row)]),
        ..Shard::default()
    }
}

fn member(spec: &Value) -> Value {
    json!({
        "apiVersion": "stevedore.dev/v1alpha1", "kind": "MemberCluster",
        "metadata": {"name": "east", "uid": MEMBER.to_string(), "generation": 1, "resourceVersion": "5"},
        "spec": spec,
    })
}

/// A hub whose ledger says that the cluster runs revision 1, which its member says it joined as.
async fn hub() -> (Arc<Hub>, Requests) {
    let (hub, requests) = mock_api::hub(server).await;
    let mut shard = rows();
    if let Some(leadership) = hub.leader().current() {
        shard.give(1, leadership, stevedore_hub_core::moment::UnixMillis(0));
    }
    let (stored, _) = stored_ledger::stored(&fleet(None), &shard);
    let _ = hub.orders.put(Arc::new(stored));
    hub.members
        .objects()
        .see(&member(&json!({"clusterUID": CLUSTER.to_string()})));
    (hub, requests)
}

/// What was written when the package was worked on, without Events.
async fn written(hub: &Arc<Hub>, requests: &Requests) -> Vec<String> {
    let before = requests.of("").len();
    package::controller::reconcile(Arc::clone(hub), fleet(None).uid).await;
    controller::reconcile(Arc::clone(hub), fleet(None).uid).await;
    let all = requests.of("").split_off(before);
    let writes = all.iter().filter(|one| {
        let is_read = one.what.starts_with("GET");
        !is_read && !one.what.ends_with("/events")
    });
    writes.map(|one| one.what.clone()).collect()
}

fn row(hub: &Hub) -> Option<Row> {
    let stored = hub.orders.ledger(&fleet(None).uid)?;
    stored.ledger.row(&CLUSTER).cloned()
}

#[tokio::test]
async fn a_package_that_cannot_be_read_keeps_what_runs_and_its_records() {
    let (hub, requests) = hub().await;
    let kept = mock_api::revision(&fleet(None), 1, &[&mock_api::content(b"part")]);
    hub.revisions.apply(kept);
    hub.packages.cluster.see(&readable());
    hub.packages.cluster.see(&package("ClusterPackage", false));
    assert_eq!(written(&hub, &requests).await, [""; 0]);
    assert!(!row(&hub).expect("its row").tombstone);

    // Nor where nothing was ordered yet.
    hub.orders.remove(&fleet(None).uid);
    assert_eq!(written(&hub, &requests).await, [""; 0]);
    assert_eq!(hub.revisions.of(&fleet(None)).len(), 1);
    assert!(hub.package_uids().contains(&fleet(None).uid));
}

#[tokio::test]
async fn a_package_that_cannot_be_read_is_torn_down_when_somebody_deletes_it() {
    let (hub, requests) = hub().await;
    hub.packages.cluster.see(&package("ClusterPackage", true));
    // The definition of its kind is asked for first, and is going here.
    controller::reconcile(Arc::clone(&hub), fleet(None).uid).await;
    assert!(!row(&hub).expect("its row").tombstone);
    let definition =
        "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/clusterpackages.stevedore.dev";
    assert_eq!(requests.of(definition).len(), 1);
}

#[tokio::test]
async fn a_package_with_a_record_that_cannot_be_read_keeps_what_runs() {
    let package = fleet(None);
    let mut revision = json!(mock_api::revision(&package, 2, &[]));
    revision["spec"]["number"] = json!(MARKER);
    let action = json!({
        "metadata": {"name": "pin", "namespace": mock_api::SYSTEM, "uid": "action", "resourceVersion": "4"},
        "spec": {"package": {"kind": "ClusterPackage", "name": "fleet"}, "verb": MARKER},
    });
    for is_revision in [true, false] {
        let (hub, requests) = hub().await;
        hub.packages.cluster.see(&readable());
        let kept = mock_api::revision(&package, 1, &[&mock_api::content(b"part")]);
        hub.revisions.apply(kept);
        if is_revision {
            hub.revisions.objects().see(&revision);
        } else {
            hub.packages.actions.see(&action);
        }
        let object = hub.packages.get(&package.uid).expect("a package");
        let failure = unreadable_record(&hub, &object).expect("a record");
        assert!(!failure.message.contains(MARKER), "{failure:?}");
        assert_eq!(written(&hub, &requests).await, [""; 0]);
        assert!(!row(&hub).expect("its row").tombstone);
        let plan = hub.packages.progress.of(&package.uid).plan;
        assert_eq!(plan.and_then(|plan| plan.unreadable), Some(failure));
    }
    // Of another package, or over.
    let (hub, _) = hub().await;
    hub.packages.cluster.see(&readable());
    let mut over = action.clone();
    over["status"] = json!({"state": "Ended"});
    hub.packages.actions.see(&over);
    let mut other = action;
    other["metadata"]["uid"] = json!("other");
    other["spec"]["package"]["name"] = json!("another");
    hub.packages.actions.see(&other);
    revision["metadata"]["namespace"] = json!("tenant");
    hub.revisions.objects().see(&revision);
    let object = hub.packages.get(&package.uid).expect("a package");
    assert_eq!(unreadable_record(&hub, &object), None);
}

#[tokio::test]
async fn a_member_that_cannot_be_read_is_not_forgotten() {
    for spec in [
        json!({"clusterUID": CLUSTER.to_string(), "leaving": MARKER}),
        json!({"clusterUID": [MARKER]}),
    ] {
        let (hub, requests) = hub().await;
        hub.packages.cluster.see(&readable());
        let mut unreadable = member(&spec);
        unreadable["metadata"]["resourceVersion"] = json!("6");
        hub.members.objects().see(&unreadable);
        assert!(hub.members.snapshot().may_contain(&CLUSTER));
        assert_eq!(written(&hub, &requests).await, [""; 0]);
        assert!(!row(&hub).expect("its row").tombstone);
        // It is gone: its row is dropped.
        hub.members.objects().delete(&MEMBER);
        written(&hub, &requests).await;
        assert_eq!(row(&hub), None);
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_stops_its_own_package_and_is_read_again() {
    let other = PackageIdentity {
        uid: PackageUid::from_bytes([1; 16]),
        namespace: None,
        name: "other".to_owned(),
    };
    let object = |package: &PackageIdentity, bad: bool| {
        let (_, ledger) = stored_ledger::stored(package, &rows());
        let mut ledger = json!(ledger);
        ledger["metadata"]["namespace"] = json!(mock_api::SYSTEM);
        if bad {
            ledger["spec"]["highestNumber"] = json!(MARKER);
        }
        ledger
    };
    let answer = parking_lot::Mutex::new(object(&fleet(None), true));
    let answer = Arc::new(answer);
    let stored = Arc::clone(&answer);
    let (hub, requests) = mock_api::hub(move |request: &Request| {
        let (verb, path) = request.what.split_once(' ').expect("a verb");
        let now = stored.lock().clone();
        match (verb, path.rsplit('/').next().expect("a segment")) {
            ("GET", "packageledgers") => {
                let items = [now, object(&other, false)];
                (200, json!({"metadata": {}, "items": items}))
            }
            ("GET", name) if now["metadata"]["name"] == name => (200, now),
            ("GET", name) => mock_api::missing(name),
            _ => (200, request.body.clone()),
        }
    })
    .await;
    let loaded = ledger_store::load(&hub).await.expect("the others");
    assert_eq!(loaded.len(), 1, "{loaded:?}");
    let told = requests.of("PATCH");
    let [told] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(told.what.ends_with("-0/status"), "{}", told.what);
    assert!(!told.body.to_string().contains(MARKER), "{}", told.body);

    hub.packages.cluster.see(&readable());
    let uid = fleet(None).uid;
    controller::reconcile(Arc::clone(&hub), uid).await;
    let blocked = hub.packages.progress.of(&uid).blocked;
    let failure = blocked.expect("it says why").failure;
    assert_eq!(failure.reason, Reason::LedgerUnreadable);
    assert!(!failure.message.contains(MARKER), "{failure:?}");

    *answer.lock() = object(&fleet(None), false);
    controller::reconcile(Arc::clone(&hub), uid).await;
    assert!(!hub.orders.is_unreadable(&fleet(None)));
    assert!(hub.orders.ledger(&uid).is_some());
}

/// What is written about an object that cannot be read: once for each version of it, and nothing of its content.
async fn tell<K: Watched>(
    key: fn(K::Uid) -> ObjectKey,
    index: fn(&Hub) -> &Index<K>,
    object: &Value,
) -> Value {
    let (hub, requests) = mock_api::hub(server).await;
    let key = key(index(&hub).see(object).uid().expect("a UID"));
    for _ in 0..2 {
        let again = unreadable::reconcile(Arc::clone(&hub), key.clone()).await;
        assert_eq!(again, None);
    }
    let written = requests.of("");
    let [one] = written.as_slice() else {
        panic!("{key:?}: {written:?}");
    };
    assert!(!one.body.to_string().contains(MARKER), "{one:?}");
    // As it is after the write: it says so already.
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = json!("10");
    object["status"] = one.body["status"].clone();
    index(&hub).see(&object);
    unreadable::reconcile(Arc::clone(&hub), key.clone()).await;
    let all = requests.of("PATCH");
    assert!(all.len() <= 1, "{all:?}");
    one.body.clone()
}

fn condition(body: &Value, type_: &str) -> Value {
    let all = body["status"]["conditions"].as_array().cloned();
    let all = all.unwrap_or_default();
    let found = all.into_iter().find(|one| one["type"] == type_);
    found.unwrap_or_default()
}

#[tokio::test]
async fn what_cannot_be_read_says_so_once_for_each_version_without_its_content() {
    let mut namespaced = package("Package", false);
    namespaced["metadata"]["namespace"] = json!("tenant");
    let body = tell(
        ObjectKey::Package,
        |hub| &hub.packages.namespaced,
        &namespaced,
    )
    .await;
    assert_eq!(condition(&body, "Invalid")["reason"], "Unreadable");
    assert_eq!(condition(&body, "Invalid")["observedGeneration"], 3);
    let cluster = package("ClusterPackage", false);
    let body = tell(
        ObjectKey::ClusterPackage,
        |hub| &hub.packages.cluster,
        &cluster,
    )
    .await;
    let message = condition(&body, "Invalid")["message"].clone();
    let expected = "spec.config is nested 202 levels deep";
    assert!(
        message.as_str().is_some_and(|text| text.contains(expected)),
        "{message}"
    );
    let member = member(&json!({"leaving": MARKER}));
    let body = tell(ObjectKey::Member, |hub| hub.members.objects(), &member).await;
    assert_eq!(condition(&body, "Healthy")["reason"], "Unreadable");
    let action = json!({
        "metadata": {"name": "pin", "namespace": "tenant", "uid": "action", "resourceVersion": "4"},
        "spec": {"verb": MARKER},
    });
    let body = tell(ObjectKey::Action, |hub| &hub.packages.actions, &action).await;
    assert_eq!(condition(&body, "Stalled")["status"], "True");
    let mut revision = json!(mock_api::revision(&fleet(None), 2, &[]));
    revision["spec"]["number"] = json!(MARKER);
    let body = tell(
        ObjectKey::Revision,
        |hub| hub.revisions.objects(),
        &revision,
    )
    .await;
    assert_eq!(body["reason"], "Unreadable", "an Event: {body}");
}
