//! Functions that search and replace by regular expressions.

use std::ops::Range;

use super::lists::string_list;
use super::signature::{Function, Kind, Outcome, STR, STRS, fixed, int, text};
use crate::regexp::{Refused, Regex};
use crate::resources::Resources;
use crate::value::{Elem, List, Value};

const THREE: &[Kind] = &[Kind::Str; 3];

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("regexMatch", STRS, |resources, args| {
        // As in the original, an invalid expression matches nothing.
        match search(resources, args) {
            Err(Refused::Invalid(_)) => Ok(Value::Bool(false)),
            found => found
                .map(|(regex, whole)| Value::Bool(regex.is_match(whole)))
                .map_err(String::from),
        }
    }),
    fixed("mustRegexMatch", STRS, |resources, args| {
        let (regex, whole) = search(resources, args)?;
        Ok(Value::Bool(regex.is_match(whole)))
    }),
    fixed("regexFind mustRegexFind", STRS, |resources, args| {
        let (regex, whole) = search(resources, args)?;
        Ok(Value::from(regex.find(whole).unwrap_or_default()))
    }),
    fixed(
        "regexFindAll mustRegexFindAll",
        &[Kind::Str, Kind::Str, Kind::Int],
        find_all,
    ),
    fixed(
        "regexSplit mustRegexSplit",
        &[Kind::Str, Kind::Str, Kind::Int],
        split,
    ),
    fixed("regexQuoteMeta", STR, |resources, args| {
        resources.charge_bytes(text(&args[0]).len() * 8)?;
        let mut quoted = Vec::with_capacity(text(&args[0]).len());
        for byte in text(&args[0]).iter() {
            if br"\.+*?()|[]{}^$".contains(byte) {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        Ok(Value::from(quoted))
    }),
    fixed(
        "regexReplaceAll mustRegexReplaceAll",
        THREE,
        |resources, args| replace(resources, args, false),
    ),
    fixed(
        "regexReplaceAllLiteral mustRegexReplaceAllLiteral",
        THREE,
        |resources, args| replace(resources, args, true),
    ),
];

fn checked(value: &Value) -> Result<&str, String> {
    std::str::from_utf8(text(value)).map_err(|_| "the text is not valid UTF-8".to_owned())
}

/// The expression, compiled, and the text, for which searching it is paid.
fn search<'a>(
    resources: &mut Resources<'_>,
    args: &'a [Value],
) -> Result<(Regex, &'a str), Refused> {
    let regex = resources.regex(checked(&args[0])?)?;
    let whole = checked(&args[1])?;
    resources.charge(whole.len() as u64 * regex.steps_per_byte)?;
    Ok((regex, whole))
}

/// Where the first `most` matches are, or all where that is negative; each is paid for.
fn matches(
    resources: &mut Resources<'_>,
    regex: &Regex,
    whole: &str,
    most: i64,
) -> Result<Vec<Range<usize>>, String> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for range in regex.matches(whole).take(most) {
        resources.charge(1)?;
        found.push(range);
    }
    Ok(found)
}

fn find_all(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let (regex, whole) = search(resources, args)?;
    let found = matches(resources, &regex, whole, int(&args[2]))?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(Elem::Str)));
    }
    let found = found.into_iter().map(|range| whole[range].into());
    Ok(string_list(found.collect()))
}

/// The texts between matches: `most` of them, or all where that is negative.
fn split(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let (regex, whole) = search(resources, args)?;
    let most = int(&args[2]);
    if most == 0 {
        return Ok(Value::List(List::nil(Elem::Str)));
    }
    if whole.is_empty() && !text(&args[0]).is_empty() {
        return Ok(string_list(vec![Vec::new()]));
    }
    let between = usize::try_from(most - 1).unwrap_or(usize::MAX);
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for range in matches(resources, &regex, whole, most)? {
        if parts.len() == between {
            break;
        }
        end = range.start;
        // A match of nothing at the beginning separates nothing.
        if range.end > 0 {
            parts.push(whole[begin..end].into());
        }
        begin = range.end;
    }
    if end < whole.len() {
        parts.push(whole[begin..].into());
    }
    Ok(string_list(parts))
}

fn replace(resources: &mut Resources<'_>, args: &[Value], literal: bool) -> Outcome {
    let (regex, whole) = search(resources, args)?;
    let with = checked(&args[2])?;
    let limit = resources.limit();
    let mut out = String::new();
    let mut last = 0;
    for found in regex.captures(whole) {
        let Some(all) = found.get_match() else {
            continue;
        };
        resources.charge(1 + (all.end() - last) as u64)?;
        out.push_str(&whole[last..all.start()]);
        if literal {
            out.push_str(with);
        } else {
            // Each `$` can stand for as much as was found.
            let dollars = with.matches('$').count();
            resources.charge_bytes(with.len() + dollars * all.len())?;
            regex.expand(with, whole, &found, &mut out);
        }
        last = all.end();
        if out.len() > limit {
            return Err(format!("the result exceeds {limit} bytes"));
        }
    }
    out.push_str(&whole[last..]);
    Ok(Value::from(out))
}
