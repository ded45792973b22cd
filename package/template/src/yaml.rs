//! YAML: read as Kubernetes' own tools read it, written byte for byte as they write it.

mod merge;
mod order;
mod read;
mod scalar;
mod write;

pub use read::{Document, Documents, Unreadable, YamlError, cost, document, documents};
pub use scalar::is_day;
pub(crate) use write::encode;

use crate::json;
use crate::value::Value;

/// The value of the first document of `text`; of numbers only the value counts, as in JSON.
pub(crate) fn decode(text: &str) -> Result<Value, String> {
    let documents = documents("the document", text.as_bytes());
    let documents = documents.map_err(|error| error.to_string())?;
    let first = documents.into_iter().next().map(|document| document.value);
    json::decode(&first.unwrap_or_default())
        .ok_or_else(|| "the document is nested too deeply".to_owned())
}

#[cfg(test)]
mod tests;
