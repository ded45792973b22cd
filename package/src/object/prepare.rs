//! The preparation of an object: what it says about itself is read and removed, and the rest completed and checked.

use std::sync::Arc;

use serde_json::{Map, Value};
use stevedore_cel::Program;
use stevedore_proto_core::content::PhaseObject;
use stevedore_proto_core::stored_size;
use stevedore_proto_core::{label, limit};

use super::annotations::Directives;
use super::condition::Compile;
use super::problem::{Problem, Problems};
use super::rules::Rules;
use super::{kinds, labels};
use crate::violation::Reason;

const MAX_NAME: usize = 253;

/// What makes two objects the same: group, kind, namespace, name.
pub(crate) type Key = (String, String, String, String);

/// An object that may be part of a set.
#[derive(Debug)]
pub(crate) struct Ready {
    pub key: Key,
    pub phase: String,
    pub object: PhaseObject,
    pub condition: Option<Arc<Program>>,
}

/// Reads what an object says about itself, removes that from it, and completes it.
pub(crate) fn prepare(
    value: Value,
    rules: &Rules<'_>,
    compile: &mut Compile<'_>,
) -> Result<Ready, Vec<Problem>> {
    let alone = |problem: Problem| vec![problem];
    let wrong = |reason, what: &str| alone((reason, what.to_owned()));
    let Value::Object(mut object) = value else {
        return Err(wrong(Reason::GvkNotSet, "the document is not a map"));
    };
    let (group, version, kind) = gvk(&object).map_err(alone)?;
    kinds::check(&group, &kind).map_err(alone)?;
    let mut problems = Problems::default();
    let metadata = object
        .entry("metadata")
        .or_insert_with(|| Map::new().into());
    let Some(metadata) = metadata.as_object_mut() else {
        return Err(wrong(Reason::MetadataInvalid, "metadata: must be a map"));
    };
    let name = name(metadata, &mut problems);
    let directives = Directives::take(metadata, compile, &mut problems);
    labels::complete(metadata, rules, &mut problems);
    let namespace = namespace(metadata, &group, &kind, rules, &mut problems);
    reserved(metadata, &mut problems);
    let phase = phase(directives.phase, rules, &mut problems);
    let key = (group, kind, namespace, name);
    let value = Value::Object(object);
    let size = stored_size(&value);
    if size > limit::STORED_OBJECT {
        let limit = limit::STORED_OBJECT;
        problems.add(
            Reason::TooLarge,
            format!("about {size} bytes stored, the limit is {limit}"),
        );
    }
    if !problems.0.is_empty() {
        let who = format!("{} {} {:?}", version, key.1, key.3);
        let named = |(reason, what)| (reason, format!("{who}: {what}"));
        return Err(problems.0.into_iter().map(named).collect());
    }
    let object = PhaseObject {
        object: value,
        collision_protection: directives.collision_protection,
        condition_mappings: directives.condition_mappings,
    };
    Ok(Ready {
        key,
        phase,
        object,
        condition: directives.condition,
    })
}

/// Group, `apiVersion` and kind.
fn gvk(object: &Map<String, Value>) -> Result<(String, String, String), Problem> {
    let text = |field: &str| {
        let text = object.get(field).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        let what = "apiVersion and kind must be non empty text";
        return Err((Reason::GvkNotSet, what.to_owned()));
    };
    let group = match version.split('/').collect::<Vec<_>>().as_slice() {
        [_] => "",
        [group, version] if !group.is_empty() && !version.is_empty() => group,
        _ => {
            let what = format!("{version:?} is not an apiVersion");
            return Err((Reason::GvkNotSet, what));
        }
    };
    Ok((group.to_owned(), version.to_owned(), kind.to_owned()))
}

fn name(metadata: &Map<String, Value>, problems: &mut Problems) -> String {
    let name = metadata
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        problems.add(Reason::MetadataInvalid, "metadata.name: Required value");
    } else if name.len() > MAX_NAME || name.contains('/') || matches!(name, "." | "..") {
        problems.add(Reason::MetadataInvalid, "metadata.name: Invalid value");
    }
    name.to_owned()
}

/// Fills in and checks the namespace. The kind's scope is known only for the built-in kinds.
fn namespace(
    metadata: &mut Map<String, Value>,
    group: &str,
    kind: &str,
    rules: &Rules<'_>,
    problems: &mut Problems,
) -> String {
    let given = match metadata.get("namespace") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(given)) => given.clone(),
        Some(_) => {
            problems.add(Reason::MetadataInvalid, "metadata.namespace: must be text");
            return String::new();
        }
    };
    if given.is_empty() {
        metadata.remove("namespace");
    }
    let Some(own) = rules.namespace else {
        if given.is_empty() && kinds::is_namespaced(group, kind) {
            let what = "metadata.namespace: Required value in a cluster package";
            problems.add(Reason::MetadataInvalid, what);
        }
        return given;
    };
    if kinds::is_cluster_scoped(group, kind) {
        let what = format!("{kind} is cluster-scoped; only a ClusterPackage may hold it");
        problems.add(Reason::ClusterScoped, what);
    } else if !given.is_empty() && given != own {
        problems.add(
            Reason::NamespaceForeign,
            format!("namespace {given:?} instead of {own:?}"),
        );
    } else {
        metadata.insert("namespace".to_owned(), own.into());
    }
    own.to_owned()
}

/// Fields that only an API server or an agent may set.
fn reserved(metadata: &Map<String, Value>, problems: &mut Problems) {
    let server = "creationTimestamp deletionGracePeriodSeconds deletionTimestamp generateName generation managedFields \
                  ownerReferences resourceVersion selfLink uid";
    for field in server.split(' ') {
        if metadata.get(field).is_some_and(|value| !value.is_null()) {
            problems.add(
                Reason::MetadataInvalid,
                format!("metadata.{field}: must not be set"),
            );
        }
    }
    for (map, key) in [("labels", label::DEPLOYMENT), ("annotations", label::MARK)] {
        if metadata.get(map).and_then(|map| map.get(key)).is_some() {
            problems.add(
                Reason::MetadataInvalid,
                format!("metadata.{map}[{key:?}]: must not be set"),
            );
        }
    }
}

fn phase(phase: Option<String>, rules: &Rules<'_>, problems: &mut Problems) -> String {
    match phase {
        None => {
            let what = format!(
                "annotation {}/{} is required",
                label::ORIGINAL_PREFIX,
                label::PHASE
            );
            problems.add(Reason::PhaseMissing, what);
            String::new()
        }
        Some(phase) => {
            if !rules.phases.contains(&phase) {
                problems.add(
                    Reason::PhaseUnknown,
                    format!("{phase:?} is none of {:?}", rules.phases),
                );
            }
            phase
        }
    }
}
