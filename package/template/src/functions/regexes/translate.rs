//! Go's regular expressions in the syntax of the `regex` crate. The two differ in which characters `\d`, `\s`,
//! `\w`, `\b` mean, in what may stand in brackets and braces, and in a few escapes.

mod class;

use std::iter::Peekable;
use std::str::Chars;

use class::perl_class;

/// Why there is no translation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Go refuses it too, and says this.
    Invalid(String),
    /// Go accepts it, and this engine cannot do it; or it cannot do more.
    Unsupported(String),
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Refused::Unsupported(message)
    }
}

/// An expression of the `regex` crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// How many characters it can be in the midst of, repetitions multiplied: what a search costs for each byte.
    pub(super) size: u64,
}

/// The translation of a pattern. What Go refuses is refused here, but for names of Unicode classes.
pub(super) fn translate(pattern: &str) -> Result<Translated, Refused> {
    let mut translator = Translator {
        rest: pattern.chars().peekable(),
        out: String::new(),
        before: Before::Nothing,
        last: Part::default(),
        open: Vec::new(),
        group: Part::default(),
    };
    translator.run()?;
    translator.atom(Part::default());
    Ok(Translated {
        pattern: translator.out,
        size: translator.group.size,
    })
}

/// What a repetition would apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Repetition,
}

/// What is known of a part of an expression.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    size: u64,
    /// The product of the counts of repetitions that are nested in each other, the largest of them.
    count: u64,
}

/// The largest count of a repetition, and product of nested ones.
const MAX_COUNT: u64 = 1_000;

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    before: Before,
    /// What a repetition would repeat.
    last: Part,
    /// The groups around.
    open: Vec<Part>,
    /// What of the group stands before `last`.
    group: Part,
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Invalid(message.into()))
}

const SINGLE: Part = Part { size: 1, count: 0 };

impl Translator<'_> {
    fn run(&mut self) -> Result<(), Refused> {
        while let Some(letter) = self.rest.next() {
            match letter {
                '\\' => self.escape()?,
                '[' => {
                    self.class()?;
                    self.atom(SINGLE);
                }
                '(' => self.group()?,
                ')' => {
                    let Some(outer) = self.open.pop() else {
                        return invalid("unexpected )");
                    };
                    self.out.push(')');
                    self.atom(Part::default());
                    let inside = std::mem::replace(&mut self.group, outer);
                    self.last = inside;
                    self.before = Before::Atom;
                }
                '|' => {
                    self.out.push('|');
                    self.atom(Part::default());
                    self.before = Before::Nothing;
                }
                '*' | '+' | '?' => self.repeat(letter.encode_utf8(&mut [0; 4]), None)?,
                '{' => match self.counts() {
                    Some((written, min, max)) => self.repeat(&written, Some((min, max)))?,
                    None => self.single('{'),
                },
                '.' | '^' | '$' => {
                    self.out.push(letter);
                    self.atom(SINGLE);
                }
                _ => self.single(letter),
            }
        }
        if self.open.is_empty() {
            Ok(())
        } else {
            invalid("missing closing )")
        }
    }

    /// Something that can be repeated begins.
    fn atom(&mut self, part: Part) {
        self.group.size = self.group.size.saturating_add(self.last.size);
        self.group.count = self.group.count.max(self.last.count);
        self.last = part;
        self.before = Before::Atom;
    }

    /// A character that stands for itself.
    fn single(&mut self, letter: char) {
        push_literal(&mut self.out, letter);
        self.atom(SINGLE);
    }

    fn repeat(&mut self, written: &str, counts: Option<(u64, Option<u64>)>) -> Result<(), Refused> {
        match self.before {
            Before::Nothing => {
                return invalid(format!(
                    "missing argument to repetition operator: `{written}`"
                ));
            }
            Before::Repetition => {
                return invalid(format!("invalid nested repetition operator: `{written}`"));
            }
            Before::Atom => {}
        }
        if let Some((min, max)) = counts {
            let most = max.unwrap_or(min);
            let repeated = self.last.count.max(1).saturating_mul(most);
            if min > MAX_COUNT || most > MAX_COUNT || min > most || most > 1 && repeated > MAX_COUNT
            {
                return invalid(format!("invalid repeat count: `{written}`"));
            }
            self.last.count = repeated;
            self.last.size = self.last.size.saturating_mul(most.max(1));
        }
        self.out.push_str(written);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.before = Before::Repetition;
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`, of which the brace is past; anything else is no repetition, and the brace
    /// itself is meant.
    fn counts(&mut self) -> Option<(String, u64, Option<u64>)> {
        let mut ahead = self.rest.clone();
        let min = number(&mut ahead)?;
        let written_min = min.to_string();
        let (written, max) = if ahead.next_if_eq(&',').is_none() {
            (format!("{{{written_min}}}"), Some(min))
        } else if ahead.peek() == Some(&'}') {
            (format!("{{{written_min},}}"), None)
        } else {
            let max = number(&mut ahead)?;
            (format!("{{{written_min},{max}}}"), Some(max))
        };
        ahead.next_if_eq(&'}')?;
        self.rest = ahead;
        Some((written, min, max))
    }

    fn escape(&mut self) -> Result<(), Refused> {
        let Some(letter) = self.rest.next() else {
            return invalid("trailing backslash at end of expression");
        };
        match letter {
            'A' | 'z' => {
                self.out.push('\\');
                self.out.push(letter);
            }
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => {
                return Err(Refused::Unsupported(
                    r"`\B` is not supported here".to_owned(),
                ));
            }
            'p' | 'P' => self.unicode_class(letter)?,
            'Q' => {
                self.literal();
                return Ok(());
            }
            _ => match perl_class(letter) {
                Some((inside, true)) => self.out.push_str(&format!("[^{inside}]")),
                Some((inside, false)) => self.out.push_str(&format!("[{inside}]")),
                None => {
                    let character = self.escaped(letter)?;
                    push_literal(&mut self.out, character);
                }
            },
        }
        self.atom(SINGLE);
        Ok(())
    }

    /// What stands between `\Q` and `\E`, or the end. Only its last character can be repeated.
    fn literal(&mut self) {
        while let Some(letter) = self.rest.next() {
            if letter == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return;
            }
            self.single(letter);
        }
    }

    /// A group's opening, with only the flags that Go knows.
    fn group(&mut self) -> Result<(), Refused> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            self.enter();
            return Ok(());
        }
        self.out.push('?');
        let unknown = || invalid("invalid or unsupported Perl syntax");
        let named = match self.rest.peek() {
            Some('P') => {
                self.rest.next();
                self.rest.next_if_eq(&'<').is_some()
            }
            Some('<') => self.rest.next().is_some(),
            _ => return self.flags(),
        };
        if !named {
            return unknown();
        }
        let mut name = String::new();
        loop {
            match self.rest.next() {
                Some('>') if !name.is_empty() => break,
                Some(letter) if letter.is_ascii_alphanumeric() || letter == '_' => {
                    name.push(letter)
                }
                _ => return unknown(),
            }
        }
        self.out.push_str(&format!("P<{name}>"));
        self.enter();
        Ok(())
    }

    /// `i-s:` or `i)`.
    fn flags(&mut self) -> Result<(), Refused> {
        let unknown = || invalid("invalid or unsupported Perl syntax");
        let mut negated = None;
        while let Some(flag) = self.rest.next() {
            match flag {
                'i' | 'm' | 's' | 'U' => {
                    negated = negated.map(|_| true);
                    self.out.push(flag);
                }
                '-' if negated.is_none() => {
                    negated = Some(false);
                    self.out.push(flag);
                }
                ':' | ')' if negated == Some(false) => return unknown(),
                ':' => {
                    self.out.push(flag);
                    self.enter();
                    return Ok(());
                }
                ')' => {
                    // Without flags it means nothing, which the other syntax cannot say.
                    if self.out.ends_with("(?") {
                        self.out.truncate(self.out.len() - 2);
                    } else {
                        self.out.push(flag);
                    }
                    if self.before == Before::Repetition {
                        self.before = Before::Atom;
                    }
                    return Ok(());
                }
                _ => return unknown(),
            }
        }
        unknown()
    }

    fn enter(&mut self) {
        self.atom(Part::default());
        self.before = Before::Nothing;
        let outer = std::mem::take(&mut self.group);
        self.open.push(outer);
    }
}

/// A character that stands for itself, wherever it stands.
fn push_literal(out: &mut String, letter: char) {
    if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(letter)));
    } else {
        out.push(letter);
    }
}

/// A number without superfluous zeros. One that is far too large is as good as another.
fn number(letters: &mut Peekable<Chars<'_>>) -> Option<u64> {
    let first = letters.next_if(char::is_ascii_digit)?;
    let mut value = u64::from(first.to_digit(10)?);
    while let Some(letter) = letters.next_if(char::is_ascii_digit) {
        if first == '0' {
            return None;
        }
        value = (value * 10 + u64::from(letter.to_digit(10)?)).min(MAX_COUNT + 1);
    }
    Some(value)
}
