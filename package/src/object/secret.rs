//! The values of a Secret: what their forms must be. They are never quoted.

use serde_json::{Map, Value};

use super::problem::Problems;
use crate::violation::Reason;

/// Checks that `data` and `stringData` are maps of texts. What is in both is as in a plain apply: `stringData` wins.
/// Null is the empty text there, and so it is here.
pub(super) fn check(secret: &Map<String, Value>, problems: &mut Problems) {
    for field in ["data", "stringData"] {
        match secret.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(values)) => {
                for (key, _) in values
                    .iter()
                    .filter(|(_, it)| !it.is_string() && !it.is_null())
                {
                    problems.add(
                        Reason::SecretInvalid,
                        format!("{field}[{key:?}]: must be text"),
                    );
                }
            }
            Some(_) => problems.add(Reason::SecretInvalid, format!("{field}: must be a map")),
        }
    }
}
