//! The conditions of one rendering: those that the package does not know compiled are compiled once, and all are evaluated
//! on the same values.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use stevedore_cel::{Bindings, Program};
use stevedore_template::budget::Budget;

use super::context::Context;
use crate::object::Problem;
use crate::object::condition::{self, VARIABLES};
use crate::violation::Reason;

/// Steps of our budget for each that CEL counts, and for one evaluation.
const CEL_STEP: u64 = 2;
const EVALUATING: u64 = 20;

/// Conditions that were met, and what they are evaluated on.
pub(super) struct Conditions<'r> {
    /// Those of the package.
    known: &'r HashMap<String, Arc<Program>>,
    met: HashMap<String, Arc<Program>>,
    bindings: Option<Bindings>,
}

impl<'r> Conditions<'r> {
    pub(super) fn new(known: &'r HashMap<String, Arc<Program>>) -> Self {
        Self {
            known,
            met: HashMap::new(),
            bindings: None,
        }
    }

    pub(super) fn compile(
        &mut self,
        text: &str,
        budget: &mut Budget,
    ) -> Result<Arc<Program>, Problem> {
        let known = self.known.get(text).or_else(|| self.met.get(text));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let program = condition::compile(text, budget)?;
        self.met.insert(text.to_owned(), Arc::clone(&program));
        Ok(program)
    }

    pub(super) fn holds(
        &mut self,
        condition: &Program,
        context: &Context,
        budget: &mut Budget,
    ) -> Result<bool, Problem> {
        let invalid = |error: stevedore_cel::Error| {
            let details = format!("{:?}: {error}", condition.source());
            (Reason::ConditionInvalid, details)
        };
        let bindings = match &mut self.bindings {
            Some(bindings) => bindings,
            none => none.insert(bind(context).map_err(invalid)?),
        };
        let steps = condition.steps(bindings).map_err(invalid)?;
        budget
            .charge(EVALUATING + CEL_STEP * steps)
            .map_err(|exhausted| {
                let details = format!("{:?}: {exhausted}", condition.source());
                (Reason::TooCostly, details)
            })?;
        condition.eval_bool_on(bindings).map_err(invalid)
    }
}

fn bind(context: &Context) -> Result<Bindings, stevedore_cel::Error> {
    let values: Vec<(&str, &Value)> = VARIABLES
        .iter()
        .filter_map(|name| context.value().get(*name).map(|value| (*name, value)))
        .collect();
    Bindings::new(&values)
}
