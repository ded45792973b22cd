//! The compiler of a manifest's expressions: all of them together are bounded.

use std::sync::Arc;

use stevedore_cel::Program;
use stevedore_template::budget::Budget;

use super::problems::Problems;
use crate::limit;
use crate::object::condition;

/// Compiles the expressions of one manifest.
pub(super) struct Expressions {
    budget: Budget,
}

impl Expressions {
    pub(super) fn new() -> Self {
        Self {
            budget: Budget::new(limit::MANIFEST_CEL_STEPS, 0),
        }
    }

    /// The expression of a field, which gives a boolean; what is wrong with it is a problem of that field.
    pub(super) fn compile(
        &mut self,
        text: &str,
        variables: &[&str],
        field: &str,
        problems: &mut Problems<'_>,
    ) -> Option<Arc<Program>> {
        if self.budget.is_exhausted() {
            return None;
        }
        if text.trim().is_empty() {
            problems.add(field, "Required value");
            return None;
        }
        if condition::pay(text, &mut self.budget).is_err() {
            let what =
                "the expressions up to here take too long to compile; shorten them, or use fewer";
            problems.add(field, what);
            return None;
        }
        match Program::compile_condition(text, variables) {
            Ok(program) => Some(Arc::new(program)),
            Err(error) => {
                problems.add(field, format!("Invalid value: {error}"));
                None
            }
        }
    }
}
