//! Snake, kebab and camel case, with the words that the library behind sprig finds in a text.

use super::signature::{Function, STR, fixed, text};
use crate::format::{letters, runes};
use crate::letters::{is_letter, is_number, is_punctuation, is_upper, lower, upper};
use crate::resources::Resources;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("snakecase", STR, |resources, args| {
        paid(resources, args).map(|text| Value::from(joined(text, '_')))
    }),
    fixed("kebabcase", STR, |resources, args| {
        paid(resources, args).map(|text| Value::from(joined(text, '-')))
    }),
    fixed("camelcase", STR, |resources, args| {
        paid(resources, args).map(|text| Value::from(camel(letters(text))))
    }),
];

/// The text, for which a step a byte is paid: every letter of it is looked up several times.
fn paid<'a>(resources: &mut Resources<'_>, args: &'a [Value]) -> Result<&'a [u8], String> {
    let text = text(&args[0]);
    resources.charge(text.len() as u64)?;
    Ok(text)
}

fn is_connector(letter: char) -> bool {
    matches!(letter, '-' | '_') || letter.is_whitespace()
}

/// Whether it is a letter, but none of Chinese, Japanese or Korean.
fn is_alphabetic(letter: char) -> bool {
    is_letter(letter)
        && !matches!(letter, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Bytes that are no text, or the end.
    Invalid,
    Number,
    /// One that begins in upper case.
    Upper,
    Alphabetic,
    Connector,
    Punctuation,
    Other,
}

/// A text of which words are taken, one after the other.
struct Words<'t> {
    rest: &'t [u8],
}

/// The first letter that is valid, and how many bytes it and what is invalid before it have. At the end the letter is
/// `before`.
fn valid(text: &[u8], before: char) -> (char, usize) {
    let mut size = 0;
    for rune in runes(text) {
        match rune {
            Ok(letter) if letter != char::REPLACEMENT_CHARACTER => {
                return (letter, size + letter.len_utf8());
            }
            Ok(letter) => size += letter.len_utf8(),
            Err(_) => size += 1,
        }
    }
    (before, size)
}

/// Where the letters from `start` on end that are as wished, the last of them, and the letter that ended them.
struct Run {
    end: usize,
    last: usize,
    stop: Option<char>,
}

fn run(text: &[u8], start: usize, mut letter: char, wished: impl Fn(char) -> bool) -> Run {
    let (mut end, mut last) = (start, 0);
    while end < text.len() {
        let (next, size) = valid(&text[end..], letter);
        if !wished(next) {
            return Run {
                end,
                last,
                stop: Some(next),
            };
        }
        letter = next;
        last = size;
        end += size;
    }
    Run {
        end,
        last,
        stop: None,
    }
}

impl<'t> Words<'t> {
    fn next(&mut self) -> (Word, &'t [u8]) {
        let (first, size) = valid(self.rest, char::REPLACEMENT_CHARACTER);
        let text = self.rest;
        let go = |wished: fn(char) -> bool| run(text, size, first, wished).end;
        let (word, end) = match first {
            char::REPLACEMENT_CHARACTER => (Word::Invalid, size),
            _ if is_connector(first) => (Word::Connector, go(is_connector)),
            _ if is_punctuation(first) => (Word::Punctuation, go(is_punctuation)),
            _ if is_upper(first) => (Word::Upper, upper_end(text, size, first)),
            _ if is_alphabetic(first) => (Word::Alphabetic, go(is_small)),
            _ if is_number(first) => (Word::Number, go(is_number)),
            _ => (Word::Other, go(is_other)),
        };
        let (word_text, rest) = text.split_at(end);
        self.rest = rest;
        (word, word_text)
    }
}

fn is_small(letter: char) -> bool {
    is_alphabetic(letter) && !is_upper(letter)
}

fn is_other(letter: char) -> bool {
    !(is_connector(letter) || is_alphabetic(letter) || is_number(letter) || is_punctuation(letter))
}

/// The end of a word that begins with the upper-case letter before `start`: `Http`, or `HTTP` of `HTTPServer`.
fn upper_end(text: &[u8], start: usize, first: char) -> usize {
    if start == text.len() {
        return start;
    }
    let (second, size) = valid(&text[start..], first);
    let after = start + size;
    if !is_upper(second) {
        return match is_alphabetic(second) {
            true => run(text, after, second, is_small).end,
            false => start,
        };
    }
    let found = run(text, after, second, is_upper);
    let last = if found.last == 0 { size } else { found.last };
    match found.stop {
        // The last of several begins the next word.
        Some(stop) if is_alphabetic(stop) => found.end - last,
        _ => found.end,
    }
}

/// The words in lower case, joined.
fn joined(text: &[u8], connector: char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut words = Words { rest: text };
    let (mut word, mut of) = words.next();
    while !words.rest.is_empty() {
        if word != Word::Connector {
            push_lower(&mut out, word, of, connector);
        }
        let (before, before_of) = (word, of);
        (word, of) = words.next();
        match before {
            Word::Connector => push_lower(&mut out, before, before_of, connector),
            Word::Punctuation => {}
            Word::Number => {
                (word, of) = push_run(&mut out, &mut words, (word, of), connector);
                connect(&mut out, word, true, connector);
            }
            _ if word != Word::Number => connect(&mut out, word, false, connector),
            _ if words.rest.is_empty() => {}
            _ => {
                // A number belongs to the word before it, unless lower-case letters follow.
                let number = of;
                (word, of) = words.next();
                if word == Word::Alphabetic {
                    out.extend_from_slice(connector.encode_utf8(&mut [0; 4]).as_bytes());
                    out.extend_from_slice(number);
                    (word, of) = push_run(&mut out, &mut words, (word, of), connector);
                    connect(&mut out, word, true, connector);
                } else {
                    out.extend_from_slice(number);
                    connect(&mut out, word, false, connector);
                }
            }
        }
    }
    push_lower(&mut out, word, of, connector);
    out
}

/// Appends letters and numbers as long as they follow one another; gives the word after them.
fn push_run<'t>(
    out: &mut Vec<u8>,
    words: &mut Words<'t>,
    mut next: (Word, &'t [u8]),
    connector: char,
) -> (Word, &'t [u8]) {
    while matches!(next.0, Word::Alphabetic | Word::Number) {
        push_lower(out, next.0, next.1, connector);
        next = words.next();
    }
    next
}

/// Appends a connector, unless what follows is one or a mark, or the end where that counts.
fn connect(out: &mut Vec<u8>, next: Word, ends: bool, connector: char) {
    let is_none = match next {
        Word::Connector | Word::Punctuation => true,
        Word::Invalid => ends,
        _ => false,
    };
    if !is_none {
        out.extend_from_slice(connector.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn push_lower(out: &mut Vec<u8>, word: Word, of: &[u8], connector: char) {
    if !matches!(word, Word::Upper | Word::Connector) {
        return out.extend_from_slice(of);
    }
    for letter in letters(of) {
        let changed = match letter {
            _ if is_connector(letter) => connector,
            _ if is_upper(letter) => lower(letter),
            _ => letter,
        };
        out.extend_from_slice(changed.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Words that begin in upper case, without what connected them. Connectors before the first word stay, and of several
/// connectors all but one.
fn camel(mut letters: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut last = None;
    let mut before = loop {
        match letters.next() {
            Some(letter) if is_connector(letter) => {
                out.push(letter);
                last = Some(letter);
            }
            Some(letter) => break letter,
            None => {
                out.extend(last);
                return out;
            }
        }
    };
    let mut shouts = is_upper(before);
    before = upper(before);
    for letter in letters {
        let mut next = letter;
        match (is_connector(before), is_connector(letter)) {
            (true, true) => out.push(before),
            (true, false) => {
                shouts = is_upper(letter);
                next = upper(letter);
            }
            (false, _) => {
                shouts &= is_upper(letter);
                if shouts {
                    next = lower(letter);
                }
                out.push(before);
            }
        }
        before = next;
    }
    out.push(before);
    out
}
