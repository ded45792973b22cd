//! Arithmetic on integers, and conversion to numbers.

use super::signature::{ANY, ANYS, Function, Kind, Outcome, STR, fixed, int, utf8, variadic};
use crate::format;
use crate::literal::{parse_float, parse_int};
use crate::resources::Resources;
use crate::value::{Elem, List, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("int", ANY, |_, args| Ok(Value::Int(to_int(&args[0])))),
    fixed("int64", ANY, |_, args| Ok(Value::Int64(to_int(&args[0])))),
    fixed("float64", ANY, |_, args| {
        Ok(Value::Float(to_float(&args[0])))
    }),
    fixed("atoi", STR, |_, args| Ok(Value::Int(atoi(&utf8(&args[0]))))),
    variadic("add", &[], Kind::Any, |_, args| {
        fold(args, i64::wrapping_add)
    }),
    fixed("add1", ANY, |_, args| {
        Ok(Value::Int64(to_int(&args[0]).wrapping_add(1)))
    }),
    fixed("sub", ANYS, |_, args| fold(args, i64::wrapping_sub)),
    variadic("mul", ANY, Kind::Any, |_, args| {
        fold(args, i64::wrapping_mul)
    }),
    fixed("div", ANYS, |_, args| divided(args, i64::wrapping_div)),
    fixed("mod", ANYS, |_, args| divided(args, i64::wrapping_rem)),
    variadic("max biggest", ANY, Kind::Any, |_, args| {
        fold(args, i64::max)
    }),
    variadic("min", ANY, Kind::Any, |_, args| fold(args, i64::min)),
    fixed("floor", ANY, |_, args| {
        Ok(Value::Float(to_float(&args[0]).floor()))
    }),
    fixed("ceil", ANY, |_, args| {
        Ok(Value::Float(to_float(&args[0]).ceil()))
    }),
    fixed("until", &[Kind::Int], |resources, args| {
        let stop = int(&args[0]);
        steps(resources, 0, stop, if stop < 0 { -1 } else { 1 }).map(int_list)
    }),
    variadic("seq", &[], Kind::Int, seq),
    fixed("toDecimal", ANY, |resources, args| {
        let text = format::print(&args[0], resources.limit())?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(Value::Int64(i64::from_str_radix(&text, 8).unwrap_or(0)))
    }),
    fixed("untilStep", &[Kind::Int; 3], |resources, args| {
        steps(resources, int(&args[0]), int(&args[1]), int(&args[2])).map(int_list)
    }),
];

/// What sprig makes of a value where it wants an integer; what is no number is 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => *number as i64,
        Value::Byte(number) => i64::from(*number),
        Value::Bool(truth) => i64::from(*truth),
        // Out of range, the processor Go runs on gives the smallest integer.
        Value::Float(number) if number.abs() < 9_223_372_036_854_775_808.0 => *number as i64,
        Value::Float(_) => i64::MIN,
        Value::Str(text) => {
            let text = String::from_utf8_lossy(text);
            let parsed = parse_int(without_decimals(&text));
            parsed.and_then(Result::ok).unwrap_or(0)
        }
        Value::Nil
        | Value::List(_)
        | Value::Map(_)
        | Value::Version(_)
        | Value::PlainVersion(_) => 0,
    }
}

pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Uint64(number) => *number as f64,
        Value::Str(text) => {
            let text = String::from_utf8_lossy(text);
            let infinite = text.to_ascii_lowercase().contains("inf");
            let parsed = parse_float(&text).filter(|number| infinite || !number.is_infinite());
            parsed.unwrap_or(0.0)
        }
        _ => to_int(value) as f64,
    }
}

/// The part before the point, where a text is digits and a point; anything else as it is.
fn without_decimals(text: &str) -> &str {
    let Some((whole, decimals)) = text.split_once('.') else {
        return text;
    };
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (are_digits(digits) && are_digits(decimals), digits) {
        (false, _) => text,
        (true, "") => "0",
        (true, _) => whole,
    }
}

fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let limit = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    text.parse().unwrap_or(limit)
}

fn fold(args: &[Value], operation: fn(i64, i64) -> i64) -> Outcome {
    let result = args.iter().map(to_int).reduce(operation);
    Ok(Value::Int64(result.unwrap_or(0)))
}

fn divided(args: &[Value], operation: fn(i64, i64) -> i64) -> Outcome {
    match to_int(&args[1]) {
        0 => Err("runtime error: integer divide by zero".to_owned()),
        divisor => Ok(Value::Int64(operation(to_int(&args[0]), divisor))),
    }
}

/// Numbers up to the last argument and with it, as a text. With two of them the first is where to begin, with three the
/// second is the step.
fn seq(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let given: Vec<i64> = args.iter().map(int).collect();
    let (start, step, end) = match given[..] {
        [end] => (1, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Ok(Value::from("")),
    };
    let towards = if end < start { -1 } else { 1 };
    let step = step.unwrap_or(towards);
    let numbers = steps(resources, start, end.wrapping_add(towards), step)?;
    let text: Vec<String> = numbers.map(|number| number.to_string()).collect();
    Ok(Value::from(text.join(" ")))
}

/// Evenly spaced numbers up to `stop` and without it, paid for before they are made.
fn steps(
    resources: &mut Resources<'_>,
    start: i64,
    stop: i64,
    step: i64,
) -> Result<impl Iterator<Item = i64>, String> {
    let is_reached = if stop < start { step < 0 } else { step > 0 };
    let count = match is_reached {
        true => start.abs_diff(stop).div_ceil(step.unsigned_abs()),
        false => 0,
    };
    resources.charge(count)?;
    let numbers = std::iter::successors(Some(start), move |at| at.checked_add(step));
    Ok(numbers.take(usize::try_from(count).unwrap_or(usize::MAX)))
}

fn int_list(numbers: impl Iterator<Item = i64>) -> Value {
    Value::List(List::typed(numbers.map(Value::Int).collect(), Elem::Int))
}
