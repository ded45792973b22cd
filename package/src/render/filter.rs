//! The filter of one rendering: which files' objects are left out, and how other conditions find out.

use serde_json::Value;
use stevedore_template::budget::Budget;

use super::conditions::Conditions;
use super::context::Context;
use super::reads::Reads;
use crate::manifest::{ConditionalPath, Filter, NamedCondition};
use crate::object::Problem;
use crate::package::Package;
use crate::violation::{Invalid, Position, Reason, Violation};

/// The manifest's filter, evaluated on a context.
pub(super) struct Filtered<'r> {
    /// The conditions of everything else in the rendering.
    pub(super) conditions: Conditions<'r>,
    /// The named conditions, and whether each holds.
    pub(super) named: Vec<(&'r NamedCondition, bool)>,
    /// Those whose expression does not hold.
    left_out: Vec<&'r ConditionalPath>,
}

impl<'r> Filtered<'r> {
    /// Evaluates every condition and every path's expression, also those that nothing asks for: one that cannot be
    /// evaluated makes the rendering invalid whatever else the package holds.
    pub(super) fn new(
        package: &'r Package,
        context: &'r Context,
        budget: &mut Budget,
        reads: &mut Reads,
    ) -> Result<Self, Invalid> {
        let filter = &package.manifest().filter;
        let conditions = Conditions::new(package, context);
        let named = name(filter, &conditions, budget, reads)?;
        let mut left_out = Vec::new();
        let mut violations = Vec::new();
        for (number, path) in filter.paths.iter().enumerate() {
            reads.add_condition(&path.program);
            match conditions.holds(&path.program, budget) {
                Ok(true) => {}
                Ok(false) => left_out.push(path),
                Err(problem) => {
                    let field = format!("spec.filter.paths[{number}].expression");
                    violations.push(violation(filter, (&field, path.position), problem));
                }
            }
        }
        Invalid::check(violations)?;
        Ok(Self {
            conditions,
            named,
            left_out,
        })
    }

    /// What leaves out the objects of a file, given by the path they are stored under: the first that does. A step for
    /// each path that is compared.
    pub(super) fn leaves_out(
        &self,
        path: &str,
        budget: &mut Budget,
    ) -> Result<Option<&'r ConditionalPath>, Violation> {
        budget
            .charge(self.left_out.len() as u64)
            .map_err(|exhausted| Violation::costly(exhausted).in_file(path))?;
        let mut left_out = self.left_out.iter().copied();
        Ok(left_out.find(|it| it.is_about(path)))
    }
}

/// Evaluates the named conditions, none of which sees another, and tells all later ones the results.
fn name<'r>(
    filter: &'r Filter,
    conditions: &Conditions<'_>,
    budget: &mut Budget,
    reads: &mut Reads,
) -> Result<Vec<(&'r NamedCondition, bool)>, Invalid> {
    let mut results = Vec::new();
    let mut violations = Vec::new();
    for (number, condition) in filter.conditions.iter().enumerate() {
        reads.add_condition(&condition.program);
        match conditions.holds(&condition.program, budget) {
            Ok(holds) => results.push((condition, holds)),
            Err((reason, details)) => {
                let field = format!("spec.filter.conditions[{number}].expression");
                let details = format!("of condition {:?}: {details}", condition.name);
                let place = (&*field, condition.position);
                violations.push(violation(filter, place, (reason, details)));
            }
        }
    }
    Invalid::check(violations)?;
    if results.is_empty() {
        return Ok(results);
    }
    let named = results.iter();
    let named = named.map(|(condition, holds)| (condition.name.clone(), Value::from(*holds)));
    let named = conditions.name(&Value::Object(named.collect()));
    named.map_err(|error| {
        let problem = (Reason::ConditionInvalid, error.to_string());
        violation(filter, ("spec.filter.conditions", None), problem)
    })?;
    Ok(results)
}

/// What is wrong with the expression of a field.
fn violation(
    filter: &Filter,
    (field, position): (&str, Option<Position>),
    (reason, details): Problem,
) -> Violation {
    let violation = Violation::new(reason, format!("{field}: {details}")).in_file(&filter.file);
    match position {
        Some(position) => violation.on(position),
        None => violation,
    }
}
