//! Go's `fmt`: `print`, `printf` and the default form of values.

mod float;
mod printf;
mod quote;
mod sink;
mod verbs;

pub(crate) use printf::sprintf;
pub(crate) use quote::{is_print, letters, quote, runes};

use crate::value::{MAX_VALUE_DEPTH, Value};
use sink::Sink;
use verbs::Spec;

/// A value as `%v` prints it.
pub(crate) fn print(value: &Value, limit: usize) -> Result<Vec<u8>, String> {
    joined(std::slice::from_ref(value), limit, |_, _| false)
}

/// `fmt.Sprint`: a space between operands when neither is a string.
pub(crate) fn sprint(values: &[Value], limit: usize) -> Result<Vec<u8>, String> {
    let is_text = |value: &Value| matches!(value, Value::Str(_));
    joined(values, limit, |one, other| !is_text(one) && !is_text(other))
}

/// `fmt.Sprintln`.
pub(crate) fn sprintln(values: &[Value], limit: usize) -> Result<Vec<u8>, String> {
    let mut text = joined(values, limit.saturating_sub(1), |_, _| true)?;
    text.push(b'\n');
    Ok(text)
}

/// Values as `%v` prints them, with a space between two where that is wished.
fn joined(
    values: &[Value],
    limit: usize,
    is_spaced: impl Fn(&Value, &Value) -> bool,
) -> Result<Vec<u8>, String> {
    let mut sink = Sink::new(limit);
    for (index, value) in values.iter().enumerate() {
        if index > 0 && is_spaced(&values[index - 1], value) {
            sink.push(b" ")?;
        }
        verbs::value(&mut sink, &Spec::plain('v'), value, MAX_VALUE_DEPTH)?;
    }
    Ok(sink.finish())
}
