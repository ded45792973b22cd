use std::cell::RefCell;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use super::*;

/// Planted in what cannot be decoded.
const MARKER: &str = "marker-7f3a";

impl Watched for ConfigMap {
    type Uid = String;
    type Rest = ();
    type Derived = ();
    const CONDITIONS: &'static [(&'static str, bool)] = &[];

    fn rest(_: &RawValue) {}
}

fn object(uid: &str, version: u64) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            uid: Some(uid.into()),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

fn version(index: &Index<ConfigMap>, uid: &str) -> Option<String> {
    index
        .get(&uid.to_owned())?
        .metadata
        .resource_version
        .clone()
}

#[test]
fn an_older_event_does_not_undo_our_own_write() {
    let index = Index::default();
    index.apply(object("a", 5));
    index.apply(object("a", 4));
    assert_eq!(version(&index, "a").as_deref(), Some("5"));
}

#[test]
fn the_late_answer_to_a_write_does_not_bring_back_what_was_deleted() {
    let index = Index::default();
    index.apply(object("a", 1));
    index.delete(&"a".to_owned());
    index.apply(object("a", 2));
    assert!(index.get(&"a".to_owned()).is_none());
    index.reset([]);
    index.apply(object("a", 2));
    assert!(index.get(&"a".to_owned()).is_none());
    // Data that was put back.
    index.reset([object("a", 1).into()]);
    assert!(index.get(&"a".to_owned()).is_some());
}

#[test]
fn a_list_that_is_older_than_our_own_write_does_not_undo_it() {
    let index = Index::default();
    index.apply(object("gone", 2));
    index.apply(object("deleted", 2));
    index.begin_list();
    index.apply(object("changed", 7));
    index.apply(object("created", 8));
    // The answer to a write before the deletion that the list has seen.
    index.apply(object("deleted", 3));
    let gone = index.reset([object("changed", 3).into(), object("kept", 5).into()]);
    assert_eq!(version(&index, "changed").as_deref(), Some("7"));
    assert_eq!(version(&index, "created").as_deref(), Some("8"));
    assert!(index.get(&"kept".to_owned()).is_some());
    let gone: Vec<_> = gone.iter().filter_map(Entry::uid).collect();
    assert_eq!(gone, ["deleted", "gone"]);
    // They were written before the next list begins, so that knows of them.
    index.begin_list();
    assert_eq!(index.reset([object("changed", 7).into()]).len(), 2);
    assert!(index.get(&"created".to_owned()).is_none());
}

#[tokio::test]
async fn what_was_created_while_a_list_was_read_is_there_before_and_after_its_event() {
    let index = Arc::new(Index::default());
    let mut follower = Follower {
        index: Arc::clone(&index),
        changed: |_: &Entry<ConfigMap>| {},
        listed: None,
    };
    follower.take(Notice::Restarted).await;
    index.apply(object("created", 8));
    follower.take(Notice::Synced).await;
    assert_eq!(version(&index, "created").as_deref(), Some("8"));
    follower.take(seen(&raw("created", 9, Some("x")))).await;
    assert_eq!(version(&index, "created").as_deref(), Some("9"));
}

#[tokio::test]
async fn a_list_of_a_server_whose_data_was_put_back_replaces_what_looks_newer() {
    let index = Arc::new(Index::default());
    index.apply(object("a", 900));
    let list = vec![
        Notice::Restarted,
        seen(&raw("a", 500, Some("x"))),
        Notice::Synced,
    ];
    followed(&index, list).await;
    assert_eq!(version(&index, "a").as_deref(), Some("500"));
    followed(&index, vec![seen(&raw("a", 501, Some("x")))]).await;
    assert_eq!(version(&index, "a").as_deref(), Some("501"));
}

/// As an API server sends a ConfigMap; with a marker in what cannot be decoded where there is no data.
fn raw(name: &str, version: u64, data: Option<&str>) -> Value {
    let data = data.map_or(json!(MARKER), |data| json!({"a": data}));
    json!({"metadata": {"name": name, "uid": name, "resourceVersion": version.to_string()}, "data": data})
}

/// Feeds a follower, and gives the UIDs that were told, those of unreadable objects with a mark.
async fn followed(index: &Arc<Index<ConfigMap>>, notices: Vec<Notice<kube::Error>>) -> Vec<String> {
    let mut follower = Follower {
        index: Arc::clone(index),
        changed: |entry: &Entry<ConfigMap>| {
            let mark = match entry {
                Entry::Readable(_) => "",
                Entry::Unreadable(_) => "?",
            };
            let line = format!("{}{mark}", entry.uid().unwrap());
            TOLD.with_borrow_mut(|told| told.push(line));
        },
        listed: None,
    };
    for notice in notices {
        follower.take(notice).await;
    }
    TOLD.take()
}

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn seen(object: &Value) -> Notice<kube::Error> {
    Notice::Seen(serde_json::value::to_raw_value(object).unwrap())
}

fn removed(object: &Value) -> Notice<kube::Error> {
    Notice::Removed(serde_json::value::to_raw_value(object).unwrap())
}

#[tokio::test]
async fn a_new_list_replaces_everything_and_tells_what_went() {
    let index = Arc::new(Index::default());
    index.apply(object("a", 1));
    index.apply(object("b", 2));
    let list = vec![
        Notice::Restarted,
        seen(&raw("b", 2, Some("x"))),
        Notice::Synced,
    ];
    assert_eq!(followed(&index, list).await, ["b", "a"]);
    assert!(index.get(&"a".to_owned()).is_none() && index.get(&"b".to_owned()).is_some());
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_is_there_and_stops_none_beside_it() {
    let index = Arc::new(Index::default());
    let list = || {
        vec![
            Notice::Restarted,
            seen(&raw("a", 1, Some("x"))),
            seen(&raw("b", 2, None)),
            seen(&raw("c", 3, Some("x"))),
            Notice::Synced,
        ]
    };
    assert_eq!(followed(&index, list()).await, ["a", "b?", "c"]);
    tokio::time::timeout(std::time::Duration::from_secs(10), index.loaded())
        .await
        .expect("it is loaded");
    assert_eq!(index.all().len(), 2);
    let found = index.get_unreadable(&"b".to_owned()).expect("it is there");
    assert!(index.contains(&"b".to_owned()) && !format!("{found:?}").contains(MARKER));
    assert!(!found.message().contains(MARKER), "{}", found.message());

    // What is known of it stays while it has not changed: it is told once.
    found.told();
    followed(&index, list()).await;
    assert!(index.get_unreadable(&"b".to_owned()).unwrap().is_told());

    let changes = vec![
        seen(&raw("b", 4, Some("x"))),
        seen(&raw("a", 5, None)),
        // The former state of what is unreadable now does not come back.
        seen(&raw("a", 4, Some("x"))),
        removed(&raw("c", 6, None)),
    ];
    assert_eq!(followed(&index, changes).await, ["b", "a?", "a", "c"]);
    assert!(index.get(&"b".to_owned()).is_some() && index.get(&"a".to_owned()).is_none());
    assert!(index.contains(&"a".to_owned()) && !index.contains(&"c".to_owned()));
}
