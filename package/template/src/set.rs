//! The templates of a package, parsed once and executed as often as wanted.

use serde_json::Value as Json;

use crate::ast::Trees;
use crate::budget::Budget;
use crate::error::{ExecError, ParseError};
use crate::reads::Reads;
use crate::resources::Env;
use crate::{exec, limit, parse};

/// What an execution produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The text.
    pub text: String,
    /// What of the context it depends on.
    pub reads: Reads,
}

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
    /// One for each file that is wrong: on anything Go's parser refuses, on a function that the engine does not have (or that reads files where `env`
    /// has none), on nesting beyond [`limit::TEMPLATE_NESTING`], on more than [`limit::TEMPLATE_PARTS`] together, and
    /// when the budget does not suffice. After one of the last two no other file is looked at.
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

    /// Executes the template `name` — a file, or what one defines — with `context` as dot. `env` has files exactly
    /// where the one had that the set was parsed with.
    ///
    /// # Errors
    /// As Go would, or when a limit of `env` is reached or the budget is exhausted.
    pub fn execute(
        &self,
        name: &str,
        context: &Json,
        env: &Env<'_>,
        budget: &mut Budget,
    ) -> Result<Output, ExecError> {
        let executed = exec::run(&self.trees, name, context, *env, budget);
        let (text, reads) = executed.map_err(|error| *error)?;
        Ok(Output { text, reads })
    }

    /// About how many bytes the set takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
