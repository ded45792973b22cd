//! The annotations of an object that are for us: its phase, condition, collision protection and condition mappings.

use std::sync::Arc;

use serde_json::{Map, Value};
use stevedore_cel::Program;
use stevedore_proto_core::content::{CollisionProtection, ConditionMapping, bounds};
use stevedore_proto_core::label;

use super::condition::Compile;
use super::problem::Problems;
use crate::names::check_key;
use crate::violation::Reason;

/// What an object's annotations ask for.
#[derive(Debug, Default)]
pub(super) struct Directives {
    pub phase: Option<String>,
    pub condition: Option<Arc<Program>>,
    pub collision_protection: Option<CollisionProtection>,
    pub condition_mappings: Vec<ConditionMapping>,
}

impl Directives {
    /// Reads and removes our annotations, under either prefix; no annotations left means none at all.
    pub(super) fn take(
        metadata: &mut Map<String, Value>,
        compile: &mut Compile<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut directives = Directives::default();
        let annotations = match metadata.get_mut("annotations") {
            None | Some(Value::Null) => {
                metadata.remove("annotations");
                return directives;
            }
            Some(Value::Object(annotations)) => annotations,
            Some(_) => {
                problems.add(
                    Reason::AnnotationInvalid,
                    "metadata.annotations: must be a map",
                );
                return directives;
            }
        };
        directives.phase = one(annotations, label::PHASE, problems);
        if let Some(text) = one(annotations, label::CONDITION, problems) {
            match compile(&text) {
                Ok(program) => directives.condition = Some(program),
                Err((reason, what)) => problems.add(reason, what),
            }
        }
        if let Some(text) = one(annotations, label::COLLISION_PROTECTION, problems) {
            directives.collision_protection = collision_protection(&text, problems);
        }
        if let Some(text) = one(annotations, label::CONDITION_MAP, problems) {
            directives.condition_mappings = condition_map(&text, problems);
        }
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
        directives
    }
}

/// Removes an annotation under both prefixes; they must agree.
fn one(
    annotations: &mut Map<String, Value>,
    name: &str,
    problems: &mut Problems,
) -> Option<String> {
    let mut found: Option<String> = None;
    for key in label::package_annotation(name) {
        let text = match annotations.remove(&key) {
            None => continue,
            Some(Value::String(text)) => text,
            Some(_) => {
                problems.add(Reason::AnnotationInvalid, format!("{key}: must be text"));
                continue;
            }
        };
        if found.as_ref().is_some_and(|other| *other != text) {
            let what = format!("{key}: differs from the same annotation under the other prefix");
            problems.add(Reason::AnnotationInvalid, what);
        }
        found = Some(text);
    }
    found
}

fn collision_protection(text: &str, problems: &mut Problems) -> Option<CollisionProtection> {
    match text {
        // As where there is none: a template may write nothing.
        "" => None,
        "Prevent" => Some(CollisionProtection::Prevent),
        "IfNoController" => Some(CollisionProtection::IfNoController),
        "None" => Some(CollisionProtection::None),
        _ => {
            let what =
                format!("collision-protection: {text:?} is none of Prevent, IfNoController, None");
            problems.add(Reason::AnnotationInvalid, what);
            None
        }
    }
}

/// Lines of `Source => prefix/Destination`.
fn condition_map(text: &str, problems: &mut Problems) -> Vec<ConditionMapping> {
    let mut mappings = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let parts = line
            .split_once("=>")
            .map(|(source, destination)| (source.trim(), destination.trim()));
        match parts {
            Some((source, destination)) if is_type(source) && is_mapped_type(destination) => {
                mappings.push(ConditionMapping {
                    source_type: source.to_owned(),
                    destination_type: destination.to_owned(),
                });
            }
            _ => {
                let what =
                    format!("condition-map: {line:?} is not \"Source => prefix/Destination\"");
                problems.add(Reason::AnnotationInvalid, what);
            }
        }
    }
    let (lines, limit) = (mappings.len(), bounds::CONDITION_MAPPINGS);
    if lines > limit {
        let what = format!("condition-map: {lines} lines, the limit is {limit}");
        problems.add(Reason::AnnotationInvalid, what);
    }
    mappings
}

/// A condition type: a qualified name.
fn is_type(text: &str) -> bool {
    text.len() <= bounds::CONDITION_TYPE && check_key(text).is_ok()
}

/// A condition type with a prefix, so that it cannot be one of our own.
fn is_mapped_type(text: &str) -> bool {
    text.contains('/') && is_type(text)
}
