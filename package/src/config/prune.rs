//! Pruning and defaulting by a structural schema, as the API server does it.

use serde_json::{Map, Value};

/// A schema that knows no field: what `additionalProperties: true` says of the values.
static NOTHING: Value = Value::Null;

/// Removes fields the schema does not know.
pub(super) fn prune(schema: &Value, value: &mut Value) {
    prune_within(schema, value, false);
}

/// The same, in a list that preserves what is unknown of its items.
fn prune_within(schema: &Value, value: &mut Value, preserve: bool) {
    let is_set = |field: &str| schema.get(field) == Some(&Value::Bool(true));
    let preserve = preserve || is_set("x-kubernetes-preserve-unknown-fields");
    match value {
        Value::Object(map) => {
            let always: &[&str] = match is_set("x-kubernetes-embedded-resource") {
                true => &["apiVersion", "kind", "metadata"],
                false => &[],
            };
            prune_fields(schema, map, |key| preserve || always.contains(&key));
        }
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&NOTHING);
            let items = items.iter_mut();
            items.for_each(|item| prune_within(schema, item, preserve));
        }
        _ => {}
    }
}

fn prune_fields(schema: &Value, map: &mut Map<String, Value>, keeps: impl Fn(&str) -> bool) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema
        .get("additionalProperties")
        .filter(|others| **others != Value::Bool(false));
    map.retain(|key, value| {
        if let Some(schema) = properties.and_then(|known| known.get(key)) {
            prune(schema, value);
            return true;
        }
        match others {
            Some(schema) if schema.is_object() => prune(schema, value),
            Some(_) => prune(&NOTHING, value),
            None => {}
        }
        others.is_some() || keeps(key)
    });
}

/// The default of a field's schema; null is none.
pub(super) fn default(schema: &Value) -> Option<&Value> {
    schema.get("default").filter(|default| !default.is_null())
}

/// Fills in defaults for fields that are absent, or null where null is not allowed.
pub(super) fn fill_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, schema) in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let nullable = schema.get("nullable") == Some(&Value::Bool(true));
                if map
                    .get(key)
                    .is_some_and(|value| value.is_null() && !nullable)
                {
                    map.remove(key);
                }
                if let (false, Some(default)) = (map.contains_key(key), default(schema)) {
                    map.insert(key.clone(), default.clone());
                }
                if let Some(value) = map.get_mut(key) {
                    fill_defaults(schema, value);
                }
            }
            let known = schema.get("properties").and_then(Value::as_object);
            if let Some(others) = schema
                .get("additionalProperties")
                .filter(|others| others.is_object())
            {
                let unknown = |key: &String| known.is_none_or(|known| !known.contains_key(key));
                let rest = map.iter_mut().filter(|(key, _)| unknown(key));
                rest.for_each(|(_, value)| fill_defaults(others, value));
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items
                    .iter_mut()
                    .for_each(|item| fill_defaults(schema, item));
            }
        }
        _ => {}
    }
}
