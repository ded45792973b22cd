//! A whole agent without a hub: sets and object deployments used directly.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_fleet::{AuditEntry, AuditReader, ControlPlane};

use super::support::{SYSTEM, api, busy, config_map, create, eventually, namespace, run};

pub(crate) fn objects(objects: impl IntoIterator<Item = Value>) -> Value {
    objects
        .into_iter()
        .map(|object| json!({"object": object}))
        .collect()
}

pub(crate) async fn condition(
    cluster: &ControlPlane,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    type_: &str,
) -> Result<(), String> {
    let read = api(cluster, kind, namespace)
        .get(name)
        .await
        .map_err(|error| error.to_string())?;
    let conditions = read.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_true = conditions
        .iter()
        .any(|c| c["type"] == type_ && c["status"] == "True");
    if is_true {
        Ok(())
    } else {
        Err(read.data["status"].to_string())
    }
}

pub(crate) async fn gone(cluster: &ControlPlane, kind: &str, namespace: Option<&str>, name: &str) {
    eventually(&format!("{kind} {name} is gone"), || async {
        match api(cluster, kind, namespace).get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(object)) => Err(json!(object).to_string()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

/// Waits until the set is not available for this reason, and gives what it says.
pub(crate) async fn says(cluster: &ControlPlane, set: &str, reason: &str) -> String {
    eventually(&format!("{set} says {reason}"), || async {
        let read = api(cluster, "ClusterObjectSet", None).get(set).await;
        let status = read.map_err(|error| error.to_string())?.data["status"].clone();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let mut said = conditions.iter().filter(|one| one["type"] == "Available");
        match said.find(|one| one["reason"] == reason) {
            Some(one) => Ok(one["message"].as_str().unwrap_or_default().to_owned()),
            None => Err(status.to_string()),
        }
    })
    .await
}

pub(crate) async fn available(cluster: &ControlPlane, set: &str) {
    eventually(&format!("{set} is available"), || {
        condition(cluster, "ClusterObjectSet", None, set, "Available")
    })
    .await;
}

/// Deletes a set, and waits until its teardown is through.
pub(crate) async fn delete(cluster: &ControlPlane, set: &str) {
    let sets = api(cluster, "ClusterObjectSet", None);
    sets.delete(set, &DeleteParams::default())
        .await
        .expect("deleted");
    gone(cluster, "ClusterObjectSet", None, set).await;
}

/// Waits until a ConfigMap is there.
pub(crate) async fn exists(cluster: &ControlPlane, namespace: &str, name: &str) {
    let maps = api(cluster, "ConfigMap", Some(namespace));
    eventually(&format!("{name} is there"), || async {
        match maps.get_opt(name).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

async fn value(cluster: &ControlPlane, namespace: &str, name: &str) -> Result<String, String> {
    let read = api(cluster, "ConfigMap", Some(namespace)).get(name).await;
    let read = read.map_err(|error| error.to_string())?;
    Ok(read.data["data"]["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// Names of ConfigMaps in the order in which they were written, or deleted.
fn order<'a>(entries: &'a [AuditEntry], verb: &str, namespace: &str) -> Vec<&'a str> {
    let about = entries
        .iter()
        .filter(|entry| entry.verb == verb && !entry.is_dry_run() && entry.code() < 300);
    about
        .filter_map(|entry| entry.object_ref.as_ref())
        .filter(|object| object.resource == "configmaps" && object.namespace == namespace)
        .map(|object| object.name.as_str())
        .collect()
}

/// A set of three phases with a probe.
fn milestone() -> Value {
    let map = |name: &str| config_map("milestone", name, "wanted");
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
    "metadata": {"name": "milestone"},
    "spec": {
        "revision": 1,
        "phases": [
            {"name": "first", "objects": objects([map("a")])},
            {"name": "second", "objects": objects([map("b")])},
            {"name": "third", "objects": objects([map("c")])},
        ],
        "availabilityProbes": [{
            "selector": {"kind": {"group": "", "kind": "ConfigMap"}},
            "probes": [{"cel": {"rule": "self.data.value == 'wanted'", "message": "value is not wanted"}}],
        }],
    }})
}

#[test]
fn phases_go_out_in_order_drift_comes_back_and_deletion_goes_in_reverse() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "milestone").await;
        let mut audit = cluster.audit_from_now();
        create(cluster, milestone()).await;
        eventually("the set is available", || {
            condition(cluster, "ClusterObjectSet", None, "milestone", "Available")
        })
        .await;

        let maps = api(cluster, "ConfigMap", Some("milestone"));
        let edit = json!({"data": {"value": "edited by hand"}});
        maps.patch("a", &PatchParams::default(), &Patch::Merge(&edit))
            .await
            .unwrap();
        maps.delete("b", &DeleteParams::default()).await.unwrap();
        for name in ["a", "b"] {
            eventually("what drifted is back", || async {
                match value(cluster, "milestone", name).await {
                    Ok(value) if value == "wanted" => Ok(()),
                    other => Err(format!("{name}: {other:?}")),
                }
            })
            .await;
        }
        let sets = api(cluster, "ClusterObjectSet", None);
        sets.delete("milestone", &DeleteParams::default())
            .await
            .unwrap();
        gone(cluster, "ClusterObjectSet", None, "milestone").await;
        let left = maps.list(&Default::default()).await.unwrap();
        assert!(
            left.items.iter().all(|map| map.metadata.labels.is_none()),
            "nothing of ours is left"
        );

        let entries = audited(&mut audit).await;
        assert_eq!(order(&entries, "patch", "milestone")[..3], ["a", "b", "c"]);
        let ours: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry.user.username.ends_with(":stevedore-agent"))
            .collect();
        assert_eq!(order(&ours, "delete", "milestone"), ["c", "b", "a"]);
        assert_all_impersonated(&ours);
    });
}

/// Everything until the four deletions of the milestone (one by hand) are in the log.
async fn audited(audit: &mut AuditReader) -> Vec<AuditEntry> {
    let mut entries = vec![];
    eventually("every deletion is in the audit log", || {
        entries.extend(audit.read_new().expect("the log can be read"));
        let deleted = order(&entries, "delete", "milestone").len();
        async move {
            if deleted >= 4 {
                Ok(())
            } else {
                Err(deleted.to_string())
            }
        }
    })
    .await;
    entries
}

fn assert_all_impersonated(ours: &[AuditEntry]) {
    let account = format!("system:serviceaccount:{SYSTEM}:stevedore-packages");
    let of_package = |entry: &&AuditEntry| {
        entry
            .object_ref
            .as_ref()
            .is_some_and(|o| o.resource == "configmaps" && o.namespace == "milestone")
    };
    for entry in ours.iter().filter(of_package) {
        let acted_as = entry
            .impersonated_user
            .as_ref()
            .map(|user| user.username.as_str());
        assert_eq!(acted_as, Some(account.as_str()), "{}", entry.request_uri);
    }
    assert!(
        ours.iter().all(|entry| entry.code() != 403),
        "the agent's own rights suffice"
    );
}

fn assert_own_rights_suffice(entries: &[AuditEntry]) {
    let refused = entries.iter().filter(|entry| {
        entry.user.username.ends_with(":stevedore-agent")
            && entry.impersonated_user.is_none()
            && entry.code() == 403
    });
    let refused: Vec<_> = refused.map(|entry| &entry.request_uri).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

fn web(value: &str) -> Value {
    let mut maps = vec![config_map("shop", "kept", value)];
    if value == "1" {
        maps.push(config_map("shop", "dropped", value));
    }
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ObjectDeployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "serviceAccountName": "installer",
                "phases": [{"name": "only", "objects": objects(maps)}]}}}})
}

/// In this namespace, account `installer` may do anything with ConfigMaps, and the agent may be it.
pub(crate) async fn installer(cluster: &ControlPlane, namespace: &str) {
    let binding = |name: &str, subject: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [subject]})
    };
    let role = |name: &str, rule: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": name, "namespace": namespace}, "rules": [rule]})
    };
    let account = |namespace: &str, name: &str| json!({"kind": "ServiceAccount", "namespace": namespace, "name": name});
    create(
        cluster,
        role(
            "installer",
            json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}),
        ),
    )
    .await;
    create(
        cluster,
        binding("installer", account(namespace, "installer")),
    )
    .await;
    let impersonate = json!({"apiGroups": [""], "resources": ["serviceaccounts"],
        "resourceNames": ["installer"], "verbs": ["impersonate"]});
    create(cluster, role("impersonate", impersonate)).await;
    create(
        cluster,
        binding("impersonate", account(SYSTEM, "stevedore-agent")),
    )
    .await;
}

async fn rolled_out(cluster: &ControlPlane, revision: i64) {
    let deployments = api(cluster, "ObjectDeployment", Some("shop"));
    eventually(&format!("revision {revision} is rolled out"), || async {
        let read = deployments
            .get("web")
            .await
            .map_err(|error| error.to_string())?;
        let status = &read.data["status"];
        let idle = status["conditions"].as_array().is_some_and(|conditions| {
            conditions
                .iter()
                .any(|c| c["type"] == "Progressing" && c["reason"] == "Idle")
        });
        if idle && status["revision"] == revision {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
}

async fn old_set_is_archived(cluster: &ControlPlane) {
    eventually("the old set is archived", || async {
        let sets = api(cluster, "ObjectSet", Some("shop"))
            .list(&Default::default())
            .await
            .expect("sets can be listed");
        let archived = sets
            .items
            .iter()
            .filter(|set| set.data["spec"]["lifecycleState"] == "Archived");
        if archived.count() == 1 && sets.items.len() == 2 {
            Ok(())
        } else {
            Err(json!(sets.items).to_string())
        }
    })
    .await;
}

#[test]
fn an_object_deployment_upgrades_prunes_and_keeps_its_history_and_rolls_back_forward() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "shop").await;
        installer(cluster, "shop").await;
        let mut audit = cluster.audit_from_now();
        create(cluster, web("1")).await;
        let deployments = api(cluster, "ObjectDeployment", Some("shop"));
        rolled_out(cluster, 1).await;
        let kept = api(cluster, "ConfigMap", Some("shop"));
        let uid = kept.get("kept").await.unwrap().metadata.uid;

        deployments
            .patch("web", &PatchParams::default(), &Patch::Merge(&web("2")))
            .await
            .unwrap();
        rolled_out(cluster, 2).await;
        gone(cluster, "ConfigMap", Some("shop"), "dropped").await;
        let now = kept.get("kept").await.unwrap();
        assert_eq!(
            (&now.metadata.uid, now.data["data"]["value"].as_str()),
            (&uid, Some("2"))
        );
        old_set_is_archived(cluster).await;

        // An older template again is a new revision: old sets are never revived.
        deployments
            .patch("web", &PatchParams::default(), &Patch::Merge(&web("1")))
            .await
            .unwrap();
        rolled_out(cluster, 3).await;
        assert_eq!(kept.get("kept").await.unwrap().metadata.uid, uid);
        let read = deployments.get("web").await.unwrap();
        assert_eq!(read.data["status"]["collisionCount"], 1);
        tokio::time::timeout(Duration::from_secs(20), kept.get("dropped"))
            .await
            .unwrap()
            .expect("it is back");
        assert_own_rights_suffice(&audit.read_new().expect("the log can be read"));
    });
}
