//! The preparation of an object: what it says about itself is read and removed, and the rest completed and checked.

use serde_json::{Map, Value};
use stevedore_proto_core::content::{PhaseObject, bounds};
use stevedore_proto_core::status::truncate;
use stevedore_proto_core::{ObjectSize, label, limit};

use super::annotations::{Annotation, Conditional, Directives};
use super::condition::Compile;
use super::problem::{Fault, Problem, Problems};
use super::rules::Rules;
use super::{builtin, kinds, labels, metadata};
use crate::field::Field;
use crate::names::check_label;
use crate::violation::Reason;

const MAX_NAME: usize = 253;
const NAMESPACE: &[&str] = &["metadata", "namespace"];
const ANNOTATIONS: &[&str] = &["metadata", "annotations"];

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
    pub condition: Option<Conditional>,
}

/// Reads what an object says about itself, removes that from it, and completes it.
///
/// # Errors
/// With everything that is wrong with it.
pub(crate) fn prepare(
    value: Value,
    rules: &Rules<'_>,
    compile: &mut Compile<'_>,
) -> Result<Ready, Vec<Fault>> {
    let alone = |problem: Problem, keys: &[&str]| {
        let field = Field::of(keys);
        vec![Fault { problem, field }]
    };
    let Value::Object(mut object) = value else {
        let what = "the document is not a map; write apiVersion, kind and metadata as its fields";
        return Err(alone((Reason::GvkNotSet, what.to_owned()), &[]));
    };
    let (group, version, kind) = gvk(&object).map_err(|(problem, key)| alone(problem, &[key]))?;
    kinds::check(&group, &kind).map_err(|problem| alone(problem, &["kind"]))?;
    let mut problems = Problems::default();
    let metadata = object
        .entry("metadata")
        .or_insert_with(|| Map::new().into());
    let Some(metadata) = metadata.as_object_mut() else {
        let what = "metadata: must be a map".to_owned();
        return Err(alone((Reason::MetadataInvalid, what), &["metadata"]));
    };
    let name = name(metadata, &group, &kind, &mut problems);
    let directives = Directives::take(metadata, compile, &mut problems);
    labels::complete(metadata, rules, &mut problems);
    let namespace = namespace(metadata, &group, &kind, rules, &mut problems);
    metadata::check(metadata, &mut problems);
    builtin::check(&group, &kind, &object, &mut problems);
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
        let named = |Fault { problem, field }| Fault {
            problem: (problem.0, format!("{who}: {}", problem.1)),
            field,
        };
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
        problems.add(Reason::TooLarge, &[], what);
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

/// Group, `apiVersion` and kind; or what is wrong with the field of this name.
fn gvk(object: &Map<String, Value>) -> Result<(String, String, String), (Problem, &'static str)> {
    let text = |field: &str| {
        let text = object.get(field).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        let what = "apiVersion and kind must be non empty text".to_owned();
        let key = match text("apiVersion") {
            Some(_) => "kind",
            None => "apiVersion",
        };
        return Err(((Reason::GvkNotSet, what), key));
    };
    let group = match version.split('/').collect::<Vec<_>>().as_slice() {
        [_] => "",
        [group, version] if !group.is_empty() && !version.is_empty() => group,
        _ => {
            let what = format!("{version:?} is not an apiVersion");
            return Err(((Reason::GvkNotSet, what), "apiVersion"));
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
        return Err(((Reason::GvkNotSet, what), "kind"));
    }
    Ok((group.to_owned(), version.to_owned(), kind.to_owned()))
}

fn name(metadata: &Map<String, Value>, group: &str, kind: &str, problems: &mut Problems) -> String {
    let name = metadata
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        let what = "metadata.name: Required value";
        problems.add(Reason::MetadataInvalid, &["metadata", "name"], what);
    } else if name.len() > MAX_NAME || name.contains(['/', '%']) || matches!(name, "." | "..") {
        let what = format!(
            "metadata.name: Invalid value: it must have at most {MAX_NAME} bytes and neither '/' nor '%', and not be \
             '.' or '..'"
        );
        problems.add(Reason::MetadataInvalid, &["metadata", "name"], what);
    } else if let Err(why) = builtin::check_name(group, kind, name) {
        let what = format!("metadata.name: Invalid value: {why}");
        problems.add(Reason::MetadataInvalid, &["metadata", "name"], what);
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
            let what = "metadata.namespace: must be text; quote it";
            problems.add(Reason::MetadataInvalid, NAMESPACE, what);
            return String::new();
        }
    };
    if given.is_empty() {
        metadata.remove("namespace");
    } else if let Err(why) = check_label(&given) {
        let what = format!("metadata.namespace: Invalid value: {why}");
        problems.add(Reason::MetadataInvalid, NAMESPACE, what);
    }
    let Some(own) = rules.namespace else {
        if given.is_empty() && kinds::is_namespaced(group, kind) {
            let what = "metadata.namespace: Required value in a cluster package";
            problems.add(Reason::MetadataInvalid, NAMESPACE, what);
        }
        return given;
    };
    if kinds::is_cluster_scoped(group, kind) {
        let what = format!("{kind} is cluster-scoped; only a ClusterPackage may hold it");
        problems.add(Reason::ClusterScoped, &["kind"], what);
    } else if !given.is_empty() && given != own {
        problems.add(
            Reason::NamespaceForeign,
            NAMESPACE,
            format!("namespace {given:?} instead of {own:?}"),
        );
    } else {
        metadata.insert("namespace".to_owned(), own.into());
    }
    own.to_owned()
}

/// The phase that an annotation names.
fn phase(phase: Option<Annotation>, rules: &Rules<'_>, problems: &mut Problems) -> String {
    match phase {
        None => {
            let what = format!(
                "annotation {}/{} is required",
                label::ORIGINAL_PREFIX,
                label::PHASE
            );
            problems.add(Reason::PhaseMissing, ANNOTATIONS, what);
            String::new()
        }
        Some(Annotation { key, text: phase }) => {
            let known = rules.phases.unwrap_or_default();
            if rules.phases.is_some() && !known.iter().any(|known| known.name == phase) {
                let known: Vec<_> = known.iter().map(|known| &known.name).collect();
                let what = format!("{phase:?} is none of {known:?}");
                let keys = ["metadata", "annotations", &key];
                problems.add(Reason::PhaseUnknown, &keys, what);
            }
            phase
        }
    }
}
