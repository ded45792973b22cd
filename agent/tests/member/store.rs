//! Orders that became durable.

use std::time::Duration;

use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use stevedore_agent::ports::SetStore as _;
use stevedore_proto_core::content::{Phase, PhaseObject};
use stevedore_proto_core::order::order_digest;
use stevedore_proto_core::{
    Content, DeploymentUid, Epoch, EpochId, Held, Order, OrderBody, PackageRef, PackageUid, Reason,
    Settings, Stage, Term, TermId, Tuple,
};

use super::support::{
    Parts, SYSTEM, api, busy, config_map, eventually, parts, parts_on, quiet, run,
};

/// A value that must stand in Secrets only.
const SECRET: &str = "correct-horse-battery-staple";

fn deployment(id: u8) -> DeploymentUid {
    DeploymentUid::from_bytes([id; 16])
}

/// An order for a package of this id.
pub(crate) fn order(id: u8, number: u64, body: OrderBody) -> Order {
    let package = PackageRef {
        namespace: None,
        name: format!("p{id}"),
        uid: PackageUid::from_bytes([id; 16]),
        revision: 3,
    };
    let settings = Settings {
        account: Some("stevedore-packages".into()),
        ..Settings::default()
    };
    let digest = order_digest(&deployment(id), &package.uid, &settings, &body);
    let tuple = Tuple {
        epoch: Epoch {
            counter: 1,
            id: EpochId::from_bytes([0xe0; 16]),
        },
        term: Term {
            counter: 4,
            id: TermId::from_bytes([0x70; 16]),
        },
        number,
        digest,
    };
    Order {
        deployment: deployment(id),
        package,
        tuple,
        settings,
        body,
    }
}

fn content(value: &str) -> Content {
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "password", "namespace": "default"}, "stringData": {"value": SECRET}});
    let objects = [config_map("default", "one", value), secret];
    let objects = objects.map(|object| PhaseObject {
        object,
        ..PhaseObject::default()
    });
    Content {
        phases: vec![Phase {
            name: "only".into(),
            objects: objects.into(),
            ..Phase::default()
        }],
        ..Content::default()
    }
}

async fn accept(parts: &Parts, id: u8, number: u64, content: &Content) -> Order {
    let order = order(id, number, OrderBody::Apply(content.reference()));
    let stored = parts
        .store
        .accept(&order, Some(content.to_bytes().into()))
        .await;
    stored.expect("it is stored");
    order
}

async fn sets(id: u8) -> Vec<Value> {
    let params =
        ListParams::default().labels(&format!("stevedore.dev/deployment={}", deployment(id)));
    let sets = api(quiet().await, "ClusterObjectSet", None)
        .list(&params)
        .await
        .expect("sets can be listed");
    sets.items
        .into_iter()
        .map(|set| serde_json::to_value(set).expect("an object is JSON"))
        .collect()
}

fn held(parts: &Parts, id: u8) -> Option<Held> {
    let held = parts.store.recovered().held;
    held.into_iter()
        .find(|held| held.deployment == deployment(id))
}

#[test]
fn an_accepted_order_outlives_the_agent_and_its_secrets_are_never_inline() {
    run(async {
        let first = parts().await;
        let content = content("a");
        let order = accept(&first, 1, 7, &content).await;
        accept(&first, 1, 7, &content).await;
        let stored = sets(1).await;
        assert_eq!(stored.len(), 1, "the same order again changes nothing");
        assert_eq!(stored[0]["metadata"]["name"], "p1-01010101-7");
        assert_eq!(
            stored[0]["spec"]["order"]["contentDigest"],
            content.reference().digest.to_string()
        );
        assert!(!stored[0].to_string().contains(SECRET));

        let again = parts().await;
        let held = held(&again, 1).expect("it is known after a restart");
        assert_eq!(
            (held.tuple, held.content, held.package),
            (order.tuple, Some(content.reference()), order.package)
        );
        assert!(again.store.contents().contains(&content.reference().digest));
        let sets = again.store.sets(deployment(1), &[]).await.unwrap();
        assert_eq!((sets.len(), sets[0].head.number), (1, 7));
        let read = again.store.content(&sets[0].head.set).await.unwrap();
        let objects = &read.phases[0].objects;
        assert_eq!(objects.len(), 2);
        assert!(
            objects
                .iter()
                .all(|object| content.phases[0].objects.contains(object))
        );
        assert_eq!(first.store.digest_key(), again.store.digest_key());
    });
}

#[test]
fn a_misspelt_metadata_field_of_a_package_is_not_blamed_on_the_definitions() {
    run(async {
        let parts = parts().await;
        let mut misspelt = config_map("default", "one", "x");
        misspelt["metadata"]["lables"] = json!({"app": "one"});
        let mut content = content("m");
        content.phases[0].objects[0].object = misspelt;
        let order = order(21, 1, OrderBody::Apply(content.reference()));
        let refused = parts
            .store
            .accept(&order, Some(content.to_bytes().into()))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, Reason::Unsupported, "{}", refused.message);
        assert!(
            refused.message.contains("metadata.lables"),
            "{}",
            refused.message
        );
        assert_eq!(sets(21).await.len(), 0);
    });
}

#[test]
fn content_that_a_set_has_is_stored_again_without_being_sent() {
    run(async {
        let parts = parts().await;
        let content = content("b");
        accept(&parts, 2, 1, &content).await;
        let next = order(2, 2, OrderBody::Apply(content.reference()));
        parts
            .store
            .accept(&next, None)
            .await
            .expect("known content is enough");
        let stored = sets(2).await;
        assert_eq!(stored.len(), 2);
        assert_eq!(stored[0]["spec"]["phases"], stored[1]["spec"]["phases"]);
        let unknown = order(2, 3, OrderBody::Apply(Content::default().reference()));
        let refused = parts.store.accept(&unknown, None).await.unwrap_err();
        assert_eq!(refused.reason, Reason::ContentUnavailable);
    });
}

#[test]
fn a_tombstone_stands_on_the_newest_set_or_is_a_set_of_its_own() {
    run(async {
        let parts = parts().await;
        accept(&parts, 3, 1, &content("c")).await;
        let tombstone = order(3, 2, OrderBody::Tombstone);
        parts.store.accept(&tombstone, None).await.unwrap();
        parts
            .store
            .accept(&tombstone, None)
            .await
            .expect("again is fine");
        let stored = sets(3).await;
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0]["spec"]["tombstone"]["tuple"]["number"], 2);
        let known = held(&parts, 3).unwrap();
        assert_eq!((known.tuple, known.content), (tombstone.tuple, None));

        let alone = order(4, 9, OrderBody::Tombstone);
        parts.store.accept(&alone, None).await.unwrap();
        let stored = sets(4).await;
        assert_eq!(stored.len(), 1);
        let sets = parts.store.sets(deployment(4), &[]).await.unwrap();
        assert!(!sets[0].head.has_content());
    });
}

#[test]
fn the_newest_set_that_somebody_deletes_is_written_again_but_not_after_a_tombstone() {
    run(async {
        let parts = parts().await;
        accept(&parts, 5, 1, &content("d")).await;
        let all = api(quiet().await, "ClusterObjectSet", None);
        let before = sets(5).await.remove(0);
        all.delete("p5-05050505-1", &DeleteParams::default())
            .await
            .unwrap();
        let after = eventually("the set is back", || async {
            let now = sets(5).await;
            let fresh = now
                .into_iter()
                .find(|set| set["metadata"]["uid"] != before["metadata"]["uid"]);
            fresh.ok_or_else(|| "no new set".to_owned())
        })
        .await;
        assert_eq!(after["spec"], before["spec"]);
        let tombstone = order(5, 2, OrderBody::Tombstone);
        eventually("the tombstone is stored", || async {
            let stored = parts.store.accept(&tombstone, None).await;
            stored.map_err(|error| error.message)
        })
        .await;
        parts
            .store
            .record_teardown(deployment(5), tombstone.tuple)
            .await
            .unwrap();
        // The restored set and the tombstone may have met or passed each other.
        eventually("every set is deleted", || async {
            for set in parts.store.sets(deployment(5), &[]).await.unwrap() {
                parts.store.delete(&set.head.set).await.unwrap();
            }
            let left = sets(5).await;
            if left.is_empty() {
                Ok(())
            } else {
                Err(json!(left).to_string())
            }
        })
        .await;
        // A restart knows the finished tombstone, and nothing wrote the set again.
        let again = super::support::parts().await;
        let finished = held(&again, 5).expect("finished tombstones are kept");
        assert_eq!(
            (finished.stage, finished.tuple),
            (Stage::Deleted, tombstone.tuple)
        );
        assert_eq!(
            again.store.recovered().seen,
            Some(tombstone.tuple.leadership())
        );
        assert_eq!(sets(5).await, Vec::<Value>::new());
    });
}

#[test]
fn a_set_that_the_server_cannot_hold_is_refused_by_that_name() {
    run(async {
        let parts = parts().await;
        let mut content = content("e");
        content.phases[0].objects[0].object["data"]["value"] = "x".repeat(2 * 1024 * 1024).into();
        let order = order(6, 1, OrderBody::Apply(content.reference()));
        let refused = parts
            .store
            .accept(&order, Some(content.to_bytes().into()))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, Reason::TooLarge, "{}", refused.message);
        assert_eq!(sets(6).await, Vec::<Value>::new());
    });
}

#[test]
fn secrets_that_no_set_names_any_more_stay_for_a_while() {
    run(async {
        let parts = parts().await;
        let mut content = content("f");
        content.phases[0].objects[1].object["stringData"]["value"] = "another".into();
        accept(&parts, 7, 1, &content).await;
        let named = sets(7).await[0]["spec"]["phases"][0]["secrets"][0]
            .as_str()
            .unwrap()
            .to_owned();
        let set = parts
            .store
            .sets(deployment(7), &[])
            .await
            .unwrap()
            .remove(0);
        parts.store.delete(&set.head.set).await.unwrap();
        let secrets = api(quiet().await, "Secret", Some(SYSTEM));
        tokio::time::timeout(Duration::from_secs(20), secrets.get(&named))
            .await
            .expect("an answer")
            .expect("a young Secret may belong to a set that is about to be written");
    });
}

#[test]
fn an_order_that_an_older_definition_would_cut_is_refused_and_leaves_nothing() {
    run(async {
        let cluster = busy().await;
        let parts = parts_on(cluster).await;
        let definitions = api(cluster, "CustomResourceDefinition", None);
        let name = "clusterobjectsets.stevedore.dev";
        eventually("the definition is made older", || async {
            let mut definition = definitions.get(name).await.map_err(|error| error.to_string())?;
            let order = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/order/properties";
            let known = definition.data.pointer_mut(order).and_then(Value::as_object_mut).expect("a schema");
            known.remove("contentSize");
            let replaced = definitions.replace(name, &PostParams::default(), &definition).await;
            replaced.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
        let content = content("g");
        let mut number = 0;
        eventually("the older definition is in force", || {
            number += 1;
            let order = order(8, number, OrderBody::Apply(content.reference()));
            let (parts, bytes) = (&parts, content.to_bytes().into());
            async move {
                match parts.store.accept(&order, Some(bytes)).await {
                    Err(refused) if refused.reason == Reason::CrdOutdated => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
        })
        .await;
        let last = format!("p8-08080808-{number}");
        let stored = api(cluster, "ClusterObjectSet", None)
            .get_opt(&last)
            .await
            .unwrap();
        assert!(stored.is_none(), "nothing of it is stored");
    });
}

#[test]
fn the_identity_is_kept_in_a_secret_and_replaced_by_the_next_one() {
    use stevedore_agent::hub_link::{Credentials, IdentityStore as _};
    use stevedore_agent::identity::IdentitySecret;
    run(async {
        let parts = parts().await;
        let identity = IdentitySecret::new(parts.client, SYSTEM);
        assert_eq!(identity.load().await, Ok(None));
        let mut credentials = Credentials {
            chain: vec![vec![1; 40]],
            key: vec![2; 40],
            authorities: vec![vec![3; 40]],
            addresses: vec!["hub.example:8443".into()],
            joined_with: stevedore_proto_core::Digest::of(b"token"),
        };
        identity.save(credentials.clone()).await.unwrap();
        assert_eq!(identity.load().await, Ok(Some(credentials.clone())));
        credentials.chain = vec![vec![9; 40]];
        identity.save(credentials.clone()).await.unwrap();
        assert_eq!(identity.load().await, Ok(Some(credentials)));
    });
}
