//! YAML: read as Kubernetes' own tools read it, written byte for byte as they write it.

mod merge;
mod read;
mod scalar;
mod write;

pub use read::{
    Document, Documents, Unreadable, YamlError, cost, cost_of_text, document, documents,
};
pub(crate) use write::{decode, encode};

#[cfg(test)]
mod tests;
