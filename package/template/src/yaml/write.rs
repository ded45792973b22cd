//! The writer of YAML: byte for byte the form that the Kubernetes YAML library gives it.

use std::collections::BTreeMap;

use super::order::Key;
use super::scalar::{self, Text};
use crate::format::{self, letters};
use crate::json::number_text;
use crate::value::{MAX_VALUE_DEPTH, Value};

/// Lines longer than this are folded where they can be.
const WIDTH: usize = 80;

/// The document of a value, ending in a line break.
pub(crate) fn encode(value: &Value, limit: usize) -> Result<String, String> {
    let mut emitter = Emitter {
        out: String::new(),
        limit,
        column: 0,
        indent: -1,
        whitespace: true,
        indention: true,
        depth: MAX_VALUE_DEPTH,
    };
    emitter.node(value, Place::Root)?;
    emitter.write_indent();
    Ok(emitter.out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Key,
    Value,
}

struct Emitter {
    out: String,
    limit: usize,
    column: usize,
    indent: isize,
    /// Whether the last character was space, and whether the line so far is only indentation.
    whitespace: bool,
    indention: bool,
    depth: usize,
}

impl Emitter {
    fn put(&mut self, letter: char) {
        self.out.push(letter);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = usize::try_from(self.indent).unwrap_or(0);
        let full = self.column == indent && !self.whitespace;
        if !self.indention || self.column > indent || full {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, spaced: bool, is_whitespace: bool, is_indention: bool) {
        if spaced && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|letter| self.put(letter));
        self.whitespace = is_whitespace;
        self.indention &= is_indention;
    }

    fn increased(&self, indentless: bool) -> isize {
        match self.indent {
            ..0 => 0,
            indent if indentless => indent,
            indent => indent + 2,
        }
    }

    fn node(&mut self, value: &Value, place: Place) -> Result<(), String> {
        if self.out.len() > self.limit {
            return Err(format!("the text exceeds {} bytes", self.limit));
        }
        let outer = self.indent;
        match value {
            Value::List(list) if !list.is_nil() => {
                if list.items().is_empty() {
                    self.indicator("[", true, true, false);
                    self.indicator("]", false, false, false);
                    return Ok(());
                }
                self.deeper()?;
                self.indent = self.increased(place == Place::Value && !self.indention);
                for item in list.items() {
                    self.write_indent();
                    self.indicator("-", true, false, true);
                    self.node(item, Place::Item)?;
                }
            }
            Value::Map(map) => {
                let entries = map.entries();
                if entries.is_empty() {
                    self.indicator("{", true, true, false);
                    self.indicator("}", false, false, false);
                    return Ok(());
                }
                self.deeper()?;
                self.indent = self.increased(false);
                let mut sorted = BTreeMap::new();
                for (key, value) in entries {
                    sorted.insert(Key(letters(&key).collect()), value);
                }
                sorted
                    .iter()
                    .try_for_each(|(key, value)| self.entry(&key.0, value))?;
            }
            _ => {
                self.scalar(value, place)?;
                return Ok(());
            }
        }
        self.indent = outer;
        self.depth += 1;
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), String> {
        let left = self.depth.checked_sub(1);
        self.depth = left.ok_or("the value is nested too deeply")?;
        Ok(())
    }

    fn entry(&mut self, key: &str, value: &Value) -> Result<(), String> {
        self.write_indent();
        let text = Text::new(key);
        if text.multiline || key.len() > 128 {
            self.indicator("?", true, false, true);
            self.string(&text, Place::Value);
            self.write_indent();
            self.indicator(":", true, false, true);
        } else {
            self.string(&text, Place::Key);
            self.indicator(":", false, false, false);
        }
        self.node(value, Place::Value)
    }

    fn scalar(&mut self, value: &Value, place: Place) -> Result<(), String> {
        let plain = match value {
            Value::Str(text) => {
                let text: String = letters(text).collect();
                self.string(&Text::new(&text), place);
                return Ok(());
            }
            Value::Version(version) | Value::PlainVersion(version) => {
                self.string(&Text::new(&version.to_string()), place);
                return Ok(());
            }
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) | Value::Int64(number) => number.to_string(),
            Value::Uint64(number) => number.to_string(),
            Value::Byte(number) => number.to_string(),
            Value::Float(number) => float(*number)?,
            Value::Nil | Value::List(_) | Value::Map(_) => "null".to_owned(),
        };
        if !self.whitespace {
            self.put(' ');
        }
        plain.chars().for_each(|letter| self.put(letter));
        self.whitespace = false;
        self.indention = false;
        Ok(())
    }

    fn string(&mut self, text: &Text<'_>, place: Place) {
        let outer = self.indent;
        self.indent = if self.indent < 0 { 2 } else { self.indent + 2 };
        let key = place == Place::Key;
        match text.style(key) {
            scalar::Style::Plain => self.plain(text.text, !key),
            scalar::Style::Single => self.single(text.text, !key),
            scalar::Style::Double => self.double(text.text, !key),
            scalar::Style::Literal => self.literal(text.text),
        }
        self.indent = outer;
    }

    fn plain(&mut self, text: &str, fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folding(text, fold, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn single(&mut self, text: &str, fold: bool) {
        self.indicator("'", true, false, false);
        self.folding(text, fold, true);
        self.indicator("'", false, false, false);
    }

    /// A plain or single-quoted text, broken at a single space once the line is long.
    fn folding(&mut self, text: &str, fold: bool, quoted: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter == ' ' {
                let next = letters.peek().map(|(_, next)| *next);
                let inside = !quoted || (at > 0 && next.is_some());
                if fold && !spaces && self.column > WIDTH && inside && next != Some(' ') {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                if !breaks && letter == '\n' {
                    self.put_break();
                }
                if quoted && letter == '\'' {
                    self.put_on_lines('\'', &mut breaks);
                }
                self.put_on_lines(letter, &mut breaks);
                spaces &= breaks;
            }
        }
    }

    /// A line break, or another character, which is indented after a break.
    fn put_on_lines(&mut self, letter: char, breaks: &mut bool) {
        let is_break = scalar::is_break(letter);
        if is_break {
            self.out.push(letter);
            self.column = 0;
        } else {
            if *breaks {
                self.write_indent();
            }
            self.put(letter);
        }
        self.indention = is_break;
        *breaks = is_break;
    }

    fn double(&mut self, text: &str, fold: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        // With a byte order mark at its beginning the whole text is escaped.
        let is_marked = text.starts_with('\u{feff}');
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter == ' ' && !is_marked {
                let next = letters.peek().map(|(_, next)| *next);
                if fold && !spaces && self.column > WIDTH && at > 0 && next.is_some() {
                    self.write_indent();
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                match scalar::escape(letter, is_marked) {
                    Some(escaped) => escaped.chars().for_each(|part| self.put(part)),
                    None => self.put(letter),
                }
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(' ') || text.starts_with(scalar::is_break) {
            self.indicator("2", false, false, false);
        }
        let mut ending = text.chars().rev();
        match (
            ending.next().map(scalar::is_break),
            ending.next().map(scalar::is_break),
        ) {
            (Some(true), None | Some(true)) => self.indicator("+", false, false, false),
            (Some(true), Some(false)) => {}
            _ => self.indicator("-", false, false, false),
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for letter in text.chars() {
            self.put_on_lines(letter, &mut breaks);
        }
    }
}

/// A number as it comes back from JSON: whole where it is written without fraction.
fn float(number: f64) -> Result<String, String> {
    let text = number_text(number)?;
    if text == "-0" {
        return Ok("0".to_owned());
    }
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return Ok(text);
    }
    let text = format::print(&Value::Float(number), 64)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
