//! The composer: makes the value of a document from the parser's events, with aliases, merge keys and repeated keys as
//! Kubernetes' own tools have them, within limits.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, StructureStyle, Tag};
use serde_json::{Map, Value};

use super::expansion::{Expansion, Node};
use super::failure::{Failure, Read, deep, fail, message};
use super::resolve::{self, Scalar};
use super::surprise::{Found, Surprise};
use crate::limit;

/// What was read of a document.
pub(super) struct Composed {
    pub(super) value: Value,
    pub(super) found: Vec<Found>,
    /// Where each field is, by its path; empty if nobody asked.
    pub(super) fields: HashMap<String, (usize, usize)>,
    /// Bytes up to its end.
    pub(super) end: usize,
}

/// Instead of a path.
const TOO_LONG: &str = "\0";

struct Composer<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    expansion: Expansion,
    /// How many brackets are open.
    brackets: usize,
    found: Vec<Found>,
    fields: Option<HashMap<String, (usize, usize)>>,
}

/// Reads the first document of a text. Whether it is wanted where each field is.
pub(super) fn compose(text: &str, with_fields: bool) -> Read<Composed> {
    let mut options = granit_parser::options! {
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
        emit_anchor_events: true,
    };
    options.set_emit_comments(false);
    let composer = Composer {
        text,
        parser: Parser::new_from_str_with_options(text, options),
        expansion: Expansion::default(),
        brackets: 0,
        found: Vec::new(),
        fields: with_fields.then(HashMap::new),
    };
    composer.document()
}

impl<'t> Composer<'t> {
    fn document(mut self) -> Read<Composed> {
        let mut value = Value::Null;
        let mut end = self.text.len();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart => {}
                Event::DocumentStart(_, version) => {
                    let known = version.is_none_or(|it| (it.major, it.minor) == (1, 1));
                    if !known {
                        return fail(&span.start, "only version 1.1 of YAML can be asked for");
                    }
                }
                Event::DocumentEnd => {
                    end = span.start.byte_offset().unwrap_or(end);
                    break;
                }
                Event::StreamEnd => break,
                node => {
                    let node = self.node(node, span, 1, "")?;
                    value = json(node, &span)?;
                }
            }
        }
        Ok(Composed {
            value,
            found: self.found,
            fields: self.fields.unwrap_or_default(),
            end,
        })
    }

    fn next(&mut self) -> Read<(Event<'t>, Span)> {
        loop {
            return match self.parser.next_event() {
                Some(Ok((Event::Anchor(_, name), span))) => {
                    let is_named = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
                    if name.chars().all(is_named) {
                        continue;
                    }
                    let message = "an anchor is named by letters, digits, '-' and '_'";
                    fail(&span.start, message)
                }
                Some(Ok(found)) => Ok(found),
                Some(Err(error)) => {
                    let mark = error.marker();
                    let offset = mark.byte_offset().unwrap_or(self.text.len());
                    fail(mark, message(error.kind())).map_err(|failure| Failure {
                        refused: Some((error.kind().clone(), offset)),
                        ..failure
                    })
                }
                None => Ok((Event::StreamEnd, Span::default())),
            };
        }
    }

    /// The node that an event begins, `depth` deep.
    fn node(&mut self, event: Event<'t>, span: Span, depth: usize, field: &str) -> Read<Node> {
        let begun = self.expansion.begin(depth);
        let (anchor, node) = match event {
            Event::Alias(anchor) => (0, self.expansion.alias(anchor, depth, &span)?),
            Event::Scalar(text, style, anchor, tag) => {
                self.expansion.grow(text.len(), &span)?;
                let scalar = self.scalar(&text, style, tag.as_deref(), &span)?;
                (anchor, Node::Scalar(scalar))
            }
            Event::SequenceStart(style, anchor, tag) => {
                let opened = usize::from(style == StructureStyle::Flow);
                self.inner(tag.as_deref(), "seq", &span, depth)?;
                self.brackets += opened;
                let list = self.sequence(depth, field)?;
                self.brackets -= opened;
                (anchor, Node::Inner(list))
            }
            Event::MappingStart(style, anchor, tag) => {
                let opened = usize::from(style == StructureStyle::Flow);
                self.inner(tag.as_deref(), "map", &span, depth)?;
                self.brackets += opened;
                let map = self.mapping(depth, field)?;
                self.brackets -= opened;
                (anchor, Node::Inner(map))
            }
            _ => return fail(&span.start, "a value is missing"),
        };
        self.expansion.end(&begun, (anchor, depth), &node, &span)?;
        Ok(node)
    }

    /// Checks what a list or a map begins with.
    fn inner(&mut self, tag: Option<&Tag>, kind: &str, span: &Span, depth: usize) -> Read<()> {
        if depth > limit::YAML_DEPTH {
            return fail(&span.start, deep());
        }
        if tag.is_some_and(|tag| tag.core_suffix() != Some(kind)) {
            self.note(Surprise::TagIgnored, &span.start);
        }
        self.expansion.grow(0, span)
    }

    fn sequence(&mut self, depth: usize, field: &str) -> Read<Value> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(items));
            }
            let item = self.field(field, format_args!("[{}]", items.len()), &span.start);
            let node = self.node(event, span, depth + 1, &item)?;
            items.push(json(node, &span)?);
        }
    }

    fn mapping(&mut self, depth: usize, field: &str) -> Read<Value> {
        let mut map = Map::new();
        let mut merged = HashSet::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(map));
            }
            if is_merge(&event) {
                self.merge(&mut map, &mut merged, &at, depth, field)?;
                continue;
            }
            let is_written = matches!(event, Event::Scalar(..));
            let is_plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
            let known = self.found.len();
            let key = match self.node(event, at, depth + 1, "")? {
                Node::Scalar(scalar) => scalar,
                Node::Inner(_) => return fail(&at.start, "a list or a map cannot be a key"),
            };
            let after = at.byte_range().and_then(|range| self.text.get(range.end..));
            if is_plain && after.is_some_and(is_ambiguous) {
                let what = "a colon before a bracket or a comma: leave a space behind it, or quote the text";
                return fail(&at.start, what);
            }
            let is_text = matches!(key, Scalar::Text(_));
            let key = key.key().or_else(|message| fail(&at.start, message))?;
            if is_plain {
                // What surprises in a value is said of a key in another way.
                self.found.truncate(known);
            }
            if !is_text && is_written && self.source(&at) != Some(&key) {
                self.note(Surprise::KeyRead(named(&key)), &at.start);
            }
            let dot = if field.is_empty() { "" } else { "." };
            let inside = self.field(field, format_args!("{dot}{key}"), &at.start);
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1, &inside)?;
            let value = json(node, &span)?;
            if map.contains_key(&key) && !merged.remove(&key) {
                self.note(Surprise::RepeatedKey(named(&key)), &at.start);
            }
            map.insert(key, value);
        }
    }

    /// Carries out a merge key where it stands: what is before it gives way, what comes after it wins, and of several
    /// maps the first.
    fn merge(
        &mut self,
        map: &mut Map<String, Value>,
        merged: &mut HashSet<String>,
        at: &Span,
        depth: usize,
        field: &str,
    ) -> Read<()> {
        let wanted = || fail(&at.start, "a merge key stands for a map or a list of maps");
        let (event, span) = self.next()?;
        let is_alias = matches!(event, Event::Alias(_));
        let sources = match self.node(event, span, depth + 1, field)? {
            Node::Inner(Value::Array(sources)) if !is_alias => sources,
            Node::Inner(source @ Value::Object(_)) => vec![source],
            _ => return wanted(),
        };
        for source in sources.into_iter().rev() {
            let Value::Object(source) = source else {
                return wanted();
            };
            for (key, value) in source {
                if map.contains_key(&key) && !merged.contains(&key) {
                    self.note(Surprise::MergeReplaces(named(&key)), &at.start);
                }
                merged.insert(key.clone());
                map.insert(key, value);
            }
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Read<Scalar> {
        if let Some(tag) = tag {
            let tag = full(tag);
            let scalar = resolve::tagged(text, &tag).or_else(|why| fail(&span.start, why))?;
            let is_replaced =
                matches!(&scalar, Scalar::Text(read) if read != text && read.contains('\u{fffd}'));
            if is_replaced {
                self.note(Surprise::Binary, &span.start);
            } else if !resolve::is_known(&tag) {
                self.note(Surprise::TagIgnored, &span.start);
            }
            return Ok(scalar);
        }
        if style != ScalarStyle::Plain {
            return Ok(Scalar::Text(text.to_owned()));
        }
        if self.brackets > 0 && text.starts_with('?') {
            let what = "a question mark before a text in brackets: quote the text";
            return fail(&span.start, what);
        }
        let scalar = resolve::plain(text);
        if let Some(surprise) = resolve::surprise(text, &scalar) {
            self.note(surprise, &span.start);
        } else if text.contains("---") && self.has_line_of_dashes(span) {
            self.note(Surprise::DashesInText, &span.start);
        }
        Ok(scalar)
    }

    fn has_line_of_dashes(&self, span: &Span) -> bool {
        let source = self.source(span).unwrap_or_default();
        let mut lines = source.lines().skip(1);
        lines.any(|line| line.trim() == "---" || line.trim_start().starts_with("--- "))
    }

    fn source(&self, span: &Span) -> Option<&'t str> {
        span.slice(self.text)
    }

    /// The path of something in a field, which is noted, or nothing if nobody wants to know.
    fn field(&mut self, field: &str, inside: std::fmt::Arguments<'_>, at: &Marker) -> String {
        let Some(fields) = &mut self.fields else {
            return String::new();
        };
        // What is in a field whose path is too long has none either.
        let path = format!("{field}{inside}");
        if field == TOO_LONG || path.len() > limit::YAML_PATH {
            return TOO_LONG.to_owned();
        }
        if fields.len() < limit::YAML_PLACES {
            fields.insert(path.clone(), (at.line(), at.col() + 1));
        }
        path
    }

    fn note(&mut self, surprise: Surprise, at: &Marker) {
        if self.found.len() < limit::YAML_SURPRISES {
            self.found.push(Found {
                surprise,
                line: at.line(),
                column: at.col() + 1,
            });
        }
    }
}

/// A key as it is told of.
fn named(key: &str) -> String {
    match key.char_indices().nth(limit::YAML_PATH) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

fn json(node: Node, span: &Span) -> Read<Value> {
    match node {
        Node::Scalar(scalar) => scalar.value().or_else(|message| fail(&span.start, message)),
        Node::Inner(value) => Ok(value),
    }
}

/// Whether what follows a key in brackets is a colon that the older YAML takes for a part of it.
fn is_ambiguous(after: &str) -> bool {
    let next = after.strip_prefix(':').and_then(|rest| rest.chars().next());
    next.is_some_and(|next| matches!(next, ',' | ']' | '}'))
}

fn full(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}

/// Whether a key is the merge key.
fn is_merge(event: &Event<'_>) -> bool {
    let Event::Scalar(text, style, _, tag) = event else {
        return false;
    };
    match tag.as_deref().map(full) {
        _ if text != "<<" => false,
        None => *style == ScalarStyle::Plain,
        Some(tag) => matches!(&*tag, "tag:yaml.org,2002:merge" | "!"),
    }
}
