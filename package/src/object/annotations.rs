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

/// One of our annotations.
#[derive(Debug)]
pub(super) struct Annotation {
    /// Under either prefix.
    pub key: String,
    pub text: String,
}

/// The condition of an object.
#[derive(Debug)]
pub(crate) struct Conditional {
    /// Of the annotation that has it.
    pub key: String,
    pub program: Arc<Program>,
}

/// What an object's annotations ask for.
#[derive(Debug, Default)]
pub(super) struct Directives {
    pub phase: Option<Annotation>,
    pub condition: Option<Conditional>,
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
                let what = "metadata.annotations: must be a map";
                problems.add(
                    Reason::AnnotationInvalid,
                    &["metadata", "annotations"],
                    what,
                );
                return directives;
            }
        };
        directives.phase = one(annotations, label::PHASE, problems);
        if let Some(Annotation { key, text }) = one(annotations, label::CONDITION, problems) {
            match compile(&text) {
                Ok(program) => directives.condition = Some(Conditional { key, program }),
                Err((reason, what)) => problems.add(reason, &at(&key), what),
            }
        }
        if let Some(found) = one(annotations, label::COLLISION_PROTECTION, problems) {
            directives.collision_protection = collision_protection(&found, problems);
        }
        if let Some(found) = one(annotations, label::CONDITION_MAP, problems) {
            directives.condition_mappings = condition_map(&found, problems);
        }
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
        directives
    }
}

/// The keys to an annotation.
fn at(key: &str) -> [&str; 3] {
    ["metadata", "annotations", key]
}

/// Removes an annotation under both prefixes; they must agree.
fn one(
    annotations: &mut Map<String, Value>,
    name: &str,
    problems: &mut Problems,
) -> Option<Annotation> {
    let mut found: Option<Annotation> = None;
    for key in label::package_annotation(name) {
        let text = match annotations.remove(&key) {
            None => continue,
            Some(Value::String(text)) => text,
            Some(_) => {
                let what = format!("{key}: must be text; quote it");
                problems.add(Reason::AnnotationInvalid, &at(&key), what);
                continue;
            }
        };
        if let Some(other) = found.as_ref().filter(|other| other.text != text) {
            let other = &other.key;
            let what = format!("{key}: differs from {other}, which says the same; remove one");
            problems.add(Reason::AnnotationInvalid, &at(&key), what);
        }
        found = Some(Annotation { key, text });
    }
    found
}

fn collision_protection(
    Annotation { key, text }: &Annotation,
    problems: &mut Problems,
) -> Option<CollisionProtection> {
    match text.as_str() {
        // As where there is none: a template may write nothing.
        "" => None,
        "Prevent" => Some(CollisionProtection::Prevent),
        "IfNoController" => Some(CollisionProtection::IfNoController),
        "None" => Some(CollisionProtection::None),
        _ => {
            let what =
                format!("collision-protection: {text:?} is none of Prevent, IfNoController, None");
            problems.add(Reason::AnnotationInvalid, &at(key), what);
            None
        }
    }
}

/// Lines of `Source => prefix/Destination`.
fn condition_map(
    Annotation { key, text }: &Annotation,
    problems: &mut Problems,
) -> Vec<ConditionMapping> {
    let mut mappings = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match mapping(line) {
            Ok(mapping) => mappings.push(mapping),
            Err(why) => {
                let what = format!(
                    "condition-map: {line:?} is not \"Source => prefix/Destination\": {why}"
                );
                problems.add(Reason::AnnotationInvalid, &at(key), what);
            }
        }
    }
    let (lines, limit) = (mappings.len(), bounds::CONDITION_MAPPINGS);
    if lines > limit {
        let what = format!("condition-map: {lines} lines, the limit is {limit}");
        problems.add(Reason::AnnotationInvalid, &at(key), what);
    }
    mappings
}

/// One line of a map of conditions, or what is wrong with it.
fn mapping(line: &str) -> Result<ConditionMapping, String> {
    let (source, destination) = line.split_once("=>").ok_or("there is no \"=>\" in it")?;
    let (source, destination) = (source.trim(), destination.trim());
    for condition in [source, destination] {
        if condition.len() > bounds::CONDITION_TYPE {
            let limit = bounds::CONDITION_TYPE;
            return Err(format!("a type of more than {limit} characters"));
        }
        check_key(condition).map_err(|why| format!("{condition:?} is no type, {why}"))?;
    }
    // So that it cannot be one of our own.
    if !destination.contains('/') {
        return Err(format!(
            "the destination has no prefix; write \"{source} => example.org/{destination}\" with a domain of yours"
        ));
    }
    Ok(ConditionMapping {
        source_type: source.to_owned(),
        destination_type: destination.to_owned(),
    })
}
