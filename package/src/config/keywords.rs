//! Keywords of a schema: the form that the value of each must have.

use jsonschema::{Draft, PatternOptions, ValidationOptions};
use serde_json::Value;

use super::field_error::{FieldError, field_error};

/// Errors of one schema that are counted; there may be more.
pub(super) const MAX_ERRORS: usize = 1_000;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// What every schema is built with.
pub(super) fn options() -> ValidationOptions<'static> {
    // It could say another edition only in a keyword that is none here.
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
}

/// Checks the value of a keyword; that of one which holds schemas is checked where these are read.
///
/// # Errors
/// With what it must be.
pub(super) fn check(key: &str, value: &Value) -> Result<(), String> {
    let holds = |holds: bool, what: &str| match holds {
        true => Ok(()),
        false => Err(what.to_owned()),
    };
    match key {
        "type" => match value.as_str() {
            Some(text) if TYPES.contains(&text) => Ok(()),
            Some("null") => {
                Err("must not be null; write \"nullable: true\" beside the type".to_owned())
            }
            found => Err(match found {
                Some(text) => format!("{text:?} is none of {}", TYPES.join(", ")),
                None => format!("must be one of {}", TYPES.join(", ")),
            }),
        },
        "description" | "format" | "pattern" | "title" => holds(value.is_string(), "must be text"),
        "enum" => {
            let list = value.as_array();
            holds(
                list.is_some_and(|it| !it.is_empty()),
                "must be a list of the values that are allowed",
            )
        }
        "required" => required(value),
        "maxItems" | "maxLength" | "maxProperties" | "minItems" | "minLength" | "minProperties" => {
            holds(
                value.as_u64().is_some(),
                "must be a whole number, zero or above",
            )
        }
        "maximum" | "minimum" => holds(value.is_number(), "must be a number"),
        "multipleOf" => {
            let number = value.as_f64();
            holds(
                number.is_some_and(|it| it > 0.0),
                "must be a number above zero",
            )
        }
        "exclusiveMaximum"
        | "exclusiveMinimum"
        | "nullable"
        | "uniqueItems"
        | "x-kubernetes-embedded-resource"
        | "x-kubernetes-int-or-string"
        | "x-kubernetes-preserve-unknown-fields" => {
            holds(value.is_boolean(), "must be true or false")
        }
        "allOf" | "anyOf" | "oneOf" => holds(value.is_array(), "must be a list of schemas"),
        "externalDocs" => holds(value.is_object(), "must be a map"),
        _ => Ok(()),
    }
}

/// Finds the patterns that are no regular expressions. Where a schema can be built, there are none.
pub(super) fn patterns(schema: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (key, value) in schema.as_object().into_iter().flatten() {
        let below = format!("{field}.{key}");
        match (key.as_str(), value) {
            ("pattern", Value::String(text)) => {
                let wrong = pattern(text).err();
                errors.extend(wrong.map(|what| field_error(below, what)));
            }
            ("properties", Value::Object(each)) => {
                for (name, schema) in each {
                    patterns(schema, &format!("{below}.{name}"), errors);
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                for (number, schema) in all.iter().enumerate() {
                    patterns(schema, &format!("{below}[{number}]"), errors);
                }
            }
            ("additionalProperties" | "items" | "not", schema) => patterns(schema, &below, errors),
            _ => {}
        }
        if errors.len() >= MAX_ERRORS {
            return;
        }
    }
}

fn pattern(text: &str) -> Result<(), String> {
    let Err(error) = options().build(&serde_json::json!({"pattern": text})) else {
        return Ok(());
    };
    // The last line of several says it.
    let said = regex::Regex::new(text).err().map(|error| error.to_string());
    let said = said.unwrap_or_else(|| error.to_string());
    let last = said.lines().last().unwrap_or_default().trim();
    let why = last.strip_prefix("error: ").unwrap_or(last);
    Err(format!("{text:?} is no regular expression: {why}"))
}

fn required(value: &Value) -> Result<(), String> {
    let what = "must be a list of names of fields, each once";
    let names = value.as_array().ok_or(what)?;
    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let mut names = names.ok_or(what)?;
    names.sort_unstable();
    match names.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(what.to_owned()),
        false => Ok(()),
    }
}
