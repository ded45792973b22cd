//! YAML: read as Kubernetes' own tools read it, written byte for byte as they write it.

mod compose;
mod expansion;
mod failure;
mod lines;
mod order;
mod quick;
mod read;
mod resolve;
mod scalar;
mod split;
mod surprise;
mod time;
mod write;

pub use read::{
    Document, Documents, Fields, Single, Unreadable, YamlError, cost, document, documents, fields,
};
pub use resolve::float_text;
pub use split::texts;
pub use surprise::{Found, Surprise};
pub use time::is_day;
pub(crate) use write::encode;

use crate::json;
use crate::value::Value;

/// The value of the first document of `text`; of numbers only the value counts, as in JSON.
pub(crate) fn decode(text: &[u8]) -> Result<Value, String> {
    let first = read::first(text).map_err(|error| error.to_string())?;
    json::decode(&first).ok_or_else(|| "the document is nested too deeply".to_owned())
}

/// The document of a JSON value, as the Kubernetes YAML library writes it: what [`documents`] reads back.
///
/// # Errors
/// When it is nested too deeply, or longer than `limit` bytes.
pub fn to_text(value: &serde_json::Value, limit: usize) -> Result<String, String> {
    let value = json::exact(value).ok_or_else(|| "it is nested too deeply".to_owned())?;
    encode(&value, limit)
}

#[cfg(test)]
mod tests;
