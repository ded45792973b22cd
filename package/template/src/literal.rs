//! Go's literals and what they mean: quoted strings, characters, numbers.

use crate::value::Value;

/// A numeric constant. One that is written as a float may also stand where an integer is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub(crate) text: Box<str>,
    pub(crate) int: Option<i64>,
    float: Option<f64>,
}

impl Number {
    fn int(text: &str, int: i64) -> Self {
        Self {
            text: text.into(),
            int: Some(int),
            float: None,
        }
    }

    /// The value where a float is wanted.
    pub(crate) fn as_float(&self) -> f64 {
        self.float.unwrap_or(self.int.unwrap_or_default() as f64)
    }

    /// The value where no type is wanted.
    pub(crate) fn as_written(&self) -> Value {
        match (self.float, self.int) {
            (Some(float), _) => Value::Float(float),
            (None, int) => Value::Int(int.unwrap_or_default()),
        }
    }
}

/// The bytes a `"quoted"` or `` `raw` `` Go string stands for.
pub(crate) fn unquote(text: &str) -> Result<Vec<u8>, String> {
    let invalid = || "invalid syntax".to_owned();
    if let Some(raw) = text
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return Ok(raw.replace('\r', "").into_bytes());
    }
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut rest = inner.ok_or_else(invalid)?;
    let mut out = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (unit, after) = unit(rest, '"').ok_or_else(invalid)?;
        match unit {
            Unit::Char(letter) => {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Unit::Byte(byte) => out.push(byte),
        }
        rest = after;
    }
    Ok(out)
}

enum Unit {
    Char(char),
    Byte(u8),
}

/// The first character or escape of `text`, and what follows it.
fn unit(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut letters = text.chars();
    let first = letters.next()?;
    if first == quote || first == '\n' {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), letters.as_str()));
    }
    let escape = letters.next()?;
    let rest = letters.as_str();
    let simple = match escape {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        '\'' | '"' if escape == quote => quote,
        'x' => return coded(rest, 2, 16, true),
        'u' => return coded(rest, 4, 16, false),
        'U' => return coded(rest, 8, 16, false),
        '0'..='7' => return coded(&text[1..], 3, 8, true),
        _ => return None,
    };
    Some((Unit::Char(simple), rest))
}

fn coded(text: &str, digits: usize, radix: u32, byte: bool) -> Option<(Unit, &str)> {
    let code = text.get(..digits)?;
    if !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(code, radix).ok()?;
    let unit = if byte {
        Unit::Byte(u8::try_from(value).ok()?)
    } else {
        Unit::Char(char::from_u32(value)?)
    };
    Some((unit, &text[digits..]))
}

/// The number a character constant stands for.
pub(crate) fn char_constant(text: &str) -> Result<Number, String> {
    let malformed = || format!("malformed character constant: {text}");
    let inner = text.strip_prefix('\'').ok_or_else(malformed)?;
    let (unit, rest) = unit(inner, '\'').ok_or_else(malformed)?;
    if rest != "'" {
        return Err(malformed());
    }
    let code = match unit {
        Unit::Char(letter) => i64::from(u32::from(letter)),
        Unit::Byte(byte) => i64::from(byte),
    };
    Ok(Number::int(text, code))
}

/// A number literal: integer where it is one, float where it can be one.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    if text.ends_with('i') {
        return Err(format!("complex numbers are not supported: {text:?}"));
    }
    let parsed = parse_int(text);
    if let Some(Ok(int)) = parsed {
        return Ok(Number::int(text, int));
    }
    let illegal = || format!("illegal number syntax: {text:?}");
    let float = parse_float(text)
        .filter(|float| float.is_finite())
        .ok_or_else(illegal)?;
    if parsed.is_some() || !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {text:?}"));
    }
    let whole = float.trunc() == float && float.abs() < 9_007_199_254_740_992.0 * 1024.0;
    let int = whole.then_some(float as i64);
    Ok(Number {
        text: text.into(),
        int,
        float: Some(float),
    })
}

/// Go's `ParseInt(text, 0, 64)`: `None` if it is no integer, `Some(Err)` if it is too large.
pub(crate) fn parse_int(text: &str) -> Option<Result<i64, ()>> {
    let (negative, digits) = split_sign(text);
    if !underscores_fit(digits) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(body) = lower.strip_prefix("0x") {
        (16, body)
    } else if let Some(body) = lower.strip_prefix("0b") {
        (2, body)
    } else if let Some(body) = lower.strip_prefix("0o") {
        (8, body)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let body = body.replace('_', "");
    if body.is_empty() || !body.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let signed = if negative { format!("-{body}") } else { body };
    Some(i64::from_str_radix(&signed, radix).map_err(|_| ()))
}

/// Go's `ParseFloat`, also for hexadecimal floats.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (negative, digits) = split_sign(text);
    let sign = if negative { -1.0 } else { 1.0 };
    match digits.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    if !digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || b".+-xXpP_".contains(&byte))
        || !underscores_fit(digits)
    {
        return None;
    }
    let plain = digits.replace('_', "").to_ascii_lowercase();
    let magnitude = match plain.strip_prefix("0x") {
        Some(hex) => parse_hex_float(hex)?,
        None => plain.parse().ok()?,
    };
    Some(sign * magnitude)
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    // Beyond 13 digits rounding would have to be done by hand; nobody writes that.
    if digits.is_empty() || digits.len() > 13 {
        return None;
    }
    let value = u64::from_str_radix(&digits, 16).ok()?;
    let shift = exponent.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    Some(value as f64 * 2f64.powi(shift))
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Whether each underscore stands between digits, or after a base prefix.
fn underscores_fit(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let hex = digits.starts_with("0x") || digits.starts_with("0X");
    let is_digit = |byte: Option<&u8>| {
        byte.is_some_and(|b| b.is_ascii_digit() || (hex && b.is_ascii_hexdigit()))
    };
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| {
            let prefix = at == 2 && bytes[0] == b'0' && b"xXbBoO".contains(&bytes[1]);
            at > 0 && (is_digit(bytes.get(at - 1)) || prefix) && is_digit(bytes.get(at + 1))
        })
}
