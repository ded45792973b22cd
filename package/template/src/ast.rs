//! The parsed form of a template, and how its parts print in messages.

use std::fmt;

/// A place in a template file: line from 1, column (in bytes) from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pos {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A named template.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) name: String,
    /// The file it was written in.
    pub(super) file: String,
    pub(super) nodes: Vec<Node>,
}

impl Tree {
    /// Whether there is nothing but space: such a definition never replaces another.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| match node {
            Node::Text(text) => text.trim_ascii().is_empty(),
            _ => false,
        })
    }
}

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        pos: Pos,
        name: String,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Node>,
    pub(super) otherwise: Option<Vec<Node>>,
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) pos: Pos,
    pub(super) assign: bool,
    pub(super) decl: Vec<String>,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    /// Never empty.
    pub(super) args: Vec<Expr>,
}

#[derive(Debug)]
pub(super) struct Expr {
    pub(super) pos: Pos,
    pub(super) kind: ExprKind,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// The literal as written, and its meaning.
    Str(String, Vec<u8>),
    Field(Vec<String>),
    /// The variable's name with its `$`, then fields.
    Variable(String, Vec<String>),
    Chain(Box<Expr>, Vec<String>),
    Function(String),
    Pipe(Pipe),
}

/// A numeric constant; which of the two it can be depends on where it stands.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) text: String,
    pub(super) int: Option<i64>,
    pub(super) float: Option<f64>,
}

/// Something a message can point at.
pub(super) trait Located: fmt::Display {
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
pub(super) struct Call<'a>(
    pub(super) Pos,
    pub(super) &'a str,
    pub(super) Option<&'a Pipe>,
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
            ExprKind::Function(name) => f.write_str(name),
            ExprKind::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}
