//! The one reader of YAML: what Kubernetes accepts, under the limits of [`limit`].

mod merge;

use serde_json::{Number, Value};
use serde_saphyr::{MergeKeyPolicy, Options};
use thiserror::Error as ThisError;

use crate::limit;
use merge::Merged;

/// A document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Number among the file's documents that are not empty, from 0.
    pub index: usize,
    /// Line on which it starts, from 1.
    pub line: usize,
    /// Its content; never `null`.
    pub value: Value,
}

/// A file that is not YAML, or beyond the limits.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{path}:{line}: {message}")]
pub struct YamlError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Number of the document, from 0.
    pub index: usize,
    /// What is wrong. It may name keys, but no values: a file may hold Secrets.
    pub message: String,
}

/// All documents of a file. They are separated by lines of `---`; empty ones are left out.
///
/// # Errors
/// When the bytes are not UTF-8, a document is not YAML, repeats a key, or exceeds a limit. What an alias stands
/// for counts each time it is used.
pub fn documents(path: &str, bytes: &[u8]) -> Result<Vec<Document>, YamlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        YamlError {
            path: path.to_owned(),
            line,
            index: 0,
            message: "not UTF-8 text".to_owned(),
        }
    })?;
    let mut documents = Vec::new();
    for (line, part) in split(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let index = documents.len();
        let value = parse(part).map_err(|(at, message)| YamlError {
            path: path.to_owned(),
            line: line + at.saturating_sub(1),
            index,
            message,
        })?;
        if value != Value::Null {
            documents.push(Document { index, line, value });
        }
    }
    Ok(documents)
}

/// The only document of a file.
///
/// # Errors
/// Those of [`documents`], and when there is not exactly one.
pub fn document(path: &str, bytes: &[u8]) -> Result<Value, YamlError> {
    let mut all = documents(path, bytes)?;
    let refuse = |line, index, message: &str| {
        Err(YamlError {
            path: path.to_owned(),
            line,
            index,
            message: message.to_owned(),
        })
    };
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only.value),
        (None, _) => refuse(1, 0, "the file is empty"),
        (Some(last), false) => refuse(last.line, last.index, "more than one document"),
    }
}

/// Documents with the line they start on.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut first_line, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            parts.push((first_line, &text[start..at]));
            start = at + line.len();
            first_line = number + 2;
        }
        at += line.len();
    }
    parts.push((first_line, &text[start..]));
    parts
}

fn parse(text: &str) -> Result<Value, (usize, String)> {
    let nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(nothing) {
        return Ok(Value::Null);
    }
    if text.len() > limit::YAML_BYTES {
        let message = format!(
            "a document of {} bytes, the limit is {}",
            text.len(),
            limit::YAML_BYTES
        );
        return Err((1, message));
    }
    let Merged(mut value) =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
            let line = error
                .location()
                .and_then(|at| usize::try_from(at.line()).ok())
                .unwrap_or(1);
            (line, message(&error.without_snippet().to_string()))
        })?;
    normalise(&mut value);
    Ok(value)
}

/// The reader's message without its own place (it counts lines from the start of the document) and advice.
fn message(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or(text);
    let text = text
        .split(", set DuplicateKeyPolicy")
        .next()
        .unwrap_or(text);
    match text.strip_prefix("budget breached: ") {
        None => text.to_owned(),
        Some(limit) if limit.starts_with("Aliases") || limit.starts_with("Anchors") => {
            format!("more than {} anchors or aliases", limit::YAML_ALIASES)
        }
        Some(limit) if limit.starts_with("Depth") => {
            format!("nests deeper than {}", limit::YAML_DEPTH)
        }
        Some(limit) if limit.starts_with("Documents") => {
            "a second document after a separator that is not a line of three dashes".to_owned()
        }
        Some(limit)
            if ["Nodes", "Events", "RecordedAnchorEvents"]
                .iter()
                .any(|it| limit.starts_with(it)) =>
        {
            format!("more than {} values", limit::YAML_NODES)
        }
        Some(limit) if limit.starts_with("ScalarBytes") => {
            format!("more than {} bytes, aliases expanded", limit::YAML_BYTES)
        }
        Some(other) => format!("beyond a limit: {other}"),
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: limit::YAML_ALIASES,
            max_anchors: limit::YAML_ALIASES,
            // One anchor may serve many places: what is expanded is counted like what is written.
            enforce_alias_anchor_ratio: false,
            max_recorded_anchor_events: 4 * limit::YAML_NODES,
            max_recorded_anchor_bytes: limit::YAML_BYTES,
            max_depth: limit::YAML_DEPTH,
            flow_nesting_limit: limit::YAML_DEPTH + 1,
            max_nodes: limit::YAML_NODES,
            max_events: 4 * limit::YAML_NODES,
            max_documents: 1,
            max_total_scalar_bytes: limit::YAML_BYTES,
        },
        merge_keys: MergeKeyPolicy::AsOrdinary,
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

/// Whole floats become integers, as they do on their way through JSON in Kubernetes' own tools.
fn normalise(value: &mut Value) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            if float.fract() == 0.0 && float.abs() <= EXACT {
                *number = Number::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(map) => map.values_mut().for_each(normalise),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
