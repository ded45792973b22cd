//! Globs of paths, with the meaning that they have in Package Operator (`doublestar` 1.3), as regular expressions.

use std::iter::Peekable;
use std::str::Chars;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::limit;

/// Bytes of a compiled glob.
const SIZE: usize = 64 * 1024;

/// Compiles a glob that is compared with a whole path. `*` and `?` stay within a segment, `**` as a whole segment stands
/// for any number of them; `[a-c]`, `[^a-c]`, `{a,b}` and `\\` are known.
///
/// # Errors
/// With what is wrong.
pub(super) fn compile(glob: &str) -> Result<Regex, String> {
    if glob.is_empty() {
        return Err("Required value".to_owned());
    }
    if glob.len() > limit::GLOB_BYTES {
        let limit = limit::GLOB_BYTES;
        return Err(format!("must be no longer than {limit} bytes"));
    }
    let mut reader = Reader {
        letters: glob.chars().peekable(),
        pattern: "^(?:".to_owned(),
        open: 0,
    };
    let read = reader.glob();
    read.map_err(|why| format!("Invalid value: {glob:?}: {why}"))?;
    reader.pattern.push_str(")$");
    // What makes it match faster takes longer to build than all paths of a package take to match.
    let config = Regex::config()
        .nfa_size_limit(Some(SIZE))
        .hybrid_cache_capacity(SIZE)
        .dfa(false)
        .onepass(false);
    let syntax = syntax::Config::new().utf8(false).dot_matches_new_line(true);
    Regex::builder()
        .configure(config)
        .syntax(syntax)
        .build(&reader.pattern)
        .map_err(|_| "Invalid value: it stands for too much; use several".to_owned())
}

/// Any letters of a segment. As bytes they take less to compile, and match the same: all else that a pattern has stands
/// for whole letters, and paths are made of these.
const LETTERS: &str = "(?-u:[^/])*";

struct Reader<'g> {
    letters: Peekable<Chars<'g>>,
    pattern: String,
    /// Alternatives that are open.
    open: usize,
}

impl Reader<'_> {
    fn glob(&mut self) -> Result<(), String> {
        let mut is_start = true;
        while let Some(letter) = self.letters.next() {
            let was_start = std::mem::replace(&mut is_start, letter == '/');
            match letter {
                '*' => self.stars(was_start),
                '?' => self.pattern.push_str("[^/]"),
                '[' => self.class()?,
                '{' => {
                    self.open += 1;
                    self.pattern.push_str("(?:");
                }
                '}' if self.open > 0 => {
                    self.open -= 1;
                    self.pattern.push(')');
                }
                ',' if self.open > 0 => self.pattern.push('|'),
                '\\' => {
                    let letter = self.letters.next();
                    self.literal(letter.ok_or("a backslash ends it; double it")?);
                }
                other => self.literal(other),
            }
        }
        match self.open {
            0 => Ok(()),
            _ => Err("a '{' is not closed; write \"\\{\" for the letter".to_owned()),
        }
    }

    /// One star or several, of which the first was read.
    fn stars(&mut self, is_start: bool) {
        let mut count = 1;
        while self.letters.next_if_eq(&'*').is_some() {
            count += 1;
        }
        let is_whole = is_start && count == 2;
        match self.letters.peek() {
            None if is_whole => self.pattern.push_str(".*"),
            Some(',' | '}') if is_whole && self.open > 0 => self.pattern.push_str(".*"),
            Some('/') if is_whole => {
                self.letters.next();
                self.pattern.push_str(&format!("(?:{LETTERS}/)*"));
                // The next segment begins here, and may be another one.
                if self.letters.next_if_eq(&'*').is_some() {
                    self.stars(true);
                }
            }
            _ => self.pattern.push_str(LETTERS),
        }
    }

    /// A class, of which the bracket was read: its letters are those up to the next bracket.
    fn class(&mut self) -> Result<(), String> {
        let unclosed = || "a '[' is not closed; write \"\\[\" for the letter".to_owned();
        let is_negated = self.letters.next_if_eq(&'^').is_some();
        let mut class = String::new();
        while let Some(first) = self.class_letter().ok_or_else(unclosed)? {
            let mut last = first;
            if self.letters.next_if_eq(&'-').is_some() {
                let found = self.class_letter().ok_or_else(unclosed)?;
                last = found.ok_or("a range in brackets has no end")?;
            }
            for letter in [first, last] {
                if letter == ('-', false) {
                    return Err(
                        "a '-' in brackets is no range; write \"\\-\" for the letter".to_owned(),
                    );
                }
            }
            // One that ends before it begins has no letters.
            if first.0 <= last.0 {
                let escape = |letter: char| format!("\\u{{{:x}}}", u32::from(letter));
                class.push_str(&format!("{}-{}", escape(first.0), escape(last.0)));
            }
        }
        match (class.as_str(), is_negated) {
            ("", false) => return Err("nothing is in its brackets".to_owned()),
            ("", true) => self.pattern.push_str("[^/]"),
            (class, true) => self.pattern.push_str(&format!("[^/{class}]")),
            (class, false) => self.pattern.push_str(&format!("[{class}&&[^/]]")),
        }
        Ok(())
    }

    /// The next letter of a class, and whether it is escaped; none at the bracket that closes it, nothing at the end.
    fn class_letter(&mut self) -> Option<Option<(char, bool)>> {
        Some(match self.letters.next()? {
            ']' => None,
            '\\' => Some((self.letters.next()?, true)),
            letter => Some((letter, false)),
        })
    }

    fn literal(&mut self, letter: char) {
        let escaped = regex::escape(letter.encode_utf8(&mut [0; 4]));
        self.pattern.push_str(&escaped);
    }
}
