//! The parser's state: tokens to come and given back, variables in scope, nesting, and the definitions found so far.

use std::collections::HashMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::ast::{Node, Tree, Trees};
use crate::error::ParseError;
use crate::lex::{Kind, Lexer, Token};
use crate::limit;

pub(super) struct Parser<'a> {
    file: Arc<str>,
    lexer: Lexer<'a>,
    /// Tokens given back, the next one last.
    pending: Vec<Token<'a>>,
    line: u32,
    /// Whether functions that read files are offered.
    pub(super) with_files: bool,
    pub(super) scope: Scope,
    nesting: usize,
    /// What all files have so far.
    parts: &'a mut usize,
    pub(super) trees: Trees,
}

/// What is visible inside one template definition.
#[derive(Default)]
pub(super) struct Scope {
    vars: Vec<Box<str>>,
    /// How often each name is among them.
    known: HashMap<Box<str>, usize>,
    pub(super) ranges: usize,
}

impl Scope {
    pub(super) fn declare(&mut self, name: Box<str>) {
        *self.known.entry(name.clone()).or_default() += 1;
        self.vars.push(name);
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        name == "$" || self.known.get(name).is_some_and(|times| *times > 0)
    }

    /// The number of variables, to come back to with [`Scope::forget`].
    pub(super) fn mark(&self) -> usize {
        self.vars.len()
    }

    /// Forgets what was declared since the mark.
    pub(super) fn forget(&mut self, mark: usize) {
        for name in self.vars.drain(mark..) {
            self.known.entry(name).and_modify(|times| *times -= 1);
        }
    }
}

pub(super) type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    pub(super) fn new(file: &str, source: &'a str, with_files: bool, parts: &'a mut usize) -> Self {
        Self {
            file: file.into(),
            lexer: Lexer::new(source),
            pending: Vec::new(),
            line: 1,
            with_files,
            scope: Scope::default(),
            nesting: 0,
            parts,
            trees: Trees::new(),
        }
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(ParseError::Syntax {
            file: self.file.to_string(),
            line: self.line,
            message: message.into(),
        })
    }

    /// Counts a part of the parsed form, before it is made.
    pub(super) fn part(&mut self) -> Parsed<()> {
        *self.parts += 1;
        if *self.parts > limit::TEMPLATE_PARTS {
            let file = self.file.to_string();
            return Err(ParseError::TooLarge { file });
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self
            .pending
            .pop()
            .unwrap_or_else(|| self.lexer.next_token());
        self.line = token.pos.line;
        token
    }

    pub(super) fn give_back(&mut self, token: Token<'a>) -> Kind {
        let kind = token.kind;
        self.pending.push(token);
        kind
    }

    pub(super) fn next_solid(&mut self) -> Token<'a> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek(&mut self) -> Kind {
        let token = self.next();
        self.give_back(token)
    }

    pub(super) fn peek_solid(&mut self) -> Kind {
        let token = self.next_solid();
        self.give_back(token)
    }

    pub(super) fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        match token.kind {
            Kind::Error => self.fail(token.text.as_ref()),
            Kind::Eof => self.fail(format!("unexpected EOF in {context}")),
            Kind::Keyword => self.fail(format!("unexpected <{}> in {context}", token.text)),
            _ => self.fail(format!("unexpected {:?} in {context}", token.text)),
        }
    }

    pub(super) fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token<'a>> {
        let token = self.next_solid();
        if token.kind == kind {
            Ok(token)
        } else {
            self.unexpected(&token, context)
        }
    }

    /// One level deeper; [`Parser::leave`] comes back.
    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > limit::TEMPLATE_NESTING {
            let most = limit::TEMPLATE_NESTING;
            return self.fail(format!("nested more than {most} deep"));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.nesting -= 1;
    }

    /// Adds a definition: an empty one never replaces another, two with content are an error.
    pub(super) fn add(&mut self, name: Box<str>, nodes: Box<[Node]>) -> Parsed<()> {
        self.part()?;
        let tree = Tree {
            name: name.clone(),
            file: Arc::clone(&self.file),
            nodes,
        };
        match self.trees.entry(name) {
            Entry::Vacant(place) => {
                place.insert(tree);
            }
            Entry::Occupied(mut known) if known.get().is_empty() => {
                known.insert(tree);
            }
            Entry::Occupied(_) if tree.is_empty() => {}
            Entry::Occupied(_) => {
                return self.fail(format!("multiple definition of template {:?}", tree.name));
            }
        }
        Ok(())
    }
}
