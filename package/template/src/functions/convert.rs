//! Printing, escaping and asking for types.

use super::signature::{ANY, Function, Kind, STR, fixed, text, utf8, variadic};
use crate::format::{self, is_print, runes};
use crate::resources::Resources;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("print", &[], Kind::Any, |resources, args| {
        format::sprint(args, resources.limit()).map(Value::from)
    }),
    variadic("printf", STR, Kind::Any, |resources, args| {
        let limit = resources.limit();
        let text = format::sprintf(text(&args[0]), &args[1..], limit)?;
        resources.charge(text.len() as u64 / 8)?;
        Ok(Value::from(text))
    }),
    variadic("println", &[], Kind::Any, |resources, args| {
        format::sprintln(args, resources.limit()).map(Value::from)
    }),
    variadic("html", &[], Kind::Any, |resources, args| {
        joined(args, resources.limit()).map(|text| Value::from(html(&text)))
    }),
    variadic("js", &[], Kind::Any, |resources, args| {
        joined(args, resources.limit()).map(|text| Value::from(js(&text)))
    }),
    variadic("urlquery", &[], Kind::Any, |resources, args| {
        joined(args, resources.limit()).map(|text| Value::from(urlquery(&text)))
    }),
    fixed("toString", ANY, |resources, args| {
        string_of(&args[0], resources.limit()).map(Value::from)
    }),
    fixed("typeOf", ANY, |_, args| {
        Ok(Value::from(args[0].type_name()))
    }),
    fixed("kindOf", ANY, |_, args| {
        Ok(Value::from(args[0].kind_name()))
    }),
    fixed("typeIs", &[Kind::Str, Kind::Any], |_, args| {
        Ok(Value::Bool(utf8(&args[0]) == args[1].type_name()))
    }),
    fixed("typeIsLike", &[Kind::Str, Kind::Any], |_, args| {
        let (like, name) = (utf8(&args[0]), args[1].type_name());
        let pointed = name.strip_prefix('*');
        Ok(Value::Bool(like == name || pointed == Some(&*like)))
    }),
    fixed("kindIs", &[Kind::Str, Kind::Any], |_, args| {
        Ok(Value::Bool(utf8(&args[0]) == args[1].kind_name()))
    }),
];

/// A string as it is, anything else as `%v` prints it.
pub(super) fn string_of(value: &Value, limit: usize) -> Result<Vec<u8>, String> {
    match value {
        Value::Str(text) => Ok(text.to_vec()),
        _ => format::print(value, limit),
    }
}

/// Values as strings, nils left out, and paid for.
pub(super) fn strings_of(
    resources: &mut Resources<'_>,
    values: &[Value],
) -> Result<Vec<Vec<u8>>, String> {
    let values = values.iter().filter(|value| !matches!(value, Value::Nil));
    let paid = |value| {
        let text = string_of(value, resources.limit())?;
        resources.charge_bytes(text.len())?;
        Ok(text)
    };
    values.map(paid).collect()
}

/// The arguments of an escaper as one text.
fn joined(args: &[Value], limit: usize) -> Result<Vec<u8>, String> {
    let shown: Vec<Value> = args
        .iter()
        .map(|value| match value {
            Value::Nil => Value::from("<no value>"),
            _ => value.clone(),
        })
        .collect();
    format::sprint(&shown, limit)
}

fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(*byte),
        }
    }
    out
}

fn js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for rune in runes(text) {
        let letter = match rune {
            Ok(letter) => letter,
            Err(byte) => {
                out.push(byte);
                continue;
            }
        };
        let escaped = match letter {
            '\\' => "\\\\".to_owned(),
            '\'' => "\\'".to_owned(),
            '"' => "\\\"".to_owned(),
            '<' | '>' | '&' | '=' => format!("\\u{:04X}", u32::from(letter)),
            _ if letter < ' ' || (!letter.is_ascii() && !is_print(letter)) => {
                format!("\\u{:04X}", u32::from(letter))
            }
            _ => letter.to_string(),
        };
        out.extend_from_slice(escaped.as_bytes());
    }
    out
}

fn urlquery(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
