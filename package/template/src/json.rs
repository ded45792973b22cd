//! JSON: read into values, and written as Go's `encoding/json` writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::{Number, Value as Json};

use crate::format::runes;
use crate::reads::Origin;
use crate::value::{List, MAX_VALUE_DEPTH, Map, Value};

/// The value of a document: numbers become `float64`. None if it is nested too deeply.
pub(crate) fn decode(document: &Json) -> Option<Value> {
    convert(document, float, None, MAX_VALUE_DEPTH)
}

/// The value of a document as it is written: integers stay integers, also those that no float holds. None if it is
/// nested too deeply.
pub(crate) fn exact(document: &Json) -> Option<Value> {
    convert(document, integer_or_float, None, MAX_VALUE_DEPTH)
}

/// The value of a context, which records what is read of it. None if it is nested too deeply.
pub(crate) fn context(context: &Json, origin: Origin) -> Option<Value> {
    convert(context, float, Some(origin), MAX_VALUE_DEPTH)
}

fn float(number: &Number) -> Option<Value> {
    number.as_f64().map(Value::Float)
}

fn integer_or_float(number: &Number) -> Option<Value> {
    let signed = number.as_i64().map(Value::Int64);
    let integer = signed.or_else(|| number.as_u64().map(Value::Uint64));
    integer.or_else(|| float(number))
}

fn convert(
    json: &Json,
    number: fn(&Number) -> Option<Value>,
    origin: Option<Origin>,
    depth: usize,
) -> Option<Value> {
    let below = depth.checked_sub(1)?;
    Some(match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(found) => number(found)?,
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            // A list is read as a whole or not at all, so what is below needs no origin.
            let items = items.iter().map(|item| convert(item, number, None, below));
            Value::List(List::of_context(items.collect::<Option<_>>()?, origin))
        }
        Json::Object(entries) => {
            let mut converted = BTreeMap::new();
            for (key, item) in entries {
                let of_container = origin
                    .as_ref()
                    .filter(|_| item.is_object() || item.is_array());
                let origin = of_container.map(|origin| origin.child(key));
                let item = convert(item, number, origin, below)?;
                converted.insert(Rc::from(key.as_bytes()), item);
            }
            let strings = origin.as_ref().is_some_and(Origin::is_map_of_strings);
            Value::Map(Map::of_context(converted, strings, origin))
        }
    })
}

/// How JSON is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without space.
    Compact,
    /// Every item on its own line, indented by two spaces a level.
    Pretty,
    /// As [`Style::Compact`], but `<`, `>` and `&` are not written as escapes.
    Raw,
}

/// What `json.Marshal` gives; an error for what has no JSON form or exceeds `limit` bytes.
pub(crate) fn encode(value: &Value, style: Style, limit: usize) -> Result<String, String> {
    let mut writer = Writer {
        out: String::new(),
        style,
        limit,
        level: 0,
    };
    writer.value(value)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    style: Style,
    limit: usize,
    level: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), String> {
        if self.out.len() > self.limit {
            return Err(format!("the text exceeds {} bytes", self.limit));
        }
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Value::Int(number) | Value::Int64(number) => self.out.push_str(&number.to_string()),
            Value::Uint64(number) => self.out.push_str(&number.to_string()),
            Value::Byte(number) => self.out.push_str(&number.to_string()),
            Value::Float(number) => self.out.push_str(&number_text(*number)?),
            Value::Str(text) => self.string(text),
            Value::Version(version) | Value::PlainVersion(version) => {
                self.string(version.to_string().as_bytes());
            }
            Value::List(list) if list.is_nil() => self.out.push_str("null"),
            Value::List(list) => {
                let items = list.items();
                self.open('[')?;
                for (index, item) in items.iter().enumerate() {
                    self.separate(index);
                    self.value(item)?;
                }
                self.close(']', items.is_empty());
            }
            Value::Map(map) => {
                let entries = map.entries();
                self.open('{')?;
                let empty = entries.is_empty();
                for (index, (key, item)) in entries.into_iter().enumerate() {
                    self.separate(index);
                    self.string(&key);
                    let is_pretty = self.style == Style::Pretty;
                    self.out.push_str(if is_pretty { ": " } else { ":" });
                    self.value(&item)?;
                }
                self.close('}', empty);
            }
        }
        Ok(())
    }

    fn open(&mut self, bracket: char) -> Result<(), String> {
        self.level += 1;
        if self.level > MAX_VALUE_DEPTH {
            return Err("the value is nested too deeply".to_owned());
        }
        self.out.push(bracket);
        Ok(())
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
        self.line();
    }

    fn close(&mut self, bracket: char, empty: bool) {
        self.level -= 1;
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        if self.style == Style::Pretty {
            self.out.push('\n');
            (0..self.level).for_each(|_| self.out.push_str("  "));
        }
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push('"');
        for rune in runes(text) {
            match rune {
                Err(_) => self.out.push_str("\\ufffd"),
                Ok('"') => self.out.push_str("\\\""),
                Ok('\\') => self.out.push_str("\\\\"),
                Ok('\u{8}') => self.out.push_str("\\b"),
                Ok('\u{c}') => self.out.push_str("\\f"),
                Ok('\n') => self.out.push_str("\\n"),
                Ok('\r') => self.out.push_str("\\r"),
                Ok('\t') => self.out.push_str("\\t"),
                Ok(letter) if self.escaped(letter) => {
                    // Writing to a String cannot fail.
                    let _ = write!(self.out, "\\u{:04x}", u32::from(letter));
                }
                Ok(letter) => self.out.push(letter),
            }
        }
        self.out.push('"');
    }

    fn escaped(&self, letter: char) -> bool {
        let html = matches!(letter, '<' | '>' | '&');
        letter < ' '
            || matches!(letter, '\u{2028}' | '\u{2029}')
            || (html && self.style != Style::Raw)
    }
}

/// The document with `\ufffd` for each escape of one half of a surrogate pair, as Go reads it.
pub(crate) fn without_lone_surrogates(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let half = |text: &str| {
            let digits = text.strip_prefix("\\u")?.get(..4)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let is_pair = matches!(half(escape), Some(0xd800..=0xdbff))
            && matches!(escape.get(6..).and_then(half), Some(0xdc00..=0xdfff));
        let size = match half(escape) {
            _ if is_pair => 12,
            Some(0xd800..=0xdfff) => {
                out.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            // The second letter may be a backslash that escapes nothing.
            _ => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&escape[..size]);
        rest = &escape[size..];
    }
    out.push_str(rest);
    out
}

/// What is said of a number that has no JSON form.
pub(crate) const UNSUPPORTED: &str = "json: unsupported value";

/// A float as `encoding/json` writes it.
pub(crate) fn number_text(number: f64) -> Result<String, String> {
    if !number.is_finite() {
        return Err(UNSUPPORTED.to_owned());
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{number:e}");
        return Ok(if text.contains("e-") {
            text
        } else {
            text.replace('e', "e+")
        });
    }
    Ok(format!("{number}"))
}
