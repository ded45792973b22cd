//! YAML, in the form the Kubernetes YAML library gives it.

use super::json::{self, Style};
use super::value::Value;

pub(super) fn encode(value: &Value, limit: usize) -> Result<String, String> {
    let text = json::encode(
        value,
        Style {
            escape_html: false,
            pretty: false,
        },
        limit,
    )?;
    let parsed: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    serde_saphyr::to_string(&parsed).map_err(|e| e.to_string())
}

pub(super) fn decode(text: &str) -> Result<Value, String> {
    let parsed: serde_json::Value = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    Value::from_json(&parsed).ok_or_else(|| "the document is nested too deeply".to_owned())
}
