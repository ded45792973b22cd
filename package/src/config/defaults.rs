//! The check of a schema's defaults against it, so that the author learns of one that does not fit, and not every user.

use serde_json::{Map, Value};

use super::field_error::{FieldError, field_error};
use super::prune;
use super::schema::Schema;
use crate::limit;

/// Values of all schemas with a default together: those that nest are compiled once for each level.
const NODES: usize = 2 * limit::YAML_NODES;
/// Values of those that are compiled into one: what is compiled takes memory, however many there are time.
const BATCH_NODES: usize = 1_000;

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
    let misfits = |(field, part): &(String, &Value)| {
        let errors = misfits(part).into_iter();
        let errors = errors.map(|error| {
            let message = format!("does not fit its schema: {}", error.message);
            field_error(format!("{field}.default{}", error.field), message)
        });
        errors.collect::<Vec<_>>()
    };
    let mut errors = Vec::new();
    let mut rest = found.as_slice();
    while !rest.is_empty() {
        let (these, others) = rest.split_at(batch(rest));
        if !fit(these) {
            errors.extend(these.iter().flat_map(misfits));
        }
        rest = others;
    }
    errors
}

/// How many of the first are compiled into one schema: at least one.
fn batch(found: &[(String, &Value)]) -> usize {
    let mut sum = 0;
    let small = found.iter().take_while(|(_, part)| {
        sum += nodes(part);
        sum <= BATCH_NODES
    });
    small.count().max(1)
}

/// Whether all these defaults fit.
fn fit(found: &[(String, &Value)]) -> bool {
    let (mut schemas, mut defaults) = (Map::new(), Map::new());
    // Keys may have dots: two fields of one path are two.
    for (number, (_, part)) in found.iter().enumerate() {
        let Ok(default) = filled(part) else {
            return false;
        };
        schemas.insert(number.to_string(), (*part).clone());
        defaults.insert(number.to_string(), default);
    }
    let schema = Map::from_iter([("properties".to_owned(), Value::Object(schemas))]);
    let schema = Schema::part(&Value::Object(schema));
    schema.is_ok_and(|schema| schema.validate(&Value::Object(defaults)).is_ok())
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
    let checked = filled(part).and_then(|default| {
        let schema = Schema::part(part).map_err(|error| vec![error])?;
        schema.validate(&default)
    });
    checked.err().unwrap_or_default()
}

/// The default of a schema, with those below it filled in.
fn filled(part: &Value) -> Result<Value, Vec<FieldError>> {
    let mut default = prune::default(part).cloned().unwrap_or_default();
    prune::prune(part, &mut default);
    if prune::default(part) != Some(&default) {
        let what = "it has fields that the schema does not know";
        return Err(vec![field_error("", what)]);
    }
    prune::fill_defaults(part, &mut default);
    Ok(default)
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
