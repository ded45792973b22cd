//! The values of a Secret as they are applied: what stands in `stringData` is put into `data`.
//!
//! `stringData` can only be written. An API server turns it into `data`, and goes on saying that we own `stringData`:
//! an edit of `data` would be no drift, and a dropped key would stay, for nobody owns it where it is stored. It is
//! done here and not where a package is rendered, because sets are written by hand too, and because content that was
//! ordered or stored before keeps its digest and means the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::field::entry;

/// What is wrong with the values, by the path of the field. No value is quoted.
///
/// # Errors
/// For the first field that has another form.
pub(super) fn check(secret: &Value) -> Result<(), String> {
    for field in ["data", "stringData"] {
        match secret.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(values)) => {
                let is_text = |value: &Value| value.is_string() || value.is_null();
                if let Some((key, _)) = values.iter().find(|(_, value)| !is_text(value)) {
                    return Err(format!("{field}[{key:?}] must be text"));
                }
            }
            Some(_) => return Err(format!("{field} must be a map")),
        }
    }
    Ok(())
}

/// Puts `stringData` into `data`. As in a plain apply it wins over a key that is in both, and null is the empty text.
pub(super) fn fold(secret: &mut Value) {
    let Some(map) = secret.as_object_mut() else {
        return;
    };
    let Some(Value::Object(texts)) = map.remove("stringData") else {
        return;
    };
    if texts.is_empty() {
        return;
    }
    let encoded = |text: &Value| json!(STANDARD.encode(text.as_str().unwrap_or_default()));
    let values = texts.iter().map(|(key, text)| (key.clone(), encoded(text)));
    entry(secret, "data").extend(values.collect::<Map<_, _>>());
}

/// Whether a Secret that was folded has a value of this key.
pub(super) fn has(secret: &Value, key: &str) -> bool {
    secret.get("data").and_then(|data| data.get(key)).is_some()
}
