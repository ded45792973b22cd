//! Sets whose namespace is not there, or goes.

use kube::api::DeleteParams;
use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use super::sets::{condition, gone, installer, objects};
use super::support::{SYSTEM, api, busy, config_map, create, eventually, namespace, run};

/// A set that is confined to a namespace, and whose account is there.
fn set(name: &str, namespace: &str) -> Value {
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
        "metadata": {"name": name},
        "spec": {"revision": 1, "targetNamespace": namespace, "serviceAccountName": "installer",
            "phases": [{"name": "only", "objects": objects([config_map(namespace, "one", "x")])}]}})
}

async fn says(cluster: &ControlPlane, set: &str, reason: &str) {
    eventually(&format!("{set} says {reason}"), || async {
        let read = api(cluster, "ClusterObjectSet", None).get(set).await;
        let status = read.map_err(|error| error.to_string())?.data["status"].clone();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        if conditions
            .iter()
            .any(|c| c["type"] == "Available" && c["reason"] == reason)
        {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
}

async fn delete(cluster: &ControlPlane, set: &str) {
    let sets = api(cluster, "ClusterObjectSet", None);
    sets.delete(set, &DeleteParams::default())
        .await
        .expect("deleted");
    gone(cluster, "ClusterObjectSet", None, set).await;
}

/// What the namespace controller of a whole cluster does.
async fn take_away(cluster: &ControlPlane, name: &str) {
    let namespaces = api(cluster, "Namespace", None);
    namespaces
        .delete(name, &DeleteParams::default())
        .await
        .expect("it goes");
    for kind in ["ConfigMap", "RoleBinding", "Role"] {
        let all = api(cluster, kind, Some(name));
        all.delete_collection(&DeleteParams::default(), &Default::default())
            .await
            .expect("everything in it goes");
    }
    let done = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        "spec": {"finalizers": []}});
    let request = http::Request::put(format!("/api/v1/namespaces/{name}/finalize"))
        .header("content-type", "application/json")
        .body(done.to_string().into_bytes())
        .expect("a request");
    let _: Value = cluster.client().request(request).await.expect("it is gone");
}

#[test]
fn a_set_whose_namespace_never_was_is_let_go() {
    run(async {
        let cluster = busy().await;
        create(cluster, set("nowhere", "nowhere")).await;
        says(cluster, "nowhere", "NamespaceMissing").await;
        delete(cluster, "nowhere").await;
    });
}

async fn goes_with_its_namespace(cluster: &ControlPlane, name: &str, set: Value) {
    create(cluster, set).await;
    eventually("the set is available", || {
        condition(cluster, "ClusterObjectSet", None, name, "Available")
    })
    .await;
    take_away(cluster, name).await;
    delete(cluster, name).await;
}

#[test]
fn a_set_whose_namespace_went_with_all_rights_in_it_is_let_go() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "goes").await;
        installer(cluster, "goes").await;
        goes_with_its_namespace(cluster, "goes", set("goes", "goes")).await;
    });
}

#[test]
fn a_set_whose_account_only_lost_its_rights_with_the_namespace_is_let_go() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "tenant").await;
        installer(cluster, "tenant").await;
        let named = |kind: &str, rest: Value| {
            let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
                "metadata": {"name": "be-tenant"}});
            for (field, value) in rest.as_object().expect("fields") {
                object[field] = value.clone();
            }
            object
        };
        let rule = json!({"apiGroups": [""], "resources": ["serviceaccounts"],
            "resourceNames": ["tenant"], "verbs": ["impersonate"]});
        create(cluster, named("ClusterRole", json!({"rules": [rule]}))).await;
        let binding = json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "be-tenant"},
            "subjects": [{"kind": "ServiceAccount", "namespace": SYSTEM, "name": "stevedore-agent"}]});
        create(cluster, named("ClusterRoleBinding", binding)).await;
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "tenant", "namespace": "tenant"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "installer"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "tenant", "name": "tenant"}]});
        create(cluster, binding).await;
        let mut set = set("tenant", "tenant");
        set["spec"]["serviceAccountName"] = json!("tenant");
        goes_with_its_namespace(cluster, "tenant", set).await;
    });
}
