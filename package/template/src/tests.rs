//! The engine against what real Go made of the same templates, and against hostile ones.

mod conditions;
mod costs;
mod golden;
mod hostile;
mod limits;
mod reads;

use serde_json::Value as Json;

use crate::budget::Budget;
use crate::error::{ExecError, ParseError};
use crate::reads::Reads;
use crate::resources::{Env, Limits};
use crate::set::TemplateSet;

/// Steps of one execution in these tests.
const STEPS: u64 = 2_000_000;

/// Parses templates, whatever that costs.
fn parse<'s>(
    files: impl IntoIterator<Item = (&'s str, &'s str)>,
    env: &Env<'_>,
) -> Result<TemplateSet, ParseError> {
    let parsed = TemplateSet::parse(files, env, &mut Budget::new(u64::MAX, 0));
    parsed.map_err(|mut errors| errors.remove(0))
}

/// What an execution produced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Output {
    text: String,
    /// What of the context it depends on.
    reads: Reads,
}

/// Executes one template of a set.
fn execute(
    set: &TemplateSet,
    name: &str,
    context: &Json,
    env: &Env<'_>,
    budget: &mut Budget,
) -> Result<Output, ExecError> {
    let mut executions = set.on(context, *env);
    let text = executions.execute(name, budget)?;
    let reads = executions.reads();
    Ok(Output { text, reads })
}

/// Executes one template alone.
fn run(source: &str, context: &Json) -> Result<Output, String> {
    run_within(source, context, STEPS, Limits::default())
}

fn run_within(source: &str, context: &Json, steps: u64, limits: Limits) -> Result<Output, String> {
    let mut budget = Budget::new(steps, limits.output);
    let env = Env {
        limits,
        ..Env::default()
    };
    let set = parse([("f", source)], &env).map_err(|error| error.to_string())?;
    execute(&set, "f", context, &env, &mut budget).map_err(|error| error.to_string())
}
#[test]
fn every_file_that_is_no_template_is_named() {
    let files = [
        ("a", "{{"),
        ("b", "{{ 1 }}"),
        ("c", "{{ nosuchfunction }}"),
        ("d", "{{ end }}"),
    ];
    let parsed = TemplateSet::parse(files, &Env::default(), &mut Budget::new(100, 0));
    let errors = parsed.map(|_| ()).expect_err("three are no templates");
    let named = errors.iter().map(|error| match error {
        ParseError::Syntax { file, .. } => file.as_str(),
        other => panic!("{other}"),
    });
    assert_eq!(named.collect::<Vec<_>>(), ["a", "c", "d"]);
    let exhausted = TemplateSet::parse(files, &Env::default(), &mut Budget::new(4, 0));
    assert_eq!(
        exhausted.map(|_| ()).unwrap_err().len(),
        2,
        "no other is looked at"
    );
}
