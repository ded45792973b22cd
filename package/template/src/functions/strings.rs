//! Functions on strings, which are bytes: where the original counts bytes or runes, so does this.

use std::rc::Rc;

use memchr::memmem;

use super::convert::strings_of;
use super::lists::string_list;
use super::signature::{Function, Kind, Outcome, STR, STRS, fixed, int, text, variadic};
use crate::format::{self, quote, runes};
use crate::letters;
use crate::resources::Resources;
use crate::value::{Elem, Map, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("quote", &[], Kind::Any, |resources, args| {
        quoted(resources, args, |text| quote(text).into_bytes())
    }),
    variadic("squote", &[], Kind::Any, |resources, args| {
        quoted(resources, args, |text| [b"'", text, b"'"].concat())
    }),
    fixed("upper", STR, |_, args| Ok(mapped(&args[0], letters::upper))),
    fixed("lower", STR, |_, args| Ok(mapped(&args[0], letters::lower))),
    fixed("title", STR, |_, args| Ok(title(&args[0]))),
    fixed("trim", STR, |_, args| {
        Ok(trimmed(&args[0], char::is_whitespace))
    }),
    fixed("trimAll", STRS, |_, args| {
        let cut = String::from_utf8_lossy(text(&args[0])).into_owned();
        Ok(trimmed(&args[1], |letter| cut.contains(letter)))
    }),
    fixed("trimPrefix", STRS, |_, args| {
        let whole = text(&args[1]);
        Ok(Value::bytes(
            whole.strip_prefix(&text(&args[0])[..]).unwrap_or(whole),
        ))
    }),
    fixed("trimSuffix", STRS, |_, args| {
        let whole = text(&args[1]);
        Ok(Value::bytes(
            whole.strip_suffix(&text(&args[0])[..]).unwrap_or(whole),
        ))
    }),
    fixed("contains", STRS, |_, args| {
        let found = memmem::find(text(&args[1]), text(&args[0]));
        Ok(Value::Bool(found.is_some()))
    }),
    fixed("hasPrefix", STRS, |_, args| {
        Ok(Value::Bool(text(&args[1]).starts_with(text(&args[0]))))
    }),
    fixed("hasSuffix", STRS, |_, args| {
        Ok(Value::Bool(text(&args[1]).ends_with(text(&args[0]))))
    }),
    fixed("replace", &[Kind::Str; 3], replace),
    fixed("repeat", &[Kind::Int, Kind::Str], repeat),
    fixed("indent", &[Kind::Int, Kind::Str], |resources, args| {
        indent(resources, args, b"")
    }),
    fixed("nindent", &[Kind::Int, Kind::Str], |resources, args| {
        indent(resources, args, b"\n")
    }),
    fixed("trunc", &[Kind::Int, Kind::Str], |_, args| Ok(trunc(args))),
    fixed("substr", &[Kind::Int, Kind::Int, Kind::Str], |_, args| {
        substr(args)
    }),
    variadic("cat", &[], Kind::Any, |resources, args| {
        Ok(Value::from(strings_of(resources, args)?.join(&b' ')))
    }),
    fixed("split", STRS, |resources, args| {
        split(resources, text(&args[0]), text(&args[1]), -1).map(numbered)
    }),
    fixed(
        "splitn",
        &[Kind::Str, Kind::Int, Kind::Str],
        |resources, args| {
            split(resources, text(&args[0]), text(&args[2]), int(&args[1])).map(numbered)
        },
    ),
    fixed("splitList", STRS, |resources, args| {
        split(resources, text(&args[0]), text(&args[1]), -1).map(string_list)
    }),
    fixed("plural", &[Kind::Str, Kind::Str, Kind::Int], |_, args| {
        Ok(args[if int(&args[2]) == 1 { 0 } else { 1 }].clone())
    }),
];

/// Each argument but nil in quotes, separated by spaces.
fn quoted(resources: &mut Resources<'_>, args: &[Value], quote: fn(&[u8]) -> Vec<u8>) -> Outcome {
    let texts = strings_of(resources, args)?;
    let quoted: Vec<Vec<u8>> = texts.iter().map(|text| quote(text)).collect();
    Ok(Value::from(quoted.join(&b' ')))
}

fn mapped(value: &Value, change: fn(char) -> char) -> Value {
    Value::from(format::letters(text(value)).map(change).collect::<String>())
}

fn title(value: &Value) -> Value {
    let mut previous = ' ';
    let mut out = String::new();
    for letter in format::letters(text(value)) {
        let separated = match previous {
            '_' => false,
            _ if previous.is_alphanumeric() => false,
            _ => previous.is_ascii() || previous.is_whitespace(),
        };
        out.push(if separated {
            letters::title(letter)
        } else {
            letter
        });
        previous = letter;
    }
    Value::from(out)
}

fn trimmed(value: &Value, cut: impl Fn(char) -> bool) -> Value {
    let whole = text(value);
    let cuts = |rune: &Result<char, u8>| rune.is_ok_and(&cut);
    let width = |rune: Result<char, u8>| rune.map_or(1, char::len_utf8);
    let start: usize = runes(whole).take_while(cuts).map(width).sum();
    let mut end = start;
    let mut at = start;
    for rune in runes(&whole[start..]) {
        at += width(rune);
        if !cuts(&rune) {
            end = at;
        }
    }
    Value::bytes(&whole[start..end])
}

/// The parts between separators, but no more than `most`; an empty separator separates every rune.
fn parts<'a>(whole: &'a [u8], separator: &[u8], most: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    if most == 0 {
        return parts;
    }
    let mut last = 0;
    if separator.is_empty() {
        for rune in runes(whole).take(most - 1) {
            let end = last + rune.map_or(1, char::len_utf8);
            parts.push(&whole[last..end]);
            last = end;
        }
        if last < whole.len() {
            parts.push(&whole[last..]);
        }
        return parts;
    }
    for at in memmem::find_iter(whole, separator).take(most - 1) {
        parts.push(&whole[last..at]);
        last = at + separator.len();
    }
    parts.push(&whole[last..]);
    parts
}

/// The parts between separators: `most` of them, or all where that is negative.
fn split(
    resources: &mut Resources<'_>,
    separator: &[u8],
    whole: &[u8],
    most: i64,
) -> Result<Vec<Vec<u8>>, String> {
    let parts = parts(
        whole,
        separator,
        usize::try_from(most).unwrap_or(usize::MAX),
    );
    resources.charge(parts.len() as u64)?;
    Ok(parts.into_iter().map(<[u8]>::to_vec).collect())
}

/// Parts by `_0`, `_1` and so on.
fn numbered(parts: Vec<Vec<u8>>) -> Value {
    let parts = parts.into_iter().enumerate();
    let entries =
        parts.map(|(at, part)| (Rc::from(format!("_{at}").into_bytes()), Value::from(part)));
    Value::Map(Map::typed(entries.collect(), Elem::Str))
}

fn replace(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let (old, new, whole) = (text(&args[0]), text(&args[1]), text(&args[2]));
    let parts = parts(whole, old, usize::MAX);
    bounded(resources, parts.len() + 1, new.len(), whole.len())?;
    let joined = parts.join(&new[..]);
    if !old.is_empty() {
        return Ok(Value::from(joined));
    }
    // An empty text is found before and after each rune.
    if parts.is_empty() {
        return Ok(Value::bytes(Rc::clone(new)));
    }
    Ok(Value::from([&new[..], &joined, &new[..]].concat()))
}

/// Refuses a text of `count` pieces of `size` bytes and `more` beyond the limit, before it is made.
fn bounded(
    resources: &mut Resources<'_>,
    count: usize,
    size: usize,
    more: usize,
) -> Result<(), String> {
    let limit = resources.limit();
    let total = count.saturating_mul(size).saturating_add(more);
    if total > limit {
        return Err(format!("the result exceeds {limit} bytes"));
    }
    resources.charge(total as u64 / 32)
}

fn repeat(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let count = usize::try_from(int(&args[0])).map_err(|_| "strings: negative Repeat count")?;
    bounded(resources, count, text(&args[1]).len(), 0)?;
    Ok(Value::from(text(&args[1]).repeat(count)))
}

fn indent(resources: &mut Resources<'_>, args: &[Value], before: &[u8]) -> Outcome {
    let spaces = usize::try_from(int(&args[0])).map_err(|_| "strings: negative Repeat count")?;
    let whole = text(&args[1]);
    let lines = whole.iter().filter(|byte| **byte == b'\n').count() + 1;
    bounded(resources, lines, spaces, whole.len())?;
    let pad = vec![b' '; spaces];
    let between = [b"\n", &pad[..]].concat();
    let lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
    Ok(Value::from(
        [before, &pad, &lines.join(&between[..])].concat(),
    ))
}

fn trunc(args: &[Value]) -> Value {
    let (count, whole) = (int(&args[0]), text(&args[1]));
    let length = whole.len() as i64;
    let part = match usize::try_from(count) {
        Ok(keep) => &whole[..keep.min(whole.len())],
        Err(_) => {
            let start = length.saturating_add(count).max(0);
            &whole[usize::try_from(start).unwrap_or(0)..]
        }
    };
    Value::bytes(part)
}

fn substr(args: &[Value]) -> Outcome {
    let (start, end, whole) = (int(&args[0]), int(&args[1]), text(&args[2]));
    let end = match (start < 0, usize::try_from(end)) {
        (true, end) => end.ok(),
        (false, Ok(end)) => Some(end.min(whole.len())),
        (false, Err(_)) => Some(whole.len()),
    };
    let start = usize::try_from(start.max(0)).ok();
    let part = start
        .zip(end)
        .and_then(|(start, end)| whole.get(start..end));
    part.map(Value::bytes)
        .ok_or_else(|| "slice bounds out of range".to_owned())
}
