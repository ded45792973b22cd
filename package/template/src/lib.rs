//! Go's text/template, as packages use it: lexer, parser, evaluator and a fixed list of functions.
//!
//! Pure and bounded: no clock, no randomness, no I/O; every execution has an output limit and a nesting
//! limit ([`Limits`]), and takes its steps from a [`Budget`] that it may share with others. It follows Go 1.26 with `missingkey=error`; the
//! context passes through JSON, so its numbers are `float64`. Map keys are always visited in order.
//!
//! An execution also reports which parts of the context it looked at ([`Reads`]), so that its output
//! can be reused for every context that agrees on those.

mod ast;
pub mod budget;
mod eval;
mod exec;
mod files;
mod format;
mod functions;
mod json;
mod lex;
pub mod limit;
mod literal;
mod parse;
mod reads;
mod value;
pub mod yaml;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

pub use files::{PackageFiles, with_files};
pub use functions::{HostFunction, Kind};
pub use reads::{Depth, Path, Reads};
pub use value::{Bytes, List, Map, Value};

use crate::budget::Budget;
use ast::Tree;

/// Bounds on one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output, and of any single string on the way.
    pub output: usize,
    /// How deeply `template` and `include` may be nested.
    pub recursion: usize,
}

impl Default for Limits {
    /// 4 MiB of output, recursion 32.
    fn default() -> Self {
        Self {
            output: 4 << 20,
            recursion: 32,
        }
    }
}

/// What the caller gives to templates besides the context.
#[derive(Default)]
pub struct Env {
    /// Functions by name; they cannot replace the engine's own.
    pub functions: BTreeMap<String, HostFunction>,
    /// Bounds on each execution.
    pub limits: Limits,
}

/// Why a set of files does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {file}:{line}: {message}")]
pub struct ParseError {
    /// The file, as it was named to [`TemplateSet::parse`].
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, in Go's words.
    pub message: String,
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecError {
    /// The file in which execution stopped.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 0.
    pub column: u32,
    /// The template that was being executed: the file, or what it defines.
    pub template: String,
    /// The expression that failed.
    pub context: String,
    /// What is wrong, in Go's words.
    pub message: String,
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            template,
            context,
            message,
        } = self;
        write!(
            f,
            "template: {file}:{line}:{column}: executing {template:?} at <{context}>: {message}"
        )
    }
}

impl std::error::Error for ExecError {}

/// What an execution produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The text.
    pub text: String,
    /// What of the context it depends on.
    pub reads: Reads,
}

/// All template files of a package: what one defines, all can use.
#[derive(Debug)]
pub struct TemplateSet {
    trees: BTreeMap<String, Tree>,
}

impl TemplateSet {
    /// Parses files, given as path and source. Of two definitions with the same name in different
    /// files the later one counts, unless it is empty; in one file they are an error.
    ///
    /// # Errors
    /// On anything Go's parser refuses, on a function that neither the engine nor `env` has, and on
    /// nesting beyond 64 levels.
    pub fn parse<P, S>(
        files: impl IntoIterator<Item = (P, S)>,
        env: &Env,
    ) -> Result<Self, ParseError>
    where
        P: AsRef<str>,
        S: AsRef<str>,
    {
        let known =
            |name: &str| functions::find(name).is_some() || env.functions.contains_key(name);
        let mut trees = BTreeMap::<String, Tree>::new();
        for (path, source) in files {
            for tree in parse::parse(path.as_ref(), source.as_ref(), &known)? {
                if !(tree.is_empty() && trees.contains_key(&tree.name)) {
                    trees.insert(tree.name.clone(), tree);
                }
            }
        }
        Ok(Self { trees })
    }

    /// Executes the template `name` — a file, or what one defines — with `context` as dot.
    ///
    /// # Errors
    /// As Go would, or when a limit of `env` is reached or the budget is exhausted.
    pub fn execute(
        &self,
        name: &str,
        context: &Json,
        env: &Env,
        budget: &mut Budget,
    ) -> Result<Output, ExecError> {
        exec::run(self, name, context, env, budget).map_err(|error| *error)
    }
}

#[cfg(test)]
mod tests;
