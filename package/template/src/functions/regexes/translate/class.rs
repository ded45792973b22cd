//! Escapes, and what may stand in brackets.

use super::{Refused, Translator, invalid, push_literal};

const CLASSES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

impl Translator<'_> {
    /// The character an escape stands for, inside brackets and out.
    pub(super) fn escaped(&mut self, letter: char) -> Result<char, Refused> {
        let code = match letter {
            'a' => 0x07,
            'f' => 0x0c,
            't' => 0x09,
            'n' => 0x0a,
            'r' => 0x0d,
            'v' => 0x0b,
            'x' => self.hexadecimal()?,
            // One octal digit alone would be a reference back, which there is not, unless it is zero.
            '0'..='7' if letter == '0' || matches!(self.rest.peek(), Some('0'..='7')) => {
                let mut code = letter.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.rest.peek().and_then(|next| next.to_digit(8)) else {
                        break;
                    };
                    self.rest.next();
                    code = code * 8 + digit;
                }
                code
            }
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => u32::from(letter),
            _ => return invalid(format!("invalid escape sequence: `\\{letter}`")),
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None if code <= 0x0010_ffff => {
                let message = format!("`\\x{{{code:x}}}` is no character and not supported here");
                Err(Refused::Unsupported(message))
            }
            None => invalid(format!("invalid escape sequence: `\\x{{{code:x}}}`")),
        }
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Result<u32, Refused> {
        let in_braces = self.rest.next_if_eq(&'{').is_some();
        let mut code = 0_u32;
        let mut digits = 0;
        while in_braces || digits < 2 {
            match self.rest.next() {
                Some('}') if in_braces && digits > 0 => break,
                Some(letter) if letter.is_ascii_hexdigit() && code <= 0x0010_ffff => {
                    code = code * 16 + letter.to_digit(16).unwrap_or_default();
                }
                _ => return invalid("invalid escape sequence: `\\x`"),
            }
            digits += 1;
        }
        Ok(code)
    }

    /// `\pL` or `\p{Greek}`, of which `\p` is past.
    pub(super) fn unicode_class(&mut self, letter: char) -> Result<(), Refused> {
        let mut name = String::new();
        match self.rest.next() {
            Some('{') => loop {
                match self.rest.next() {
                    Some('}') => break,
                    Some(letter) => name.push(letter),
                    None => {
                        return invalid(format!("invalid character class range: `\\{letter}{{`"));
                    }
                }
            },
            Some(single) => name.push(single),
            None => return invalid(format!("invalid character class range: `\\{letter}`")),
        }
        let turned = name.strip_prefix('^');
        let negated = (letter == 'P') != turned.is_some();
        let name = turned.unwrap_or(&name);
        if name.is_empty()
            || !name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '_')
        {
            return invalid(format!(
                "invalid character class range: `\\{letter}{{{name}}}`"
            ));
        }
        let letter = if negated { 'P' } else { 'p' };
        self.out.push_str(&format!("\\{letter}{{{name}}}"));
        Ok(())
    }

    pub(super) fn class(&mut self) -> Result<(), Refused> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(letter) = self.rest.next() else {
                return invalid("missing closing ]");
            };
            match letter {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest.peek() == Some(&':') => self.named_class()?,
                '\\' => match self.rest.next() {
                    Some(letter @ ('p' | 'P')) => self.unicode_class(letter)?,
                    Some(letter) => match perl_class(letter) {
                        Some((inside, true)) => self.out.push_str(&format!("[^{inside}]")),
                        Some((inside, false)) => self.out.push_str(inside),
                        None => {
                            let low = self.escaped(letter)?;
                            self.range(low)?;
                        }
                    },
                    None => return invalid("missing closing ]"),
                },
                _ => self.range(letter)?,
            }
            first = false;
        }
    }

    /// `a-z` or `a`, of which the first character is past.
    fn range(&mut self, low: char) -> Result<(), Refused> {
        push_literal(&mut self.out, low);
        let mut ahead = self.rest.clone();
        // A dash before the closing bracket is only a dash.
        if ahead.next() != Some('-') || matches!(ahead.next(), None | Some(']')) {
            return Ok(());
        }
        self.rest.next();
        let high = match self.rest.next() {
            Some('\\') => match self.rest.next() {
                Some(letter) => self.escaped(letter)?,
                None => return invalid("missing closing ]"),
            },
            Some(letter) => letter,
            None => return invalid("missing closing ]"),
        };
        if high < low {
            return invalid(format!("invalid character class range: `{low}-{high}`"));
        }
        self.out.push('-');
        push_literal(&mut self.out, high);
        Ok(())
    }

    /// `[:alpha:]`, of which the opening bracket is past; where nothing closes it, the bracket itself is meant.
    fn named_class(&mut self) -> Result<(), Refused> {
        let mut ahead = self.rest.clone();
        ahead.next();
        let mut name = String::new();
        while let Some(letter) = ahead.next() {
            if letter == ':' && ahead.next_if_eq(&']').is_some() {
                let bare = name.strip_prefix('^').unwrap_or(&name);
                if !CLASSES.contains(&bare) {
                    return invalid(format!("invalid character class range: `[:{name}:]`"));
                }
                self.out.push_str(&format!("[:{name}:]"));
                self.rest = ahead;
                return Ok(());
            }
            name.push(letter);
        }
        push_literal(&mut self.out, '[');
        Ok(())
    }
}

/// What a Perl class holds, as the inside of brackets, and whether everything else is meant.
pub(super) fn perl_class(letter: char) -> Option<(&'static str, bool)> {
    let inside = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\f\r ",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((inside, letter.is_ascii_uppercase()))
}
