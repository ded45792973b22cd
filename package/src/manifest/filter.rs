//! The filter of a manifest: named conditions, and paths whose objects depend on one.

use std::fmt;
use std::sync::Arc;

use regex_automata::meta::Regex;
use serde::Deserialize;
use serde_json::Value;
use stevedore_cel::Program;

use super::expressions::Expressions;
use super::glob;
use super::problems::{Problems, at, items, position};
use crate::limit;
use crate::object::condition::{self, CONTEXT, VARIABLES};
use crate::violation::Position;

/// Bytes that a compiled glob takes about, for each of its text.
const GLOB_BYTES: usize = 256;

/// Conditions and conditional paths, each in the order of the manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// The file that has them.
    pub(crate) file: String,
    pub(crate) conditions: Vec<NamedCondition>,
    pub(crate) paths: Vec<ConditionalPath>,
}

impl Filter {
    /// About how many bytes it takes in memory, compiled.
    pub(crate) fn bytes(&self) -> usize {
        let conditions = self.conditions.iter().map(|it| &it.program);
        let paths = self.paths.iter().map(|it| &it.program);
        let globs = self.paths.iter().map(|it| it.glob.len() * GLOB_BYTES);
        let expressions = conditions.chain(paths).map(|it| condition::bytes(it));
        expressions.chain(globs).sum()
    }
}

/// An expression over the context, whose result other expressions know as `cond.NAME`.
#[derive(Debug, Clone)]
pub(crate) struct NamedCondition {
    pub(crate) name: String,
    pub(crate) program: Arc<Program>,
    /// Where the expression is.
    pub(crate) position: Option<Position>,
}

/// Files whose objects are left out where the expression does not hold.
#[derive(Clone)]
pub(crate) struct ConditionalPath {
    pub(crate) glob: String,
    pub(crate) program: Arc<Program>,
    /// Where the expression is.
    pub(crate) position: Option<Position>,
    matcher: Regex,
}

impl ConditionalPath {
    /// Whether this is about a file, given by the path its objects are stored under.
    pub(crate) fn is_about(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }
}

impl fmt::Debug for ConditionalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.glob)
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Condition {
    name: String,
    expression: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Path {
    glob: String,
    expression: String,
}

pub(super) fn parse(
    value: &Value,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Filter {
    let conditions = list::<Condition>("spec.filter.conditions", value, problems);
    problems.unique(
        "spec.filter.conditions",
        conditions
            .iter()
            .map(|(number, it)| (*number, it.name.as_str())),
    );
    let mut filter = Filter {
        file: problems.path.to_owned(),
        ..Filter::default()
    };
    for (number, Condition { name, expression }) in conditions {
        let field = format!("spec.filter.conditions[{number}]");
        if !is_identifier(&name) {
            let what = format!(
                "must be at most {} letters, digits and '_', and not begin with a digit",
                limit::CONDITION_NAME_BYTES
            );
            problems.add(&format!("{field}.name"), what);
        }
        let at = format!("{field}.expression");
        let compiled = expressions.compile(&expression, CONTEXT, &at, problems);
        let position = position(&problems.document, &at);
        let named = |program| NamedCondition {
            name,
            program,
            position,
        };
        filter.conditions.extend(compiled.map(named));
    }
    let paths = list::<Path>("spec.filter.paths", value, problems);
    for (number, Path { glob, expression }) in paths {
        let field = format!("spec.filter.paths[{number}]");
        let matcher = glob::compile(&glob)
            .map_err(|why| problems.add(&format!("{field}.glob"), why))
            .ok();
        let at = format!("{field}.expression");
        let compiled = expressions.compile(&expression, VARIABLES, &at, problems);
        let position = position(&problems.document, &at);
        let conditional = |(program, matcher)| ConditionalPath {
            glob,
            program,
            position,
            matcher,
        };
        filter.paths.extend(compiled.zip(matcher).map(conditional));
    }
    filter
}

/// A list of the manifest that is not too long.
fn list<T: for<'de> Deserialize<'de>>(
    field: &str,
    value: &Value,
    problems: &mut Problems<'_>,
) -> Vec<(usize, T)> {
    let count = items(at(value, field)).count();
    if count > limit::FILTERS {
        let limit = limit::FILTERS;
        problems.add(field, format!("{count} entries, the limit is {limit}"));
        return Vec::new();
    }
    problems.entries(value, field)
}

/// Whether expressions can write it after `cond.`.
fn is_identifier(name: &str) -> bool {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    name.len() <= limit::CONDITION_NAME_BYTES
        && name.chars().all(is_word)
        && name.starts_with(|first: char| !first.is_ascii_digit())
}
