//! The parsed form of a template, and how its parts print in messages.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::functions::Named;
use crate::literal::Number;

/// Templates by name: the file, or what one defines.
pub(crate) type Trees = BTreeMap<Box<str>, Tree>;

/// A place in a template file: line from 1, column (in bytes) from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pos {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Pos {
    /// Where a file begins, for messages about the file as a whole.
    pub(crate) const START: Self = Self { line: 1, column: 0 };
}

/// A named template.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Box<str>,
    /// The file it was written in.
    pub(crate) file: Arc<str>,
    pub(crate) nodes: Box<[Node]>,
}

impl Tree {
    /// Whether there is nothing but space: such a definition never replaces another.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| match node {
            Node::Text(text) => text.trim_ascii().is_empty(),
            _ => false,
        })
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    Action(Pipe),
    Branch(Branch),
    Template {
        pos: Pos,
        name: Box<str>,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) control: Control,
    pub(crate) pipe: Pipe,
    pub(crate) list: Box<[Node]>,
    /// What stands after `else`.
    pub(crate) otherwise: Box<[Node]>,
}

/// What a branch does with the value of its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    If,
    With,
    Range,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: Pos,
    pub(crate) assign: bool,
    pub(crate) decl: Box<[Box<str>]>,
    pub(crate) commands: Box<[Command]>,
}

#[derive(Debug)]
pub(crate) struct Command {
    /// Never empty.
    pub(crate) args: Box<[Expr]>,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) pos: Pos,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// The literal as written, and its meaning.
    Str(Box<str>, Box<[u8]>),
    Field(Box<[Box<str>]>),
    /// The variable's name with its `$`, then fields.
    Variable(Box<str>, Box<[Box<str>]>),
    Chain(Box<Expr>, Box<[Box<str>]>),
    Function(Named),
    Pipe(Box<Pipe>),
}

/// Something a message can point at.
pub(crate) trait Located: fmt::Display {
    fn pos(&self) -> Pos;
}

impl Located for Expr {
    fn pos(&self) -> Pos {
        self.pos
    }
}

impl Located for Pipe {
    fn pos(&self) -> Pos {
        self.pos
    }
}

impl Located for Command {
    fn pos(&self) -> Pos {
        self.args[0].pos
    }
}

/// A `template` action as a message shows it.
pub(crate) struct Call<'a>(
    pub(crate) Pos,
    pub(crate) &'a str,
    pub(crate) Option<&'a Pipe>,
);

impl Located for Call<'_> {
    fn pos(&self) -> Pos {
        self.0
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {:?}", self.1)?;
        if let Some(pipe) = self.2 {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.decl.is_empty() {
            let sign = if self.assign { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.decl.join(", "))?;
        }
        for (number, command) in self.commands.iter().enumerate() {
            let bar = if number == 0 { "" } else { " | " };
            write!(f, "{bar}{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, arg) in self.args.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            match &arg.kind {
                ExprKind::Pipe(pipe) => write!(f, "{space}({pipe})")?,
                _ => write!(f, "{space}{arg}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Dot => f.write_str("."),
            ExprKind::Nil => f.write_str("nil"),
            ExprKind::Bool(truth) => write!(f, "{truth}"),
            ExprKind::Number(number) => f.write_str(&number.text),
            ExprKind::Str(quoted, _) => f.write_str(quoted),
            ExprKind::Field(names) => write!(f, ".{}", names.join(".")),
            ExprKind::Variable(name, fields) => {
                f.write_str(name)?;
                fields.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            ExprKind::Chain(inner, fields) => {
                match &inner.kind {
                    ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{inner}")?,
                }
                fields.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            ExprKind::Function(named) => f.write_str(named.name),
            ExprKind::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}
