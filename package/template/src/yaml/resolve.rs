//! The meaning of scalars as the reader of Kubernetes' own tools has it: YAML 1.1, with octal numbers of 1.2, and
//! without numbers to the base of 60.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::{Number, Value};

use super::surprise::Surprise;
use super::time::is_timestamp;
use crate::format::letters;
use crate::json::number_text;
use crate::literal::parse_float;

const CORE: &str = "tag:yaml.org,2002:";

/// A scalar that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// One that is too large for the other.
    Uint(u64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// Its value in JSON: numbers are integers where an object would have them as such, floats otherwise.
    pub(super) fn value(self) -> Result<Value, &'static str> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Number(number.into()),
            Self::Uint(number) => Value::Number(float(number as f64)?),
            Self::Float(number) => Value::Number(float(number)?),
            Self::Text(text) => Value::String(text),
        })
    }

    /// The text that it is as a key.
    pub(super) fn key(self) -> Result<String, &'static str> {
        Ok(match self {
            Self::Null => return Err("a key is null; quote it, or give one"),
            Self::Bool(truth) => truth.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Uint(_) => return Err("a key is an integer of more than 64 bits; quote it"),
            Self::Float(number) => float_text(number),
            Self::Text(text) => text,
        })
    }
}

/// A float as JSON writes it and an object has it: whole ones are integers, as far as those go.
fn float(number: f64) -> Result<Number, &'static str> {
    let text = number_text(number).map_err(|_| "infinity or no number: JSON has neither")?;
    match text.parse::<i64>() {
        Ok(whole) => Ok(whole.into()),
        Err(_) => Number::from_f64(number).ok_or("not a number"),
    }
}

/// A number with the digits that tell it from other floats of 32 bits: so it is written where a text is wanted.
pub fn float_text(number: f64) -> String {
    let number = number as f32;
    if !number.is_finite() {
        let text = match (number.is_nan(), number.is_sign_negative()) {
            (true, _) => ".nan",
            (false, true) => "-.inf",
            (false, false) => ".inf",
        };
        return text.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// What a scalar with a tag means, or what is wrong with it. Tags are written in full.
pub(super) fn tagged(text: &str, tag: &str) -> Result<Scalar, String> {
    let wrong = |what: &str| format!("the value is no {what}, as its tag says");
    let Some(kind) = tag.strip_prefix(CORE) else {
        return Ok(Scalar::Text(text.to_owned()));
    };
    let found = plain(text);
    match (kind, found) {
        ("int", found @ (Scalar::Int(_) | Scalar::Uint(_)))
        | ("float", found @ Scalar::Float(_))
        | ("bool", found @ Scalar::Bool(_))
        | ("null", found @ Scalar::Null) => Ok(found),
        ("float", Scalar::Int(number)) => Ok(Scalar::Float(number as f64)),
        ("int", _) => Err(wrong("integer")),
        ("float", _) => Err(wrong("float")),
        ("bool", _) => Err(wrong("boolean")),
        ("null", _) => Err(wrong("null")),
        ("timestamp", _) if !is_timestamp(text) => Err(wrong("timestamp")),
        ("binary", _) => {
            let joined = text.replace(['\r', '\n'], "");
            let bytes = STANDARD.decode(joined).map_err(|_| wrong("base64"))?;
            Ok(Scalar::Text(letters(&bytes).collect()))
        }
        _ => Ok(Scalar::Text(text.to_owned())),
    }
}

/// What a plain scalar means.
pub(super) fn plain(text: &str) -> Scalar {
    let as_text = || Scalar::Text(text.to_owned());
    match text.bytes().next() {
        None => Scalar::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            word(text).unwrap_or_else(as_text)
        }
        Some(b'.' | b'+' | b'-' | b'0'..=b'9') => number(text).unwrap_or_else(as_text),
        Some(_) => as_text(),
    }
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => return None,
    })
}

static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$").expect("a fixed pattern")
});

/// A number. One that overflows a float is none.
fn number(text: &str) -> Option<Scalar> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Scalar::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let finite = |text: &str| {
        parse_float(text)
            .filter(|number| number.is_finite())
            .map(Scalar::Float)
    };
    if text.starts_with('.') {
        return finite(text);
    }
    if is_timestamp(text) {
        return None;
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| FLOAT.is_match(&digits).then(|| finite(&digits)).flatten())
}

/// An integer of 64 bits, in the base that its beginning names.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("+", &text[1..]),
        _ => ("", text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, body) = match prefix.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !body.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    if let Ok(number) = i64::from_str_radix(&format!("{sign}{body}"), radix) {
        return Some(Scalar::Int(number));
    }
    let unsigned = sign.is_empty().then(|| u64::from_str_radix(body, radix));
    unsigned?.ok().map(Scalar::Uint)
}

/// Whether a plain scalar of this text is written so that it might be meant as text, though it is a number.
fn looks_like_text(text: &str) -> bool {
    let is_decimal = !text.contains(['x', 'X']);
    text.contains('_') || (is_decimal && text.contains(['e', 'E']) && !text.contains('.'))
}

/// Whether a tag says something.
pub(super) fn is_known(tag: &str) -> bool {
    let kinds = [
        "str",
        "int",
        "float",
        "bool",
        "null",
        "binary",
        "timestamp",
        "merge",
    ];
    tag == "!"
        || tag
            .strip_prefix(CORE)
            .is_some_and(|kind| kinds.contains(&kind))
}

/// What may surprise in a plain scalar.
pub(super) fn surprise(text: &str, scalar: &Scalar) -> Option<Surprise> {
    match scalar {
        Scalar::Bool(truth)
            if !text.eq_ignore_ascii_case(if *truth { "true" } else { "false" }) =>
        {
            Some(Surprise::Word(*truth))
        }
        Scalar::Uint(_) => Some(Surprise::InexactNumber),
        Scalar::Float(number)
            if number.abs() >= i64::MAX as f64
                && text
                    .bytes()
                    .all(|it| it.is_ascii_digit() || b"+-_".contains(&it)) =>
        {
            Some(Surprise::InexactNumber)
        }
        Scalar::Int(_) | Scalar::Float(_) if looks_like_text(text) => Some(Surprise::Number),
        _ => None,
    }
}
