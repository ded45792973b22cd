//! Objects of all sorts in a set: Secrets written as text, objects with finalizers, fields that cannot be changed, and
//! as much as a set may hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_agent::ports::{ApplyOptions, ObjectApi as _};
use stevedore_agent_core::failure::{Cause, FailureKind};
use stevedore_fleet::ControlPlane;
use stevedore_proto_core::content::bounds;
use stevedore_proto_core::{Content, OrderBody};

use super::clients::{key, packages};
use super::sets::{condition, gone};
use super::store::order;
use super::support::{SYSTEM, api, busy, create, eventually, namespace, parts, quiet, run};

/// A set of one phase with these objects; Secrets among them are named by their pack.
fn set(name: &str, phase: &Value) -> Value {
    let mut phase = phase.clone();
    phase["name"] = "only".into();
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
        "metadata": {"name": name}, "spec": {"revision": 1, "phases": [phase]}})
}

/// The Secret in which a set's objects of kind Secret stand.
async fn pack(cluster: &ControlPlane, name: &str, object: &Value) {
    let objects = STANDARD.encode(json!([object]).to_string());
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "stevedore.dev/objects",
        "metadata": {"name": name, "namespace": SYSTEM}, "data": {"objects": objects}});
    create(cluster, secret).await;
}

fn login(namespace: &str, texts: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "login", "namespace": namespace}, "stringData": texts})
}

/// Waits until the Secret has these values, and gives it.
async fn has(cluster: &ControlPlane, namespace: &str, texts: &Value) -> DynamicObject {
    let wanted = texts.as_object().expect("texts").iter();
    let wanted: serde_json::Map<_, _> = wanted
        .map(|(key, text)| {
            (
                key.clone(),
                json!(STANDARD.encode(text.as_str().expect("a text"))),
            )
        })
        .collect();
    let wanted = Value::Object(wanted);
    let what = format!("Secret {namespace}/login has {texts}");
    eventually(&what, || async {
        let read = api(cluster, "Secret", Some(namespace)).get("login").await;
        let read = read.map_err(|error| error.to_string())?;
        if read.data["data"] == wanted {
            Ok(read)
        } else {
            Err(json!(read).to_string())
        }
    })
    .await
}

async fn edit(cluster: &ControlPlane, namespace: &str, patch: &Value) {
    let secrets = api(cluster, "Secret", Some(namespace));
    let by = PatchParams::apply("intruder");
    let by = PatchParams {
        field_manager: by.field_manager,
        ..PatchParams::default()
    };
    secrets
        .patch("login", &by, &Patch::Merge(patch))
        .await
        .expect("an edit");
}

/// The top fields that our field manager owns by its applies.
fn applied(object: &DynamicObject) -> Vec<String> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let ours = entries.filter(|entry| {
        entry.manager.as_deref() == Some("stevedore") && entry.operation.as_deref() == Some("Apply")
    });
    let fields = ours.filter_map(|entry| entry.fields_v1.as_ref()?.0.as_object());
    fields.flat_map(|fields| fields.keys().cloned()).collect()
}

#[test]
fn a_secret_written_as_text_is_kept_like_its_data() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "as-text").await;
        let texts = json!({"user": "keeper", "password": "first", "empty": ""});
        let mut given = texts.clone();
        given["empty"] = Value::Null;
        let mut secret = login("as-text", &given);
        secret["data"] = json!({"password": "c2hhZG93ZWQ="});
        pack(cluster, "as-text", &json!({"object": secret})).await;
        create(cluster, set("as-text", &json!({"secrets": ["as-text"]}))).await;
        let live = has(cluster, "as-text", &texts).await;
        assert!(
            !applied(&live).contains(&"f:stringData".to_owned()),
            "{live:?}"
        );

        for patch in [
            json!({"data": {"password": "YmFk"}}),
            json!({"data": {"user": null}}),
            json!({"stringData": {"password": "bad"}}),
        ] {
            edit(cluster, "as-text", &patch).await;
            has(cluster, "as-text", &texts).await;
        }
        api(cluster, "ClusterObjectSet", None)
            .delete("as-text", &DeleteParams::default())
            .await
            .expect("deleted");
        gone(cluster, "Secret", Some("as-text"), "login").await;
    });
}

/// A deployment of one phase whose Secrets are in this pack.
fn edition(pack: &str) -> Value {
    let phase = json!({"name": "only", "secrets": [pack]});
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectDeployment",
        "metadata": {"name": "editions"},
        "spec": {"selector": {"matchLabels": {"app": "editions"}},
            "template": {"metadata": {"labels": {"app": "editions"}}, "spec": {"phases": [phase]}}}})
}

#[test]
fn a_key_that_an_edition_drops_leaves_the_secret_and_comes_back_with_the_one_before() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "editions").await;
        let both = json!({"user": "keeper", "password": "first"});
        let one = json!({"password": "second"});
        for (name, texts) in [("editions-1", &both), ("editions-2", &one)] {
            pack(cluster, name, &json!({"object": login("editions", texts)})).await;
        }
        create(cluster, edition("editions-1")).await;
        has(cluster, "editions", &both).await;
        let deployments = api(cluster, "ClusterObjectDeployment", None);
        for (name, texts) in [("editions-2", &one), ("editions-1", &both)] {
            let patch = Patch::Merge(edition(name));
            let params = PatchParams::default();
            let patched = deployments.patch("editions", &params, &patch);
            patched.await.expect("another edition");
            has(cluster, "editions", texts).await;
        }
    });
}

#[test]
fn a_key_that_an_older_agent_applied_as_text_leaves_the_secret_when_it_is_dropped() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "was-text").await;
        let secrets = api(cluster, "Secret", Some("was-text"));
        let older = login("was-text", &json!({"user": "keeper", "password": "first"}));
        let by = PatchParams::apply("stevedore");
        let made = secrets
            .patch("login", &by, &Patch::Apply(&older))
            .await
            .expect("made");
        assert!(
            applied(&made).contains(&"f:stringData".to_owned()),
            "{made:?}"
        );
        edit(
            cluster,
            "was-text",
            &json!({"data": {"foreign": "a2VwdA=="}}),
        )
        .await;

        let newer = login("was-text", &json!({"password": "second"}));
        let adopted = json!({"object": newer, "collisionProtection": "None"});
        pack(cluster, "was-text", &adopted).await;
        create(cluster, set("was-text", &json!({"secrets": ["was-text"]}))).await;
        let wanted = json!({"password": "second", "foreign": "kept"});
        let live = has(cluster, "was-text", &wanted).await;
        assert!(
            !applied(&live).contains(&"f:stringData".to_owned()),
            "{live:?}"
        );
    });
}

#[test]
fn an_object_with_a_finalizer_is_applied_and_the_finalizer_that_holds_it_is_named() {
    run(async {
        let cluster = busy().await;
        let name = "held-by-finalizer";
        let mut map = super::support::config_map("default", name, "red");
        map["metadata"]["finalizers"] = json!(["example.org/cascade"]);
        create(cluster, set(name, &json!({"objects": [{"object": map}]}))).await;
        eventually("the set is available", || {
            condition(cluster, "ClusterObjectSet", None, name, "Available")
        })
        .await;
        let maps = api(cluster, "ConfigMap", Some("default"));
        let live = maps.get(name).await.expect("it is there");
        assert_eq!(
            live.metadata.finalizers,
            Some(vec!["example.org/cascade".to_owned()])
        );

        let sets = api(cluster, "ClusterObjectSet", None);
        sets.delete(name, &DeleteParams::default())
            .await
            .expect("deleted");
        eventually("the finalizer is named", || async {
            let set = sets.get(name).await.map_err(|error| error.to_string())?;
            let conditions = set.data["status"]["conditions"].as_array().cloned();
            let named = |one: &Value| {
                let said = one["message"].as_str().unwrap_or_default();
                one["reason"] == "Terminating"
                    && said.contains("ConfigMap default/held-by-finalizer")
                    && said.contains("held by finalizers example.org/cascade")
            };
            if conditions.iter().flatten().any(named) {
                Ok(())
            } else {
                Err(json!(set).to_string())
            }
        })
        .await;
        let off = json!({"metadata": {"finalizers": null}});
        maps.patch(name, &PatchParams::default(), &Patch::Merge(&off))
            .await
            .expect("let go");
        gone(cluster, "ClusterObjectSet", None, name).await;
        gone(cluster, "ConfigMap", Some("default"), name).await;
    });
}

/// The account of packages may do anything with Jobs.
async fn may_run_jobs(cluster: &ControlPlane) {
    let rule = json!({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["*"]});
    let named = |kind: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "jobs"}});
    let mut role = named("ClusterRole");
    role["rules"] = json!([rule]);
    create(cluster, role).await;
    let mut binding = named("ClusterRoleBinding");
    binding["roleRef"] =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "jobs"});
    binding["subjects"] =
        json!([{"kind": "ServiceAccount", "name": "stevedore-packages", "namespace": SYSTEM}]);
    create(cluster, binding).await;
}

#[test]
fn a_refused_new_image_of_a_job_names_the_field_and_why() {
    run(async {
        let cluster = quiet().await;
        namespace(cluster, "jobs").await;
        may_run_jobs(cluster).await;
        let client = packages(&parts().await);
        let job = |image: &str| {
            json!({"apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "migrate", "namespace": "jobs"},
                "spec": {"template": {"spec": {"restartPolicy": "Never",
                    "containers": [{"name": "main", "image": image}]}}}})
        };
        let (first, second) = (
            job("registry.example/migrate:1"),
            job("registry.example/migrate:2"),
        );
        let made = eventually("the right is in force", || async {
            let made = client
                .apply(&key(&first), &first, ApplyOptions::default())
                .await;
            made.map_err(|failure| failure.to_string())
        });
        made.await;
        let force = ApplyOptions {
            force: true,
            dry_run: true,
        };
        let refused = client
            .apply(&key(&second), &second, force)
            .await
            .unwrap_err();
        assert_eq!(refused.kind, FailureKind::Invalid);
        assert_eq!(refused.causes, [Cause::Field("spec.template".into())]);
        let told = refused.about(&key(&second).kind);
        assert!(told.starts_with("spec.template: Invalid value: "), "{told}");
        assert!(
            told.ends_with("field is immutable") && told.len() < 300,
            "{told}"
        );
    });
}

/// A content that has as much as may be of everything that is bounded.
fn fullest() -> Content {
    let text = |length: usize| "a".repeat(length);
    let mapped = format!("{}/{}", text(bounds::CONDITION_TYPE - 64), text(63));
    let mapping = json!({"sourceType": mapped, "destinationType": mapped});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": text(253), "namespace": text(63), "finalizers": ["example.org/cascade"],
        "labels": {(mapped[1..].to_owned()): text(bounds::LABEL_VALUE)},
        "annotations": {"a": text(bounds::ANNOTATIONS - 1)}}});
    let probes = [
        json!({"condition": {"type": text(bounds::CONDITION_TYPE), "status": text(bounds::CONDITION_STATUS)}}),
        json!({"fieldsEqual": {"fieldA": text(bounds::FIELD_PATH), "fieldB": text(bounds::FIELD_PATH)}}),
        json!({"cel": {"rule": format!("self.{}", text(bounds::RULE - 5)), "message": text(bounds::PROBE_MESSAGE)}}),
    ];
    let probes: Vec<_> = probes.iter().cycle().take(bounds::PROBES).collect();
    let values = vec![text(bounds::LABEL_VALUE); bounds::SELECTOR_TERMS];
    let expression = json!({"key": text(bounds::LABEL_KEY), "operator": "In", "values": values});
    let entry = |selector: Value| json!({"selector": selector, "probes": probes});
    let full = entry(
        json!({"kind": {"group": text(bounds::GROUP), "kind": text(bounds::KIND)},
        "selector": {"matchExpressions": [expression]}}),
    );
    let small = json!({"selector": {"selector": {}}, "probes": [probes[0]]});
    let entries =
        std::iter::once(full).chain(std::iter::repeat_n(small, bounds::PROBE_ENTRIES - 1));
    let phases = (0..bounds::PHASES).map(|at| json!({"name": format!("{at:0>63}")}));
    let mut phases: Vec<_> = phases.collect();
    phases[0]["objects"] =
        json!([{"object": object, "conditionMappings": vec![mapping; bounds::CONDITION_MAPPINGS]}]);
    let content = json!({"phases": phases, "availabilityProbes": entries.collect::<Vec<_>>(),
        "successDelaySeconds": bounds::SUCCESS_DELAY_SECONDS});
    serde_json::from_value(content).expect("a content")
}

#[test]
fn a_member_stores_as_much_as_a_content_may_have() {
    run(async {
        let parts = parts().await;
        let content = fullest();
        let order = order(40, 1, OrderBody::Apply(content.reference()));
        let stored = parts.store.accept(&order, Some(content.to_bytes().into()));
        stored.await.expect("it is stored");
    });
}
