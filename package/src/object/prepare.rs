//! The preparation of an object: what it says about itself is read and removed, and the rest completed and checked.

use std::sync::Arc;

use serde_json::{Map, Value};
use stevedore_cel::Program;
use stevedore_proto_core::content::{PhaseObject, bounds};
use stevedore_proto_core::status::truncate;
use stevedore_proto_core::{ObjectSize, label, limit};

use super::annotations::Directives;
use super::condition::Compile;
use super::problem::{Problem, Problems};
use super::rules::Rules;
use super::{kinds, labels, metadata, secret};
use crate::names::check_label;
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
    /// Bytes of its JSON.
    pub bytes: usize,
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
    metadata::check(metadata, &mut problems);
    if kinds::is_secret(&group, &kind) {
        secret::check(&object, &mut problems);
    }
    let phase = phase(directives.phase, rules, &mut problems);
    let key = (group, kind, namespace, name);
    let object = PhaseObject {
        object: Value::Object(object),
        collision_protection: directives.collision_protection,
        condition_mappings: directives.condition_mappings,
    };
    let bytes = size(&object, &key, &mut problems);
    if !problems.0.is_empty() {
        let who = format!("{} {} {:?}", version, key.1, key.3);
        let named = |(reason, what)| (reason, format!("{who}: {what}"));
        return Err(problems.0.into_iter().map(named).collect());
    }
    Ok(Ready {
        key,
        phase,
        object,
        bytes,
        condition: directives.condition,
    })
}

/// The bytes of an object's JSON, checked against what a member can store: of a Secret in a Secret, of everything else
/// in the object set and as it is.
fn size(object: &PhaseObject, key: &Key, problems: &mut Problems) -> usize {
    let mut too_large = |size: usize, limit: usize| {
        let what = format!("about {size} bytes stored, the limit is {limit}");
        problems.add(Reason::TooLarge, what);
    };
    let ObjectSize { json, stored } = ObjectSize::of(&object.object);
    if stored > limit::STORED_OBJECT {
        too_large(stored, limit::STORED_OBJECT);
    } else if kinds::is_secret(&key.0, &key.1) {
        let bytes = serde_json::to_vec(object).map_or(0, |bytes| bytes.len());
        // The package may set it for all its objects.
        let settings = r#""collisionProtection":"IfNoController","#.len();
        if bytes + settings > bounds::SECRET {
            too_large(bytes, bounds::SECRET - settings);
        }
    }
    json
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
    // As an API server checks what is embedded in an object set.
    let inner = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let is_label = kind.starts_with(|it: char| it.is_ascii_alphabetic())
        && kind.chars().all(inner)
        && !kind.ends_with('-')
        && kind.len() <= bounds::KIND;
    if !is_label || group.len() > bounds::GROUP {
        let what = format!(
            "{:?} is not a kind",
            truncate(kind.to_owned(), bounds::KIND)
        );
        return Err((Reason::GvkNotSet, what));
    }
    Ok((group.to_owned(), version.to_owned(), kind.to_owned()))
}

fn name(metadata: &Map<String, Value>, problems: &mut Problems) -> String {
    let name = metadata
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        problems.add(Reason::MetadataInvalid, "metadata.name: Required value");
    } else if name.len() > MAX_NAME || name.contains(['/', '%']) || matches!(name, "." | "..") {
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
    } else if check_label(&given).is_err() {
        problems.add(Reason::MetadataInvalid, "metadata.namespace: Invalid value");
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
            if !rules.phases.iter().any(|known| known.name == phase) {
                let known: Vec<_> = rules.phases.iter().map(|known| &known.name).collect();
                problems.add(
                    Reason::PhaseUnknown,
                    format!("{phase:?} is none of {known:?}"),
                );
            }
            phase
        }
    }
}
