//! Pipelines: declarations, commands, operands.

use super::parser::{Parsed, Parser};
use crate::ast::{Command, Expr, ExprKind, Pipe};
use crate::lex::Kind;
use crate::{functions, literal};

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let start = self.next_solid();
        let pos = start.pos;
        self.give_back(start);
        let mut assign = false;
        let mut decl = Vec::new();
        let mut commands: Vec<Command> = Vec::new();
        while self.declaration(&mut decl, &mut assign, context)? {}
        loop {
            let token = self.next_solid();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawStr
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    self.give_back(token);
                    let command = self.command()?;
                    commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        if commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (stage, command) in commands.iter().enumerate().skip(1) {
            use ExprKind as E;
            let first = &command.args[0].kind;
            if matches!(
                first,
                E::Bool(_) | E::Dot | E::Nil | E::Number(_) | E::Str(..)
            ) {
                let stage = stage + 1;
                return self.fail(format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(Pipe {
            pos,
            assign,
            decl: decl.into(),
            commands: commands.into(),
        })
    }

    /// Reads one `$x :=`, `$x =` or, in a range, `$x,`; true if another variable may follow.
    fn declaration(
        &mut self,
        decl: &mut Vec<Box<str>>,
        assign: &mut bool,
        context: &str,
    ) -> Parsed<bool> {
        if self.peek_solid() != Kind::Variable {
            return Ok(false);
        }
        let variable = self.next_solid();
        let after = self.next();
        let (space, next) = if after.kind == Kind::Space {
            let next = self.next_solid();
            (Some(after), next)
        } else {
            (None, after)
        };
        let name: Box<str> = variable.text.as_ref().into();
        match next.kind {
            Kind::Assign | Kind::Declare => {
                *assign = next.kind == Kind::Assign;
                self.declare(name, decl)?;
                Ok(false)
            }
            Kind::Comma => {
                self.declare(name, decl)?;
                if context != "range" || decl.len() > 1 {
                    return self.fail(format!("too many declarations in {context}"));
                }
                match self.peek_solid() {
                    Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                    _ => self.fail("range can only initialize variables"),
                }
            }
            _ => {
                self.give_back(next);
                if let Some(space) = space {
                    self.give_back(space);
                }
                self.give_back(variable);
                Ok(false)
            }
        }
    }

    fn declare(&mut self, name: Box<str>, decl: &mut Vec<Box<str>>) -> Parsed<()> {
        self.part()?;
        decl.push(name.clone());
        self.scope.declare(name);
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut args = Vec::new();
        loop {
            self.peek_solid();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => {
                    self.give_back(token);
                }
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if args.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { args: args.into() })
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        if self.peek() != Kind::Field {
            return Ok(Some(term));
        }
        let pos = term.pos;
        let mut fields: Vec<Box<str>> = match &term.kind {
            ExprKind::Field(names) => names.to_vec(),
            _ => Vec::new(),
        };
        while self.peek() == Kind::Field {
            self.part()?;
            fields.push(self.next().text[1..].into());
        }
        let fields = fields.into_boxed_slice();
        let kind = match term.kind {
            ExprKind::Field(_) => ExprKind::Field(fields),
            ExprKind::Variable(name, _) => ExprKind::Variable(name, fields),
            ExprKind::Bool(_)
            | ExprKind::Str(..)
            | ExprKind::Number(_)
            | ExprKind::Nil
            | ExprKind::Dot => {
                return self.fail(format!("unexpected . after term {:?}", term.to_string()));
            }
            kind => ExprKind::Chain(Box::new(Expr { pos, kind }), fields),
        };
        Ok(Some(Expr { pos, kind }))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        self.part()?;
        let token = self.next_solid();
        let pos = token.pos;
        let text = token.text.as_ref();
        let kind = match token.kind {
            Kind::Identifier => match functions::find(text, self.with_files) {
                Some(function) => ExprKind::Function(function),
                None => {
                    let mut message = format!("function {text:?} not defined");
                    if let Some(why) = functions::why_refused(text) {
                        message.push_str(": ");
                        message.push_str(why);
                    }
                    return self.fail(message);
                }
            },
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Bool => ExprKind::Bool(text == "true"),
            Kind::Field => ExprKind::Field([text[1..].into()].into()),
            Kind::Variable => {
                if !self.scope.knows(text) {
                    return self.fail(format!("undefined variable {text:?}"));
                }
                ExprKind::Variable(text.into(), [].into())
            }
            Kind::CharConstant => {
                ExprKind::Number(self.known_literal(literal::char_constant(text))?)
            }
            Kind::Number => ExprKind::Number(self.known_literal(literal::number(text))?),
            Kind::Str | Kind::RawStr => {
                let meaning = self.known_literal(literal::unquote(text))?;
                ExprKind::Str(text.into(), meaning.into())
            }
            Kind::LeftParen => {
                self.enter()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.leave();
                ExprKind::Pipe(Box::new(pipe))
            }
            _ => {
                self.give_back(token);
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos, kind }))
    }

    fn known_literal<T>(&self, literal: Result<T, String>) -> Parsed<T> {
        literal.or_else(|message| self.fail(message))
    }
}
