//! The few ways in which the hub changes objects: small patches that are refused when the object is another one.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Resource;
use kube::api::{
    DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams, Preconditions,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stevedore_client::Api;

/// Field manager of everything the hub writes.
pub(crate) const MANAGER: &str = "stevedore-hub";

/// An object's metadata with a name only.
pub(crate) fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

/// Parameters of whatever the hub creates or replaces as a whole.
pub(crate) fn creation() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// Parameters of whatever the hub changes.
pub(crate) fn parameters() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// A JSON patch that applies to this very object only.
pub(crate) fn guarded(uid: &str, mut operations: Vec<Value>) -> Result<Patch<Value>, kube::Error> {
    operations.insert(
        0,
        json!({"op": "test", "path": "/metadata/uid", "value": uid}),
    );
    let patch =
        serde_json::from_value(Value::Array(operations)).map_err(kube::Error::SerdeError)?;
    Ok(Patch::Json(patch))
}

/// Puts data into a ConfigMap in place of what it was found with, or makes it where none was found.
pub(crate) async fn put_data(
    api: &Api<ConfigMap>,
    name: &str,
    found: Option<ConfigMap>,
    data: BTreeMap<String, String>,
) -> Result<(), kube::Error> {
    let is_new = found.is_none();
    let mut map = found.unwrap_or_else(|| ConfigMap {
        metadata: named(name),
        ..ConfigMap::default()
    });
    map.data = Some(data);
    let written = match is_new {
        true => api.create(&creation(), &map).await,
        false => api.replace(name, &creation(), &map).await,
    };
    written.map(drop)
}

/// Replaces the whole status of the object with this UID.
pub(crate) async fn status<K, S>(
    api: &Api<K>,
    name: &str,
    uid: &str,
    status: &S,
) -> Result<K, kube::Error>
where
    K: DeserializeOwned,
    S: Serialize,
{
    let status = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
    let operation = json!({"op": "add", "path": "/status", "value": status});
    let patch = guarded(uid, vec![operation])?;
    api.patch_status(name, &parameters(), &patch).await
}

/// Adds a finalizer and gives the object. Server-side apply merges finalizers as a set (structured-merge-diff of
/// `metav1.ObjectMeta`), so those of others stay, whoever sets them meanwhile; the UID refuses another object,
/// and making one.
pub(crate) async fn add_finalizer(
    api: &Api<DynamicObject>,
    kind: &str,
    name: &str,
    uid: &str,
    finalizer: &str,
) -> Result<DynamicObject, kube::Error> {
    let object = json!({
        "apiVersion": format!("{}/{}", stevedore_crds::GROUP, stevedore_crds::VERSION),
        "kind": kind,
        "metadata": {"name": name, "uid": uid, "finalizers": [finalizer]},
    });
    let parameters = PatchParams::apply(MANAGER);
    api.patch(name, &parameters, &Patch::Apply(&object)).await
}

/// Removes a finalizer, also of an object that cannot be read; `present` are the finalizers as they were last seen,
/// and a change of them in between refuses the write. Where it is not present, or the object is gone, there is nothing
/// to do.
pub(crate) async fn remove_finalizer<K>(
    api: &Api<K>,
    name: &str,
    uid: &str,
    present: &[String],
    finalizer: &str,
) -> Result<(), kube::Error> {
    let left: Vec<_> = present.iter().filter(|one| *one != finalizer).collect();
    if left.len() == present.len() {
        return Ok(());
    }
    let operations = vec![
        json!({"op": "test", "path": "/metadata/finalizers", "value": present}),
        json!({"op": "add", "path": "/metadata/finalizers", "value": left}),
    ];
    let patch = guarded(uid, operations)?;
    ignore_missing(api.patch_unread(name, false, &parameters(), &patch).await)
}

/// Deletes the object with this UID, and no other of its name.
pub(crate) async fn delete<K>(api: &Api<K>, name: &str, uid: &str) -> Result<(), kube::Error> {
    delete_version(api, name, uid, None).await
}

/// Deletes the object with this UID, if it is still as it was at this resource version.
pub(crate) async fn delete_version<K>(
    api: &Api<K>,
    name: &str,
    uid: &str,
    version: Option<String>,
) -> Result<(), kube::Error> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: version,
        }),
        ..DeleteParams::default()
    };
    api.delete(name, &parameters).await
}

/// What is gone already needs no change.
pub(crate) fn ignore_missing(result: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match result {
        Err(error) if is_missing(&error) => Ok(()),
        result => result,
    }
}

/// Whether the write lost against another one, or the object is gone or another one: read again.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => match status.code {
            404 | 409 => true,
            // The test of a patch; it names no field.
            422 => !is_refused(error),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a creation lost against an object that has the name already.
pub(crate) fn is_taken(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Whether the API server refuses the value itself, by the schema: the same value is refused again.
pub(crate) fn is_refused(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let details = status.details.as_ref();
    status.code == 422 && details.is_some_and(|details| !details.causes.is_empty())
}

/// Logs that a status was not written. That another write came first, or that the object is gone, is no fault.
pub(crate) fn log_status(error: &kube::Error, kind: &str, name: &str) {
    if is_conflict(error) {
        tracing::debug!(kind, name, %error, "a status lost against another write");
    } else {
        tracing::warn!(kind, name, %error, "a status could not be written");
    }
}

/// When a status that was not written is tried again, also after a conflict: no news of the object may follow, and
/// one that is gone is forgotten by then.
pub(crate) fn status_again(error: &kube::Error) -> Duration {
    Duration::from_secs(if is_refused(error) { 60 } else { 1 })
}

/// What the API server said, for people: of its own refusals just the message.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        // It would quote the object.
        kube::Error::SerdeError(_) => "the API server's answer cannot be read".to_owned(),
        other => other.to_string(),
    }
}

/// Whether the object is not there.
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// The object's UID; every object the API server gives has one.
pub(crate) fn uid<K: Resource>(object: &K) -> &str {
    object.meta().uid.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn answer(code: u16, causes: Vec<StatusCause>) -> kube::Error {
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes,
            retry_after_seconds: 0,
        };
        let status = Status::failure("no", "Invalid")
            .with_code(code)
            .with_details(details);
        kube::Error::Api(Box::new(status))
    }

    #[test]
    fn a_value_that_the_schema_refuses_is_an_error_and_no_conflict() {
        let schema = StatusCause {
            reason: "FieldValueTooLong".into(),
            message: "Too long".into(),
            field: "status.failures[0].message".into(),
        };
        let refused = answer(422, vec![schema]);
        assert!(is_refused(&refused) && !is_conflict(&refused));
        assert!(status_again(&refused) > Duration::from_secs(10));
        for lost in [
            answer(409, vec![]),
            answer(404, vec![]),
            answer(422, vec![]),
        ] {
            assert!(is_conflict(&lost) && !is_refused(&lost));
        }
    }
}
