//! The translation of a structural schema, as a CustomResourceDefinition has it, into the plain JSON schema that means
//! the same.

use serde_json::{Map, Value, json};

use super::field_error::{FieldError, field_error};
use super::{formats, keywords};

/// Keywords whose meaning is the same on both sides, or that only describe.
const PLAIN: &str = "description enum example externalDocs maxItems maxLength maxProperties minItems minLength \
                     minProperties multipleOf pattern required title type uniqueItems";
/// Keywords that are handled by name below, or by pruning and defaulting.
const HANDLED: &str = "additionalProperties allOf anyOf default exclusiveMaximum exclusiveMinimum format items maximum \
                       minimum not nullable oneOf properties x-kubernetes-embedded-resource \
                       x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields x-kubernetes-validations";
/// Keywords about merging lists and maps, which a configuration never is.
const IRRELEVANT: &str = "x-kubernetes-list-map-keys x-kubernetes-list-type x-kubernetes-map-type";

fn is_among(words: &str, key: &str) -> bool {
    words.split(' ').any(|word| word == key)
}

/// The plain JSON schema of a structural one.
pub(super) fn rewrite(schema: &Value, field: &str, errors: &mut Vec<FieldError>) -> Value {
    let Some(map) = schema.as_object() else {
        push(errors, field.to_owned(), "must be a map");
        return Value::Bool(true);
    };
    let mut plain = Map::new();
    // Null is as if it were not there, as for Go.
    for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        let below = format!("{field}.{key}");
        if let Err(what) = keywords::check(key, value) {
            push(errors, below, what);
            continue;
        }
        match key.as_str() {
            key if is_among(PLAIN, key) => {
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
            key if is_among(HANDLED, key) || is_among(IRRELEVANT, key) => {}
            _ => push(
                errors,
                below,
                "not supported in the schema of a configuration",
            ),
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

/// Adds an error, if there are not too many.
fn push(errors: &mut Vec<FieldError>, field: String, what: impl Into<String>) {
    if errors.len() < keywords::MAX_ERRORS {
        errors.push(field_error(field, what));
    }
}

fn rewrite_each(value: &Value, field: &str, errors: &mut Vec<FieldError>) -> Value {
    let Some(map) = value.as_object() else {
        push(errors, field.to_owned(), "must be a map");
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
