//! The reads of a rendering: what of the context its result depends on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stevedore_cel::Program;
use stevedore_proto_core::canonical_json;
use stevedore_proto_core::digest::{Digest, Hasher};
use stevedore_template::reads;

use super::context::Context;
use crate::object::condition::NAMED;

/// What of the context a result depends on: so that one rendering serves every cluster that agrees on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    templates: reads::Reads,
    /// Whole values, as conditions read them.
    conditions: BTreeSet<Vec<String>>,
}

/// What there is at a path: a value, or where the way to it ends, and at what.
fn seen(context: &Value, path: &[String]) -> Value {
    let mut value = context;
    for (depth, key) in path.iter().enumerate() {
        let kind = match value {
            Value::Object(map) => match map.get(key) {
                Some(below) => {
                    value = below;
                    continue;
                }
                None => "map",
            },
            Value::Array(_) => "list",
            Value::String(_) => "text",
            Value::Number(_) => "number",
            Value::Bool(_) => "truth",
            Value::Null => "null",
        };
        return json!([depth, kind]);
    }
    json!([value])
}

/// What a condition reads of the context. Named conditions are evaluated, and read, for themselves.
pub(super) fn context_paths(condition: &Program) -> impl Iterator<Item = &Vec<String>> {
    let reads = condition.reads().iter();
    reads.filter(|path| path.first().is_some_and(|name| name != NAMED))
}

impl Reads {
    pub(super) fn add_templates(&mut self, reads: &reads::Reads) {
        self.templates.merge(reads);
    }

    pub(super) fn add_condition(&mut self, condition: &Program) {
        for path in context_paths(condition) {
            // Most objects of a package have the same condition.
            if !self.conditions.contains(path) {
                self.conditions.insert(path.clone());
            }
        }
    }

    /// Adds what a child read, whose context has the same values under these keys and others elsewhere.
    pub(super) fn add_child(&mut self, child: &Reads, shared: &[&str]) {
        self.templates.merge(&child.templates.below(shared));
        let is_shared = |path: &&Vec<String>| {
            let first = path.first();
            first.is_some_and(|first| shared.contains(&first.as_str()))
        };
        let conditions = child.conditions.iter().filter(is_shared).cloned();
        self.conditions.extend(conditions);
    }

    /// Adds one value that was looked at.
    pub(super) fn add_value(&mut self, path: &[&str]) {
        let path = path.iter().map(|key| (*key).to_owned());
        self.conditions.insert(path.collect());
    }

    /// The key of a rendering: two contexts with the same key give the same result for this package.
    pub fn key(&self, package: &Digest, context: &Context) -> Digest {
        let conditions = self.conditions.iter();
        let conditions: Vec<Value> = conditions
            .map(|path| json!([path, seen(context.value(), path)]))
            .collect();
        Hasher::new("stevedore.dev/render-key/v1")
            .field(package.as_bytes())
            .field(&canonical_json(&context.always()))
            .field(&canonical_json(&self.templates.project(context.value())))
            .field(&canonical_json(&Value::Array(conditions)))
            .finish()
    }
}
