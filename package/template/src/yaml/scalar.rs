//! Styles of scalars: how a string is written so that it is read back as the same string.

use std::sync::LazyLock;

use regex::Regex;

use super::resolve::{self, Scalar};
use super::time::is_timestamp;

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
            // Readers of the newer YAML take these for no line breaks. The original writes them as they are.
            special |= !is_printable(letter) || matches!(letter, '\u{2028}' | '\u{2029}');
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
        // The original does not quote the merge key, and cannot read again what it wrote.
        let is_merge = key && self.text == "<<";
        if !is_string(self.text) || is_merge || (key && self.multiline) {
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

/// The escape of a character that cannot stand in double quotes as it is, or of any.
pub(super) fn escape(letter: char, any: bool) -> Option<String> {
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
        '\u{a0}' if any => '_',
        _ if is_printable(letter) && !any => return None,
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

static BASE_60: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$").expect("a fixed pattern")
});

/// Whether a plain scalar of this text is read as a string, also by readers that know numbers to the base of 60.
fn is_string(text: &str) -> bool {
    matches!(resolve::plain(text), Scalar::Text(_)) && !is_timestamp(text) && !is_base60(text)
}

fn is_base60(text: &str) -> bool {
    text.starts_with(|first: char| matches!(first, '+' | '-' | '0'..='9'))
        && text.contains(':')
        && BASE_60.is_match(text)
}
