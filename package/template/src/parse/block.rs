//! Blocks: text, actions, control structures and definitions.

use super::parser::{Parsed, Parser};
use crate::ast::{Branch, Control, Node};
use crate::lex::{Kind, Token};
use crate::literal;

/// What ended a list of nodes.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    End,
    Else,
    ElseIf,
    ElseWith,
}

enum Item {
    Node(Node),
    Stop(Stop),
}

impl Parser<'_> {
    pub(super) fn top_level(&mut self) -> Parsed<Box<[Node]>> {
        let mut nodes = Vec::new();
        loop {
            match self.peek() {
                Kind::Eof => return Ok(nodes.into()),
                Kind::LeftDelim => {
                    let delim = self.next();
                    let token = self.next_solid();
                    if token.kind == Kind::Keyword && token.text == "define" {
                        self.definition()?;
                        continue;
                    }
                    self.give_back(token);
                    self.give_back(delim);
                }
                _ => {}
            }
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::Stop(Stop::End) => return self.fail("unexpected {{end}}"),
                Item::Stop(_) => return self.fail("unexpected {{else}}"),
            }
        }
    }

    fn definition(&mut self) -> Parsed<()> {
        let context = "define clause";
        let token = self.next_solid();
        let name = self.template_name(&token, context)?;
        self.expect(Kind::RightDelim, context)?;
        let nodes = self.separate_body(context)?;
        self.add(name, nodes)
    }

    /// The body of a definition: it sees none of the variables and ranges around it.
    fn separate_body(&mut self, context: &str) -> Parsed<Box<[Node]>> {
        let outer = std::mem::take(&mut self.scope);
        self.enter()?;
        let (nodes, stop) = self.list()?;
        self.leave();
        self.scope = outer;
        if stop == Stop::End {
            return Ok(nodes);
        }
        self.fail(format!("unexpected {{{{else}}}} in {context}"))
    }

    fn list(&mut self) -> Parsed<(Box<[Node]>, Stop)> {
        let mut nodes = Vec::new();
        while self.peek_solid() != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::Stop(stop) => return Ok((nodes.into(), stop)),
            }
        }
        self.fail("unexpected EOF")
    }

    fn item(&mut self) -> Parsed<Item> {
        self.part()?;
        let token = self.next_solid();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.into()))),
            Kind::LeftDelim => self.action(),
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_solid();
        let keyword = if token.kind == Kind::Keyword {
            token.text.as_ref()
        } else {
            ""
        };
        let node = match keyword {
            "block" => self.block()?,
            "break" | "continue" => self.jump(keyword)?,
            "else" => return self.otherwise(),
            "end" => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::Stop(Stop::End));
            }
            "if" => self.control(Control::If)?,
            "with" => self.control(Control::With)?,
            "range" => self.control(Control::Range)?,
            "template" => self.template()?,
            _ => {
                self.give_back(token);
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, keyword: &str) -> Parsed<Node> {
        self.expect(Kind::RightDelim, &format!("{{{{{keyword}}}}}"))?;
        if self.scope.ranges == 0 {
            return self.fail(format!("{{{{{keyword}}}}} outside {{{{range}}}}"));
        }
        Ok(if keyword == "break" {
            Node::Break
        } else {
            Node::Continue
        })
    }

    fn otherwise(&mut self) -> Parsed<Item> {
        let token = self.next_solid();
        let stop = match (token.kind, token.text.as_ref()) {
            (Kind::Keyword, "if") => Stop::ElseIf,
            (Kind::Keyword, "with") => Stop::ElseWith,
            (Kind::RightDelim, _) => Stop::Else,
            _ => return self.unexpected(&token, "else"),
        };
        Ok(Item::Stop(stop))
    }

    fn control(&mut self, control: Control) -> Parsed<Node> {
        self.enter()?;
        let mark = self.scope.mark();
        let context = match control {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        };
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let ranges = usize::from(control == Control::Range);
        self.scope.ranges += ranges;
        let (list, stop) = self.list()?;
        self.scope.ranges -= ranges;
        let otherwise = match stop {
            Stop::End => [].into(),
            Stop::Else => {
                let (nodes, stop) = self.list()?;
                if stop != Stop::End {
                    return self.fail("expected end; found {{else}}");
                }
                nodes
            }
            Stop::ElseIf if control == Control::If => [self.control(control)?].into(),
            Stop::ElseWith if control == Control::With => [self.control(control)?].into(),
            Stop::ElseIf => return self.fail("unexpected <if> in else"),
            Stop::ElseWith => return self.fail("unexpected <with> in else"),
        };
        self.scope.forget(mark);
        self.leave();
        Ok(Node::Branch(Branch {
            control,
            pipe,
            list,
            otherwise,
        }))
    }

    fn block(&mut self) -> Parsed<Node> {
        let context = "block clause";
        let token = self.next_solid();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let nodes = self.separate_body(context)?;
        self.add(name.clone(), nodes)?;
        Ok(Node::Template {
            pos: token.pos,
            name,
            pipe: Some(pipe),
        })
    }

    fn template(&mut self) -> Parsed<Node> {
        let context = "template clause";
        let token = self.next_solid();
        let name = self.template_name(&token, context)?;
        let next = self.next_solid();
        let pipe = if next.kind == Kind::RightDelim {
            None
        } else {
            self.give_back(next);
            Some(self.pipeline(context, Kind::RightDelim)?)
        };
        Ok(Node::Template {
            pos: token.pos,
            name,
            pipe,
        })
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Parsed<Box<str>> {
        match token.kind {
            Kind::Str | Kind::RawStr => {
                let name = literal::unquote(&token.text).map(String::from_utf8);
                match name {
                    Ok(Ok(name)) => Ok(name.into()),
                    _ => self.fail("invalid syntax"),
                }
            }
            _ => self.unexpected(token, context),
        }
    }
}
