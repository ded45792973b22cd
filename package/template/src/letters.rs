//! Letters as Go's `unicode` sees them: their general category, and the one letter that is their other case.

use unicode_general_category::{GeneralCategory as Category, get_general_category};

pub(crate) fn is_upper(letter: char) -> bool {
    get_general_category(letter) == Category::UppercaseLetter
}

pub(crate) fn is_lower(letter: char) -> bool {
    get_general_category(letter) == Category::LowercaseLetter
}

/// Whether it is one sign of two letters of which the first is upper case.
pub(crate) fn is_title(letter: char) -> bool {
    get_general_category(letter) == Category::TitlecaseLetter
}

pub(crate) fn is_letter(letter: char) -> bool {
    let letters = [Category::ModifierLetter, Category::OtherLetter];
    is_upper(letter)
        || is_lower(letter)
        || is_title(letter)
        || letters.contains(&get_general_category(letter))
}

pub(crate) fn is_number(letter: char) -> bool {
    let numbers = [
        Category::DecimalNumber,
        Category::LetterNumber,
        Category::OtherNumber,
    ];
    numbers.contains(&get_general_category(letter))
}

pub(crate) fn is_punctuation(letter: char) -> bool {
    let marks = [
        Category::ConnectorPunctuation,
        Category::DashPunctuation,
        Category::OpenPunctuation,
        Category::ClosePunctuation,
        Category::InitialPunctuation,
        Category::FinalPunctuation,
        Category::OtherPunctuation,
    ];
    marks.contains(&get_general_category(letter))
}

/// The one letter it becomes; where Unicode has several, Go leaves it as it is.
fn single(letter: char, mut changed: impl Iterator<Item = char>) -> char {
    match (changed.next(), changed.next()) {
        (Some(changed), None) => changed,
        _ => letter,
    }
}

pub(crate) fn upper(letter: char) -> char {
    let code = u32::from(letter);
    // Greek vowels with an iota below: one sign with the iota beside it, though Unicode prefers two letters.
    let beside = match code {
        0x1f80..=0x1faf if code & 8 == 0 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => return single(letter, letter.to_uppercase()),
    };
    char::from_u32(beside).unwrap_or(letter)
}

pub(crate) fn lower(letter: char) -> char {
    if letter == '\u{130}' {
        'i'
    } else {
        single(letter, letter.to_lowercase())
    }
}

/// The title case: the upper case, except of signs of two letters and of Georgian.
pub(crate) fn title(letter: char) -> char {
    match letter {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => letter,
        _ => upper(letter),
    }
}
