//! Regular expressions in Go's syntax.

mod translate;

use regex::{Regex, RegexBuilder};

use super::super::exec::Machine;
use super::super::value::Value;
use super::{Function, Kind, Outcome, fixed, text};
use translate::{Refused, translate};

const TWO: &[Kind] = &[Kind::Str; 2];
const THREE: &[Kind] = &[Kind::Str; 3];

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("regexMatch", TWO, |machine, args| {
        // As the original: what is no expression matches nothing.
        match matches(machine, args) {
            Err(Refused::Invalid(_)) => Ok(Value::Bool(false)),
            found => Ok(Value::Bool(found?)),
        }
    }),
    fixed("mustRegexMatch", TWO, |machine, args| {
        Ok(Value::Bool(matches(machine, args)?))
    }),
    fixed("regexFind", TWO, find),
    fixed("mustRegexFind", TWO, find),
    fixed("regexReplaceAll", THREE, |machine, args| {
        replace(machine, args, false)
    }),
    fixed("mustRegexReplaceAll", THREE, |machine, args| {
        replace(machine, args, false)
    }),
    fixed("regexReplaceAllLiteral", THREE, |machine, args| {
        replace(machine, args, true)
    }),
    fixed("mustRegexReplaceAllLiteral", THREE, |machine, args| {
        replace(machine, args, true)
    }),
];

/// Compiled size of an expression, in bytes.
const SIZE: usize = 1 << 20;

/// How deeply groups of an expression may be nested.
const NESTING: u32 = 100;

/// Characters an expression can be in the midst of, for one step per byte searched.
const SIZE_PER_STEP: u64 = 16;

/// Steps that compiling an expression costs, the first time it is met.
const COMPILING: u64 = 20_000;

/// A compiled expression.
#[derive(Clone)]
pub(crate) struct Compiled {
    regex: Regex,
    /// Steps that a search costs for each byte of the text.
    per_byte: u64,
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(message) => format!("error parsing regexp: {message}"),
            Refused::Unsupported(message) => message,
        }
    }
}

fn compile(machine: &mut Machine<'_>, pattern: &Value) -> Result<Compiled, Refused> {
    let pattern = checked(pattern)?;
    if let Some(known) = machine.regexes.get(pattern) {
        return Ok(known.clone());
    }
    // Compiling is dear next to anything else a template does.
    machine.charge(COMPILING + pattern.len() as u64)?;
    let translated = translate(pattern)?;
    let regex = RegexBuilder::new(&translated.pattern)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("the regexp `{pattern}` needs more than {limit} bytes compiled")
            }
            _ => format!("the regexp `{pattern}` is not supported here"),
        })?;
    let compiled = Compiled {
        regex,
        per_byte: 1 + translated.size / SIZE_PER_STEP,
    };
    machine.regexes.insert(pattern.to_owned(), compiled.clone());
    Ok(compiled)
}

fn checked(value: &Value) -> Result<&str, String> {
    std::str::from_utf8(text(value)).map_err(|_| "the text is not valid UTF-8".to_owned())
}

fn matches(machine: &mut Machine<'_>, args: &[Value]) -> Result<bool, Refused> {
    let Compiled { regex, per_byte } = compile(machine, &args[0])?;
    let whole = checked(&args[1])?;
    machine.charge(whole.len() as u64 * per_byte)?;
    Ok(regex.is_match(whole))
}

fn find(machine: &mut Machine<'_>, args: &[Value]) -> Outcome {
    let Compiled { regex, per_byte } = compile(machine, &args[0])?;
    let whole = checked(&args[1])?;
    machine.charge(whole.len() as u64 * per_byte)?;
    Ok(Value::from(
        regex.find(whole).map_or("", |found| found.as_str()),
    ))
}

fn replace(machine: &mut Machine<'_>, args: &[Value], literal: bool) -> Outcome {
    let Compiled { regex, per_byte } = compile(machine, &args[0])?;
    let whole = checked(&args[1])?;
    machine.charge(whole.len() as u64 * per_byte)?;
    let with = checked(&args[2])?;
    let limit = machine.env.limits.output;
    let mut out = String::new();
    let mut last = 0;
    for found in regex.captures_iter(whole) {
        let Some(all) = found.get(0) else {
            continue;
        };
        machine.charge(1 + (all.end() - last) as u64)?;
        out.push_str(&whole[last..all.start()]);
        if literal {
            out.push_str(with);
        } else {
            // Each `$` can stand for as much as was found.
            let dollars = with.matches('$').count();
            machine.charge((with.len() + dollars * all.len()) as u64 / 32)?;
            found.expand(with, &mut out);
        }
        last = all.end();
        if out.len() > limit {
            return Err(format!("the result exceeds {limit} bytes"));
        }
    }
    out.push_str(&whole[last..]);
    Ok(Value::from(out))
}
