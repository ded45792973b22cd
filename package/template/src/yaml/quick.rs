//! The quick reader: of documents that are maps and lists of scalars on one line and of literal texts, as most are. It
//! gives exactly what the composer gives, or nothing where anything else stands in them, might surprise, or is wrong;
//! then the composer reads them.

use serde_json::{Map, Value};

use super::resolve::{self, Scalar};
use crate::limit;

/// The value of a document of printable ASCII, without space around it.
pub(super) fn read(text: &str) -> Option<Value> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    if !text.bytes().all(is_plain) {
        return None;
    }
    let mut reader = Reader {
        rest: text,
        line: None,
        values: 0,
    };
    reader.advance();
    let indent = reader.line?.indent;
    let value = reader.block(indent, 1)?;
    reader.line.is_none().then_some(value)
}

/// A line that has content.
#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    /// Without space around it; neither empty nor a comment.
    content: &'t str,
}

impl Line<'_> {
    fn is_item(&self) -> bool {
        self.content == "-" || self.content.starts_with("- ")
    }
}

struct Reader<'t> {
    /// What is behind the current line.
    rest: &'t str,
    /// The current line; none at the end.
    line: Option<Line<'t>>,
    /// Scalars, maps and lists so far.
    values: usize,
}

impl<'t> Reader<'t> {
    /// Goes to the next line that has content.
    fn advance(&mut self) {
        self.line = None;
        while self.line.is_none() && !self.rest.is_empty() {
            let (line, rest) = split_line(self.rest);
            self.rest = rest;
            let content = line.trim_start_matches(' ');
            if !content.is_empty() && !content.starts_with('#') {
                self.line = Some(Line {
                    indent: line.len() - content.len(),
                    content: content.trim_end_matches(' '),
                });
            }
        }
    }

    /// The indentation of the current line.
    fn indent(&self) -> Option<usize> {
        self.line.map(|line| line.indent)
    }

    fn count(&mut self, depth: usize) -> Option<()> {
        self.values += 1;
        (self.values <= limit::YAML_NODES && depth <= limit::YAML_DEPTH).then_some(())
    }

    /// The map or list that begins with the current line.
    fn block(&mut self, indent: usize, depth: usize) -> Option<Value> {
        self.count(depth)?;
        match self.line?.is_item() {
            true => self.list(indent, depth),
            false => self.map(indent, depth),
        }
    }

    fn map(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        while let Some(line) = self.line.filter(|it| it.indent == indent && !it.is_item()) {
            let (key, after) = key(line.content)?;
            self.count(0)?;
            let value = match after {
                "" => {
                    self.advance();
                    match self.line {
                        Some(next) if next.indent == indent && next.is_item() => {
                            self.block(indent, depth + 1)?
                        }
                        _ => self.below(indent, depth)?,
                    }
                }
                written => self.scalar(written, indent, depth)?,
            };
            if map.insert(key.to_owned(), value).is_some() {
                return None;
            }
        }
        Some(Value::Object(map))
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while let Some(line) = self.line.filter(|it| it.indent == indent && it.is_item()) {
            let content = line.content[1..].trim_start_matches(' ');
            let inner = Line {
                indent: indent + (line.content.len() - content.len()),
                content,
            };
            let item = if content.is_empty() || content.starts_with('#') {
                self.advance();
                self.below(indent, depth)?
            } else if inner.is_item() || key(content).is_some() {
                self.line = Some(inner);
                self.block(inner.indent, depth + 1)?
            } else {
                self.scalar(content, indent, depth)?
            };
            items.push(item);
        }
        Some(Value::Array(items))
    }

    /// What is indented further than `indent`; null if nothing is.
    fn below(&mut self, indent: usize, depth: usize) -> Option<Value> {
        match self.indent() {
            Some(inner) if inner > indent => self.block(inner, depth + 1),
            _ => self.count(0).map(|()| Value::Null),
        }
    }

    /// What the current line ends with, in a map or list of this indentation and depth.
    fn scalar(&mut self, written: &'t str, indent: usize, depth: usize) -> Option<Value> {
        let (value, after) = match written {
            "|" | "|-" => return self.literal(indent, written == "|"),
            _ if written.starts_with(['{', '[']) => self.flow(written, depth + 1)?,
            _ if written.starts_with(['"', '\'']) => {
                self.count(0)?;
                let (text, after) = quoted(written)?;
                (text.into(), after)
            }
            _ => {
                self.count(0)?;
                (plain(without_comment(written))?, "")
            }
        };
        self.advance();
        // What is indented further would belong to it.
        let is_alone = self.indent().is_none_or(|next| next <= indent);
        (is_alone && without_comment(after).is_empty()).then_some(value)
    }

    /// A map or list in brackets, and what follows it.
    fn flow(&mut self, written: &'t str, depth: usize) -> Option<(Value, &'t str)> {
        self.count(depth)?;
        let (open, inner) = written.split_at(1);
        let is_map = open == "{";
        let close = if is_map { '}' } else { ']' };
        let (mut map, mut items) = (Map::new(), Vec::new());
        let mut rest = inner.trim_start_matches(' ');
        let mut is_end = rest.starts_with(close);
        while !is_end {
            let key = if is_map {
                self.count(0)?;
                let (key, after) = key(rest).filter(|(_, after)| !after.is_empty())?;
                rest = after;
                Some(key)
            } else {
                None
            };
            let (value, after) = match rest.starts_with(['{', '[']) {
                true => self.flow(rest, depth + 1)?,
                false => self.count(0).and_then(|()| word(rest))?,
            };
            let repeated = match key {
                Some(key) => map.insert(key.to_owned(), value),
                None => {
                    items.push(value);
                    None
                }
            };
            if repeated.is_some() {
                return None;
            }
            rest = after.trim_start_matches(' ');
            is_end = rest.starts_with(close);
            if !is_end {
                rest = rest.strip_prefix(',')?.trim_start_matches(' ');
            }
        }
        let value = match is_map {
            true => Value::Object(map),
            false => Value::Array(items),
        };
        Some((value, &rest[1..]))
    }

    /// The text of the lines that are indented further than `indent`.
    fn literal(&mut self, indent: usize, ends_with_break: bool) -> Option<Value> {
        self.count(0)?;
        let first = self.rest.trim_start_matches('\n');
        let inner = first.len() - first.trim_start_matches(' ').len();
        // Space at the beginning would have to be told from the indentation.
        if inner <= indent || first[inner..].starts_with('\n') {
            return None;
        }
        let mut text = String::new();
        let mut end = 0;
        while !self.rest.is_empty() {
            let (line, rest) = split_line(self.rest);
            let content = line.trim_start_matches(' ');
            if line.len() - content.len() < inner && !content.is_empty() {
                break;
            }
            text.push_str(line.get(inner..).unwrap_or_default());
            if !content.is_empty() || line.len() > inner {
                end = text.len() + usize::from(ends_with_break);
            }
            if self.rest.len() > line.len() {
                text.push('\n');
            }
            self.rest = rest;
        }
        text.truncate(end);
        self.advance();
        let is_alone = self.indent().is_none_or(|next| next <= indent);
        is_alone.then_some(Value::String(text))
    }
}

fn split_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// What is before a comment.
fn without_comment(text: &str) -> &str {
    let end = text.find(" #").unwrap_or(text.len());
    text[..end].trim_end_matches(' ')
}

/// A key that is text, and what follows its colon, which may be a comment alone.
fn key(content: &str) -> Option<(&str, &str)> {
    let (key, after) = if content.starts_with(['"', '\'']) {
        quoted(content)?
    } else {
        let inner = |it: char| it.is_ascii_alphanumeric() || "-_./".contains(it);
        let end = content.find(|it| !inner(it))?;
        let (key, after) = content.split_at(end);
        let is_text = key.starts_with(|it: char| it.is_ascii_alphabetic())
            && matches!(resolve::plain(key), Scalar::Text(_));
        is_text.then_some((key, after))?
    };
    // A longer one might be too long for a key.
    let after = after
        .strip_prefix(':')
        .filter(|_| key.len() <= limit::YAML_PATH)?;
    let value = after.trim_start_matches(' ');
    if !after.is_empty() && value.len() == after.len() {
        return None;
    }
    Some((key, if value.starts_with('#') { "" } else { value }))
}

/// A text in quotes without escapes, and what follows it.
fn quoted(written: &str) -> Option<(&str, &str)> {
    let (quote, inner) = written.split_at(1);
    let (text, after) = inner.split_once(quote)?;
    let is_escaped =
        text.contains('\\') && quote == "\"" || after.starts_with('\'') && quote == "'";
    // A comment has to be set apart.
    (!is_escaped && !after.starts_with('#')).then_some((text, after))
}

/// A scalar within brackets, and what follows it.
fn word(written: &str) -> Option<(Value, &str)> {
    if written.starts_with(['"', '\'']) {
        return quoted(written).map(|(text, after)| (text.into(), after));
    }
    let inner = |it: char| it.is_ascii_alphanumeric() || "-_./".contains(it);
    let (text, after) = written.split_at(written.find(|it| !inner(it))?);
    let is_whole = after.starts_with([' ', ',', ']', '}']) && !text.starts_with('-');
    is_whole
        .then(|| plain(text))
        .flatten()
        .map(|value| (value, after))
}

/// The value of a scalar without quotes.
fn plain(text: &str) -> Option<Value> {
    let is_indicator = |it: char| " -?:,[]{}#&*!|>'\"%@`".contains(it);
    let dashes = ["--", "-", ""].iter().find_map(|it| text.strip_prefix(it));
    let inner = dashes.unwrap_or(text);
    if inner.is_empty() || inner.starts_with(is_indicator) {
        return None;
    }
    if text.contains(": ") || text.ends_with(':') {
        return None;
    }
    let scalar = resolve::plain(text);
    match resolve::surprise(text, &scalar) {
        Some(_) => None,
        None => scalar.value().ok(),
    }
}
