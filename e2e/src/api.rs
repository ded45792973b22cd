//! Objects by path, as JSON: what kubectl would show.

use std::collections::BTreeMap;

use http::Request;
use kube::Client;
use serde_json::{Value, json};

/// Collection of this group's kind on one cluster.
pub fn ours(plural: &str) -> String {
    format!("/apis/stevedore.dev/v1alpha1/{plural}")
}

/// Path of a core object in a namespace.
pub fn core(namespace: &str, plural: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/{plural}/{name}")
}

/// The object, none if there is none.
pub async fn get(client: &Client, path: &str) -> Option<Value> {
    match send(client, "GET", path, "application/json", None).await {
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
    send(client, "POST", path, "application/json", Some(object)).await
}

/// Changes fields of an object.
pub async fn merge(client: &Client, path: &str, change: &Value) -> kube::Result<Value> {
    let merge = "application/merge-patch+json";
    send(client, "PATCH", path, merge, Some(change)).await
}

/// Asks for the deletion of an object; it need not be there.
pub async fn delete(client: &Client, path: &str) {
    match send(client, "DELETE", path, "application/json", Some(&json!({}))).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => panic!("DELETE {path}: {error}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "paths of the tests themselves, at API servers that they started"
)]
/// What `kubectl get` prints of one object, by the name of the column.
pub async fn printed(client: &Client, path: &str) -> BTreeMap<String, Value> {
    let request = Request::get(path)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())
        .expect("a path of ours is a URI");
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

#[expect(
    clippy::disallowed_methods,
    reason = "paths of the tests themselves, at API servers that they started"
)]
async fn send(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: Option<&Value>,
) -> kube::Result<Value> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .body(body.into_bytes())
        .expect("a path of ours is a URI");
    client.request(request).await
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
