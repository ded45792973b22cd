//! Writes as clients ask for them.

use serde_json::Value;

use super::call::{Call, Verb};
use super::objects::{Kind, Objects};
use super::refusal::Refusal;

pub(super) fn write(objects: &mut Objects, call: &Call) -> Result<Value, Refusal> {
    let Some(kind) = call.kind else {
        return Err(Refusal::not_found(&call.path));
    };
    let key = call.key(kind);
    let is_status = call.is_status && kind.has_status;
    match call.verb {
        Verb::Create => create(objects, call, kind),
        Verb::Replace => objects.replace(&key, call.body.clone(), is_status),
        Verb::Delete => objects.delete(&key, &call.body),
        Verb::Apply => apply(objects, call, kind),
        _ => {
            let Some(old) = objects.get(&key) else {
                return Err(Refusal::not_found(&call.name));
            };
            let mut new = old.clone();
            if call.verb == Verb::Merge {
                json_patch::merge(&mut new, &call.body);
            } else {
                let patch: json_patch::Patch = serde_json::from_value(call.body.clone()).unwrap();
                // A real server answers a failed test like this: no cause names a field.
                json_patch::patch(&mut new, &patch)
                    .map_err(|error| Refusal::new(422, "Invalid", error.to_string()))?;
            }
            objects.replace(&key, new, is_status)
        }
    }
}

fn create(objects: &mut Objects, call: &Call, kind: &Kind) -> Result<Value, Refusal> {
    let mut object = call.body.clone();
    let meta = &mut object["metadata"];
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
    ] {
        if !meta[field].is_null() {
            return Err(Refusal::invalid("metadata", "set by the server"));
        }
    }
    if kind.is_namespaced {
        meta["namespace"] = call.namespace.clone().into();
    }
    if kind.has_status
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    let key = call.key(kind);
    if objects.get(&key).is_some() {
        let message = format!("{} already exists", call.name);
        return Err(Refusal::new(409, "AlreadyExists", message));
    }
    objects.make(kind.plural, object);
    Ok(objects.get(&key).unwrap().clone())
}

/// Server-side apply of a UID and finalizers, which are merged as a set. Nothing else is served.
fn apply(objects: &mut Objects, call: &Call, kind: &Kind) -> Result<Value, Refusal> {
    let asked = call.body["metadata"].as_object().unwrap();
    let served = ["name", "namespace", "uid", "finalizers"];
    assert!(
        asked.keys().all(|field| served.contains(&field.as_str())) && call.body["spec"].is_null(),
        "an apply that this server does not serve: {}",
        call.body
    );
    let key = call.key(kind);
    let Some(old) = objects.get(&key) else {
        return Err(Refusal::conflict(
            "uid mismatch: no existing object was found",
        ));
    };
    let mut new = old.clone();
    new["metadata"]["uid"] = call.body["metadata"]["uid"].clone();
    let mut finalizers = old["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for one in call.body["metadata"]["finalizers"].as_array().unwrap() {
        if !finalizers.contains(one) {
            finalizers.push(one.clone());
        }
    }
    new["metadata"]["finalizers"] = finalizers.into();
    objects.replace(&key, new, false)
}
