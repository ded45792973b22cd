//! One validation rule of a schema: its expression, and what is said where it does not hold.

use serde::Deserialize;
use serde_json::Value;
use stevedore_cel::{Program, field_name};
use stevedore_template::budget::Budget;

use super::field_error::{FieldError, field_error};
use crate::object::condition;

/// What rules see.
const VARIABLES: &[&str] = &["self", "oldSelf"];

/// Where a rule stands.
pub(super) struct Place<'s> {
    /// Path of the rule below the schema.
    pub(super) field: String,
    /// The schema it is a rule of.
    pub(super) schema: &'s Value,
}

/// A rule, compiled.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) program: Program,
    pub(super) message_expression: Option<Program>,
    /// Where the error is, below the value: empty, or `.a.b`.
    pub(super) field_path: String,
    /// It compares with an older value: there is none.
    pub(super) is_about_updates: bool,
    message: Option<String>,
    reason: Reason,
}

/// Names begin with `FieldValue` where they are written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
enum Reason {
    #[default]
    #[serde(rename = "FieldValueInvalid")]
    Invalid,
    #[serde(rename = "FieldValueForbidden")]
    Forbidden,
    #[serde(rename = "FieldValueRequired")]
    Required,
    #[serde(rename = "FieldValueDuplicate")]
    Duplicate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    rule: String,
    message: Option<String>,
    message_expression: Option<String>,
    reason: Option<Reason>,
    field_path: Option<String>,
    optional_old_self: Option<bool>,
}

impl Rule {
    /// Checks and compiles a rule.
    pub(super) fn compile(
        rule: &Value,
        place: &Place<'_>,
        budget: &mut Budget,
        errors: &mut Vec<FieldError>,
    ) -> Option<Rule> {
        let written = match Written::deserialize(rule) {
            Ok(written) => written,
            Err(error) => {
                errors.push(field_error(&place.field, format!("Invalid value: {error}")));
                return None;
            }
        };
        let before = errors.len();
        let mut refuse = |name: &str, what: &str| {
            errors.push(field_error(format!("{}.{name}", place.field), what));
        };
        let has_breaks = |text: &str| text.trim().contains(['\n', '\r']);
        match written.message.as_deref() {
            Some(message) if message.trim().is_empty() => {
                refuse("message", "must be non-empty if specified");
            }
            Some(message) if has_breaks(message) => {
                refuse("message", "must not contain line breaks");
            }
            None if has_breaks(&written.rule) => {
                refuse("message", "must be specified if rule contains line breaks");
            }
            _ => {}
        }
        let field_path = written.field_path.unwrap_or_default();
        if !field_path.is_empty() && field_of(place.schema, &field_path).is_none() {
            refuse(
                "fieldPath",
                "must be the path of a field of this schema, such as .a.b",
            );
        }
        let program = compile(&written.rule, "rule", true, place, budget, errors);
        let message_expression = written.message_expression.as_deref();
        let message_expression = message_expression
            .map(|text| compile(text, "messageExpression", false, place, budget, errors));
        if errors.len() > before {
            return None;
        }
        let program = program?;
        let mut reads = program.reads().iter();
        let is_about_updates = reads.any(|path| path[0] == "oldSelf");
        Some(Rule {
            is_about_updates: is_about_updates && written.optional_old_self != Some(true),
            program,
            message_expression: message_expression.flatten(),
            field_path,
            message: written.message.map(|message| message.trim().to_owned()),
            reason: written.reason.unwrap_or_default(),
        })
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let programs = std::iter::once(&self.program).chain(&self.message_expression);
        programs.map(condition::bytes).sum()
    }

    /// What it says of itself.
    pub(super) fn name(&self) -> String {
        let rule = || format!("failed rule: {}", self.program.source().trim());
        self.message.clone().unwrap_or_else(rule)
    }

    /// The error of a value for which it does not hold.
    pub(super) fn error(&self, field: String, message: &str) -> FieldError {
        let kind = match self.reason {
            Reason::Invalid => "Invalid value",
            Reason::Forbidden => "Forbidden",
            Reason::Required => "Required value",
            Reason::Duplicate => "Duplicate value",
        };
        field_error(field, format!("{kind}: {message}"))
    }
}

fn compile(
    text: &str,
    name: &str,
    is_condition: bool,
    place: &Place<'_>,
    budget: &mut Budget,
    errors: &mut Vec<FieldError>,
) -> Option<Program> {
    let mut refuse = |what: String| {
        errors.push(field_error(format!("{}.{name}", place.field), what));
        None
    };
    if text.trim().is_empty() {
        return refuse("Required value".to_owned());
    }
    if budget.is_exhausted() {
        return None;
    }
    if condition::pay(text, budget).is_err() {
        return refuse("the rules up to here take too long to compile".to_owned());
    }
    let compiled = match is_condition {
        true => Program::compile_condition(text, VARIABLES),
        false => Program::compile_with(text, VARIABLES),
    };
    let program = match compiled {
        Ok(program) => program,
        Err(error) => return refuse(format!("Invalid value: {error}")),
    };
    let reads = program.reads();
    let unknown = reads.iter().filter(|path| path[0] == "self");
    match unknown
        .filter_map(|path| undefined(place.schema, &path[1..]))
        .next()
    {
        Some(field) => refuse(format!("Invalid value: undefined field {field:?}")),
        None => Some(program),
    }
}

/// The first field on a path that the schema does not have.
fn undefined<'p>(mut schema: &Value, path: &'p [String]) -> Option<&'p str> {
    for name in path {
        let is_open = schema.get("x-kubernetes-preserve-unknown-fields")
            == Some(&Value::Bool(true))
            || schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
        let others = schema
            .get("additionalProperties")
            .filter(|it| **it != Value::Bool(false));
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut known = properties.into_iter().flatten();
        let is_it = |key: &str| field_name(key).is_some_and(|written| written == *name);
        let found = known.find(|(key, _)| is_it(key)).map(|(_, schema)| schema);
        match found.or(others) {
            Some(below) if below.is_object() => schema = below,
            Some(_) => return None,
            None if is_open => return None,
            None => return Some(name),
        }
    }
    None
}

/// The schema at a path such as `.a['b-c']`.
fn field_of<'s>(mut schema: &'s Value, path: &str) -> Option<&'s Value> {
    let mut rest = path;
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix("['") {
            (name, rest) = after.split_once("']")?;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (name, rest) = after.split_at(end);
        }
        let property = schema.get("properties").and_then(|known| known.get(name));
        let others = || {
            schema
                .get("additionalProperties")
                .filter(|it| it.is_object())
        };
        schema = property.or_else(others).filter(|_| !name.is_empty())?;
    }
    Some(schema)
}
