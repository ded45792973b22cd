//! Glob patterns, as `getFileGlob` takes them.

use regex::{Regex, RegexBuilder};

use crate::limit;

/// Bytes of a compiled pattern.
const COMPILED_BYTES: usize = 64 * 1024;
/// Steps that compiling a pattern costs.
pub(crate) const COMPILING: u64 = 2_000;

/// A glob as a regular expression: `*` and `?` stay within a path segment, `**` does not; `[abc]`,
/// `[!abc]`, `{a,b}` and `\` are known.
pub(crate) fn compile(glob: &str) -> Result<Regex, String> {
    let bad = || format!("bad pattern {glob:?}");
    if glob.len() > limit::GLOB_BYTES {
        return Err("the pattern is too long".to_owned());
    }
    let mut pattern = String::from("^(?s:");
    let mut open = 0usize;
    let mut letters = glob.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
            '*' => pattern.push_str("[^/]*"),
            '?' => pattern.push_str("[^/]"),
            '{' => {
                open += 1;
                pattern.push_str("(?:");
            }
            '}' => {
                open = open.checked_sub(1).ok_or_else(bad)?;
                pattern.push(')');
            }
            ',' if open > 0 => pattern.push('|'),
            '[' => {
                pattern.push('[');
                if letters.next_if_eq(&'!').is_some() {
                    pattern.push('^');
                }
                loop {
                    match letters.next().ok_or_else(bad)? {
                        ']' => break,
                        '-' => pattern.push('-'),
                        other => pattern.push_str(&regex::escape(&other.to_string())),
                    }
                }
                pattern.push(']');
            }
            '\\' => {
                let next = letters.next().ok_or_else(bad)?;
                pattern.push_str(&regex::escape(&next.to_string()));
            }
            other => pattern.push_str(&regex::escape(&other.to_string())),
        }
    }
    if open > 0 {
        return Err(bad());
    }
    pattern.push_str(")$");
    RegexBuilder::new(&pattern)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build()
        .map_err(|_| bad())
}
