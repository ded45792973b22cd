//! `fmt.Sprintf`: the directives of a format, one after the other.

use super::sink::Sink;
use super::verbs::{self, Spec};
use crate::value::{MAX_VALUE_DEPTH, Value};

/// Where `sprintf` stands in its format and arguments.
struct Printf<'a> {
    format: &'a [u8],
    at: usize,
    values: &'a [Value],
    arg: usize,
    reordered: bool,
    /// An explicit index that named no argument.
    bad_index: bool,
}

/// `fmt.Sprintf`, with Go's marks for what does not fit, such as `%!d(string=x)`.
pub(crate) fn sprintf(format: &[u8], values: &[Value], limit: usize) -> Result<Vec<u8>, String> {
    let mut sink = Sink::new(limit);
    let mut state = Printf {
        format,
        at: 0,
        values,
        arg: 0,
        reordered: false,
        bad_index: false,
    };
    while state.at < format.len() {
        let rest = &format[state.at..];
        let plain = rest
            .iter()
            .position(|byte| *byte == b'%')
            .unwrap_or(rest.len());
        sink.push(&rest[..plain])?;
        state.at += plain;
        if state.at < format.len() {
            state.at += 1;
            state.directive(&mut sink)?;
        }
    }
    if !state.reordered && state.arg < values.len() {
        sink.push(b"%!(EXTRA ")?;
        for (index, value) in values[state.arg..].iter().enumerate() {
            if index > 0 {
                sink.push(b", ")?;
            }
            if matches!(value, Value::Nil) {
                sink.push(b"<nil>")?;
            } else {
                sink.push(value.type_name().as_bytes())?;
                sink.push(b"=")?;
                verbs::value(&mut sink, &Spec::plain('v'), value, MAX_VALUE_DEPTH)?;
            }
        }
        sink.push(b")")?;
    }
    Ok(sink.finish())
}

impl Printf<'_> {
    fn directive(&mut self, sink: &mut Sink) -> Result<(), String> {
        let mut spec = Spec::default();
        self.bad_index = false;
        let mut after_index = false;
        while let Some(flag) = self.format.get(self.at) {
            match flag {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b'-' => spec.minus = true,
                b' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        self.index(&mut after_index);
        if self.format.get(self.at) == Some(&b'*') {
            self.at += 1;
            match self.star() {
                Some(width) => {
                    spec.minus |= width < 0;
                    spec.width = Some(width.unsigned_abs().try_into().unwrap_or(usize::MAX));
                }
                None => sink.push(b"%!(BADWIDTH)")?,
            }
            after_index = false;
        } else {
            spec.width = self.digits();
            self.bad_index |= after_index && spec.width.is_some();
        }
        if self.format.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.bad_index |= after_index;
            self.index(&mut after_index);
            if self.format.get(self.at) == Some(&b'*') {
                self.at += 1;
                spec.precision = match self.star() {
                    Some(precision) => usize::try_from(precision).ok(),
                    None => None,
                };
                if spec.precision.is_none() {
                    sink.push(b"%!(BADPREC)")?;
                }
                after_index = false;
            } else {
                spec.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !after_index {
            self.index(&mut after_index);
        }
        self.verb(sink, spec)
    }

    fn verb(&mut self, sink: &mut Sink, mut spec: Spec) -> Result<(), String> {
        let rest =
            String::from_utf8_lossy(&self.format[self.at..self.format.len().min(self.at + 4)]);
        let Some(verb) = rest.chars().next() else {
            return sink.push(b"%!(NOVERB)");
        };
        let width = if self.format[self.at] < 0x80 {
            1
        } else {
            verb.len_utf8()
        };
        self.at = (self.at + width).min(self.format.len());
        let shown = verb.to_string();
        if verb == '%' {
            return sink.push(b"%");
        }
        if self.bad_index {
            return sink.push(format!("%!{shown}(BADINDEX)").as_bytes());
        }
        let Some(value) = self.values.get(self.arg) else {
            return sink.push(format!("%!{shown}(MISSING)").as_bytes());
        };
        self.arg += 1;
        spec.verb = verb;
        if verb == 'v' {
            spec.sharp_v = std::mem::take(&mut spec.sharp);
            spec.plus = false;
        }
        verbs::value(sink, &spec, value, MAX_VALUE_DEPTH)
    }

    /// An explicit argument index, `[n]`.
    fn index(&mut self, after_index: &mut bool) {
        if self.format.get(self.at) != Some(&b'[') {
            return;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(end) = rest.iter().position(|byte| *byte == b']') else {
            self.at += 1;
            self.bad_index = true;
            return;
        };
        let number = std::str::from_utf8(&rest[1..end])
            .ok()
            .and_then(|text| text.parse().ok());
        self.at += end + 1;
        match number {
            Some(number) if (1..=self.values.len()).contains(&number) => {
                self.arg = number - 1;
                *after_index = true;
            }
            _ => self.bad_index = true,
        }
    }

    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.arg)?;
        self.arg += 1;
        match value {
            Value::Int(number) | Value::Int64(number) if number.abs() <= 1_000_000 => Some(*number),
            Value::Uint64(number) if *number <= 1_000_000 => i64::try_from(*number).ok(),
            Value::Byte(number) => Some(i64::from(*number)),
            _ => None,
        }
    }

    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        let mut number = 0usize;
        while let Some(digit) = self
            .format
            .get(self.at)
            .filter(|byte| byte.is_ascii_digit())
        {
            if number > 1_000_000 {
                // As in Go, nothing of the format is left after such a number.
                self.at = self.format.len();
                return None;
            }
            number = number * 10 + usize::from(digit - b'0');
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }
}
