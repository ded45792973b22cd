//! The shared fleet and the ways to wait.

use std::future::Future;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stevedore_fleet::{Fleet, progress::Lines};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use stevedore_client::Api;

/// How long anything may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// A hub with its own etcd, one member with pods, and a registry: shared by all tests, ended with the process.
pub(crate) async fn fleet() -> &'static Fleet {
    static FLEET: OnceCell<Fleet> = OnceCell::const_new();
    FLEET
        .get_or_init(|| async {
            Fleet::builder()
                .hub_with_own_etcd(true)
                .hub_extent(stevedore_fleet::Extent::Controllers)
                .members(1)
                .registry(true)
                .broken_image("registry.example/also-broken:2")
                .start(&Lines)
                .await
                .expect("the fleet starts")
        })
        .await
}

/// Runs on the one runtime of the process: clients are bound to the runtime that made them.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    static RUNTIME: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    RUNTIME
        .get_or_init(|| Runtime::new().expect("a runtime"))
        .block_on(test)
}

/// Waits until `check` answers with something, and fails with what it said last.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + WITHIN;
    loop {
        match check().await {
            Ok(value) => return value,
            Err(last) => assert!(
                Instant::now() < deadline,
                "{what}: not within {WITHIN:?}; last seen: {last}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

pub(crate) fn api(client: &kube::Client, kind: &str) -> Api<DynamicObject> {
    let (group, version) = match kind {
        "Deployment" => ("apps", "v1"),
        _ => ("", "v1"),
    };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), "default", &resource)
}

/// Server-side apply as a manager of this name.
pub(crate) async fn apply(
    api: &Api<DynamicObject>,
    manager: &str,
    object: &Value,
) -> kube::Result<DynamicObject> {
    let name = object["metadata"]["name"].as_str().expect("a name");
    api.patch(name, &PatchParams::apply(manager), &Patch::Apply(object))
        .await
}

pub(crate) fn config_map(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"value": value},
    })
}

pub(crate) fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}
