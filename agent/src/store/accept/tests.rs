use stevedore_proto_core::{
    ClusterUid, DeploymentUid, Digest, Epoch, EpochId, PackageRef, PackageUid, Settings, Term,
    TermId, Tuple,
};

use super::super::script::{SETS, Script, refusal};
use super::*;

fn order(number: u64, body: OrderBody) -> Order {
    let package = PackageUid::from_bytes([2; 16]);
    let mut order = Order {
        deployment: DeploymentUid::derive(&package, &ClusterUid::from_bytes([9; 16])),
        package: PackageRef {
            namespace: None,
            name: "demo".into(),
            uid: package,
            revision: 1,
        },
        tuple: Tuple {
            epoch: Epoch {
                counter: 1,
                id: EpochId::from_bytes([1; 16]),
            },
            term: Term {
                counter: 1,
                id: TermId::from_bytes([1; 16]),
            },
            number,
            digest: Digest::of(b""),
        },
        settings: Settings::default(),
        body,
    };
    order.tuple.digest = order.digest();
    order
}

#[test]
fn an_answer_may_have_more_than_was_sent_and_never_less() {
    let sent = json!({"a": [{"b": 1}], "c": "x"});
    assert!(covers(
        &json!({"a": [{"b": 1.0, "default": true}], "c": "x", "d": 1}),
        &sent
    ));
    for less in [
        json!({"c": "x"}),
        json!({"a": [], "c": "x"}),
        json!({"a": [{}], "c": "x"}),
    ] {
        assert!(!covers(&less, &sent), "{less}");
    }
}

#[test]
fn a_refusal_becomes_the_reason_that_the_hub_is_told() {
    for (kind, reason) in [
        (FailureKind::TooLarge, NackReason::TooLarge),
        (FailureKind::Invalid, NackReason::Unsupported),
        (FailureKind::NoKind, NackReason::CrdOutdated),
        (FailureKind::Unavailable, NackReason::StoreFailed),
        (FailureKind::Forbidden, NackReason::StoreFailed),
    ] {
        assert_eq!(not_stored(&Failure::new(kind, "x")).reason, reason);
    }
}

#[tokio::test]
async fn a_set_that_is_stored_cut_is_deleted_and_neither_rolled_out_nor_written_again() {
    let order = order(1, OrderBody::Tombstone);
    let name = format!("demo-{}-1", order.deployment.short());
    let deletions = std::sync::atomic::AtomicUsize::new(0);
    let cut = json!({"metadata": {"name": name, "uid": "cut", "generation": 1},
        "spec": {"revision": 1, "order": convert::stored_order(&order)}});
    let answered = cut.clone();
    let script = Script::new(move |question, _| {
        let one = format!("{SETS}/{name}");
        Some(match question.split_once(' ')? {
            ("POST", path) if path == SETS => {
                if deletions.load(std::sync::atomic::Ordering::Relaxed) == 0 {
                    (201, answered.clone())
                } else {
                    refusal(409, "already exists")
                }
            }
            ("DELETE", path) if path == one => {
                match deletions.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                    0 => refusal(503, "later"),
                    _ => (200, json!({})),
                }
            }
            ("GET", path) if path == one => (200, answered.clone()),
            _ => return None,
        })
    })
    .await;
    let refused = script.store.accept(&order, None).await.unwrap_err();
    assert_eq!(refused.reason, NackReason::CrdOutdated);
    let store = &script.store;
    assert_eq!(store.index.of(order.deployment), []);
    let deleted = store.index.remove(
        &(None, cut["metadata"]["name"].as_str().unwrap().to_owned()),
        "cut",
    );
    assert!(!store.index.is_lost(&deleted.unwrap()));
}
