use futures::FutureExt as _;
use stevedore_proto_core::content::{Phase, PhaseObject};
use stevedore_proto_core::{
    ClusterUid, Content, DeploymentUid, Digest, Epoch, EpochId, PackageRef, PackageUid, Settings,
    Term, TermId, Tuple,
};

use super::super::script::{SETS, Script, refusal};
use super::*;
use crate::ports::SetStore as _;

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
    assert_eq!(refused.reason, Reason::CrdOutdated);
    let store = &script.store;
    assert_eq!(store.index.sets_of(order.deployment), []);
    let deleted = store.index.remove(
        &(None, cut["metadata"]["name"].as_str().unwrap().to_owned()),
        "cut",
    );
    assert!(!store.index.is_lost(&deleted.unwrap()));
}

const SECRETS: &str = "/api/v1/namespaces/system/secrets";

/// Two phases, each with a ConfigMap and a Secret.
fn content() -> Content {
    let phase = |name: &str| {
        let object = |kind: &str| PhaseObject {
            object: json!({"apiVersion": "v1", "kind": kind,
                "metadata": {"name": name, "namespace": "shop"}, "data": {"of": name}}),
            ..PhaseObject::default()
        };
        Phase {
            name: name.to_owned(),
            objects: vec![object("ConfigMap"), object("Secret")],
            ..Phase::default()
        }
    };
    Content {
        phases: vec![phase("first"), phase("second")],
        ..Content::default()
    }
}

/// An API server that stores sets and Secrets.
fn storing(
    before: impl Fn(&str) -> futures::future::BoxFuture<'static, ()> + Send + Sync + 'static,
) -> impl Future<Output = Script> {
    let stored = std::sync::Mutex::new(std::collections::BTreeMap::<String, Value>::new());
    Script::slow(before, move |question, body| {
        let mut stored = stored.lock().unwrap();
        let (verb, path) = question.split_once(' ')?;
        match verb {
            "POST" => {
                let mut object = body.clone();
                let name = object["metadata"]["name"].as_str()?.to_owned();
                object["metadata"]["uid"] = json!(format!("uid of {name}"));
                object["metadata"]["generation"] = json!(1);
                stored.insert(format!("{path}/{name}"), object.clone());
                Some((201, object))
            }
            _ => Some((200, stored.get(path)?.clone())),
        }
    })
}

#[tokio::test]
async fn an_order_that_was_just_stored_is_rolled_out_without_reading_it() {
    let script = storing(|_| Box::pin(std::future::ready(()))).await;
    let (store, content) = (&script.store, content());
    let order = order(1, OrderBody::Apply(content.reference()));
    let bytes = content.to_bytes().into();
    store.accept(&order, Some(bytes)).await.unwrap();
    script.asked();
    let sets = store.sets(order.deployment, &[]).await.unwrap();
    assert_eq!((sets.len(), sets[0].head.number), (1, 1));
    let handed = store.content(&sets[0].head.set).await.unwrap();
    assert_eq!(script.asked(), Vec::<String>::new());

    // Once: what is needed later is read, and is the same, in the same order.
    let read = store.content(&sets[0].head.set).await.unwrap();
    let asked = script.asked();
    assert_eq!((asked.len(), &handed), (3, &read), "{asked:?}");
    let again = store.sets(order.deployment, &[]).await.unwrap();
    assert_eq!((script.asked().len(), again), (1, sets));
}

#[tokio::test]
async fn the_secrets_of_an_order_are_written_at_once_and_all_before_their_set() {
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let script = storing(move |question| {
        let both = Arc::clone(&both);
        let waits = question == format!("POST {SECRETS}");
        async move {
            if waits {
                both.wait().await;
            }
        }
        .boxed()
    })
    .await;
    script.asked();
    let content = content();
    let order = order(1, OrderBody::Apply(content.reference()));
    let stored = script.store.accept(&order, Some(content.to_bytes().into()));
    let stored = tokio::time::timeout(std::time::Duration::from_secs(20), stored).await;
    stored.expect("one does not wait for the other").unwrap();
    let secret = format!("POST {SECRETS}");
    let asked = [secret.clone(), secret, format!("POST {SETS}")];
    assert_eq!(script.asked(), asked);
}
