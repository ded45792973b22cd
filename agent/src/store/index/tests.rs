use serde_json::json;

use super::super::script::{self, DEPLOYMENT};
use super::*;

#[derive(Default)]
struct Told(Mutex<Vec<DeploymentUid>>);

impl Notified for Told {
    fn sets_changed(&self, deployment: DeploymentUid) {
        self.0.lock().push(deployment);
    }

    fn circumstances_changed(&self) {}
}

fn set(number: u64, generation: i64, tombstone: Option<u64>) -> SetObject {
    let mut set = script::set(number);
    set["metadata"]["generation"] = json!(generation);
    if let Some(number) = tombstone {
        set["spec"]["tombstone"] = json!({"tuple": script::tuple(number)});
    }
    serde_json::from_value(set).unwrap()
}

fn name(number: u64) -> Name {
    (None, format!("web-{number}"))
}

fn deployment() -> DeploymentUid {
    DEPLOYMENT.parse().unwrap()
}

#[test]
fn the_engine_is_told_of_changes_and_not_of_status_writes() {
    let index = Index::default();
    index.put(&set(1, 1, None)).unwrap();
    let told = Arc::new(Told::default());
    index.attach(told.clone());
    let count = || told.0.lock().len();
    assert_eq!(count(), 1);
    index.put(&set(1, 1, None)).unwrap();
    assert_eq!(count(), 1);
    index.put(&set(1, 2, Some(2))).unwrap();
    assert_eq!(count(), 2);
    index.put(&set(1, 1, None)).unwrap();
    assert_eq!(
        count(),
        2,
        "an event older than what is known changes nothing"
    );
    assert!(index.remove(&name(1), "uid-1").is_some());
    assert_eq!(count(), 3);
    assert!(index.remove(&name(1), "uid-1").is_none());
}

#[test]
fn an_event_that_is_faster_than_the_answer_to_our_own_write_is_told_with_it() {
    let index = Index::default();
    let told = Arc::new(Told::default());
    index.attach(told.clone());
    let count = || told.0.lock().len();
    let expected = index.expect(name(1), deployment());
    index.put(&set(1, 1, None)).unwrap();
    assert_eq!(count(), 0);
    index.put(&set(2, 1, None)).unwrap();
    assert_eq!(count(), 1, "of another set it hears");
    index.put(&set(1, 1, None)).unwrap();
    drop(expected);
    assert_eq!(count(), 2);
    drop(index.expect(name(1), deployment()));
    assert_eq!(count(), 2, "nothing happened");
    index.put(&set(1, 2, None)).unwrap();
    assert_eq!(count(), 3);
}

#[test]
fn what_is_held_is_the_newest_order_or_its_tombstone() {
    let index = Index::default();
    index.put(&set(9, 1, None)).unwrap();
    index.put(&set(10, 1, None)).unwrap();
    let held = index.held().remove(&deployment()).unwrap();
    assert_eq!((held.tuple.number, held.content.unwrap().size), (10, 7));
    assert_eq!(index.contents().len(), 2);
    index.put(&set(10, 2, Some(11))).unwrap();
    let held = index.held().remove(&deployment()).unwrap();
    assert_eq!((held.tuple.number, held.content), (11, None));
}

#[test]
fn only_the_newest_set_without_a_tombstone_that_others_deleted_is_lost() {
    let index = Index::default();
    for number in [1, 2, 3] {
        index.put(&set(number, 1, None)).unwrap();
    }
    let older = index.remove(&name(1), "uid-1").unwrap();
    assert!(!index.is_lost(&older), "an older set is only history");
    let newest = index.remove(&name(3), "uid-3").unwrap();
    assert!(index.is_lost(&newest));
    index.put(&set(4, 1, None)).unwrap();
    index.set_retiring(
        &SetRef {
            namespace: None,
            name: "web-4".into(),
            uid: "uid-4".into(),
        },
        true,
    );
    index.put(&set(4, 1, None)).unwrap();
    let ours = index.remove(&name(4), "uid-4").unwrap();
    assert!(!index.is_lost(&ours), "we deleted it");
    index.put(&set(5, 1, Some(6))).unwrap();
    let torn_down = index.remove(&name(5), "uid-5").unwrap();
    assert!(!index.is_lost(&torn_down));
}

#[test]
fn secrets_of_a_set_in_a_namespace_are_named_too() {
    let index = Index::default();
    let head = serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "stevedore-system", "uid": DEPLOYMENT},
        "spec": {"phases": [{"name": "a", "secrets": ["objects-of-a-person"]}]},
    }));
    index.put(&head.unwrap()).unwrap();
    assert!(index.secrets().contains("objects-of-a-person"));
}

#[test]
fn a_set_that_must_not_stay_is_none_for_the_engine_and_no_loss_when_it_goes() {
    let index = Index::default();
    index.put(&set(1, 1, None)).unwrap();
    index.put(&set(2, 1, None)).unwrap();
    index.refuse(&set(2, 1, None)).unwrap();
    index.put(&set(2, 1, None)).unwrap();
    let known: Vec<String> = index
        .sets_of(deployment())
        .into_iter()
        .map(|set| set.name)
        .collect();
    assert_eq!(known, ["web-1"]);
    let cut = index.remove(&name(2), "uid-2").unwrap();
    assert!(!index.is_lost(&cut));
}

/// A directly used set; the deployment is its own.
fn direct(number: u8, previous: &[&str]) -> SetObject {
    let uid = DeploymentUid::from_bytes([number; 16]);
    let previous: Vec<_> = previous.iter().map(|name| json!({"name": name})).collect();
    let set = json!({
        "metadata": {"name": format!("direct-{number}"), "namespace": "shop",
            "uid": uid.to_string(), "finalizers": ["stevedore.dev/teardown"], "generation": 1},
        "spec": {"revision": number, "previous": previous},
    });
    serde_json::from_value(set).unwrap()
}

#[test]
fn a_set_is_told_of_the_sets_that_follow_it_when_they_come_and_when_they_go() {
    let index = Index::default();
    let told = Arc::new(Told::default());
    index.attach(told.clone());
    let of = |number| DeploymentUid::from_bytes([number; 16]);
    let heard = || std::mem::take(&mut *told.0.lock());
    let name = |number: u8| (Some("shop".to_owned()), format!("direct-{number}"));
    index.put(&direct(1, &[])).unwrap();
    index.put(&direct(2, &["direct-1"])).unwrap();
    assert_eq!(heard(), [of(1), of(2), of(1)]);
    index.put(&direct(3, &["direct-1", "direct-2"])).unwrap();
    assert_eq!(index.successors(&name(1)), [of(2), of(3)]);
    assert_eq!(index.predecessors(&name(3)), [of(1), of(2)]);
    // The same name elsewhere is another set.
    assert!(index.successors(&(None, "direct-1".into())).is_empty());
    heard();
    let uid = of(3).to_string();
    index.remove(&name(3), &uid).unwrap();
    assert_eq!(heard(), [of(3), of(1), of(2)]);
    assert_eq!(index.successors(&name(1)), [of(2)]);
}
