//! Styles of scalars: how a string is written so that it is read back as the same string.

use std::sync::LazyLock;

use regex::Regex;

use crate::literal::{parse_float, parse_int};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// A string, and which styles can hold it.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut multiline, mut special) = (false, false);
        let (mut break_space, mut space_break) = (false, false);
        let mut previous = None;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let blank_follows = letters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            let blank_before = previous
                .is_none_or(|before| matches!(before, ' ' | '\t' | '\0') || is_break(before));
            indicators |= match letter {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => previous.is_none(),
                '?' | '-' => previous.is_none() && blank_follows,
                ':' => blank_follows,
                '#' => blank_before,
                _ => false,
            };
            special |= !is_printable(letter);
            break_space |= letter == ' ' && previous.is_some_and(is_break);
            space_break |= is_break(letter) && previous == Some(' ');
            multiline |= is_break(letter);
            previous = Some(letter);
        }
        let edge = |letter: char| letter == ' ' || is_break(letter);
        let edges = text.starts_with(edge) || text.ends_with(edge);
        let bad = space_break || special;
        Self {
            text,
            multiline,
            plain: !(edges || break_space || bad || multiline || indicators),
            single: !(break_space || bad),
            block: !(text.is_empty() || text.ends_with(' ') || bad),
        }
    }

    /// The style it gets; a key has to stay on its line.
    pub(super) fn style(&self, key: bool) -> Style {
        if self.text.contains('\n') {
            return if self.block && !key {
                Style::Literal
            } else {
                Style::Double
            };
        }
        if !is_string(self.text) || (key && self.multiline) {
            return Style::Double;
        }
        match (self.plain, self.single) {
            (true, _) => Style::Plain,
            (false, true) => Style::Single,
            (false, false) => Style::Double,
        }
    }
}

pub(super) fn is_break(letter: char) -> bool {
    matches!(letter, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// The escape of a character that cannot stand in double quotes as it is.
pub(super) fn escape(letter: char) -> Option<String> {
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ if is_printable(letter) => return None,
        _ => {
            let code = u32::from(letter);
            return Some(match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            });
        }
    };
    Some(format!("\\{short}"))
}

struct Patterns {
    float: Regex,
    base60: Regex,
    timestamp: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let compile = |pattern| Regex::new(pattern).expect("a fixed pattern");
    Patterns {
        float: compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
        base60: compile(r"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$"),
        timestamp: compile(concat!(
            r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})",
            r"([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})",
            r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?)?$",
        )),
    }
});

/// Whether a plain scalar of this text is read as a string, also by readers of the older YAML.
fn is_string(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    match first {
        'y' | 'Y' | 'n' | 'N' | 't' | 'T' | 'f' | 'F' | 'o' | 'O' | '~' => !is_word(text),
        '.' => {
            let named = matches!(text, ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF");
            !named && parse_float(text).is_none_or(f64::is_infinite)
        }
        '+' | '-' | '0'..='9' => !is_number(text) && !is_timestamp(text),
        _ => true,
    }
}

fn is_word(text: &str) -> bool {
    const WORDS: [&str; 6] = ["yes", "no", "true", "false", "on", "off"];
    let cased = |word: &str| {
        let (first, rest) = word.split_at(1);
        text == word
            || text == word.to_uppercase()
            || text == format!("{}{rest}", first.to_uppercase())
    };
    matches!(text, "y" | "Y" | "n" | "N" | "~") || cased("null") || WORDS.into_iter().any(cased)
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let plain = text.replace('_', "");
    parse_int(&plain).is_some()
        || (PATTERNS.float.is_match(&plain) && parse_float(&plain).is_some_and(f64::is_finite))
        || PATTERNS.base60.is_match(text)
}

fn is_timestamp(text: &str) -> bool {
    let Some(found) = PATTERNS.timestamp.captures(text) else {
        return false;
    };
    let number = |at: usize| {
        found
            .get(at)
            .and_then(|part| part.as_str().parse().ok())
            .unwrap_or(0u32)
    };
    let time = found.get(4).map_or("", |part| part.as_str());
    let mut parts = time
        .get(1..)
        .unwrap_or("")
        .split([':', '.', ',', 'Z', '+', '-']);
    let mut below = |limit: u32| {
        parts
            .next()
            .is_none_or(|part| part.parse().unwrap_or(0) < limit)
    };
    is_day(number(1), number(2), number(3)) && below(24) && below(60) && below(60)
}

/// Whether there was or will be such a day.
pub fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leaps => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}
