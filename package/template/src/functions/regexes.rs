//! Functions that search and replace by regular expressions.

use super::signature::{Function, Kind, Outcome, STRS, fixed, text};
use crate::regexp::{Refused, Regex};
use crate::resources::Resources;
use crate::value::Value;

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
