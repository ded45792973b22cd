//! The text of a document before it is parsed: characters that it cannot have, and what Kubernetes' reader, which is of
//! the older YAML, takes in another way than the parser.

use granit_parser::ErrorKind;

use super::failure::Failure;
use crate::limit;

/// How often a text is mended before it is refused after all: less often the longer it is, since it is read again.
pub(super) fn mendings(text: &str) -> usize {
    (limit::YAML_BYTES / text.len().max(1)).min(16)
}

/// Refuses what cannot stand in a document as it is: control characters, and what is no character.
pub(super) fn check(text: &str) -> Result<(), Failure> {
    let allowed = |letter: char| match letter {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        _ => !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}'),
    };
    let Some(at) = text.find(|letter| !allowed(letter)) else {
        return Ok(());
    };
    let before = &text[..at];
    let last = before.rsplit('\n').next().unwrap_or_default();
    let message = "a control character; in double quotes it can be written as an escape";
    Err(Failure {
        line: before.matches('\n').count() + 1,
        column: last.chars().count() + 1,
        ..Failure::at_start(message.to_owned())
    })
}

/// The text as the parser takes it, if what it refuses at `offset` is right in the older YAML: a comment right after a
/// quote or a bracket, and an apostrophe that is escaped in double quotes.
pub(super) fn mended(text: &str, kind: &ErrorKind, offset: usize) -> Option<String> {
    let (before, rest) = text.split_at_checked(offset)?;
    match kind {
        ErrorKind::CommentNotSeparated if rest.starts_with('#') => Some(format!("{before} {rest}")),
        ErrorKind::UnknownQuotedScalarEscape if rest.starts_with('"') => {
            let mut quoted = String::with_capacity(rest.len());
            let mut is_escaped = false;
            for (at, letter) in rest.char_indices() {
                if letter == '"' && !is_escaped && at > 0 {
                    quoted.push_str(&rest[at..]);
                    break;
                }
                if letter == '\'' && is_escaped {
                    quoted.pop();
                }
                quoted.push(letter);
                is_escaped = letter == '\\' && !is_escaped;
            }
            (quoted.len() < rest.len()).then(|| format!("{before}{quoted}"))
        }
        _ => None,
    }
}
