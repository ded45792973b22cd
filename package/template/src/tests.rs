//! The engine against what real Go made of the same templates, and against hostile ones.

mod golden;
mod hostile;
mod limits;
mod reads;

use serde_json::Value as Json;

use super::{Env, Limits, Output, TemplateSet};
use crate::budget::Budget;

/// Steps of one execution in these tests.
const STEPS: u64 = 2_000_000;

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
    let set = TemplateSet::parse([("f", source)], &env).map_err(|error| error.to_string())?;
    set.execute("f", context, &env, &mut budget)
        .map_err(|error| error.to_string())
}
