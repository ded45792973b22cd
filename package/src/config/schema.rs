//! A structural schema of a CustomResourceDefinition, and the plain JSON schema that means the same.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::{FieldError, defaults, formats, prune};

/// Errors that are reported of one configuration.
const MAX_ERRORS: usize = 20;
const MAX_MESSAGE: usize = 300;

/// Keywords whose meaning is the same on both sides, or that only describe.
const PLAIN: &[&str] = &[
    "description",
    "enum",
    "example",
    "externalDocs",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minItems",
    "minLength",
    "minProperties",
    "multipleOf",
    "pattern",
    "required",
    "title",
    "type",
    "uniqueItems",
];
/// Keywords that are handled by name below, or that pruning and defaulting look at.
const HANDLED: &[&str] = &[
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maximum",
    "minimum",
    "not",
    "nullable",
    "oneOf",
    "properties",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
];
/// Keywords about merging lists and maps, which a configuration never is.
const IRRELEVANT: &[&str] = &[
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
];

/// A schema that was checked and compiled.
#[derive(Clone)]
pub struct Schema {
    structural: Value,
    validator: Arc<Validator>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.structural).finish()
    }
}

impl Schema {
    /// Checks and compiles an `openAPIV3Schema`. What is not honoured is refused by name.
    ///
    /// # Errors
    /// With the keywords that are unknown or wrong, and defaults that do not fit.
    pub fn compile(schema: &Value) -> Result<Schema, Vec<FieldError>> {
        let mut errors = Vec::new();
        let plain = rewrite(schema, "", &mut errors);
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            errors.push(field_error(".type", "must be object at the root"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let compiled = Schema::build(schema, &plain).map_err(|error| vec![error])?;
        let errors = defaults::check(schema);
        if errors.is_empty() {
            Ok(compiled)
        } else {
            Err(errors)
        }
    }

    /// Compiles a part of a schema that was checked as a whole.
    pub(super) fn part(schema: &Value) -> Result<Schema, FieldError> {
        Schema::build(schema, &rewrite(schema, "", &mut Vec::new()))
    }

    fn build(structural: &Value, plain: &Value) -> Result<Schema, FieldError> {
        let options = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true);
        let options = formats::all().fold(options, |options, (name, check)| {
            options.with_format(name, check)
        });
        let validator = options
            .build(plain)
            .map_err(|error| field_error("", error.to_string()))?;
        Ok(Schema {
            structural: structural.clone(),
            validator: Arc::new(validator),
        })
    }

    pub(super) fn prune(&self, value: &mut Value) {
        prune::prune(&self.structural, value);
    }

    pub(super) fn fill_defaults(&self, value: &mut Value) {
        prune::fill_defaults(&self.structural, value);
    }

    pub(super) fn validate(&self, value: &Value) -> Result<(), Vec<FieldError>> {
        let errors: Vec<FieldError> = self
            .validator
            .iter_errors(value)
            .take(MAX_ERRORS)
            .map(|error| {
                let field = dotted(error.instance_path().as_str());
                match error.kind() {
                    ValidationErrorKind::Required { property } => {
                        let name = property.as_str().unwrap_or_default();
                        field_error(format!("{field}.{name}"), "Required value")
                    }
                    _ => field_error(field, format!("Invalid value: {error}")),
                }
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

pub(super) fn field_error(field: impl Into<String>, message: impl Into<String>) -> FieldError {
    let mut message: String = message.into();
    if message.chars().count() > MAX_MESSAGE {
        message = message
            .chars()
            .take(MAX_MESSAGE)
            .chain("…".chars())
            .collect();
    }
    FieldError {
        field: field.into(),
        message,
    }
}

/// `/parts/0/name` as `.parts[0].name`.
fn dotted(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .fold(String::new(), |path, segment| {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
                format!("{path}[{segment}]")
            } else {
                format!("{path}.{segment}")
            }
        })
}

/// The plain JSON schema of a structural one.
fn rewrite(schema: &Value, field: &str, errors: &mut Vec<FieldError>) -> Value {
    let Some(map) = schema.as_object() else {
        errors.push(field_error(field, "must be a map"));
        return Value::Bool(true);
    };
    let mut plain = Map::new();
    for (key, value) in map {
        let below = format!("{field}.{key}");
        match key.as_str() {
            key if PLAIN.contains(&key) => {
                plain.insert(key.to_owned(), value.clone());
            }
            "format" => {
                let known = value.as_str().and_then(formats::known);
                plain.extend(known.map(|known| (key.clone(), known.into())));
            }
            "properties" => {
                plain.insert(key.clone(), rewrite_each(value, &below, errors));
            }
            "items" | "not" => {
                plain.insert(key.clone(), rewrite(value, &below, errors));
            }
            "additionalProperties" => {
                let others = if value.is_boolean() {
                    value.clone()
                } else {
                    rewrite(value, &below, errors)
                };
                plain.insert(key.clone(), others);
            }
            "allOf" | "anyOf" | "oneOf" => {
                let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let each = all.iter().enumerate();
                let each =
                    each.map(|(number, it)| rewrite(it, &format!("{below}[{number}]"), errors));
                plain.insert(key.clone(), each.collect());
            }
            key if HANDLED.contains(&key) || IRRELEVANT.contains(&key) => {}
            _ => errors.push(field_error(
                below,
                "not supported in the schema of a configuration",
            )),
        }
    }
    bounds(map, &mut plain);
    if is_true(map, "x-kubernetes-int-or-string") {
        plain.insert("type".to_owned(), json!(["integer", "string"]));
    }
    if is_true(map, "nullable") {
        allow_null(&mut plain);
    }
    Value::Object(plain)
}

fn rewrite_each(value: &Value, field: &str, errors: &mut Vec<FieldError>) -> Value {
    let Some(map) = value.as_object() else {
        errors.push(field_error(field, "must be a map"));
        return Value::Object(Map::new());
    };
    let each = map
        .iter()
        .map(|(key, it)| (key.clone(), rewrite(it, &format!("{field}.{key}"), errors)));
    Value::Object(each.collect())
}

/// `exclusiveMinimum: true` is a flag beside `minimum` there, and the bound itself here.
fn bounds(map: &Map<String, Value>, plain: &mut Map<String, Value>) {
    for (bound, exclusive) in [
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ] {
        if let Some(value) = map.get(bound) {
            let key = if is_true(map, exclusive) {
                exclusive
            } else {
                bound
            };
            plain.insert(key.to_owned(), value.clone());
        }
    }
}

fn allow_null(plain: &mut Map<String, Value>) {
    let types = match plain.remove("type") {
        Some(Value::Array(types)) => types,
        Some(single) => vec![single],
        None => return,
    };
    let with_null: Vec<Value> = types.into_iter().chain([json!("null")]).collect();
    plain.insert("type".to_owned(), with_null.into());
    if let Some(Value::Array(allowed)) = plain.get_mut("enum") {
        allowed.push(Value::Null);
    }
}

fn is_true(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key) == Some(&Value::Bool(true))
}
