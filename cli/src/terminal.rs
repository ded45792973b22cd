//! The text of others on a terminal: escaped, broken between words, and cut.

use stevedore_package::printable::printable;

/// Widest line, in columns.
pub(crate) const WIDTH: usize = 100;
/// Stands for what is cut off.
const CUT: char = '…';

/// The text with every character as an escape, `\u{1b}`, that a terminal obeys, or that hides others or puts them in
/// another order; line breaks and tabs too.
pub(crate) fn escaped(text: &str) -> String {
    let shown = printable(text);
    shown.replace('\n', "\\u{a}").replace('\t', "\\u{9}")
}

/// The text on one line, in which any space is one blank.
pub(crate) fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escaped(&words.join(" "))
}

/// The text in lines that are no longer than `width`, where that can be had by breaking them between words.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        let line = lines.len() - 1;
        if used > 0 && used + 1 + length > width {
            lines.push(word.to_owned());
            used = length;
        } else {
            if used > 0 {
                lines[line].push(' ');
                used += 1;
            }
            lines[line].push_str(word);
            used += length;
        }
    }
    lines
}

/// The text, or its beginning and a sign, that has no more characters than `width`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => {
            let begin = text.chars().take(width.saturating_sub(1));
            begin.chain([CUT]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_an_escape_and_all_else_stays() {
        let hostile = "a\u{1b}[31mb\rc\u{9b}d\u{202e}e\u{2028}f\u{200b}\n";
        let shown = "a\\u{1b}[31mb\\u{d}c\\u{9b}d\\u{202e}e\\u{2028}f\\u{200b}\\u{a}";
        assert_eq!(escaped(hostile), shown);
        assert_eq!(escaped("Ä 日本 \\"), "Ä 日本 \\");
        assert_eq!(on_one_line(" a\n\t b \u{1b}"), "a b \\u{1b}");
    }

    #[test]
    fn lines_are_broken_between_words_only() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("aaaaaaaa b", 5), ["aaaaaaaa", "b"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn what_is_too_long_ends_with_a_sign() {
        assert_eq!(cut("äbcd", 4), "äbcd");
        assert_eq!(cut("äbcde", 4), "äbc…");
    }
}
