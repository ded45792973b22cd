//! Glob patterns, as `getFileGlob` takes them.

use std::iter::Peekable;
use std::str::Chars;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::limit;

/// Bytes of a compiled pattern.
const COMPILED_BYTES: usize = 64 * 1024;
/// Steps that compiling a pattern costs.
pub(crate) const COMPILING: u64 = 2_000;

/// A glob as a regular expression: `*` and `?` stay within a path segment, `**` does not; `[abc]`, `[a-c]`, `[!abc]`,
/// `{a,b}` and `\` are known. What is open at the end is closed there, except for a bracket. Where `**` stands alone
/// between two texts, these may share letters: `a/**/b` matches `a/b`.
pub(crate) fn compile(glob: &str) -> Result<Regex, String> {
    if glob.len() > limit::GLOB_BYTES {
        return Err("the pattern is too long".to_owned());
    }
    let mut pattern = String::from("^(?s:");
    for path in around_stars(glob).into_iter().flatten() {
        pattern.push_str(&regex::escape(&path));
        pattern.push('|');
    }
    let mut open = 0usize;
    let mut letters = glob.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // Any letters are any bytes: these classes are small.
            '*' if letters.next_if_eq(&'*').is_some() => pattern.push_str("(?s-u:.*)"),
            '*' => pattern.push_str("(?-u:[^/]*)"),
            '?' => pattern.push_str("[^/]"),
            '{' => {
                open += 1;
                pattern.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                pattern.push(')');
            }
            ',' if open > 0 => pattern.push('|'),
            '[' => pattern.push_str(&bracket(&mut letters)?),
            '\\' => push_literal(&mut pattern, letters.next()),
            other => push_literal(&mut pattern, Some(other)),
        }
    }
    pattern.extend(std::iter::repeat_n(')', open));
    pattern.push_str(")$");
    // It is matched with a few paths, once: what makes matching faster takes longer to build.
    let config = Regex::config()
        .nfa_size_limit(Some(COMPILED_BYTES))
        .dfa(false)
        .hybrid(false)
        .onepass(false);
    Regex::builder()
        .configure(config)
        .syntax(syntax::Config::new().utf8(false))
        .build(&pattern)
        .map_err(|_| format!("bad pattern {glob:?}"))
}

/// What matches a glob of two texts with `**` between them where its end begins before its beginning ends; nothing of
/// any other glob.
fn around_stars(glob: &str) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    let mut letters = glob.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => texts.push(String::new()),
            '*' | '?' | '[' | '{' => return None,
            '\\' => texts.last_mut()?.extend(letters.next()),
            other => texts.last_mut()?.push(other),
        }
    }
    let [prefix, suffix] = texts.as_slice() else {
        return None;
    };
    let shared = suffix
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    let shared = shared.filter(|shared| prefix.ends_with(&suffix[..*shared]));
    Some(
        shared
            .map(|shared| format!("{prefix}{}", &suffix[shared..]))
            .collect(),
    )
}

fn push_literal(pattern: &mut String, letter: Option<char>) {
    if let Some(letter) = letter {
        pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

/// What follows a `[`: either a range or some letters, in which a dash is one, too.
fn bracket(letters: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let unclosed = || "unexpected end of input".to_owned();
    let mut class = String::from("[");
    if letters.next_if_eq(&'!').is_some() {
        class.push('^');
    }
    let first = letters.next().ok_or_else(unclosed)?;
    if letters.next_if_eq(&'-').is_some() {
        let last = letters.next().ok_or_else(unclosed)?;
        if last < first {
            return Err(format!("{last:?} should not be less than {first:?}"));
        }
        push_literal(&mut class, Some(first));
        class.push('-');
        push_literal(&mut class, Some(last));
        return match letters.next() {
            Some(']') => Ok(class + "]"),
            Some(_) => Err("expected close range character".to_owned()),
            None => Err(unclosed()),
        };
    }
    let mut next = Some(first);
    let mut is_empty = true;
    loop {
        let literal = match next.ok_or_else(unclosed)? {
            ']' if is_empty => return Err("could not parse range".to_owned()),
            ']' => return Ok(class + "]"),
            '\\' => letters.next().ok_or_else(unclosed)?,
            letter => letter,
        };
        push_literal(&mut class, Some(literal));
        is_empty = false;
        next = letters.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_what_it_does_in_the_original() {
        for (glob, path, is_match) in [
            ("[!a]", "b", true),
            ("[!a]", "a", false),
            ("[^a]", "^", true),
            ("[^a]", "b", false),
            ("**/a", "a", false),
            ("**/a", "d/a", true),
            ("**/a", "d/e/a", true),
            ("a/**", "a", false),
            ("a/**", "a/d/e", true),
            ("a**", "a/d", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/d/e/b", true),
            ("a/**/b", "ab", false),
            ("a/**/*", "a/b", false),
            ("aa**aa", "aaa", true),
            ("aa**aa", "aa", true),
            ("aa**aa", "a", false),
            ("é**é", "é", true),
            ("*", "a/b", false),
            ("{a,b/c}", "b/c", true),
        ] {
            let compiled = compile(glob).unwrap();
            assert_eq!(compiled.is_match(path), is_match, "{glob} {path}");
        }
    }
}
