//! Objects that go from one directly used set to the one that follows it, while both are active.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use super::sets::{condition, gone, installer, objects};
use super::support::{api, busy, config_map, create, eventually, namespace, run};

const NAMESPACE: &str = "handover";

fn set(revision: i64, previous: &[&str], maps: &[&str]) -> Value {
    let previous: Vec<Value> = previous.iter().map(|name| json!({"name": name})).collect();
    let maps = maps
        .iter()
        .map(|name| config_map(NAMESPACE, name, &revision.to_string()));
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ObjectSet",
        "metadata": {"name": format!("web-{revision}"), "namespace": NAMESPACE},
        "spec": {"revision": revision, "previous": previous, "serviceAccountName": "installer",
            "phases": [{"name": "only", "objects": objects(maps)}]}})
}

async fn is_true(cluster: &ControlPlane, name: &str, type_: &str) {
    eventually(&format!("{name} is {type_}"), || {
        condition(cluster, "ObjectSet", Some(NAMESPACE), name, type_)
    })
    .await;
}

/// Waits until the set says that what it wants was taken over, and names what is left to it.
async fn in_transition_with(cluster: &ControlPlane, name: &str, left: &[&str]) {
    let sets = api(cluster, "ObjectSet", Some(NAMESPACE));
    eventually(&format!("{name} is left with {left:?}"), || async {
        let set = sets.get(name).await.map_err(|error| error.to_string())?;
        let status = &set.data["status"];
        let says = |type_: &str, word: &str, is: &str| {
            let conditions = status["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|one| one["type"] == type_ && one[word] == is)
        };
        let controlled = status["controllerOf"].as_array().into_iter().flatten();
        let names: Vec<&str> = controlled.filter_map(|one| one["name"].as_str()).collect();
        let known = says("Available", "status", "False")
            && says("Available", "reason", "InTransition")
            && says("InTransition", "status", "True")
            && names == left;
        if known {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
}

#[test]
fn a_set_whose_objects_went_to_the_next_is_in_transition_and_takes_them_back_when_that_goes() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, NAMESPACE).await;
        installer(cluster, NAMESPACE).await;
        create(cluster, set(1, &[], &["kept", "taken"])).await;
        is_true(cluster, "web-1", "Available").await;
        create(cluster, set(2, &["web-1"], &["taken"])).await;
        is_true(cluster, "web-2", "Available").await;
        in_transition_with(cluster, "web-1", &["kept"]).await;

        // What is left to it is repaired still, and what is not is left alone.
        let maps = api(cluster, "ConfigMap", Some(NAMESPACE));
        let edit = json!({"data": {"value": "edited"}});
        for name in ["kept", "taken"] {
            let edit = Patch::Merge(&edit);
            let patched = maps.patch(name, &PatchParams::default(), &edit).await;
            patched.expect("patched");
        }
        for (name, revision) in [("kept", "1"), ("taken", "2")] {
            eventually(&format!("{name} is repaired"), || async {
                let map = maps.get(name).await.map_err(|error| error.to_string())?;
                match map.data["data"]["value"].as_str() {
                    Some(value) if value == revision => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            })
            .await;
        }
        in_transition_with(cluster, "web-1", &["kept"]).await;

        let sets = api(cluster, "ObjectSet", Some(NAMESPACE));
        let deleted = sets.delete("web-2", &DeleteParams::default()).await;
        deleted.expect("deleted");
        gone(cluster, "ObjectSet", Some(NAMESPACE), "web-2").await;
        is_true(cluster, "web-1", "Available").await;
        let back = maps.get("taken").await.expect("it is back");
        assert_eq!(back.data["data"]["value"], "1");
    });
}
