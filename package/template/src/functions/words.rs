//! Functions on words: abbreviating, wrapping, and changing the case of letters one by one.
//!
//! Some of the originals go through a text byte by byte and write each byte as a letter of its own.

use memchr::memrchr;

use super::signature::{Function, Kind, Outcome, STR, fixed, int, text};
use crate::format::letters;
use crate::letters::{is_lower, is_title, is_upper, lower, title, upper};
use crate::resources::Resources;
use crate::value::{Bytes, Value};

const INT_STR: &[Kind] = &[Kind::Int, Kind::Str];

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("hello", &[], |_, _| Ok(Value::from("Hello!"))),
    fixed("abbrev", INT_STR, |_, args| {
        Ok(abbreviated(text(&args[1]), 0, int(&args[0])))
    }),
    fixed(
        "abbrevboth",
        &[Kind::Int, Kind::Int, Kind::Str],
        |_, args| {
            let (left, right) = (int(&args[0]), int(&args[1]));
            match left > 0 && right < 7 {
                true => Ok(args[2].clone()),
                false => Ok(abbreviated(text(&args[2]), left, right)),
            }
        },
    ),
    fixed("nospace", STR, |resources, args| {
        paid(resources, args).map(without_space)
    }),
    fixed("initials", STR, |resources, args| {
        paid(resources, args).map(initials)
    }),
    fixed("untitle", STR, |resources, args| {
        paid(resources, args).map(untitled)
    }),
    fixed("swapcase", STR, |resources, args| {
        paid(resources, args).map(swapped)
    }),
    fixed("wrap", INT_STR, |resources, args| {
        wrap(resources, text(&args[1]), int(&args[0]), b"\n", false)
    }),
    fixed(
        "wrapWith",
        &[Kind::Int, Kind::Str, Kind::Str],
        |resources, args| {
            let between = match &text(&args[1])[..] {
                b"" => b"\n",
                between => between,
            };
            wrap(resources, text(&args[2]), int(&args[0]), between, true)
        },
    ),
];

/// `width` bytes of a text at most, from about `from` on, with dots where something was cut off.
fn abbreviated(whole: &Bytes, from: i64, width: i64) -> Value {
    let usual = usize::try_from(width).ok().filter(|width| *width >= 4);
    let Some(width) = usual.filter(|width| whole.len() > *width) else {
        return Value::bytes(whole.clone());
    };
    let kept = width - 3;
    let last = whole.len() - kept;
    // A negative position is near the beginning, too.
    let from = usize::try_from(from).unwrap_or(0).min(last);
    if from <= 4 {
        return Value::from([&whole[..kept], b"..."].concat());
    }
    if width < 7 {
        return Value::from("");
    }
    if from + kept < whole.len() {
        return Value::from([b"...", &whole[from..from + kept - 3], b"..."].concat());
    }
    Value::from([b"...", &whole[last..]].concat())
}

/// The text, for which it is paid to look up every letter of it.
fn paid<'a>(resources: &mut Resources<'_>, args: &'a [Value]) -> Result<&'a Value, String> {
    resources.charge(text(&args[0]).len() as u64 / 4)?;
    Ok(&args[0])
}

/// The bytes as letters of their own, as the originals take them.
fn single_bytes(whole: &[u8]) -> impl Iterator<Item = char> {
    whole.iter().copied().map(char::from)
}

fn without_space(value: &Value) -> Value {
    let whole = text(value);
    match single_bytes(whole).any(char::is_whitespace) {
        true => Value::from(
            single_bytes(whole)
                .filter(|letter| !letter.is_whitespace())
                .collect::<String>(),
        ),
        false => value.clone(),
    }
}

/// The first byte of each word.
fn initials(value: &Value) -> Value {
    let mut after_space = true;
    let begins = |letter: &char| {
        let is_space = letter.is_whitespace();
        std::mem::replace(&mut after_space, is_space) && !is_space
    };
    let initials: String = single_bytes(text(value)).filter(begins).collect();
    Value::from(initials)
}

/// Words that begin in lower case.
fn untitled(value: &Value) -> Value {
    let mut begins = true;
    let changed = letters(text(value)).map(|letter| {
        let first = std::mem::replace(&mut begins, letter.is_whitespace());
        if first { lower(letter) } else { letter }
    });
    Value::from(changed.collect::<String>())
}

/// Upper case for lower and the other way round; a word that began in lower case gets a title.
fn swapped(value: &Value) -> Value {
    let mut begins = true;
    let changed = letters(text(value)).map(|letter| {
        if is_upper(letter) || is_title(letter) {
            begins = false;
            lower(letter)
        } else if is_lower(letter) {
            match std::mem::replace(&mut begins, false) {
                true => title(letter),
                false => upper(letter),
            }
        } else {
            begins = letter.is_whitespace();
            letter
        }
    });
    Value::from(changed.collect::<String>())
}

/// Lines of at most `width` bytes. A word that is longer is cut if `cut`, and else stands on a line alone.
fn wrap(
    resources: &mut Resources<'_>,
    mut rest: &[u8],
    width: i64,
    between: &[u8],
    cut: bool,
) -> Outcome {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let limit = resources.limit();
    let mut out = Vec::with_capacity(rest.len());
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let (end, next) = match memrchr(b' ', &rest[..=width]) {
            Some(space) => (space, space + 1),
            None if cut => (width, width),
            None => match memchr::memchr(b' ', &rest[width..]) {
                Some(space) => (width + space, width + space + 1),
                None => break,
            },
        };
        resources.charge(1 + (end + between.len()) as u64 / 32)?;
        out.extend_from_slice(&rest[..end]);
        out.extend_from_slice(between);
        if out.len() > limit {
            return Err(format!("the result exceeds {limit} bytes"));
        }
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    Ok(Value::from(out))
}
