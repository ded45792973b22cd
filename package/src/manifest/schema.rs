//! JSON Schemas of manifest and lock file, for editors and other programs.
//!
//! They are as strict as `stevedore package validate --strict`: a field that nobody knows, or a number where a text is
//! wanted, does not fit. What a schema cannot say is for the checks alone: that names are unique, and what is inside of
//! expressions, globs, ranges and the schema of the configuration. Draft 7 is what the language servers of editors
//! know best.

mod assembly;
mod environment;
mod fields;
mod forms;
mod probes;

use assembly::{Row, row, schema};
use serde_json::{Value, json};

use super::document::versions;
use super::{KIND, lock};
use crate::limit;

/// The schema of `manifest.yaml`.
pub fn manifest() -> Value {
    let title = "The manifest of a package, manifest.yaml";
    schema(title, &manifest_rows())
}

/// The schema of `manifest.lock.yaml`.
pub fn lock() -> Value {
    let title = "The digests of a package's images, manifest.lock.yaml";
    schema(title, &lock_rows())
}

fn manifest_rows() -> Vec<Row> {
    let mut rows = head(KIND);
    rows.extend(fields::rows());
    rows.extend(environment::rows());
    rows
}

fn head(kind: &str) -> Vec<Row> {
    vec![
        row(
            "apiVersion",
            "The version of the format. Both groups mean the same; Package Operator knows its own alone.",
            json!({"type": "string", "enum": versions()}),
        ),
        row(
            "kind",
            "What the file is.",
            json!({"type": "string", "enum": [kind]}),
        ),
    ]
}

fn lock_rows() -> Vec<Row> {
    let mut rows = head(lock::KIND);
    rows.extend([
        row(
            "",
            "Written by `stevedore package update`.",
            json!({"required": ["apiVersion", "kind"]}),
        ),
        row("metadata", "Of no meaning here.", json!({"type": "object"})),
        row("spec", "What was resolved.", json!({})),
        row(
            "spec.images",
            "The images that the manifest names, each by its digest.",
            json!({"maxItems": limit::IMAGES}),
        ),
        row(
            "spec.images[]",
            "An image.",
            json!({"required": ["name", "image", "digest"]}),
        ),
        row(
            "spec.images[].name",
            "Its name, as in the manifest; unique.",
            json!({"type": "string", "minLength": 1}),
        ),
        row(
            "spec.images[].image",
            "Its reference, as in the manifest.",
            json!({"type": "string", "minLength": 1}),
        ),
        row(
            "spec.images[].digest",
            "What the reference stood for when the file was written.",
            json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}),
        ),
        row(
            "spec.dependencies",
            "Packages that this one depends on; not supported yet.",
            json!({"type": "array", "maxItems": 0}),
        ),
    ]);
    rows
}

#[cfg(test)]
mod tests;
