//! Conditions that templates wrote, compiled, and kept from one rendering of a package for the next.
//!
//! Whether one is kept changes no result: it is paid for each time as if it were compiled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stevedore_cel::Program;
use stevedore_template::budget::Budget;

use crate::object::Problem;
use crate::object::condition;

/// Bytes of the texts of all that are kept: a hundred conditions of usual length.
const TEXT_BYTES: usize = 4 * 1024;
/// What a shorter one counts as.
const SHORTEST: usize = 40;

/// Compiled conditions by their text, of a root and its components together.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    kept: Mutex<HashMap<String, Arc<Program>>>,
}

impl Compiled {
    /// About the most bytes that they take in memory.
    pub(crate) const BYTES: usize = TEXT_BYTES * condition::BYTES;

    /// Compiles a condition, or finds it compiled.
    pub(super) fn compile(&self, text: &str, budget: &mut Budget) -> Result<Arc<Program>, Problem> {
        // The lock is not held while anything is compiled: others may render meanwhile.
        let known = self.kept().get(text).cloned();
        if let Some(program) = known {
            condition::pay_for_one(text, budget)?;
            return Ok(program);
        }
        let program = condition::compile(text, budget)?;
        let mut kept = self.kept();
        let counted = |text: &str| text.len().max(SHORTEST);
        let bytes: usize = kept.keys().map(|text| counted(text)).sum();
        if bytes + counted(text) <= TEXT_BYTES {
            kept.insert(text.to_owned(), Arc::clone(&program));
        }
        Ok(program)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Arc<Program>>> {
        // Nothing panics while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit;

    #[test]
    fn a_condition_that_is_kept_costs_as_much_as_one_that_is_compiled() {
        let compiled = Compiled::default();
        let mut left = Vec::new();
        for _ in 0..2 {
            let mut budget = limit::render_budget();
            let program = compiled.compile("config.a == 1", &mut budget).unwrap();
            assert_eq!(program.source(), "config.a == 1");
            left.push(budget);
        }
        assert_eq!(format!("{:?}", left[0]), format!("{:?}", left[1]));
        let mut none = Budget::new(10, 10);
        assert!(compiled.compile("config.a == 1", &mut none).is_err());
        assert!(
            compiled
                .compile("config.", &mut limit::render_budget())
                .is_err()
        );
        assert_eq!(compiled.kept().len(), 1);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let compiled = Compiled::default();
        let mut budget = Budget::new(u64::MAX, 10);
        for number in 0..100 {
            let text = format!("'{}' == '{number}'", "x".repeat(100));
            compiled.compile(&text, &mut budget).unwrap();
        }
        let bytes: usize = compiled.kept().keys().map(String::len).sum();
        assert!((TEXT_BYTES - 200..=TEXT_BYTES).contains(&bytes), "{bytes}");
    }
}
