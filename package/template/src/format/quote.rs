//! Runes of Go's strings, which are bytes, and their quoting.

use std::fmt::Write as _;

/// The runes of a string; a byte that is not part of valid UTF-8 stands alone.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = Result<char, u8>> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(Ok);
        valid.chain(chunk.invalid().iter().copied().map(Err))
    })
}

/// The runes of a string, with what is not UTF-8 replaced.
pub(crate) fn letters(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    runes(bytes).map(|rune| rune.unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Whether Go calls this character printable: letters, marks, numbers, punctuation, symbols, space.
pub(crate) fn is_print(letter: char) -> bool {
    if letter.is_ascii() {
        return letter == ' ' || letter.is_ascii_graphic();
    }
    // After another character only what cannot be shown is escaped.
    let pair: String = ['a', letter].iter().collect();
    pair.escape_debug().nth(1) != Some('\\')
}

/// `strconv.Quote`.
pub(crate) fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, '"', false)
}

pub(super) fn quote_with(bytes: &[u8], mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push(mark);
    for rune in runes(bytes) {
        match rune {
            Err(byte) => push_hex(&mut out, 'x', u32::from(byte), 2),
            Ok(letter) => push_escaped(&mut out, letter, mark, ascii),
        }
    }
    out.push(mark);
    out
}

fn push_escaped(out: &mut String, letter: char, mark: char, ascii: bool) {
    let code = u32::from(letter);
    match letter {
        '\\' => out.push_str("\\\\"),
        _ if letter == mark => {
            out.push('\\');
            out.push(mark);
        }
        _ if is_print(letter) && (!ascii || letter.is_ascii()) => out.push(letter),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if code < 0x20 || code == 0x7f => push_hex(out, 'x', code, 2),
        _ if code < 0x1_0000 => push_hex(out, 'u', code, 4),
        _ => push_hex(out, 'U', code, 8),
    }
}

fn push_hex(out: &mut String, form: char, code: u32, digits: usize) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\{form}{code:0digits$x}");
}

/// Whether a raw string literal can hold it.
pub(super) fn can_backquote(bytes: &[u8]) -> bool {
    runes(bytes).all(|rune| match rune {
        Ok(letter) => {
            letter != '`'
                && letter != '\u{feff}'
                && letter != '\u{7f}'
                && (letter >= ' ' || letter == '\t')
        }
        Err(_) => false,
    })
}
