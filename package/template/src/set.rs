//! The templates of a package, parsed once and executed as often as wanted.

use serde_json::Value as Json;

use crate::ast::Trees;
use crate::budget::Budget;
use crate::error::{ExecError, ParseError};
use crate::reads::Reads;
use crate::resources::Env;
use crate::{exec, limit, parse};

/// All template files of a package: what one defines, all can use.
#[derive(Debug, Default)]
pub struct TemplateSet {
    trees: Trees,
    bytes: usize,
}

impl TemplateSet {
    /// Parses files, given as path and source: a step for each byte. Of two definitions with the same name in
    /// different files the later one counts, unless it is empty; in one file they are an error.
    ///
    /// # Errors
    /// One for each file that is wrong: on anything Go's parser refuses, on a function that the engine does not have (or
    /// that reads files where `env` has none), on nesting beyond [`limit::TEMPLATE_NESTING`], on more than
    /// [`limit::TEMPLATE_PARTS`] together, and when the budget does not suffice. After one of the last two no other file
    /// is looked at.
    pub fn parse<'s>(
        files: impl IntoIterator<Item = (&'s str, &'s str)>,
        env: &Env<'_>,
        budget: &mut Budget,
    ) -> Result<Self, Vec<ParseError>> {
        let mut set = Self::default();
        let mut parts = 0;
        let mut errors = Vec::new();
        for (path, source) in files {
            if let Err(exhausted) = budget.charge(source.len() as u64) {
                let file = path.to_owned();
                errors.push(ParseError::Exhausted { file, exhausted });
                break;
            }
            // A string literal is kept as it is written and as it is meant.
            set.bytes += 2 * source.len();
            match parse::parse(path, source, env.files.is_some(), &mut parts) {
                Ok(trees) => set.add(trees),
                Err(error @ ParseError::Syntax { .. }) => errors.push(error),
                Err(error) => {
                    errors.push(error);
                    break;
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        set.bytes += parts * limit::TEMPLATE_PART_BYTES;
        Ok(set)
    }

    fn add(&mut self, trees: Trees) {
        for (name, tree) in trees {
            if !(tree.is_empty() && self.trees.contains_key(&name)) {
                self.trees.insert(name, tree);
            }
        }
    }

    /// Executions with `context` as dot. `env` has files exactly where the one had that the set was parsed with.
    pub fn on<'s>(&'s self, context: &'s Json, env: Env<'s>) -> Executions<'s> {
        Executions {
            trees: &self.trees,
            env,
            start: exec::Start::new(context, &env),
        }
    }

    /// About how many bytes the set takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Executions of templates on one context.
pub struct Executions<'s> {
    trees: &'s Trees,
    env: Env<'s>,
    start: exec::Start<'s>,
}

impl Executions<'_> {
    /// Executes the template `name`: a file, or what one defines. What it changes in the context, no other one sees.
    ///
    /// # Errors
    /// As Go would, or when a limit of the environment is reached or the budget is exhausted.
    pub fn execute(&mut self, name: &str, budget: &mut Budget) -> Result<String, ExecError> {
        let executed = exec::run(self.trees, name, &mut self.start, self.env, budget);
        executed.map_err(|error| *error)
    }

    /// What of the context all of them together depend on.
    pub fn reads(&self) -> Reads {
        self.start.reads()
    }
}
