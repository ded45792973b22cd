//! The conditions of one rendering: each text is compiled once, and all are evaluated on the same values.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;
use stevedore_cel::{Bindings, Program};
use stevedore_template::budget::Budget;

use super::Context;
use crate::object::{Problem, VARIABLES};
use crate::violation::Reason;

/// Steps of compiling a condition, and of each byte of it: the parser is slow.
const COMPILING: u64 = 2_000;
const BYTE: u64 = 50;
/// Steps of our budget for each that CEL counts, and for one evaluation.
const CEL_STEP: u64 = 2;
const EVALUATING: u64 = 20;

/// Conditions that were met, and what they are evaluated on.
#[derive(Default)]
pub(super) struct Conditions {
    programs: HashMap<String, Rc<Program>>,
    bindings: Option<Bindings>,
}

impl Conditions {
    pub(super) fn compile(
        &mut self,
        text: &str,
        budget: &mut Budget,
    ) -> Result<Rc<Program>, Problem> {
        if let Some(known) = self.programs.get(text) {
            return Ok(Rc::clone(known));
        }
        budget
            .charge(COMPILING + BYTE * text.len() as u64)
            .map_err(|exhausted| (Reason::TooCostly, format!("its condition: {exhausted}")))?;
        let program = Program::compile_condition(text, VARIABLES)
            .map_err(|error| (Reason::ConditionInvalid, error.to_string()))?;
        let program = Rc::new(program);
        self.programs.insert(text.to_owned(), Rc::clone(&program));
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
