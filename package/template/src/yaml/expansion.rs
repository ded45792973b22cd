//! The size of a document with its aliases expanded, and what they stand for: nothing is copied before it is known to be
//! within the limits.

use std::collections::HashMap;

use granit_parser::{Marker, Span};
use serde_json::Value;

use super::failure::{Read, deep, fail};
use super::resolve::Scalar;
use crate::limit;

/// A node that was read. As a key it may mean another text than as a value.
#[derive(Clone)]
pub(super) enum Node {
    Scalar(Scalar),
    Inner(Value),
}

/// Values, and bytes of their texts.
#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
}

impl Size {
    fn check(self, what: &str, mark: &Marker) -> Read<()> {
        if self.values > limit::YAML_NODES {
            return fail(
                mark,
                format!("more than {} values{what}", limit::YAML_NODES),
            );
        }
        if self.bytes > limit::YAML_BYTES {
            return fail(mark, format!("more than {} bytes{what}", limit::YAML_BYTES));
        }
        Ok(())
    }

    fn add(&mut self, other: Size) {
        self.values += other.values;
        self.bytes += other.bytes;
    }
}

/// What an alias stands for.
struct Anchored {
    node: Node,
    size: Size,
    height: usize,
}

/// Where a node began.
pub(super) struct Begun {
    read: Size,
    outer: usize,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Expansion {
    anchored: HashMap<usize, Anchored>,
    aliases: usize,
    read: Size,
    /// What is kept for aliases.
    kept: Size,
    /// The deepest nesting of the node that is being read.
    deepest: usize,
}

impl Expansion {
    /// Counts a value.
    pub(super) fn grow(&mut self, bytes: usize, span: &Span) -> Read<()> {
        self.read.add(Size { values: 1, bytes });
        self.read.check(", aliases expanded", &span.start)
    }

    /// A node begins.
    pub(super) fn begin(&mut self, depth: usize) -> Begun {
        Begun {
            read: self.read,
            outer: std::mem::replace(&mut self.deepest, depth),
        }
    }

    /// The node ended, and is kept if it has an anchor.
    pub(super) fn end(
        &mut self,
        begun: &Begun,
        (anchor, depth): (usize, usize),
        node: &Node,
        span: &Span,
    ) -> Read<()> {
        if anchor > 0 {
            if self.anchored.len() == limit::YAML_ALIASES {
                return fail(&span.start, too_many());
            }
            let size = Size {
                values: self.read.values - begun.read.values,
                bytes: self.read.bytes - begun.read.bytes,
            };
            self.kept.add(size);
            self.kept.check(" with anchors", &span.start)?;
            let anchored = Anchored {
                node: node.clone(),
                size,
                height: self.deepest + 1 - depth,
            };
            self.anchored.insert(anchor, anchored);
        }
        self.deepest = self.deepest.max(begun.outer);
        Ok(())
    }

    /// What an alias stands for.
    pub(super) fn alias(&mut self, anchor: usize, depth: usize, span: &Span) -> Read<Node> {
        self.aliases += 1;
        if self.aliases > limit::YAML_ALIASES {
            return fail(&span.start, too_many());
        }
        let Some(anchored) = self.anchored.get(&anchor) else {
            let message = "the alias stands for something that it is part of";
            return fail(&span.start, message);
        };
        let deepest = depth + anchored.height - 1;
        if deepest > limit::YAML_DEPTH && matches!(anchored.node, Node::Inner(_)) {
            return fail(&span.start, deep());
        }
        self.read.add(anchored.size);
        self.read.check(", aliases expanded", &span.start)?;
        self.deepest = self.deepest.max(deepest);
        Ok(anchored.node.clone())
    }
}

fn too_many() -> String {
    format!("more than {} anchors or aliases", limit::YAML_ALIASES)
}
