//! The check of a schema's defaults against it, so that the author learns of one that does not fit, and not every user.

use serde_json::Value;

use super::field_error::{FieldError, field_error};
use super::prune;
use super::schema::Schema;
use crate::limit;

/// Values of all schemas with a default together: those that nest are compiled once for each level.
const NODES: usize = 2 * limit::YAML_NODES;

/// One error for each default that does not fit its schema, with the defaults below it filled in, or has fields that are
/// unknown there: these would be in every configuration but one that was admitted before.
pub(super) fn check(schema: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    collect(schema, "", &mut found);
    // That of the whole fills nothing in, and has to fit all the same.
    if prune::default(schema).is_some() {
        found.push((String::new(), schema));
    }
    if found.iter().map(|(_, part)| nodes(part)).sum::<usize>() > NODES {
        let message = "too much of it lies below fields with defaults that nest";
        return vec![field_error("", message)];
    }
    let misfits = |(field, part): (String, &Value)| {
        misfits(part).into_iter().map(move |error| {
            let message = format!("does not fit its schema: {}", error.message);
            field_error(format!("{field}.default{}", error.field), message)
        })
    };
    found.into_iter().flat_map(misfits).collect()
}

/// Schemas of fields with a default, wherever defaults are filled in.
fn collect<'s>(schema: &'s Value, field: &str, found: &mut Vec<(String, &'s Value)>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, part) in properties.into_iter().flatten() {
        let field = format!("{field}.properties.{key}");
        collect(part, &field, found);
        if prune::default(part).is_some() {
            found.push((field, part));
        }
    }
    for key in ["additionalProperties", "items"] {
        if let Some(part) = schema.get(key) {
            collect(part, &format!("{field}.{key}"), found);
        }
    }
}

fn misfits(part: &Value) -> Vec<FieldError> {
    let mut default = prune::default(part).cloned().unwrap_or_default();
    prune::prune(part, &mut default);
    if prune::default(part) != Some(&default) {
        return vec![field_error(
            "",
            "it has fields that the schema does not know",
        )];
    }
    prune::fill_defaults(part, &mut default);
    match Schema::part(part) {
        Ok(schema) => schema.validate(&default).err().unwrap_or_default(),
        Err(error) => vec![error],
    }
}

/// Number of values in a value, itself included.
fn nodes(value: &Value) -> usize {
    let inner: usize = match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(nodes).sum(),
        _ => 0,
    };
    1 + inner
}
