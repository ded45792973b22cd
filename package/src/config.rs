//! The configuration of a package: pruned, defaulted and validated by the manifest's schema.

mod defaults;
mod formats;
mod prune;
mod schema;

use serde_json::{Map, Value};

use crate::limit;

pub use schema::Schema;

/// What is wrong with one field. `field` begins with `.` or `[`, or is empty for the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path below the configuration, such as `.beam` or `.parts[0].name`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "spec.config{}: {}", self.field, self.message)
    }
}

/// What templates see of a configuration. Without a schema all of it is discarded; with one, unknown fields
/// are removed, defaults filled in, and the result validated.
///
/// # Errors
/// With one error per field that does not fit.
pub fn admit(schema: Option<&Schema>, config: Option<&Value>) -> Result<Value, Vec<FieldError>> {
    let Some(schema) = schema else {
        return Ok(Value::Object(Map::new()));
    };
    let mut value = match config {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(value) => value.clone(),
    };
    if too_deep(&value) {
        let message = format!("nests deeper than {}", limit::YAML_DEPTH);
        return Err(vec![FieldError {
            field: String::new(),
            message,
        }]);
    }
    schema.prune(&mut value);
    schema.fill_defaults(&mut value);
    schema.validate(&value)?;
    Ok(value)
}

/// Whether lists and maps nest deeper than those of a YAML document may.
fn too_deep(value: &Value) -> bool {
    let mut level = vec![value];
    for _ in 0..limit::YAML_DEPTH {
        level = level.into_iter().flat_map(children).collect();
    }
    level
        .iter()
        .any(|value| value.is_array() || value.is_object())
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
