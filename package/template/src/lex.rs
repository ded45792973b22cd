//! The lexer: cuts a template into tokens, which are text and what stands between `{{` and `}}`.

pub(crate) mod token;

use std::borrow::Cow;

use crate::ast::Pos;

pub(crate) use token::{Kind, Token};

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

#[derive(Default)]
pub(crate) struct Lexer<'a> {
    input: &'a str,
    at: usize,
    start: usize,
    /// Line of `counted`, and where that line begins.
    line: u32,
    line_start: usize,
    counted: usize,
    inside: bool,
    parens: usize,
    failed: bool,
}

type Step = Result<Kind, String>;

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: &'a str) -> Self {
        Self {
            input,
            line: 1,
            ..Self::default()
        }
    }

    /// The next token; after an error or the end only [`Kind::Eof`] follows.
    pub(crate) fn next_token(&mut self) -> Token<'a> {
        self.start = self.at;
        if self.failed {
            return self.token(Kind::Eof, "EOF");
        }
        let step = if self.inside {
            self.in_action()
        } else {
            self.in_text()
        };
        match step {
            Ok(Kind::Eof) => self.token(Kind::Eof, "EOF"),
            Ok(kind) => self.token(kind, self.trimmed(kind)),
            Err(message) => {
                self.failed = true;
                self.token(Kind::Error, message)
            }
        }
    }

    fn trimmed(&self, kind: Kind) -> &'a str {
        let text = &self.input[self.start..self.at];
        let marked = self.input[self.at..]
            .strip_prefix(LEFT)
            .is_some_and(has_left_marker);
        if kind == Kind::Text && marked {
            text.trim_end_matches(SPACES)
        } else {
            text
        }
    }

    fn token(&mut self, kind: Kind, text: impl Into<Cow<'a, str>>) -> Token<'a> {
        Token {
            kind,
            text: text.into(),
            pos: self.position(),
        }
    }

    /// The place of `start`; the lexer only moves on, so lines are counted once.
    fn position(&mut self) -> Pos {
        for (offset, _) in self.input[self.counted..self.start].match_indices('\n') {
            self.line += 1;
            self.line_start = self.counted + offset + 1;
        }
        self.counted = self.start;
        let column = u32::try_from(self.start - self.line_start).unwrap_or(u32::MAX);
        Pos {
            line: self.line,
            column,
        }
    }

    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|next| valid.contains(next));
        if found {
            self.at += 1;
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn in_text(&mut self) -> Step {
        loop {
            if self.rest().is_empty() {
                return Ok(Kind::Eof);
            }
            if self.rest().starts_with(LEFT) {
                let after = &self.rest()[LEFT.len()..];
                let marker = if has_left_marker(after) { 2 } else { 0 };
                if !after[marker..].starts_with("/*") {
                    self.at += LEFT.len();
                    self.inside = true;
                    self.parens = 0;
                    return Ok(Kind::LeftDelim);
                }
                self.at += LEFT.len() + marker;
                self.start = self.at;
                self.skip_comment()?;
                self.start = self.at;
                continue;
            }
            self.at = self
                .rest()
                .find(LEFT)
                .map_or(self.input.len(), |x| self.at + x);
            if !self.trimmed(Kind::Text).is_empty() {
                return Ok(Kind::Text);
            }
            self.start = self.at;
        }
    }

    fn skip_comment(&mut self) -> Result<(), String> {
        let Some(end) = self.rest()[2..].find("*/") else {
            return Err("unclosed comment".to_owned());
        };
        self.at += 2 + end + 2;
        if self.skip_right_delim() {
            Ok(())
        } else {
            Err("comment ends before closing delimiter".to_owned())
        }
    }

    /// Passes a right delimiter with its trim marker and the space it trims, if one is here.
    fn skip_right_delim(&mut self) -> bool {
        if at_marked_right(self.rest()) {
            self.at += 2 + RIGHT.len();
            self.at = self.input.len() - self.rest().trim_start_matches(SPACES).len();
            return true;
        }
        let here = self.rest().starts_with(RIGHT);
        if here {
            self.at += RIGHT.len();
        }
        here
    }

    fn in_action(&mut self) -> Step {
        // The left trim marker belongs to the delimiter.
        let opened = self.input[..self.at].ends_with(LEFT);
        if opened && has_left_marker(self.rest()) {
            self.at += 2;
            self.start = self.at;
        }
        if at_marked_right(self.rest()) || self.rest().starts_with(RIGHT) {
            if self.parens > 0 {
                return Err("unclosed left paren".to_owned());
            }
            self.skip_right_delim();
            self.inside = false;
            return Ok(Kind::RightDelim);
        }
        let Some(next) = self.bump() else {
            return Err("unclosed action".to_owned());
        };
        match next {
            ' ' | '\t' | '\r' | '\n' => Ok(self.space()),
            '=' => Ok(Kind::Assign),
            ':' if self.accept("=") => Ok(Kind::Declare),
            ':' => Err("expected :=".to_owned()),
            '|' => Ok(Kind::Pipe),
            ',' => Ok(Kind::Comma),
            '"' => self.quoted('"', "unterminated quoted string", Kind::Str),
            '\'' => self.quoted('\'', "unterminated character constant", Kind::CharConstant),
            '`' => self.raw_quoted(),
            '$' => self.word(Kind::Variable, Kind::Variable),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.word(Kind::Dot, Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.at = self.start;
                self.number()
            }
            '(' => {
                self.parens += 1;
                Ok(Kind::LeftParen)
            }
            ')' if self.parens == 0 => Err("unexpected right paren".to_owned()),
            ')' => {
                self.parens -= 1;
                Ok(Kind::RightParen)
            }
            _ if is_alphanumeric(next) => self.identifier(),
            _ if next.is_ascii_graphic() => Ok(Kind::Char),
            _ => Err(format!("unrecognized character in action: {next:?}")),
        }
    }

    /// A run of space, which ends before the space of a right trim marker.
    fn space(&mut self) -> Kind {
        self.at = self.start;
        while self.peek().is_some_and(|next| SPACES.contains(&next))
            && !at_marked_right(self.rest())
        {
            self.at += 1;
        }
        Kind::Space
    }

    fn quoted(&mut self, end: char, message: &str, kind: Kind) -> Step {
        loop {
            match self.bump() {
                Some('\\') => match self.bump() {
                    None | Some('\n') => return Err(message.to_owned()),
                    Some(_) => {}
                },
                None | Some('\n') => return Err(message.to_owned()),
                Some(next) if next == end => return Ok(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_quoted(&mut self) -> Step {
        let Some(end) = self.rest().find('`') else {
            return Err("unterminated raw quoted string".to_owned());
        };
        self.at += end + 1;
        Ok(Kind::RawStr)
    }

    /// What follows a `$` or `.`: nothing, or a name.
    fn word(&mut self, alone: Kind, named: Kind) -> Step {
        if self.at_terminator() {
            return Ok(alone);
        }
        self.run_of_name()?;
        Ok(named)
    }

    fn identifier(&mut self) -> Step {
        self.run_of_name()?;
        Ok(match &self.input[self.start..self.at] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            "block" | "break" | "continue" | "define" | "else" | "end" | "if" | "range"
            | "template" | "with" => Kind::Keyword,
            _ => Kind::Identifier,
        })
    }

    fn run_of_name(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.bump();
        }
        if self.at_terminator() {
            return Ok(());
        }
        let bad = self.peek().unwrap_or_default();
        Err(format!("bad character U+{:04X} {bad:?}", u32::from(bad)))
    }

    fn at_terminator(&self) -> bool {
        self.peek()
            .is_none_or(|next| SPACES.contains(&next) || ".,|:)(".contains(next))
            || self.rest().starts_with(RIGHT)
    }

    fn number(&mut self) -> Step {
        let well_formed = self.scan_number();
        if well_formed && !self.peek().is_some_and(|sign| sign == '+' || sign == '-') {
            return Ok(Kind::Number);
        }
        Err(format!(
            "bad number syntax: {:?}",
            &self.input[self.start..self.at]
        ))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if !exponent.is_empty() && self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

fn is_alphanumeric(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

fn has_left_marker(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(SPACES))
}

fn at_marked_right(text: &str) -> bool {
    text.strip_prefix(SPACES).is_some_and(|rest| {
        rest.strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(RIGHT))
    })
}
