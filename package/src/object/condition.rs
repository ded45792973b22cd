//! The condition of an object: a CEL expression in an annotation, compiled once.

use std::sync::Arc;

use serde_json::Value;
use stevedore_cel::Program;
use stevedore_proto_core::label;
use stevedore_template::budget::{Budget, Exhausted};

use super::problem::Problem;
use crate::violation::Reason;

/// What templates and named conditions see.
pub(crate) const CONTEXT: &[&str] = &["package", "config", "environment", "images", "cluster"];
/// What all other conditions see: also the results of the named ones.
pub(crate) const VARIABLES: &[&str] = &[
    "package",
    "config",
    "environment",
    "images",
    "cluster",
    NAMED,
];
/// The variable that holds the results of named conditions.
pub(crate) const NAMED: &str = "cond";

/// Steps of compiling a condition, and of each byte of it: the parser is slow.
const COMPILING: u64 = 2_000;
const BYTE: u64 = 50;

/// Bytes that a compiled condition takes, for each of its text.
pub(crate) const BYTES: usize = 128;

/// Compiles the text of a condition.
pub(crate) type Compile<'c> = dyn FnMut(&str) -> Result<Arc<Program>, Problem> + 'c;

/// Compiles a condition, and pays for it.
pub(crate) fn compile(text: &str, budget: &mut Budget) -> Result<Arc<Program>, Problem> {
    pay_for_one(text, budget)?;
    Program::compile_condition(text, VARIABLES)
        .map(Arc::new)
        .map_err(|error| (Reason::ConditionInvalid, error.to_string()))
}

/// Pays for a condition as if it were compiled.
pub(crate) fn pay_for_one(text: &str, budget: &mut Budget) -> Result<(), Problem> {
    let paid = pay(text, budget);
    paid.map_err(|exhausted| (Reason::TooCostly, format!("its condition: {exhausted}")))
}

/// About how many bytes a condition takes in memory, compiled.
pub(crate) fn bytes(condition: &Program) -> usize {
    condition.source().len() * BYTES
}

/// Pays for compiling.
pub(crate) fn pay(text: &str, budget: &mut Budget) -> Result<(), Exhausted> {
    budget.charge(COMPILING + BYTE * text.len() as u64)
}

/// The condition of an object that is not prepared yet, if it has one.
pub(crate) fn of(object: &Value) -> Option<&str> {
    let annotations = object.get("metadata")?.get("annotations")?;
    let keys = label::package_annotation(label::CONDITION);
    keys.iter().find_map(|key| annotations.get(key)?.as_str())
}
