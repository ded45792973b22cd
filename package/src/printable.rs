//! Text as a terminal may be given it: a package says what is shown, and not what the terminal does.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The text with every character that a terminal obeys, or that hides others or puts them in another order, as an escape:
/// `\u{1b}`. Line breaks and tabs stay.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        push(&mut shown, letter);
    }
    shown
}

/// Adds one character.
pub(crate) fn push(shown: &mut String, letter: char) {
    use GeneralCategory as Category;
    let obeyed = matches!(
        get_general_category(letter),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
    );
    match obeyed && !matches!(letter, '\n' | '\t') {
        true => shown.extend(letter.escape_unicode()),
        false => shown.push(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_an_escape_and_all_else_stays() {
        assert_eq!(
            printable("a\u{1b}[31mb\rc\u{9b}d\u{202e}e\u{2028}f\u{200b}"),
            "a\\u{1b}[31mb\\u{d}c\\u{9b}d\\u{202e}e\\u{2028}f\\u{200b}"
        );
        for text in ["", "a\tb\n", "Ä 日本 🛳", "\\u{1b}"] {
            assert_eq!(printable(text), text);
        }
    }
}
