//! Requests as the clients send them, and refusals as they become failures.

use serde_json::{Value, json};
use stevedore_agent::cluster_api::{PackageClient, Resource};
use stevedore_agent::ports::{
    Account, Accounts as _, ApplyOptions, NamespaceState, ObjectApi as _, Preconditions, Serving,
};
use stevedore_agent_core::failure::{Cause, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::propagation::Propagation;
use stevedore_agent_core::set::{SetHead, SetRef};
use stevedore_proto_core::{DeploymentUid, Reason};

use super::support::{Parts, SYSTEM, api, config_map, eventually, namespace, parts, quiet, run};

pub(crate) fn packages(parts: &Parts) -> PackageClient {
    let account = Account {
        namespace: SYSTEM.into(),
        name: "stevedore-packages".into(),
    };
    let transport = parts.client.transport().clone();
    PackageClient::new(transport, parts.discovery.clone(), account, |_| {})
}

pub(crate) fn key(object: &Value) -> ObjectKey {
    ObjectKey::of(object).expect("a key")
}

#[test]
fn create_only_apply_is_made_as_the_account_and_refused_when_the_object_exists() {
    run(async {
        let cluster = quiet().await;
        namespace(cluster, "clients-create").await;
        let mut audit = cluster.audit_from_now();
        let client = packages(&parts().await);
        let mut object = config_map("clients-create", "one", "first");
        object["metadata"]["resourceVersion"] = json!("1");
        let applied = client
            .apply(&key(&object), &object, ApplyOptions::default())
            .await;
        let created = applied.expect("absent: created");
        assert!(created["metadata"]["uid"].is_string());
        object["data"]["value"] = json!("second");
        let refused = client
            .apply(&key(&object), &object, ApplyOptions::default())
            .await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::Conflict);
        let stored = client
            .get(&key(&object))
            .await
            .unwrap()
            .expect("it is there");
        assert_eq!(stored["data"]["value"], "first");

        let entry = audit
            .await_entry("the apply", std::time::Duration::from_secs(20), |entry| {
                entry.verb == "patch" && entry.is_about("configmaps", "one")
            })
            .await
            .unwrap();
        assert_eq!(
            entry.user.username,
            format!("system:serviceaccount:{SYSTEM}:stevedore-agent")
        );
        let impersonated = entry.impersonated_user.expect("as the account");
        assert_eq!(
            impersonated.username,
            format!("system:serviceaccount:{SYSTEM}:stevedore-packages")
        );
    });
}

#[test]
fn delete_needs_the_object_that_was_read_and_a_missing_one_is_fine() {
    run(async {
        namespace(quiet().await, "clients-delete").await;
        let client = packages(&parts().await);
        let object = config_map("clients-delete", "one", "x");
        let applied = client
            .apply(&key(&object), &object, ApplyOptions::default())
            .await
            .unwrap();
        let uid = applied["metadata"]["uid"].as_str().unwrap().to_owned();
        let version = applied["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .to_owned();
        let other = Preconditions {
            uid: "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f".into(),
            resource_version: version.clone(),
        };
        let background = Propagation::Background;
        let refused = client.delete(&key(&object), &other, background).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::Conflict);
        let read = Preconditions {
            uid,
            resource_version: version,
        };
        for expected in ["deleted", "gone is fine"] {
            let deleted = client.delete(&key(&object), &read, background).await;
            deleted.expect(expected);
        }
        assert_eq!(client.get(&key(&object)).await, Ok(None));
    });
}

#[test]
fn what_has_the_finalizer_of_a_propagation_is_deleted_by_it_and_by_no_other() {
    run(async {
        let parts = parts().await;
        let client = packages(&parts);
        namespace(quiet().await, "clients-propagation").await;
        for finalizer in ["foregroundDeletion", "orphan"] {
            let mut object = config_map("clients-propagation", &finalizer.to_lowercase(), "x");
            object["metadata"]["finalizers"] = json!([finalizer]);
            let key = key(&object);
            let options = ApplyOptions::default();
            let applied = client.apply(&key, &object, options).await.expect("applied");
            let text = |field: &str| applied["metadata"][field].as_str().unwrap().to_owned();
            let read = Preconditions {
                uid: text("uid"),
                resource_version: text("resourceVersion"),
            };
            let refused = client.delete(&key, &read, Propagation::Background).await;
            assert_eq!(refused.unwrap_err().kind, FailureKind::Conflict);
            let deleted = client.delete(&key, &read, Propagation::of(&applied)).await;
            deleted.expect("deleted");
            let left = client.get(&key).await.expect("an answer");
            let is_dying = |left: Value| !left["metadata"]["deletionTimestamp"].is_null();
            assert!(left.is_none_or(is_dying), "{finalizer}");
        }
    });
}

#[test]
fn refusals_are_told_apart() {
    run(async {
        let client = packages(&parts().await);
        let options = ApplyOptions::default();
        let nowhere = config_map("clients-nowhere", "one", "x");
        let refused = client.apply(&key(&nowhere), &nowhere, options).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::NotFound);
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "clients:role"}, "rules": []});
        let refused = client.apply(&key(&role), &role, options).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::Forbidden);
        let unknown = json!({"apiVersion": "nobody.example/v1", "kind": "Nothing", "metadata": {"name": "n"}});
        let refused = client.apply(&key(&unknown), &unknown, options).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::NoKind);
        let serving = client.serving(&key(&unknown).kind).await;
        let Ok(Serving::Not(failure)) = serving else {
            panic!("{serving:?}");
        };
        assert_eq!(failure.kind, FailureKind::NoKind);
        let broken = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "Not_A_Name", "namespace": "default"}});
        let refused = client.apply(&key(&broken), &broken, options).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::Invalid);
        let unschematic = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "n", "namespace": "default"}, "nonsense": 1});
        let refused = client
            .apply(&key(&unschematic), &unschematic, options)
            .await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::Invalid);
        let data: serde_json::Map<_, _> = (0..65_000)
            .map(|at| (format!("key-{at:05}"), json!("x")))
            .collect();
        let mut large = config_map("default", "clients-large", "x");
        large["data"] = Value::Object(data);
        let refused = client.apply(&key(&large), &large, options).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::TooLarge);
    });
}

#[test]
fn everything_of_a_deployment_is_found_by_its_label_and_what_cannot_be_listed_is_named() {
    run(async {
        namespace(quiet().await, "clients-find").await;
        let client = packages(&parts().await);
        let deployment = DeploymentUid::from_bytes([0x71; 16]);
        let mut object = config_map("clients-find", "ours", "x");
        object["metadata"]["labels"] = json!({"stevedore.dev/deployment": deployment});
        client
            .apply(&key(&object), &object, ApplyOptions::default())
            .await
            .unwrap();
        let found = client.find_all(deployment, None).await.unwrap();
        let names: Vec<_> = found
            .objects
            .iter()
            .map(|found| key(found).to_string())
            .collect();
        assert_eq!(names, ["ConfigMap clients-find/ours"]);
        assert!(found.objects[0].get("data").is_none(), "metadata only");
        let unlistable = |kind: &str| {
            found
                .unlistable
                .iter()
                .any(|(known, _)| known.kind() == kind)
        };
        assert!(unlistable("ClusterRole") && !unlistable("ConfigMap"));
    });
}

fn set(account: Option<&str>, confined_to: Option<&str>) -> SetHead {
    SetHead {
        set: SetRef {
            namespace: None,
            name: "s".into(),
            uid: "u".into(),
        },
        generation: 1,
        number: 1,
        account: account.map(str::to_owned),
        confined_to: confined_to.map(str::to_owned),
        ..SetHead::default()
    }
}

#[test]
fn accounts_come_from_the_set_or_the_policy_and_what_is_missing_is_a_named_blocker() {
    run(async {
        let parts = parts().await;
        let open = async |set: SetHead| {
            let opened = parts.accounts.open(&set).await;
            opened
                .map(|(account, _)| account.name)
                .map_err(|blocker| blocker.reason)
        };
        assert_eq!(open(set(None, None)).await, Ok("stevedore-packages".into()));
        assert_eq!(
            open(set(Some("stevedore-packages"), None)).await,
            Ok("stevedore-packages".into())
        );
        assert_eq!(
            open(set(Some("somebody"), None)).await,
            Err(Reason::AccountNotAllowed)
        );
        assert_eq!(
            open(set(Some("a"), Some("accounts-nowhere"))).await,
            Err(Reason::NamespaceMissing)
        );
        namespace(quiet().await, "accounts-there").await;
        assert_eq!(
            open(set(Some("a"), Some("accounts-there"))).await,
            Err(Reason::AccountNotAllowed)
        );
        parts.accounts.set_default(None);
        assert_eq!(open(set(None, None)).await, Err(Reason::NoAccount));
    });
}

#[test]
fn how_a_namespace_stands_is_known_without_a_right_to_read_it() {
    run(async {
        let parts = parts().await;
        let state = || parts.client.namespace_state("clients-dying");
        assert_eq!(state().await, Ok(NamespaceState::Missing));
        namespace(quiet().await, "clients-dying").await;
        assert_eq!(state().await, Ok(NamespaceState::Active));
        let all = api(quiet().await, "Namespace", None);
        all.delete("clients-dying", &Default::default())
            .await
            .expect("accepted");
        eventually("terminating", || async {
            match state().await {
                Ok(NamespaceState::Terminating) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    });
}

#[test]
fn an_object_is_reached_in_another_version_than_the_one_it_was_written_with() {
    run(async {
        let client = packages(&parts().await);
        let old = Kind::new("", "v0", "ConfigMap");
        let old = ObjectKey::new(old, Some("default"), "a");
        let served = client.served(&old).await.expect("known").expect("served");
        assert!(served.same_object(&old) && served.kind.version() == "v1");
        assert_eq!(client.get(&served).await, Ok(None), "asked, and not there");
        let never = ObjectKey::new(Kind::new("apps", "v1", "Nothing"), None, "n");
        assert_eq!(client.served(&never).await, Ok(None));
        // A group that is not there at all may be one that is not there yet.
        let nobody = ObjectKey::new(Kind::new("nobody.example", "v1", "Nothing"), None, "n");
        let failure = client.served(&nobody).await.expect_err("not believed yet");
        assert_eq!(failure.kind, FailureKind::Unavailable);
    });
}

#[test]
fn fields_that_a_definition_does_not_have_are_named_as_causes() {
    run(async {
        let parts = parts().await;
        let mut object = config_map("default", "one", "x");
        object["metadata"]["lables"] = json!({});
        let set = json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
            "metadata": {"name": "clients-strict"},
            "spec": {"revision": 1, "novelty": 1,
                "phases": [{"name": "only", "objects": [{"object": object}]}]}});
        let created = parts
            .client
            .create::<Value>(Resource::CLUSTER_OBJECT_SET, None, &set, true);
        let failure = created.await.expect_err("two fields are unknown");
        assert_eq!(
            (failure.kind, failure.code),
            (FailureKind::Invalid, Some(400))
        );
        let mut causes = failure.causes;
        causes.sort_by_key(|cause| format!("{cause:?}"));
        let unknown = [
            "spec.novelty",
            "spec.phases[0].objects[0].object.metadata.lables",
        ];
        assert_eq!(causes, unknown.map(|path| Cause::UnknownField(path.into())));
    });
}
