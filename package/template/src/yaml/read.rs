//! The reader of YAML: what Kubernetes accepts, under the limits of [`limit`].

use serde_json::{Number, Value};
use serde_saphyr::{DefaultMessageFormatter, MergeKeyPolicy, MessageFormatter as _, Options};
use thiserror::Error as ThisError;

use super::merge::Merged;
use crate::budget::{Budget, Exhausted};
use crate::limit;

/// A document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Number among the file's documents that are not empty, from 0.
    pub index: usize,
    /// Line on which it starts, from 1.
    pub line: usize,
    /// Its content; never `null`.
    pub value: Value,
    /// What reading it costs, in steps of a [`Budget`]; no less than copying it.
    pub steps: u64,
    /// About how many bytes it takes in memory.
    pub bytes: usize,
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
    let documents = Documents::new(path, bytes);
    documents.map(|(_, document)| document).collect()
}

/// What reading YAML of so many bytes costs at most, in steps of a [`Budget`].
pub fn cost(bytes: usize) -> u64 {
    DOCUMENT_STEPS + 4 * bytes as u64
}

/// Steps of one document, and of one value in it.
const DOCUMENT_STEPS: u64 = 40;
const VALUE_STEPS: u64 = 10;

/// Bytes that a map takes for an entry, besides its key and its value.
const ENTRY_BYTES: usize = 64;

/// Why reading stopped.
pub enum Unreadable {
    /// It is not YAML.
    Yaml(YamlError),
    /// The budget does not suffice.
    Exhausted(Exhausted),
}

/// The documents of a file, one after the other.
pub struct Documents<'a> {
    path: &'a str,
    rest: Option<&'a str>,
    line: usize,
    index: usize,
    /// Why it is no text at all.
    broken: Option<YamlError>,
    /// What scanning the text costs, whatever is in it.
    unpaid: u64,
}

impl<'a> Documents<'a> {
    /// The documents of these bytes; none of them is read yet.
    pub fn new(path: &'a str, bytes: &'a [u8]) -> Self {
        let text = std::str::from_utf8(bytes);
        let broken = text.err().map(|error| {
            let valid = &bytes[..error.valid_up_to()];
            YamlError {
                path: path.to_owned(),
                line: 1 + valid.iter().filter(|byte| **byte == b'\n').count(),
                index: 0,
                message: "not UTF-8 text".to_owned(),
            }
        });
        Self {
            path,
            rest: text
                .ok()
                .map(|text| text.strip_prefix('\u{feff}').unwrap_or(text)),
            line: 1,
            index: 0,
            broken,
            unpaid: bytes.len() as u64 / 16,
        }
    }

    /// The next document, paid for.
    ///
    /// # Errors
    /// When it is not YAML, or the budget does not suffice for it.
    pub fn next_within(&mut self, budget: &mut Budget) -> Result<Option<Document>, Unreadable> {
        let unpaid = std::mem::take(&mut self.unpaid);
        budget.charge(unpaid).map_err(Unreadable::Exhausted)?;
        let Some((bytes, document)) = self.next() else {
            return Ok(None);
        };
        let steps = match &document {
            Ok(found) => found.steps,
            Err(_) => cost(bytes),
        };
        budget.charge(steps).map_err(Unreadable::Exhausted)?;
        document.map(Some).map_err(Unreadable::Yaml)
    }

    /// The text up to the next line of three dashes, with the line it starts on.
    fn part(&mut self) -> Option<(usize, &'a str)> {
        let text = self.rest?;
        let (first, mut lines, mut at) = (self.line, 0, 0);
        for line in text.split_inclusive('\n') {
            lines += 1;
            if line.trim_end() == "---" {
                self.line += lines;
                self.rest = Some(&text[at + line.len()..]);
                return Some((first, &text[..at]));
            }
            at += line.len();
        }
        self.rest = None;
        Some((first, text))
    }
}

impl Iterator for Documents<'_> {
    /// Bytes, and what they are. After an error there may be more.
    type Item = (usize, Result<Document, YamlError>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.broken.take() {
            return Some((0, Err(error)));
        }
        loop {
            let (line, part) = self.part()?;
            let index = self.index;
            let document = match parse(part) {
                Ok(Value::Null) => continue,
                Ok(value) => {
                    let (values, bytes) = size(&value);
                    Ok(Document {
                        index,
                        line,
                        value,
                        steps: DOCUMENT_STEPS + VALUE_STEPS * values,
                        bytes,
                    })
                }
                Err((at, message)) => Err(YamlError {
                    path: self.path.to_owned(),
                    line: line + at.saturating_sub(1),
                    index,
                    message,
                }),
            };
            self.index += 1;
            return Some((part.len(), document));
        }
    }
}

/// Number of values in a value, keys and itself included, and about how many bytes they take.
fn size(value: &Value) -> (u64, usize) {
    let add = |one: (u64, usize), other: (u64, usize)| (one.0 + other.0, one.1 + other.1);
    let inner = match value {
        Value::Array(items) => items.iter().map(size).fold((0, 0), add),
        Value::Object(map) => map.iter().fold((0, 0), |sum, (key, value)| {
            add(add(sum, (1, ENTRY_BYTES + key.len())), size(value))
        }),
        Value::String(text) => (0, text.len()),
        _ => (0, 0),
    };
    add((1, size_of::<Value>()), inner)
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
            (line, message(&error))
        })?;
    normalise(&mut value);
    Ok(value)
}

/// What is wrong, in the words of this format. Values of the document are not among them.
fn message(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error as E;
    use serde_saphyr::budget::BudgetBreach as B;
    let breach = match error {
        E::AliasError { error, .. } | E::WithSnippet { error, .. } => return message(error),
        E::DuplicateMappingKey { key: Some(key), .. } => {
            return format!("duplicate mapping key: {}", printable(key));
        }
        E::DuplicateMappingKey { key: None, .. } => return "duplicate mapping key".to_owned(),
        E::Budget { breach, .. } => breach,
        // Without a place: it would count lines from the start of the document.
        other => return printable(&DefaultMessageFormatter.format_message(other)),
    };
    match breach {
        B::Aliases { .. } | B::Anchors { .. } | B::AliasAnchorRatio { .. } => {
            format!("more than {} anchors or aliases", limit::YAML_ALIASES)
        }
        B::Depth { .. } => format!("nests deeper than {}", limit::YAML_DEPTH),
        B::Documents { .. } => {
            "a second document after a separator that is not a line of three dashes".to_owned()
        }
        B::Nodes { .. } | B::Events { .. } | B::RecordedAnchorEvents { .. } => {
            format!("more than {} values", limit::YAML_NODES)
        }
        B::ScalarBytes { .. } | B::RecordedAnchorBytes { .. } => {
            format!("more than {} bytes, aliases expanded", limit::YAML_BYTES)
        }
        other => format!("beyond a limit: {other:?}"),
    }
}

/// A text without control characters.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
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
        emit_comments: false,
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
