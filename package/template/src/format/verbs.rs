//! The verbs of `printf`: how each writes one value.

use super::float;
use super::quote::{can_backquote, quote_with, runes};
use super::sink::Sink;
use crate::value::{Elem, List, MAX_VALUE_DEPTH, Map, Value};
use crate::version::Version;

/// A directive of `printf`: the verb and what stood between `%` and it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spec {
    pub(super) verb: char,
    pub(super) sharp: bool,
    /// `%#v`: as Go source.
    pub(super) sharp_v: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Spec {
    pub(super) fn plain(verb: char) -> Self {
        Self {
            verb,
            ..Self::default()
        }
    }
}

type Written = Result<(), String>;

/// Writes `value`; `depth` is how many levels of lists and maps may still be opened.
pub(super) fn value(sink: &mut Sink, spec: &Spec, value: &Value, depth: usize) -> Written {
    match spec.verb {
        'T' => {
            return pad_text(
                sink,
                &Spec {
                    precision: None,
                    ..*spec
                },
                value.type_name().as_bytes(),
            );
        }
        'p' => return Err("the verb %p has no meaning here".to_owned()),
        _ => {}
    }
    match value {
        Value::Nil if spec.verb == 'v' => pad_text(sink, spec, b"<nil>"),
        Value::Nil => sink.push(format!("%!{}(<nil>)", spec.verb).as_bytes()),
        Value::Bool(truth) => match spec.verb {
            't' | 'v' => pad(sink, spec, truth.to_string().as_bytes()),
            _ => bad_verb(sink, spec, value, depth),
        },
        Value::Int(number) | Value::Int64(number) => {
            integer(sink, spec, value, i128::from(*number))
        }
        Value::Uint64(number) => integer(sink, spec, value, i128::from(*number)),
        Value::Byte(number) => integer(sink, spec, value, i128::from(*number)),
        Value::Float(number) => real(sink, spec, value, *number),
        Value::Str(text) => string(sink, spec, value, text),
        Value::List(list) => items(sink, spec, list, depth),
        Value::Map(map) => entries(sink, spec, map, depth),
        Value::Version(version) | Value::PlainVersion(version) => {
            self::version(sink, spec, value, version, depth)
        }
    }
}

fn below(depth: usize) -> Result<usize, String> {
    depth
        .checked_sub(1)
        .ok_or_else(|| "the value is nested too deeply to print".to_owned())
}

fn bad_verb(sink: &mut Sink, spec: &Spec, shown: &Value, depth: usize) -> Written {
    sink.push(format!("%!{}({}=", spec.verb, shown.type_name()).as_bytes())?;
    value(sink, &Spec { verb: 'v', ..*spec }, shown, depth)?;
    sink.push(b")")
}

/// What a list or map holds; only at the top is nil a value of its own.
fn held(sink: &mut Sink, spec: &Spec, item: &Value, depth: usize) -> Written {
    match item {
        Value::Nil if spec.sharp_v => sink.push(b"interface {}(nil)"),
        Value::Nil => sink.push(b"<nil>"),
        _ => value(sink, spec, item, depth),
    }
}

fn items(sink: &mut Sink, spec: &Spec, list: &List, depth: usize) -> Written {
    let depth = below(depth)?;
    let shown = Value::List(list.clone());
    if spec.sharp_v {
        sink.push(shown.type_name().as_bytes())?;
        if list.is_nil() {
            return sink.push(b"(nil)");
        }
    }
    let (open, between, close): (_, &[u8], _) = if spec.sharp_v {
        (b"{", b", ", b"}")
    } else {
        (b"[", b" ", b"]")
    };
    sink.push(open)?;
    for (index, item) in list.items().iter().enumerate() {
        if index > 0 {
            sink.push(between)?;
        }
        held(sink, spec, item, depth)?;
    }
    sink.push(close)
}

fn entries(sink: &mut Sink, spec: &Spec, map: &Map, depth: usize) -> Written {
    let depth = below(depth)?;
    let name = match map.elem() {
        _ if !spec.sharp_v => "map".to_owned(),
        Elem::Any => "map[string]interface {}".to_owned(),
        _ => Value::Map(map.clone()).type_name(),
    };
    sink.push(name.as_bytes())?;
    sink.push(if spec.sharp_v { b"{" } else { b"[" })?;
    for (index, (key, item)) in map.entries().into_iter().enumerate() {
        if index > 0 {
            sink.push(if spec.sharp_v { b", " } else { b" " })?;
        }
        value(sink, spec, &Value::Str(key), depth)?;
        sink.push(b":")?;
        held(sink, spec, &item, depth)?;
    }
    sink.push(if spec.sharp_v { b"}" } else { b"]" })
}

/// Writes a version, `shown` as a value.
fn version(
    sink: &mut Sink,
    spec: &Spec,
    shown: &Value,
    version: &Version,
    depth: usize,
) -> Written {
    if !spec.sharp_v && "vsxXq".contains(spec.verb) {
        return string(sink, spec, shown, version.to_string().as_bytes());
    }
    if matches!(shown, Value::Version(_)) {
        if depth < MAX_VALUE_DEPTH {
            return Err("the address of a version has no meaning here".to_owned());
        }
        sink.push(b"&")?;
    }
    let parts = [
        ("major", Value::Uint64(version.major)),
        ("minor", Value::Uint64(version.minor)),
        ("patch", Value::Uint64(version.patch)),
        ("pre", Value::from(&*version.pre)),
        ("metadata", Value::from(&*version.metadata)),
        ("original", Value::from(&*version.original)),
    ];
    sink.push(if spec.sharp_v {
        b"semver.Version{"
    } else {
        b"{"
    })?;
    for (index, (name, part)) in parts.iter().enumerate() {
        if index > 0 {
            sink.push(if spec.sharp_v { b", " } else { b" " })?;
        }
        if spec.sharp_v || spec.plus {
            sink.push(name.as_bytes())?;
            sink.push(b":")?;
        }
        value(sink, spec, part, depth)?;
    }
    sink.push(b"}")
}

/// Writes `text` padded to the width.
fn pad(sink: &mut Sink, spec: &Spec, text: &[u8]) -> Written {
    let missing = spec.width.unwrap_or(0).saturating_sub(runes(text).count());
    if spec.minus {
        sink.push(text)?;
        sink.fill(b' ', missing)
    } else {
        sink.fill(if spec.zero { b'0' } else { b' ' }, missing)?;
        sink.push(text)
    }
}

/// Writes `text` padded to the width, never with zeros.
fn pad_with_spaces(sink: &mut Sink, spec: &Spec, text: &str) -> Written {
    let spec = Spec {
        zero: false,
        ..*spec
    };
    pad(sink, &spec, text.as_bytes())
}

/// Writes `text` cut to the precision, then padded.
fn pad_text(sink: &mut Sink, spec: &Spec, text: &[u8]) -> Written {
    pad(sink, spec, cut(spec, text))
}

fn cut<'a>(spec: &Spec, text: &'a [u8]) -> &'a [u8] {
    let Some(precision) = spec.precision else {
        return text;
    };
    let kept = runes(text)
        .take(precision)
        .map(|rune| rune.map_or(1, char::len_utf8))
        .sum();
    &text[..kept]
}

fn string(sink: &mut Sink, spec: &Spec, shown: &Value, text: &[u8]) -> Written {
    match spec.verb {
        'v' if spec.sharp_v => quoted(sink, spec, text),
        'v' | 's' => pad_text(sink, spec, text),
        'q' => quoted(sink, spec, text),
        'x' | 'X' => hex(sink, spec, text),
        _ => bad_verb(sink, spec, shown, 1),
    }
}

fn quoted(sink: &mut Sink, spec: &Spec, text: &[u8]) -> Written {
    let text = cut(spec, text);
    if spec.sharp && can_backquote(text) {
        return pad(sink, spec, &[b"`", text, b"`"].concat());
    }
    pad(sink, spec, quote_with(text, '"', spec.plus).as_bytes())
}

fn hex(sink: &mut Sink, spec: &Spec, text: &[u8]) -> Written {
    let text = &text[..text.len().min(spec.precision.unwrap_or(usize::MAX))];
    let prefix = match (spec.sharp, spec.verb) {
        (false, _) => "",
        (true, 'x') => "0x",
        (true, _) => "0X",
    };
    let mut out = String::new();
    for (index, byte) in text.iter().enumerate() {
        if index > 0 && spec.space {
            out.push(' ');
        }
        if index == 0 || spec.space {
            out.push_str(prefix);
        }
        let digits = format!("{byte:02x}");
        out.push_str(&if spec.verb == 'x' {
            digits
        } else {
            digits.to_uppercase()
        });
    }
    pad(sink, spec, out.as_bytes())
}

fn integer(sink: &mut Sink, spec: &Spec, shown: &Value, number: i128) -> Written {
    let magnitude = number.unsigned_abs();
    let (digits, prefix) = match spec.verb {
        'v' if spec.sharp_v && matches!(shown, Value::Byte(_) | Value::Uint64(_)) => {
            (format!("{magnitude:x}"), "0x")
        }
        'd' | 'v' => (magnitude.to_string(), ""),
        'b' => (format!("{magnitude:b}"), if spec.sharp { "0b" } else { "" }),
        'o' => (format!("{magnitude:o}"), if spec.sharp { "0" } else { "" }),
        'O' => (format!("{magnitude:o}"), "0o"),
        'x' => (format!("{magnitude:x}"), if spec.sharp { "0x" } else { "" }),
        'X' => (format!("{magnitude:X}"), if spec.sharp { "0X" } else { "" }),
        'c' => return pad(sink, spec, letter(number).to_string().as_bytes()),
        'q' => {
            let text = letter(number).to_string();
            return pad(
                sink,
                spec,
                quote_with(text.as_bytes(), '\'', spec.plus).as_bytes(),
            );
        }
        'U' => return unicode(sink, spec, number),
        _ => return bad_verb(sink, spec, shown, 1),
    };
    let sign = sign(spec, number < 0);
    let mut wanted = 0;
    if let Some(precision) = spec.precision {
        if precision == 0 && number == 0 {
            return sink.fill(b' ', spec.width.unwrap_or(0));
        }
        wanted = precision;
    } else if spec.zero && !spec.minus {
        // Room for the sign is taken from the zeros, room for a prefix is not.
        wanted = spec.width.unwrap_or(0).saturating_sub(sign.len());
    }
    if wanted > 1_000_000 {
        return Err("the width of a number is too large".to_owned());
    }
    let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
    let leads = digits.starts_with('0') || !zeros.is_empty();
    let prefix = if prefix == "0" && leads { "" } else { prefix };
    let text = format!("{sign}{prefix}{zeros}{digits}");
    pad_with_spaces(sink, spec, &text)
}

fn sign(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

fn letter(number: i128) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn unicode(sink: &mut Sink, spec: &Spec, number: i128) -> Written {
    let digits = spec.precision.unwrap_or(4).max(4);
    if digits > 1000 {
        return Err("the precision of a number is too large".to_owned());
    }
    // A negative number is shown by its 64 bits.
    let mut text = format!("U+{:0digits$X}", number as u64);
    if spec.sharp && u32::try_from(number).is_ok_and(|code| char::from_u32(code).is_some()) {
        text.push_str(&format!(" '{}'", letter(number)));
    }
    pad_with_spaces(sink, spec, &text)
}

fn real(sink: &mut Sink, spec: &Spec, shown: &Value, number: f64) -> Written {
    let (form, precision) = match spec.verb {
        'v' | 'g' | 'G' => ('g', spec.precision),
        'e' | 'E' => ('e', Some(spec.precision.unwrap_or(6))),
        'f' | 'F' => ('f', Some(spec.precision.unwrap_or(6))),
        'b' | 'x' | 'X' => {
            return Err(format!(
                "the verb %{} is not supported for floats",
                spec.verb
            ));
        }
        _ => return bad_verb(sink, spec, shown, 1),
    };
    if spec.sharp {
        return Err("the flag # is not supported for floats".to_owned());
    }
    if precision.is_some_and(|precision| precision > 10_000) {
        return Err("the precision of a float is too large".to_owned());
    }
    let (negative, mut text) = float::parts(number, form, precision);
    if spec.verb.is_ascii_uppercase() && spec.verb != 'F' {
        text = text.replace('e', "E");
    }
    let sign = sign(spec, negative);
    if !number.is_finite() {
        let sign = if number.is_infinite() && sign.is_empty() {
            "+"
        } else {
            sign
        };
        return pad_with_spaces(sink, spec, &format!("{sign}{text}"));
    }
    let room = spec.width.unwrap_or(0).saturating_sub(sign.len());
    if spec.zero && !spec.minus && room > text.len() {
        sink.push(sign.as_bytes())?;
        sink.fill(b'0', room - text.len())?;
        return sink.push(text.as_bytes());
    }
    pad_with_spaces(sink, spec, &format!("{sign}{text}"))
}
