//! The configuration of a package: pruned, defaulted and validated by the manifest's schema.

mod defaults;
mod field_error;
mod formats;
mod keywords;
mod prune;
mod rewrite;
mod rule;
mod rules;
mod schema;

use serde_json::{Map, Value};

use crate::limit;
use field_error::field_error;
use rewrite::rewrite;
use rules::Rules;

pub use field_error::FieldError;
pub use schema::Schema;

impl Schema {
    /// Checks and compiles an `openAPIV3Schema`. What is not honoured is refused by name.
    ///
    /// # Errors
    /// With the keywords that are unknown or wrong, and defaults that do not fit.
    pub fn compile(schema: &Value) -> Result<Schema, Vec<FieldError>> {
        let mut errors = Vec::new();
        let plain = rewrite(schema, "", &mut errors);
        let given = |key: &str| schema.get(key).filter(|value| !value.is_null());
        let is_told = errors.iter().any(|error| error.field == ".type");
        if given("type").and_then(Value::as_str) != Some("object") && !is_told {
            errors.push(field_error(".type", "must be object at the root"));
        }
        if given("additionalProperties").is_some() {
            let what = "must not be used at the root; name the fields under properties";
            errors.push(field_error(".additionalProperties", what));
        }
        let mut wrong_rules = Vec::new();
        let rules = Rules::compile(schema, &mut wrong_rules);
        let built = match errors.is_empty() {
            true => Schema::build(schema, &plain).map_err(Some),
            false => Err(None),
        };
        let compiled = match built {
            Ok(compiled) => compiled,
            Err(error) => {
                keywords::patterns(schema, "", &mut errors);
                if errors.is_empty() {
                    errors.extend(error);
                }
                errors.append(&mut wrong_rules);
                return Err(errors);
            }
        };
        errors = defaults::check(schema);
        errors.append(&mut wrong_rules);
        if errors.is_empty() {
            errors = rules.check_defaults(schema);
        }
        if errors.is_empty() {
            Ok(compiled.with_rules(rules))
        } else {
            Err(errors)
        }
    }
}

/// What templates see of a configuration. Without a schema all of it is discarded; with one, unknown fields
/// are removed, defaults filled in, and the result validated, by its validation rules where nothing else is wrong.
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
    if nests_deeper(&value, limit::YAML_DEPTH) {
        let message = format!("nests deeper than {}", limit::YAML_DEPTH);
        return Err(vec![field_error("", message)]);
    }
    schema.prune(&mut value);
    schema.fill_defaults(&mut value);
    schema.validate(&value)?;
    Ok(value)
}

/// Whether lists and maps nest deeper than this.
fn nests_deeper(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        Value::Array(items) => items.iter().any(|item| nests_deeper(item, below)),
        Value::Object(map) => map.values().any(|item| nests_deeper(item, below)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
