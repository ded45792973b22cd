//! The conditions of one rendering: each is compiled at most once, and all are evaluated on the same values.

use std::cell::{RefCell, RefMut};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use stevedore_cel::{Bindings, Numbers, Program};
use stevedore_template::budget::Budget;
use stevedore_template::resources::{self, Evaluated};

use super::cluster_labels;
use super::compiled::Compiled;
use super::context::Context;
use super::reads::context_paths;
use crate::object::Problem;
use crate::object::condition::{CONTEXT, NAMED};
use crate::package::Package;
use crate::violation::Reason;

/// Steps of our budget for each that CEL counts, and for one evaluation.
const CEL_STEP: u64 = 2;
const EVALUATING: u64 = 20;

/// Conditions that were met, and what they are evaluated on.
pub(super) struct Conditions<'r> {
    /// Those of the package.
    known: &'r HashMap<String, Arc<Program>>,
    context: &'r Context,
    /// Those that its templates wrote in earlier renderings.
    compiled: &'r Compiled,
    met: RefCell<HashMap<String, Arc<Program>>>,
    /// Made when the first condition is evaluated: most packages have none.
    bindings: RefCell<Option<Bindings>>,
}

impl<'r> Conditions<'r> {
    pub(super) fn new(package: &'r Package, context: &'r Context) -> Self {
        Self {
            known: &package.plain().conditions,
            context,
            compiled: package.compiled(),
            met: RefCell::default(),
            bindings: RefCell::default(),
        }
    }

    /// Lets conditions see the results of named ones; without it there are none.
    pub(super) fn name(&self, results: &Value) -> Result<(), stevedore_cel::Error> {
        self.bound()?.bind(NAMED, results)
    }

    pub(super) fn compile(&self, text: &str, budget: &mut Budget) -> Result<Arc<Program>, Problem> {
        let mut met = self.met.borrow_mut();
        if let Some(known) = self.known.get(text).or_else(|| met.get(text)) {
            return Ok(Arc::clone(known));
        }
        let program = self.compiled.compile(text, budget)?;
        met.insert(text.to_owned(), Arc::clone(&program));
        Ok(program)
    }

    pub(super) fn holds(&self, condition: &Program, budget: &mut Budget) -> Result<bool, Problem> {
        let invalid = |error: stevedore_cel::Error| {
            let details = format!("{:?}: {error}", condition.source());
            match cluster_labels::missing(condition, self.context, &error) {
                Some(label) => {
                    let details = cluster_labels::details(&label, &details);
                    (Reason::ClusterLabelMissing, details)
                }
                None => (Reason::ConditionInvalid, details),
            }
        };
        let bindings = self.bound().map_err(invalid)?;
        let steps = condition.steps(&bindings).map_err(invalid)?;
        budget
            .charge(EVALUATING + CEL_STEP * steps)
            .map_err(|exhausted| {
                let details = format!("{:?}: {exhausted}", condition.source());
                (Reason::TooCostly, details)
            })?;
        condition.eval_bool_on(&bindings).map_err(invalid)
    }

    fn bound(&self) -> Result<RefMut<'_, Bindings>, stevedore_cel::Error> {
        let mut bindings = self.bindings.borrow_mut();
        if bindings.is_none() {
            *bindings = Some(bind(self.context)?);
        }
        Ok(RefMut::map(bindings, |bindings| {
            bindings.as_mut().expect("they were made above")
        }))
    }
}

impl fmt::Debug for Conditions<'_> {
    /// Nothing of the context: it is the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conditions").finish_non_exhaustive()
    }
}

impl resources::Conditions for Conditions<'_> {
    fn evaluate(&self, expression: &str, budget: &mut Budget) -> Result<Evaluated, String> {
        let words = |(_, details): Problem| details;
        let condition = self.compile(expression, budget).map_err(words)?;
        let holds = self.holds(&condition, budget).map_err(words)?;
        let reads = context_paths(&condition).cloned().collect();
        Ok(Evaluated { holds, reads })
    }
}

/// The context as conditions see it: as in templates, all its numbers are doubles.
fn bind(context: &Context) -> Result<Bindings, stevedore_cel::Error> {
    let values: Vec<(&str, &Value)> = CONTEXT
        .iter()
        .filter_map(|name| context.value().get(*name).map(|value| (*name, value)))
        .collect();
    let mut bindings = Bindings::with(Numbers::Doubles, &values)?;
    bindings.bind(NAMED, &Value::Object(Map::new()))?;
    Ok(bindings)
}
