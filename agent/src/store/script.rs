//! A store over an API server that answers as a test says and remembers what it was asked.

use std::sync::Arc;

use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use stevedore_runtime::supervise::Supervisor;
use tokio_util::sync::CancellationToken;

use super::Store;
use crate::accounts::AccountResolver;
use crate::cluster_api::{AgentClient, Discovery, Transport};

pub(super) const DEPLOYMENT: &str = "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f";

/// A store, and what it asked: method and path, without the query.
pub(super) struct Script {
    pub(super) store: Arc<Store>,
    pub(super) accounts: Arc<AccountResolver>,
    pub(super) discovery: Arc<Discovery>,
    asked: Arc<Mutex<Vec<String>>>,
    _supervisor: Supervisor,
}

impl Script {
    /// What `answer` has no word for is a state Secret that is there, and otherwise a 404.
    pub(super) async fn new(
        answer: impl Fn(&str, &Value) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Self {
        Self::slow(|_| Box::pin(std::future::ready(())), answer).await
    }

    /// As [`Self::new`]; each answer comes after what `before` says of the question.
    pub(super) async fn slow(
        before: impl Fn(&str) -> BoxFuture<'static, ()> + Send + Sync + 'static,
        answer: impl Fn(&str, &Value) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&asked);
        let (before, answer) = (Arc::new(before), Arc::new(answer));
        let server = tower::service_fn(move |request: http::Request<Body>| {
            let (heard, before) = (Arc::clone(&heard), Arc::clone(&before));
            let answer = Arc::clone(&answer);
            async move {
                let question = format!("{} {}", request.method(), request.uri().path());
                let body = request.into_body().collect().await?.to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                heard.lock().push(question.clone());
                before(&question).await;
                let (code, body) = answer(&question, &body).unwrap_or_else(|| default(&question));
                let body = Body::from(body.to_string().into_bytes());
                let response = http::Response::builder().status(code).body(body).unwrap();
                Ok::<_, kube::Error>(response)
            }
        });
        let transport = Transport::new(kube::Client::new(server, "default"));
        let client = AgentClient::new(transport.clone());
        let discovery = Arc::new(Discovery::new(transport));
        let accounts = Arc::new(AccountResolver::new(
            client.clone(),
            Arc::clone(&discovery),
            "system",
        ));
        let supervisor = Supervisor::new(CancellationToken::new());
        let (tasks, queue) = (supervisor.tasks(), Arc::default());
        let store = Store::open(client, "system", Arc::clone(&accounts), queue, &tasks)
            .await
            .expect("the store opens");
        Self {
            store,
            accounts,
            discovery,
            asked,
            _supervisor: supervisor,
        }
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock())
    }
}

pub(super) const STATE: &str = "/api/v1/namespaces/system/secrets/stevedore-agent-state";
pub(super) const SETS: &str = "/apis/stevedore.dev/v1alpha1/clusterobjectsets";

/// The Secret of the agent's state with this digest key, 32 times the same byte in base64.
pub(super) fn state(key: &str) -> Value {
    json!({"metadata": {"name": "stevedore-agent-state", "resourceVersion": "1"},
        "data": {"digest-key": key}})
}

fn default(question: &str) -> (u16, Value) {
    if question == format!("GET {STATE}") {
        (200, state(&format!("{}=", "A".repeat(43))))
    } else {
        refusal(404, "not found")
    }
}

/// A `Status` that names an object.
pub(super) fn refusal(code: u16, message: &str) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "message": message, "reason": "Test", "details": {"name": "a"}}),
    )
}

/// A tuple as sets store it.
pub(super) fn tuple(number: u64) -> Value {
    let digest = stevedore_proto_core::Digest::of(&number.to_be_bytes());
    json!({"epoch": {"counter": 1, "id": "1".repeat(32)}, "term": {"counter": 1, "id": "2".repeat(32)},
        "number": number, "digest": digest.to_string()})
}

/// A stored order of a hub.
pub(super) fn set(number: u64) -> Value {
    let digest = stevedore_proto_core::Digest::of(format!("content {number}").as_bytes());
    json!({
        "metadata": {"name": format!("web-{number}"), "uid": format!("uid-{number}"), "generation": 1},
        "spec": {"revision": 1, "order": {"deployment": DEPLOYMENT,
            "package": {"name": "web", "uid": DEPLOYMENT}, "tuple": tuple(number),
            "contentDigest": digest.to_string(), "contentSize": 7}},
    })
}
