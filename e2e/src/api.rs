//! Objects by path, as JSON: what kubectl would show.

use std::collections::BTreeMap;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Request};
use kube::Client;
use serde_json::{Value, json};

/// Bindings of admission policies.
pub const POLICY_BINDINGS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

/// Collection of this group's kind on one cluster.
pub fn ours(plural: &str) -> String {
    format!("/apis/stevedore.dev/v1alpha1/{plural}")
}

/// Path of a core object in a namespace.
pub fn core(namespace: &str, plural: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/{plural}/{name}")
}

/// Collection of this group's kind in the namespace of Stevedore itself.
pub fn in_system(plural: &str) -> String {
    ours(&format!("namespaces/stevedore-system/{plural}"))
}

/// Path of the binding of an admission policy: without it the policy holds nobody back.
pub fn policy_binding(policy: &str) -> String {
    format!("{POLICY_BINDINGS}/{policy}")
}

/// The object, none if there is none.
pub async fn get(client: &Client, path: &str) -> Option<Value> {
    match send(client, "GET", path, None).await {
        Ok(found) => Some(found),
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => panic!("GET {path}: {error}"),
    }
}

/// The items of a collection.
pub async fn list(client: &Client, path: &str) -> Vec<Value> {
    let mut found = get(client, path).await.unwrap_or_default();
    match found["items"].take() {
        Value::Array(items) => items,
        _ => vec![],
    }
}

/// Creates an object in a collection.
pub async fn create(client: &Client, path: &str, object: &Value) -> kube::Result<Value> {
    send(client, "POST", path, Some(object)).await
}

/// Creates a namespace.
pub async fn create_namespace(client: &Client, name: &str) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let created = create(client, "/api/v1/namespaces", &namespace).await;
    created.expect("a namespace");
}

/// Changes fields of an object.
pub async fn merge(client: &Client, path: &str, change: &Value) -> kube::Result<Value> {
    send(client, "PATCH", path, Some(change)).await
}

/// Asks for the deletion of an object; it need not be there.
pub async fn delete(client: &Client, path: &str) {
    match send(client, "DELETE", path, Some(&json!({}))).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => panic!("DELETE {path}: {error}"),
    }
}

/// The columns of `kubectl get` for one object, by their names.
#[expect(
    clippy::disallowed_methods,
    reason = "paths of the tests themselves, at API servers that they started"
)]
pub async fn printed(client: &Client, path: &str) -> BTreeMap<String, Value> {
    let mut request = request("GET", path, None);
    let table = HeaderValue::from_static("application/json;as=Table;v=v1;g=meta.k8s.io");
    request.headers_mut().insert(ACCEPT, table);
    let mut table: Value = client.request(request).await.expect("the object is there");
    let cells = table["rows"][0]["cells"].take();
    let columns = table["columnDefinitions"].as_array().into_iter().flatten();
    let shown = |column: &Value| column["priority"] == 0;
    let name = |column: &Value| column["name"].as_str().unwrap_or_default().to_owned();
    let cells = cells.as_array().into_iter().flatten();
    let both = columns.zip(cells).filter(|(column, _)| shown(column));
    both.map(|(column, cell)| (name(column), cell.clone()))
        .collect()
}

/// The answer to a request as text, of which nothing is decoded; a change is a merge patch.
#[expect(
    clippy::disallowed_methods,
    reason = "paths of the tests themselves, at API servers that they started"
)]
pub async fn send_text(
    client: &Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> kube::Result<String> {
    client.request_text(request(method, path, body)).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "paths of the tests themselves, at API servers that they started"
)]
async fn send(
    client: &Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> kube::Result<Value> {
    client.request(request(method, path, body)).await
}

fn request(method: &str, path: &str, body: Option<&Value>) -> Request<Vec<u8>> {
    let content_type = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = body.map(Value::to_string).unwrap_or_default();
    Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, content_type)
        .body(body.into_bytes())
        .expect("a path of ours is a URI")
}

/// Status, reason and message of a condition; all empty without it.
pub fn condition<'a>(object: &'a Value, type_: &str) -> (&'a str, &'a str, &'a str) {
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    object["status"]["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] == type_))
        .map_or(("", "", ""), |found| {
            (
                text(&found["status"]),
                text(&found["reason"]),
                text(&found["message"]),
            )
        })
}

/// The UID of an object.
pub fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}
