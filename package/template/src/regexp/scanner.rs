//! The scanner of a pattern: escapes, classes, counts and names, each read where it begins.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::refused::{Refused, invalid};
use crate::limit;

/// Ranges of characters that all classes of a pattern have together: more would not fit compiled.
const MAX_RANGES: usize = limit::REGEX_COMPILED_BYTES / 8;
/// Characters whose other cases are added, of all classes together.
const MAX_FOLDED: usize = 4 * 0x11_0000;

/// Classes that brackets know by name, as the inside of brackets.
const NAMED: &[(&str, &str)] = &[
    ("alnum", "09AZaz"),
    ("alpha", "AZaz"),
    ("ascii", "\0\x7f"),
    ("blank", "\t\t  "),
    ("cntrl", "\0\x1f\x7f\x7f"),
    ("digit", "09"),
    ("graph", "!~"),
    ("lower", "az"),
    ("print", " ~"),
    ("punct", "!/:@[`{~"),
    ("space", "\t\r  "),
    ("upper", "AZ"),
    ("word", "09AZ__az"),
    ("xdigit", "09AFaf"),
];

/// What is left of a pattern.
pub(super) struct Scanner<'p> {
    rest: &'p str,
    ranges: usize,
    folded: usize,
}

impl<'p> Scanner<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self {
            rest: pattern,
            ranges: 0,
            folded: 0,
        }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'p str {
        self.rest
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let next = letters.next();
        self.rest = letters.as_str();
        next
    }

    /// Passes `text`, if that is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What stands before `end`, which is passed, or before the end of the pattern.
    pub(super) fn until(&mut self, end: &str) -> &'p str {
        let (before, after) = self.rest.split_once(end).unwrap_or((self.rest, ""));
        self.rest = after;
        before
    }

    /// `2}`, `2,}` or `2,3}`; anything else is left, and no repetition.
    pub(super) fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let (inside, after) = self.rest.split_once('}')?;
        let (min, max) = match inside.split_once(',') {
            None => (number(inside)?, Some(number(inside)?)),
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        self.rest = after;
        Some((min, max))
    }

    /// The name of a group, and the `>` after it.
    pub(super) fn name(&mut self) -> Result<&'p str, Refused> {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        match self.rest.split_once('>') {
            Some((name, rest)) if !name.is_empty() && name.chars().all(is_word) => {
                self.rest = rest;
                Ok(name)
            }
            _ => invalid("invalid named capture"),
        }
    }

    /// The code of the character that an escape stands for, of which `\` and `letter` are past. It may be a
    /// surrogate's, which no text has.
    pub(super) fn escape(&mut self, letter: char) -> Result<u32, Refused> {
        let code = match letter {
            'a' => 0x07,
            'f' => 0x0c,
            't' => 0x09,
            'n' => 0x0a,
            'r' => 0x0d,
            'v' => 0x0b,
            'x' => self.hexadecimal()?,
            // One octal digit alone would be a reference back, which there is not, unless it is zero.
            '0'..='7' if letter == '0' || matches!(self.peek(), Some('0'..='7')) => {
                let mut code = u32::from(letter) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|next| next.to_digit(8)) else {
                        break;
                    };
                    self.next();
                    code = code * 8 + digit;
                }
                code
            }
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => u32::from(letter),
            _ => return invalid(format!("invalid escape sequence: `\\{letter}`")),
        };
        if code <= u32::from(char::MAX) {
            Ok(code)
        } else {
            invalid(format!("invalid escape sequence: `\\x{{{code:x}}}`"))
        }
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Result<u32, Refused> {
        let parts = match self.rest.strip_prefix('{') {
            Some(inside) => inside.split_once('}'),
            None => self.rest.split_at_checked(2),
        };
        let digits = parts.filter(|(digits, _)| digits.bytes().all(|it| it.is_ascii_hexdigit()));
        match digits.map(|(digits, rest)| (u32::from_str_radix(digits, 16), rest)) {
            Some((Ok(code), rest)) => {
                self.rest = rest;
                Ok(code)
            }
            _ => invalid("invalid escape sequence: `\\x`"),
        }
    }

    /// The class of `\d`, `\pL` and the like, of which `after` is what follows the backslash; none, and nothing is
    /// passed, where something else is escaped.
    pub(super) fn escaped_class(
        &mut self,
        after: &'p str,
        fold: bool,
    ) -> Result<Option<ClassUnicode>, Refused> {
        let Some(letter) = after.chars().next() else {
            return Ok(None);
        };
        let rest = &after[letter.len_utf8()..];
        let ranges = match letter.to_ascii_lowercase() {
            'd' => "09",
            's' => "\t\n\x0c\r  ",
            'w' => "09AZ__az",
            'p' => {
                self.rest = rest;
                return self.unicode_class(letter == 'P', fold).map(Some);
            }
            _ => return Ok(None),
        };
        self.rest = rest;
        let class = self.finished(pairs(ranges), fold, letter.is_ascii_uppercase());
        class.map(Some)
    }

    /// `L` or `{Greek}`, of which `\p` is past.
    fn unicode_class(&mut self, negated: bool, fold: bool) -> Result<ClassUnicode, Refused> {
        let rest = self.rest;
        let wrong = || Refused::Invalid("invalid character class range: `\\p`".to_owned());
        let name = if self.eat("{") {
            let (name, rest) = self.rest.split_once('}').ok_or_else(wrong)?;
            self.rest = rest;
            name
        } else {
            let letter = self.next().ok_or_else(wrong)?;
            &rest[..letter.len_utf8()]
        };
        let turned = name.strip_prefix('^');
        let name = turned.unwrap_or(name);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || " _-".contains(letter);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(wrong());
        }
        let class = ["gc", "sc"]
            .into_iter()
            .filter_map(|property| regex_syntax::parse(&format!("\\p{{{property}={name}}}")).ok())
            .find_map(|found| match found.into_kind() {
                HirKind::Class(Class::Unicode(class)) => Some(class),
                _ => None,
            });
        let class = class.ok_or_else(wrong)?;
        self.finished(class, fold, negated != turned.is_some())
    }

    /// A class in brackets, of which the first is past.
    pub(super) fn bracketed(&mut self, fold: bool) -> Result<ClassUnicode, Refused> {
        let negated = self.eat("^");
        let mut ranges = Vec::new();
        let mut classes: Vec<ClassUnicodeRange> = Vec::new();
        let mut is_first = true;
        while is_first || !self.eat("]") {
            is_first = false;
            let class = match self.rest.strip_prefix('\\') {
                Some(after) => self.escaped_class(after, fold)?,
                None => self.named_class(fold)?,
            };
            match class {
                Some(class) => classes.extend(class.ranges()),
                None => ranges.extend(self.range()?),
            }
        }
        let mut class = self.finished(ClassUnicode::new(ranges), fold, false)?;
        class.union(&ClassUnicode::new(classes));
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// `[:alpha:]`; where nothing closes it, the bracket itself is meant.
    fn named_class(&mut self, fold: bool) -> Result<Option<ClassUnicode>, Refused> {
        let inside = self.rest.strip_prefix("[:");
        let Some((name, rest)) = inside.and_then(|inside| inside.split_once(":]")) else {
            return Ok(None);
        };
        let turned = name.strip_prefix('^');
        let bare = turned.unwrap_or(name);
        let Some((_, ranges)) = NAMED.iter().find(|(known, _)| *known == bare) else {
            return invalid(format!("invalid character class range: `[:{name}:]`"));
        };
        self.rest = rest;
        self.finished(pairs(ranges), fold, turned.is_some())
            .map(Some)
    }

    /// `a-z` or `a`; nothing where only surrogates are meant.
    fn range(&mut self) -> Result<Option<ClassUnicodeRange>, Refused> {
        let low = self.member()?;
        // A dash before the closing bracket is only a dash.
        let is_range =
            self.rest.starts_with('-') && self.rest != "-" && !self.rest.starts_with("-]");
        let high = if is_range {
            self.next();
            self.member()?
        } else {
            low
        };
        if high < low {
            return invalid(format!("invalid character class range: `{low}-{high}`"));
        }
        let low = char::from_u32(low).unwrap_or('\u{e000}');
        let high = char::from_u32(high).unwrap_or('\u{d7ff}');
        Ok((low <= high).then(|| ClassUnicodeRange::new(low, high)))
    }

    /// A character in brackets.
    fn member(&mut self) -> Result<u32, Refused> {
        match (self.next(), self.peek()) {
            (Some('\\'), Some(letter)) => {
                self.next();
                self.escape(letter)
            }
            (Some('\\') | None, _) => invalid("missing closing ]"),
            (Some(letter), _) => Ok(u32::from(letter)),
        }
    }

    /// The class: with the other cases of its characters if `fold`, and then negated if `negate`.
    pub(super) fn finished(
        &mut self,
        mut class: ClassUnicode,
        fold: bool,
        negate: bool,
    ) -> Result<ClassUnicode, Refused> {
        if fold {
            self.folded += class.iter().map(ClassUnicodeRange::len).sum::<usize>();
            if self.folded > MAX_FOLDED {
                return Err(Refused::too_large());
            }
            class.case_fold_simple();
        }
        if negate {
            class.negate();
        }
        self.ranges += class.ranges().len();
        if self.ranges > MAX_RANGES {
            return Err(Refused::too_large());
        }
        Ok(class)
    }
}

/// The class of ranges that are written as pairs of their ends.
fn pairs(ends: &str) -> ClassUnicode {
    let ends: Vec<char> = ends.chars().collect();
    let ranges = ends.chunks_exact(2);
    ClassUnicode::new(ranges.map(|ends| ClassUnicodeRange::new(ends[0], ends[1])))
}

/// A number without leading zeros. One that does not fit is read as the largest, which every limit refuses.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().unwrap_or(u32::MAX))
}
