//! The check of an `openAPIV3Schema`, before it is compiled and of its defaults after.

use serde_json::Value;

use super::defaults;
use super::field_error::{FieldError, field_error};
use super::rewrite::rewrite;
use super::schema::Schema;

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
}
