//! Regular expressions in Go's syntax.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

use super::super::exec::Machine;
use super::super::value::Value;
use super::{Function, Kind, Outcome, fixed, text};

const TWO: &[Kind] = &[Kind::Str; 2];
const THREE: &[Kind] = &[Kind::Str; 3];

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("regexMatch", TWO, |machine, args| {
        // As the original: what is no expression matches nothing.
        let found = matches(machine, args);
        Ok(Value::Bool(found.unwrap_or(false)))
    }),
    fixed("mustRegexMatch", TWO, |machine, args| {
        matches(machine, args).map(Value::Bool)
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

/// Steps that compiling an expression costs, the first time it is met.
const COMPILING: u64 = 20_000;

fn compile(machine: &mut Machine<'_>, pattern: &Value) -> Result<Regex, String> {
    let pattern = checked(pattern)?;
    if let Some(known) = machine.regexes.get(pattern) {
        return Ok(known.clone());
    }
    // Compiling is dear next to anything else a template does.
    machine.charge(COMPILING + pattern.len() as u64)?;
    let translated = Translator {
        rest: pattern.chars().peekable(),
        out: String::new(),
    }
    .run()?;
    let regex = RegexBuilder::new(&translated)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(100)
        .build()
        .map_err(|_| format!("error parsing regexp: `{pattern}`"))?;
    machine.regexes.insert(pattern.to_owned(), regex.clone());
    Ok(regex)
}

fn checked(value: &Value) -> Result<&str, String> {
    std::str::from_utf8(text(value)).map_err(|_| "the text is not valid UTF-8".to_owned())
}

fn matches(machine: &mut Machine<'_>, args: &[Value]) -> Result<bool, String> {
    let regex = compile(machine, &args[0])?;
    let whole = checked(&args[1])?;
    machine.charge(whole.len() as u64)?;
    Ok(regex.is_match(whole))
}

fn find(machine: &mut Machine<'_>, args: &[Value]) -> Outcome {
    let regex = compile(machine, &args[0])?;
    let whole = checked(&args[1])?;
    machine.charge(whole.len() as u64)?;
    Ok(Value::from(
        regex.find(whole).map_or("", |found| found.as_str()),
    ))
}

fn replace(machine: &mut Machine<'_>, args: &[Value], literal: bool) -> Outcome {
    let regex = compile(machine, &args[0])?;
    let whole = checked(&args[1])?;
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

/// Writes a pattern of Go's syntax in that of the `regex` crate: the two differ in which characters
/// `\d`, `\s`, `\w`, `\b` mean and in what may stand in brackets.
struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Translator<'_> {
    fn run(mut self) -> Result<String, String> {
        let mut repeated = false;
        while let Some(letter) = self.rest.next() {
            let repeats = matches!(letter, '*' | '+' | '?');
            match letter {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                _ if repeats && repeated => {
                    return Err("invalid nested repetition operator".to_owned());
                }
                _ => self.out.push(letter),
            }
            repeated = repeats;
            if repeats && self.rest.peek() == Some(&'?') {
                self.rest.next();
                self.out.push('?');
            }
        }
        Ok(self.out)
    }

    fn escape(&mut self) -> Result<(), String> {
        let translated = match self.rest.next() {
            None => return Err("trailing backslash at end of expression".to_owned()),
            Some('d') => "[0-9]".to_owned(),
            Some('D') => "[^0-9]".to_owned(),
            Some('s') => r"[\t\n\f\r ]".to_owned(),
            Some('S') => r"[^\t\n\f\r ]".to_owned(),
            Some('w') => "[0-9A-Za-z_]".to_owned(),
            Some('W') => "[^0-9A-Za-z_]".to_owned(),
            Some('b') => r"(?-u:\b)".to_owned(),
            Some('Q') => self.literal(),
            Some(other) => return self.shared_escape(other),
        };
        self.out.push_str(&translated);
        Ok(())
    }

    /// Escapes that mean the same in both, inside brackets and out.
    fn shared_escape(&mut self, letter: char) -> Result<(), String> {
        match letter {
            'A' | 'z' | 'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'p' | 'P' | 'x' => {
                self.out.push('\\');
                self.out.push(letter);
            }
            _ if letter.is_ascii_punctuation() => {
                self.out
                    .push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
            }
            _ => return Err(format!("invalid escape sequence: `\\{letter}`")),
        }
        Ok(())
    }

    /// What stands between `\Q` and `\E`, or the end.
    fn literal(&mut self) -> String {
        let mut quoted = String::new();
        while let Some(letter) = self.rest.next() {
            if letter == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            quoted.push(letter);
        }
        regex::escape(&quoted)
    }

    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let letter = self.rest.next().ok_or("missing closing ]")?;
            match letter {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest.peek() == Some(&':') => self.named_class()?,
                '\\' => match self.rest.next() {
                    Some('d') => self.out.push_str("0-9"),
                    Some('w') => self.out.push_str("0-9A-Za-z_"),
                    Some('s') => self.out.push_str(r"\t\n\f\r "),
                    Some('D') => self.out.push_str("[^0-9]"),
                    Some('W') => self.out.push_str("[^0-9A-Za-z_]"),
                    Some('S') => self.out.push_str(r"[^\t\n\f\r ]"),
                    Some(other) => self.shared_escape(other)?,
                    None => return Err("missing closing ]".to_owned()),
                },
                // Brackets, and what would combine sets.
                '[' | ']' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(letter);
                }
                _ => self.out.push(letter),
            }
            first = false;
        }
    }

    /// `[:alpha:]`, of which the opening bracket is past.
    fn named_class(&mut self) -> Result<(), String> {
        let mut name = String::from("[");
        for letter in self.rest.by_ref() {
            name.push(letter);
            if letter == ']' {
                break;
            }
            if name.len() > 12 {
                return Err("invalid character class range".to_owned());
            }
        }
        self.out.push_str(&name);
        Ok(())
    }

    /// A group's opening, with only the flags that Go knows.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        match self.rest.peek() {
            Some('P' | '<') => return Ok(()),
            None => return Err("missing argument to repetition operator".to_owned()),
            _ => {}
        }
        for flag in self.rest.by_ref() {
            self.out.push(flag);
            match flag {
                'i' | 'm' | 's' | 'U' | '-' => {}
                ':' | ')' => return Ok(()),
                _ => return Err("invalid or unsupported Perl syntax".to_owned()),
            }
        }
        Err("missing closing )".to_owned())
    }
}
