//! Sets whose namespace is not there, or goes.

use std::time::{Duration, Instant};

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use super::sets::{available, delete, exists, installer, objects, says};
use super::support::{SYSTEM, api, busy, config_map, create, namespace, run};

/// A set that is confined to a namespace, and whose account is there.
fn set(name: &str, namespace: &str) -> Value {
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
        "metadata": {"name": name},
        "spec": {"revision": 1, "targetNamespace": namespace, "serviceAccountName": "installer",
            "phases": [{"name": "only", "objects": objects([config_map(namespace, "one", "x")])}]}})
}

/// What the namespace controller of a whole cluster does.
async fn take_away(cluster: &ControlPlane, name: &str) {
    begin_to_take_away(cluster, name).await;
    finish_taking_away(cluster, name).await;
}

async fn begin_to_take_away(cluster: &ControlPlane, name: &str) {
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
}

async fn finish_taking_away(cluster: &ControlPlane, name: &str) {
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
    available(cluster, name).await;
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

/// The agent may be this namespace's account of the same name, by a right that no namespace takes along.
async fn may_be_anywhere(cluster: &ControlPlane, name: &str) {
    let named = |kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
            "metadata": {"name": format!("be-{name}")}});
        for (field, value) in rest.as_object().expect("fields") {
            object[field] = value.clone();
        }
        object
    };
    let rule = json!({"apiGroups": [""], "resources": ["serviceaccounts"],
        "resourceNames": [name], "verbs": ["impersonate"]});
    create(cluster, named("ClusterRole", json!({"rules": [rule]}))).await;
    let binding = json!({
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("be-{name}")},
        "subjects": [{"kind": "ServiceAccount", "namespace": SYSTEM, "name": "stevedore-agent"}]});
    create(cluster, named("ClusterRoleBinding", binding)).await;
}

/// That account may do in its namespace what its installer may.
async fn may_install(cluster: &ControlPlane, name: &str) {
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "installer"},
        "subjects": [{"kind": "ServiceAccount", "namespace": name, "name": name}]});
    create(cluster, binding).await;
}

#[test]
fn a_set_whose_account_only_lost_its_rights_with_the_namespace_is_let_go() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "tenant").await;
        installer(cluster, "tenant").await;
        may_be_anywhere(cluster, "tenant").await;
        may_install(cluster, "tenant").await;
        let mut set = set("tenant", "tenant");
        set["spec"]["serviceAccountName"] = json!("tenant");
        goes_with_its_namespace(cluster, "tenant", set).await;
    });
}

/// How soon what was blocked goes on.
const SOON: Duration = Duration::from_secs(10);

/// A set of an object in a namespace and one outside; and the namespace itself, if it is to be part of the set.
fn tenant(name: &str, with_namespace: bool) -> Value {
    let mut phases = vec![];
    if with_namespace {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        phases.push(json!({"name": "namespaces", "objects": objects([namespace])}));
    }
    let outside = config_map("default", name, "x");
    let inside = config_map(name, "tenant", "x");
    phases.push(json!({"name": "inside", "objects": objects([inside, outside])}));
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
        "metadata": {"name": name}, "spec": {"revision": 1, "phases": phases}})
}

/// The namespace dies, held by an object that is not ours, and the set says so.
async fn dies(cluster: &ControlPlane, name: &str) {
    let mut holder = config_map(name, "holder", "x");
    holder["metadata"]["finalizers"] = json!(["example.org/hold"]);
    create(cluster, holder).await;
    begin_to_take_away(cluster, name).await;
    let message = says(cluster, name, "NamespaceTerminating").await;
    assert!(message.contains("being deleted"), "{message}");

    let outside = api(cluster, "ConfigMap", Some("default"));
    let deleted = outside.delete(name, &DeleteParams::default()).await;
    deleted.expect("deleted");
    exists(cluster, "default", name).await;
    says(cluster, name, "NamespaceTerminating").await;
}

async fn is_let_go(cluster: &ControlPlane, name: &str) {
    let released = json!({"metadata": {"finalizers": null}});
    let maps = api(cluster, "ConfigMap", Some(name));
    maps.patch("holder", &PatchParams::default(), &Patch::Merge(&released))
        .await
        .expect("released");
    finish_taking_away(cluster, name).await;
}

#[test]
fn what_is_in_a_namespace_that_dies_says_so_and_is_back_within_ten_seconds_of_its_return() {
    run(async {
        let cluster = busy().await;
        namespace(cluster, "dying").await;
        create(cluster, tenant("dying", false)).await;
        available(cluster, "dying").await;
        dies(cluster, "dying").await;
        is_let_go(cluster, "dying").await;
        says(cluster, "dying", "NamespaceMissing").await;

        namespace(cluster, "dying").await;
        let back = Instant::now();
        exists(cluster, "dying", "tenant").await;
        assert!(back.elapsed() < SOON, "{:?}", back.elapsed());
        available(cluster, "dying").await;
        delete(cluster, "dying").await;
    });
}

#[test]
fn a_namespace_of_the_set_that_dies_is_made_again_with_what_was_in_it() {
    run(async {
        let cluster = busy().await;
        create(cluster, tenant("renewed", true)).await;
        available(cluster, "renewed").await;
        dies(cluster, "renewed").await;
        is_let_go(cluster, "renewed").await;
        let gone = Instant::now();
        exists(cluster, "renewed", "tenant").await;
        assert!(gone.elapsed() < SOON, "{:?}", gone.elapsed());
        available(cluster, "renewed").await;
    });
}

#[test]
fn rights_that_go_with_their_namespace_are_not_what_is_missing() {
    run(async {
        let cluster = busy().await;
        // With one namespace goes the right to be the account, with the other what the account may do.
        may_be_anywhere(cluster, "lesser").await;
        for name in ["rights", "lesser"] {
            let prepare = async || {
                namespace(cluster, name).await;
                installer(cluster, name).await;
                may_install(cluster, name).await;
            };
            prepare().await;
            let mut set = set(name, name);
            if name == "lesser" {
                set["spec"]["serviceAccountName"] = json!(name);
            }
            create(cluster, set).await;
            available(cluster, name).await;
            begin_to_take_away(cluster, name).await;
            says(cluster, name, "NamespaceTerminating").await;
            finish_taking_away(cluster, name).await;
            says(cluster, name, "NamespaceMissing").await;

            prepare().await;
            exists(cluster, name, "one").await;
            delete(cluster, name).await;
        }
    });
}
