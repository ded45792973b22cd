//! The few ways in which the hub changes objects: small patches that are refused when the object is another one.

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Field manager of everything the hub writes.
pub(crate) const MANAGER: &str = "stevedore-hub";

fn parameters() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// A JSON patch that applies to this very object only.
fn guarded(uid: &str, mut operations: Vec<Value>) -> Result<Patch<Value>, kube::Error> {
    operations.insert(
        0,
        json!({"op": "test", "path": "/metadata/uid", "value": uid}),
    );
    let patch =
        serde_json::from_value(Value::Array(operations)).map_err(kube::Error::SerdeError)?;
    Ok(Patch::Json(patch))
}

/// Replaces the whole status of the object with this UID.
pub(crate) async fn status<K, S>(
    api: &Api<K>,
    name: &str,
    uid: &str,
    status: &S,
) -> Result<K, kube::Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize,
{
    let status = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
    let operation = json!({"op": "add", "path": "/status", "value": status});
    let patch = guarded(uid, vec![operation])?;
    api.patch_status(name, &parameters(), &patch).await
}

/// Adds or removes a finalizer; `present` are the finalizers as they were last seen, and a change of them in
/// between refuses the write.
pub(crate) async fn finalizer<K>(
    api: &Api<K>,
    name: &str,
    uid: &str,
    present: &[String],
    finalizer: &str,
    wanted: bool,
) -> Result<(), kube::Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut list: Vec<_> = present
        .iter()
        .filter(|one| *one != finalizer)
        .cloned()
        .collect();
    if wanted {
        list.push(finalizer.to_owned());
    }
    let mut operations = Vec::new();
    if !present.is_empty() {
        operations.push(json!({"op": "test", "path": "/metadata/finalizers", "value": present}));
    }
    operations.push(json!({"op": "add", "path": "/metadata/finalizers", "value": list}));
    let patch = guarded(uid, operations)?;
    api.patch(name, &parameters(), &patch).await.map(|_| ())
}

/// Whether the write lost against another one, or the object is gone or another one: read again.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 404 | 409 | 422))
}

/// Whether the object is not there.
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// The object's UID; every object the API server gives has one.
pub(crate) fn uid<K: Resource>(object: &K) -> &str {
    object.meta().uid.as_deref().unwrap_or_default()
}
