//! Unified diffs of two texts, of which neither says what a terminal does.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};
use stevedore_package::printable::printable;

const REMOVED: Style = AnsiColor::Red.on_default();
const ADDED: Style = AnsiColor::Green.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();
const NAME: Style = Style::new().bold();
const SAME: Style = Style::new();

/// Longest time to look for the smallest diff: after that a larger one will do.
const WITHIN: Duration = Duration::from_secs(2);

/// What was and what is, by their names and texts, with the colours of a terminal.
pub(super) fn diff(old: (&str, &str), new: (&str, &str)) -> String {
    let diff = TextDiff::configure()
        .timeout(WITHIN)
        .diff_lines(old.1, new.1);
    let mut shown = String::new();
    line(&mut shown, NAME, "--- ", old.0);
    line(&mut shown, NAME, "+++ ", new.0);
    for hunk in diff.unified_diff().iter_hunks() {
        line(&mut shown, PLACE, "", &hunk.header().to_string());
        for change in hunk.iter_changes() {
            let (style, sign) = match change.tag() {
                ChangeTag::Delete => (REMOVED, "-"),
                ChangeTag::Insert => (ADDED, "+"),
                ChangeTag::Equal => (SAME, " "),
            };
            let text = change.value();
            line(
                &mut shown,
                style,
                sign,
                text.strip_suffix('\n').unwrap_or(text),
            );
            if change.missing_newline() {
                line(&mut shown, SAME, "", "\\ No newline at end of file");
            }
        }
    }
    shown
}

fn line(shown: &mut String, style: Style, sign: &str, text: &str) {
    let text = printable(text);
    writeln!(shown, "{style}{sign}{text}{style:#}").expect("a text takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The diff as a pipe gets it.
    fn plain(old: &str, new: &str) -> String {
        let diff = diff(("one", old), ("other", new));
        anstream::adapter::strip_str(&diff).to_string()
    }

    #[test]
    fn a_diff_has_names_places_and_three_lines_around() {
        let lines: Vec<String> = (1..=9).map(|number| format!("{number}\n")).collect();
        let old = lines.concat();
        let new = old.replace('5', "five");
        let expected = "--- one\n+++ other\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
        assert_eq!(plain(&old, &new), expected);
    }

    #[test]
    fn a_control_character_of_a_text_is_escaped() {
        let shown = diff(("a", "x: \u{1b}[2J\r\n"), ("b\u{7}", "x: \u{9b}2J"));
        let expected = "--- a\n+++ b\\u{7}\n@@ -1 +1 @@\n-x: \\u{1b}[2J\\u{d}\n+x: \\u{9b}2J\n\\ No newline at end of file\n";
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), expected);
        let own = shown.matches('\u{1b}').count();
        assert_eq!(own, 10, "{shown:?}");
    }

    #[test]
    fn texts_that_differ_in_the_last_line_break_alone_differ() {
        let shown = plain("a\n", "a");
        assert!(
            shown.ends_with("-a\n+a\n\\ No newline at end of file\n"),
            "{shown}"
        );
    }
}
