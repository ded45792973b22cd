//! Builds the parsed form from tokens, by Go's grammar.

mod pipeline;

use super::ast::{Branch, Node, Pos, Tree};
use super::lex::{Kind, Lexer, Token};
use super::{ParseError, literal};

/// How deeply blocks and parentheses may be nested, together.
const MAX_NESTING: usize = 64;

/// Parses one file; the first tree is the file's own, the others are defined in it.
pub(super) fn parse(
    file: &str,
    source: &str,
    known: &dyn Fn(&str) -> bool,
) -> Result<Vec<Tree>, ParseError> {
    let mut parser = Parser {
        file,
        lexer: Lexer::new(source),
        pending: Vec::new(),
        line: 1,
        known,
        scope: Scope::default(),
        nesting: 0,
        trees: Vec::new(),
    };
    let nodes = parser.top_level()?;
    parser.add(file.to_owned(), nodes)?;
    Ok(parser.trees)
}

struct Parser<'a> {
    file: &'a str,
    lexer: Lexer<'a>,
    /// Tokens given back, the next one last.
    pending: Vec<Token<'a>>,
    line: u32,
    known: &'a dyn Fn(&str) -> bool,
    scope: Scope,
    nesting: usize,
    trees: Vec<Tree>,
}

/// What is visible inside one template definition.
struct Scope {
    vars: Vec<String>,
    ranges: usize,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            vars: vec!["$".to_owned()],
            ranges: 0,
        }
    }
}

type Parsed<T> = Result<T, ParseError>;

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

impl<'a> Parser<'a> {
    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(ParseError {
            file: self.file.to_owned(),
            line: self.line,
            message: message.into(),
        })
    }

    fn next(&mut self) -> Token<'a> {
        let token = self
            .pending
            .pop()
            .unwrap_or_else(|| self.lexer.next_token());
        self.line = token.pos.line;
        token
    }

    fn give_back(&mut self, token: Token<'a>) {
        self.pending.push(token);
    }

    fn next_solid(&mut self) -> Token<'a> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek(&mut self) -> Kind {
        let token = self.next();
        let kind = token.kind;
        self.give_back(token);
        kind
    }

    fn peek_solid(&mut self) -> Kind {
        let token = self.next_solid();
        let kind = token.kind;
        self.give_back(token);
        kind
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        match token.kind {
            Kind::Error => self.fail(token.text.as_ref()),
            Kind::Eof => self.fail(format!("unexpected EOF in {context}")),
            Kind::Keyword => self.fail(format!("unexpected <{}> in {context}", token.text)),
            _ => self.fail(format!("unexpected {:?} in {context}", token.text)),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token<'a>> {
        let token = self.next_solid();
        if token.kind == kind {
            Ok(token)
        } else {
            self.unexpected(&token, context)
        }
    }

    fn enter(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.fail(format!("nested more than {MAX_NESTING} deep"));
        }
        Ok(())
    }

    /// Adds a definition: an empty one never replaces another, two with content are an error.
    fn add(&mut self, name: String, nodes: Vec<Node>) -> Parsed<()> {
        let tree = Tree {
            name,
            file: self.file.to_owned(),
            nodes,
        };
        match self.trees.iter_mut().find(|known| known.name == tree.name) {
            None => self.trees.push(tree),
            Some(known) if known.is_empty() => *known = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                return self.fail(format!("multiple definition of template {:?}", tree.name));
            }
        }
        Ok(())
    }

    fn top_level(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            match self.peek() {
                Kind::Eof => return Ok(nodes),
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
    fn separate_body(&mut self, context: &str) -> Parsed<Vec<Node>> {
        let outer = std::mem::take(&mut self.scope);
        self.enter()?;
        let (nodes, stop) = self.list()?;
        self.nesting -= 1;
        self.scope = outer;
        if stop == Stop::End {
            return Ok(nodes);
        }
        self.fail(format!("unexpected {{{{else}}}} in {context}"))
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, Stop)> {
        let mut nodes = Vec::new();
        while self.peek_solid() != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::Stop(stop) => return Ok((nodes, stop)),
            }
        }
        self.fail("unexpected EOF")
    }

    fn item(&mut self) -> Parsed<Item> {
        let token = self.next_solid();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.into_owned()))),
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
            "if" => Node::If(self.control("if")?),
            "with" => Node::With(self.control("with")?),
            "range" => Node::Range(self.control("range")?),
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

    fn control(&mut self, context: &str) -> Parsed<Branch> {
        self.enter()?;
        let vars = self.scope.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let ranges = usize::from(context == "range");
        self.scope.ranges += ranges;
        let (list, stop) = self.list()?;
        self.scope.ranges -= ranges;
        let otherwise = match stop {
            Stop::End => None,
            Stop::Else => {
                let (nodes, stop) = self.list()?;
                if stop != Stop::End {
                    return self.fail("expected end; found {{else}}");
                }
                Some(nodes)
            }
            Stop::ElseIf if context == "if" => Some(vec![Node::If(self.control("if")?)]),
            Stop::ElseWith if context == "with" => Some(vec![Node::With(self.control("with")?)]),
            Stop::ElseIf => return self.fail("unexpected <if> in else"),
            Stop::ElseWith => return self.fail("unexpected <with> in else"),
        };
        self.scope.vars.truncate(vars);
        self.nesting -= 1;
        Ok(Branch {
            pipe,
            list,
            otherwise,
        })
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

    fn template_name(&self, token: &Token<'_>, context: &str) -> Parsed<String> {
        match token.kind {
            Kind::Str | Kind::RawStr => {
                let name = literal::unquote(&token.text).map(String::from_utf8);
                match name {
                    Ok(Ok(name)) => Ok(name),
                    _ => self.fail("invalid syntax"),
                }
            }
            _ => self.unexpected(token, context),
        }
    }
}

/// Where a file begins, for messages about the file as a whole.
pub(super) const START: Pos = Pos { line: 1, column: 0 };
