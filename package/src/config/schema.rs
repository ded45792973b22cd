//! The schema of a configuration: structural as in a CustomResourceDefinition, and compiled.

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::field_error::{FieldError, field_error};
use super::rewrite::rewrite;
use super::rules::Rules;
use super::{formats, keywords, prune};

/// Errors that are reported of one configuration.
const MAX_ERRORS: usize = 20;

/// A schema that was checked and compiled.
#[derive(Clone)]
pub struct Schema {
    structural: Value,
    validator: Arc<Validator>,
    rules: Arc<Rules>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.structural).finish()
    }
}

impl Schema {
    /// Compiles a part of a schema that was checked as a whole.
    pub(super) fn part(schema: &Value) -> Result<Schema, FieldError> {
        Schema::build(schema, &rewrite(schema, "", &mut Vec::new()))
    }

    pub(super) fn build(structural: &Value, plain: &Value) -> Result<Schema, FieldError> {
        let options = keywords::options().should_validate_formats(true);
        let options = formats::all().fold(options, |options, (name, check)| {
            options.with_format(name, check)
        });
        let validator = options.build(plain).map_err(|error| {
            let field = dotted(error.instance_path().as_str());
            field_error(field, error.to_string())
        })?;
        Ok(Schema {
            structural: structural.clone(),
            validator: Arc::new(validator),
            rules: Arc::default(),
        })
    }

    /// The same, with validation rules.
    pub(super) fn with_rules(self, rules: Rules) -> Schema {
        Schema {
            rules: Arc::new(rules),
            ..self
        }
    }

    /// About how many bytes its compiled validation rules take in memory.
    pub(crate) fn rule_bytes(&self) -> usize {
        self.rules.bytes()
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
        let errors = match errors.is_empty() {
            true => self.rules.check(&self.structural, value),
            false => errors,
        };
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
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
