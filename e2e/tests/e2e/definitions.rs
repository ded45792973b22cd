//! The definitions on a real API server: what they refuse, and with which words.

use kube::Client;
use serde_json::{Value, json};
use stevedore_fleet::install::{install_hub, install_member};
use stevedore_fleet::{ControlPlane, Extent, Fleet, progress::Lines};
use tokio::sync::OnceCell;

use stevedore_e2e::api::{create, delete, merge};
use stevedore_e2e::harness::{WITHIN, await_state};

mod hub;
mod member;

/// A cluster with every definition, and nobody who acts on them.
pub(crate) async fn on_definitions() -> &'static ControlPlane {
    static FLEET: OnceCell<Fleet> = OnceCell::const_new();
    let fleet = FLEET
        .get_or_init(|| async {
            let builder = Fleet::builder().hub_extent(Extent::ApiServer);
            let fleet = builder.start(&Lines).await.expect("an API server");
            let client = fleet.hub().client();
            install_hub(&client).await.expect("the hub's definitions");
            install_member(&client)
                .await
                .expect("a member's definitions");
            fleet
        })
        .await;
    fleet.hub()
}

/// An administrator there.
async fn client() -> Client {
    on_definitions().await.client()
}

pub(crate) fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "stevedore.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    })
}

async fn made(collection: &str, kind: &str, name: &str, spec: &Value) -> String {
    made_by(&client().await, collection, kind, name, spec).await
}

async fn made_by(who: &Client, collection: &str, kind: &str, name: &str, spec: &Value) -> String {
    create(who, collection, &object(kind, name, spec))
        .await
        .expect("a valid object");
    format!("{collection}/{name}")
}

/// The API server's words about a change of `spec` that it must refuse.
async fn refused(path: &str, spec: &Value) -> String {
    refused_to(&client().await, path, spec).await
}

async fn refused_to(who: &Client, path: &str, spec: &Value) -> String {
    match merge(who, path, &json!({"spec": spec})).await {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message.clone(),
        other => panic!("{path} took {spec}: {other:?}"),
    }
}

pub(crate) fn contains(message: &str, words: &str) {
    assert!(
        message.contains(words),
        "{message:?} does not say {words:?}"
    );
}

/// Waits until an admission policy refuses this object to a user whom RBAC lets create it; the API server's words.
pub(crate) async fn policy_refuses(
    who: &Client,
    collection: &str,
    object: &Value,
    policy: &str,
) -> String {
    let name = object["metadata"]["name"].as_str().expect("a name");
    // The API server takes up policies and rights within a moment, not at once.
    await_state(&format!("{policy} refuses {name}"), WITHIN, || async {
        match create(who, collection, object).await {
            Err(kube::Error::Api(status)) if status.message.contains(policy) => {
                Ok(status.message.clone())
            }
            Err(error) => Err(error.to_string()),
            Ok(_) => {
                delete(&client().await, &format!("{collection}/{name}")).await;
                Err("it was taken".to_owned())
            }
        }
    })
    .await
}
