//! One object of a package: what its author may say about it, and what must hold of it.

mod annotations;
mod kinds;
mod labels;

use std::rc::Rc;

use serde_json::{Map, Value};
use stevedore_cel::Program;
use stevedore_proto_core::content::{PhaseObject, stored_size};
use stevedore_proto_core::{label, limit};

use crate::violation::Reason;

use annotations::Directives;
pub(crate) use labels::check_value as check_label_value;

/// What conditions and templates see: the variables of a `condition` annotation.
pub(crate) const VARIABLES: &[&str] = &["package", "config", "environment", "images", "cluster"];

const MAX_NAME: usize = 253;

/// What the package demands of each object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Name in the manifest.
    pub package: &'a str,
    /// Name of the `Package` or `ClusterPackage`.
    pub instance: &'a str,
    /// Namespace of the `Package`; none for a `ClusterPackage`.
    pub namespace: Option<&'a str>,
    /// Phases of the manifest.
    pub phases: &'a [String],
}

/// What makes two objects the same: group, kind, namespace, name.
pub(crate) type Key = (String, String, String, String);

/// An object that may be part of a set.
#[derive(Debug)]
pub(crate) struct Ready {
    pub key: Key,
    pub phase: String,
    pub object: PhaseObject,
    pub condition: Option<Rc<Program>>,
}

/// Something that is wrong with an object.
pub(crate) type Problem = (Reason, String);

/// Compiles the text of a condition.
pub(crate) type Compile<'c> = dyn FnMut(&str) -> Result<Rc<Program>, Problem> + 'c;

/// Reads what an object says about itself, removes that from it, and completes it.
pub(crate) fn prepare(
    value: Value,
    rules: &Rules<'_>,
    compile: &mut Compile<'_>,
) -> Result<Ready, Vec<Problem>> {
    let Value::Object(mut object) = value else {
        return Err(vec![(
            Reason::GvkNotSet,
            "the document is not a map".to_owned(),
        )]);
    };
    let (group, version, kind) = gvk(&object)?;
    kinds::check(&group, &kind)?;
    let mut problems = Vec::new();
    let metadata = object
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(metadata) = metadata.as_object_mut() else {
        return Err(vec![(
            Reason::MetadataInvalid,
            "metadata: must be a map".to_owned(),
        )]);
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
        problems.push((
            Reason::TooLarge,
            format!("about {size} bytes stored, the limit is {limit}"),
        ));
    }
    if !problems.is_empty() {
        let who = format!("{} {} {:?}", version, key.1, key.3);
        return Err(problems
            .into_iter()
            .map(|(reason, what)| (reason, format!("{who}: {what}")))
            .collect());
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
fn gvk(object: &Map<String, Value>) -> Result<(String, String, String), Vec<Problem>> {
    let text = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        return Err(vec![(
            Reason::GvkNotSet,
            "apiVersion and kind must be non empty text".to_owned(),
        )]);
    };
    let group = match version.split('/').collect::<Vec<_>>().as_slice() {
        [_] => "",
        [group, version] if !group.is_empty() && !version.is_empty() => group,
        _ => {
            return Err(vec![(
                Reason::GvkNotSet,
                format!("{version:?} is not an apiVersion"),
            )]);
        }
    };
    Ok((group.to_owned(), version.to_owned(), kind.to_owned()))
}

fn name(metadata: &Map<String, Value>, problems: &mut Vec<Problem>) -> String {
    let name = metadata
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        problems.push((
            Reason::MetadataInvalid,
            "metadata.name: Required value".to_owned(),
        ));
    } else if name.len() > MAX_NAME || name.contains('/') || matches!(name, "." | "..") {
        problems.push((
            Reason::MetadataInvalid,
            "metadata.name: Invalid value".to_owned(),
        ));
    }
    name.to_owned()
}

/// Fills in and checks the namespace. The kind's scope is known only for the built-in kinds.
fn namespace(
    metadata: &mut Map<String, Value>,
    group: &str,
    kind: &str,
    rules: &Rules<'_>,
    problems: &mut Vec<Problem>,
) -> String {
    let given = match metadata.get("namespace") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(given)) => given.clone(),
        Some(_) => {
            problems.push((
                Reason::MetadataInvalid,
                "metadata.namespace: must be text".to_owned(),
            ));
            return String::new();
        }
    };
    if given.is_empty() {
        metadata.remove("namespace");
    }
    let Some(own) = rules.namespace else {
        if given.is_empty() && kinds::is_namespaced(group, kind) {
            let what = "metadata.namespace: Required value in a cluster package";
            problems.push((Reason::MetadataInvalid, what.to_owned()));
        }
        return given;
    };
    if kinds::is_cluster_scoped(group, kind) {
        let what = format!("{kind} is cluster-scoped; only a ClusterPackage may hold it");
        problems.push((Reason::ClusterScoped, what));
    } else if !given.is_empty() && given != own {
        problems.push((
            Reason::NamespaceForeign,
            format!("namespace {given:?} instead of {own:?}"),
        ));
    } else {
        metadata.insert("namespace".to_owned(), own.into());
    }
    own.to_owned()
}

/// Fields that only an API server or an agent may set.
fn reserved(metadata: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let server = [
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ];
    for field in server {
        if metadata.get(field).is_some_and(|value| !value.is_null()) {
            problems.push((
                Reason::MetadataInvalid,
                format!("metadata.{field}: must not be set"),
            ));
        }
    }
    for (map, key) in [("labels", label::DEPLOYMENT), ("annotations", label::MARK)] {
        if metadata.get(map).and_then(|map| map.get(key)).is_some() {
            problems.push((
                Reason::MetadataInvalid,
                format!("metadata.{map}[{key:?}]: must not be set"),
            ));
        }
    }
}

fn phase(phase: Option<String>, rules: &Rules<'_>, problems: &mut Vec<Problem>) -> String {
    match phase {
        None => {
            let what = format!(
                "annotation {}/{} is required",
                label::ORIGINAL_PREFIX,
                label::PHASE
            );
            problems.push((Reason::PhaseMissing, what));
            String::new()
        }
        Some(phase) => {
            if !rules.phases.contains(&phase) {
                problems.push((
                    Reason::PhaseUnknown,
                    format!("{phase:?} is none of {:?}", rules.phases),
                ));
            }
            phase
        }
    }
}

#[cfg(test)]
mod tests;
