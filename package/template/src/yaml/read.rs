//! The reader of YAML: what Kubernetes accepts, under the limits of [`limit`].

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;
use thiserror::Error as ThisError;

use super::compose::compose;
use super::failure::Failure;
use super::lines;
use super::quick;
use super::split::{Part, Parts, after_end, dashes_at_end, dashes_at_start, is_blank};
use super::surprise::{Found, older_break};
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
    /// What may surprise its author; at most [`limit::YAML_SURPRISES`] of the document, and what surprises of the file.
    pub found: Vec<Found>,
    /// What reading it costs, in steps of a [`Budget`]; no less than copying it.
    pub steps: u64,
    /// About how many bytes it takes in memory.
    pub bytes: usize,
}

/// A file that is not YAML, or beyond the limits.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{path}:{line}:{column}: {message}")]
pub struct YamlError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// Number of the document, from 0.
    pub index: usize,
    /// What is wrong. It may name keys, but no values: a file may hold Secrets.
    pub message: String,
}

/// All documents of a file, separated as kubectl does it; empty ones are left out. A document is read without the
/// space around it, as Package Operator reads one, so that a text in a block at its end has no line break there.
///
/// # Errors
/// When the bytes are not UTF-8, a document is not YAML, or exceeds a limit. What an alias stands for counts each time
/// it is used.
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
    parts: Parts<'a>,
    index: usize,
    /// Why it is no text at all.
    broken: Option<YamlError>,
    /// What is told with the first document, and with the last one.
    at_start: Option<Found>,
    at_end: Option<Found>,
    /// What scanning the text costs, whatever is in it.
    unpaid: u64,
}

impl<'a> Documents<'a> {
    /// The documents of these bytes; none of them is read yet.
    pub fn new(path: &'a str, bytes: &'a [u8]) -> Self {
        let (text, broken) = match text(path, bytes) {
            Ok(text) => (text, None),
            Err(error) => ("", Some(error)),
        };
        Self {
            path,
            parts: Parts::new(text),
            index: 0,
            broken,
            at_start: dashes_at_start(text),
            at_end: dashes_at_end(text),
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

    fn document(&mut self, part: &Part<'_>) -> Result<Option<Document>, Failure> {
        let Read {
            value, mut found, ..
        } = read(part, false)?;
        if value.is_null() {
            return Ok(None);
        }
        found.extend(part.separator.clone());
        found.extend(self.at_start.take());
        if self.parts.is_done() {
            found.extend(self.at_end.take());
        }
        let (values, bytes) = size(&value);
        Ok(Some(Document {
            index: self.index,
            line: part.line,
            value,
            found,
            steps: DOCUMENT_STEPS + VALUE_STEPS * values,
            bytes,
        }))
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
            let part = self.parts.next()?;
            let document = match self.document(&part) {
                Ok(None) => continue,
                Ok(Some(document)) => Ok(document),
                Err(failure) => Err(error(self.path, self.index, failure)),
            };
            self.index += 1;
            return Some((part.bytes, document));
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

/// Where the fields of a document are in its file: the first [`limit::YAML_PLACES`] whose path is not too long.
#[derive(Debug, Default)]
pub struct Fields {
    line: usize,
    places: HashMap<String, (usize, usize)>,
}

impl Fields {
    /// Line on which the document starts, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Line and character of a field, both from 1, by its path such as `spec.phases[0].name`. What an alias stands for
    /// is not in its place.
    pub fn place(&self, field: &str) -> Option<(usize, usize)> {
        self.places.get(field).copied()
    }
}

/// Where the fields are of the document of this number, counted as [`Document::index`] is. The whole file up to it is
/// read once more.
///
/// # Errors
/// When there is no such document, or the budget does not suffice.
pub fn fields(text: &str, index: usize, budget: &mut Budget) -> Option<Fields> {
    budget.charge(text.len() as u64 / 16).ok()?;
    let mut number = 0;
    for part in Parts::new(text) {
        let read = read(&part, number == index);
        let steps = match &read {
            Ok(read) => DOCUMENT_STEPS + VALUE_STEPS * size(&read.value).0,
            Err(_) => cost(part.bytes),
        };
        budget.charge(steps).ok()?;
        match read {
            Ok(read) if read.value.is_null() => {}
            Ok(read) if number == index => {
                return Some(Fields {
                    line: part.line,
                    places: read.fields,
                });
            }
            _ => number += 1,
        }
    }
    None
}

/// A file that holds one document.
pub struct Single {
    /// Its content; never `null`.
    pub value: Value,
    /// What may surprise its author.
    pub found: Vec<Found>,
    /// Where its fields are.
    pub fields: Fields,
}

/// The first document of a file, as manifests are read: what comes after it is told as a surprise.
///
/// # Errors
/// Those of [`documents`], and when that document is empty.
pub fn document(path: &str, bytes: &[u8]) -> Result<Single, YamlError> {
    let text = text(path, bytes)?;
    let Read {
        value,
        found,
        fields,
    } = read(&whole(text), true).map_err(|failure| error(path, 0, failure))?;
    if value.is_null() {
        let empty = "the file is empty, or its first document is".to_owned();
        return Err(error(path, 0, Failure::at_start(empty)));
    }
    Ok(Single {
        value,
        found,
        fields: Fields {
            line: 1,
            places: fields,
        },
    })
}

/// The first document of a text, which is no file.
pub(super) fn first(bytes: &[u8]) -> Result<Value, YamlError> {
    let text = text("the document", bytes)?;
    let read = read(&whole(text), false);
    read.map(|read| read.value)
        .map_err(|failure| error("the document", 0, failure))
}

fn whole(text: &str) -> Part<'_> {
    Part {
        text,
        line: 1,
        column: 1,
        bytes: text.len(),
        separator: None,
    }
}

fn text<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, YamlError> {
    std::str::from_utf8(bytes).map_err(|error| YamlError {
        path: path.to_owned(),
        line: 1 + bytes[..error.valid_up_to()]
            .split(|byte| *byte == b'\n')
            .count()
            - 1,
        column: 1,
        index: 0,
        message: "not UTF-8 text".to_owned(),
    })
}

fn error(path: &str, index: usize, failure: Failure) -> YamlError {
    YamlError {
        path: path.to_owned(),
        line: failure.line,
        column: failure.column,
        index,
        message: failure.message,
    }
}

struct Read {
    value: Value,
    found: Vec<Found>,
    fields: HashMap<String, (usize, usize)>,
}

fn read(part: &Part<'_>, with_fields: bool) -> Result<Read, Failure> {
    // Lines and characters are those of the file.
    let place = |line: usize, column: usize| match line {
        ..=1 => (part.line, part.column + column.saturating_sub(1)),
        _ => (part.line + line - 1, column),
    };
    let mut read = read_text(part.text, with_fields).map_err(|failure| {
        let (line, column) = place(failure.line, failure.column);
        Failure {
            line,
            column,
            ..failure
        }
    })?;
    for one in &mut read.found {
        (one.line, one.column) = place(one.line, one.column);
    }
    for field in read.fields.values_mut() {
        *field = place(field.0, field.1);
    }
    Ok(read)
}

fn read_text(text: &str, with_fields: bool) -> Result<Read, Failure> {
    if is_blank(text) {
        return Ok(Read {
            value: Value::Null,
            found: Vec::new(),
            fields: HashMap::new(),
        });
    }
    if text.len() > limit::YAML_BYTES {
        let (bytes, limit) = (text.len(), limit::YAML_BYTES);
        return Err(Failure::at_start(format!(
            "a document of {bytes} bytes, the limit is {limit}"
        )));
    }
    if !with_fields && let Some(value) = quick::read(text) {
        return Ok(Read {
            value,
            found: Vec::new(),
            fields: HashMap::new(),
        });
    }
    lines::check(text)?;
    let mut text = Cow::Borrowed(text);
    let mut composed = compose(&text, with_fields);
    for _ in 0..lines::mendings(&text) {
        let refused = composed.as_ref().err().and_then(|it| it.refused.as_ref());
        let Some(mended) = refused.and_then(|(kind, at)| lines::mended(&text, kind, *at)) else {
            break;
        };
        text = Cow::Owned(mended);
        composed = compose(&text, with_fields);
    }
    let composed = composed?;
    let mut found = composed.found;
    found.extend(after_end(&text, composed.end));
    found.extend(older_break(&text));
    Ok(Read {
        value: composed.value,
        found,
        fields: composed.fields,
    })
}
