//! The engine against what real Go made of the same templates, and against hostile ones.

mod golden;
mod hostile;
mod limits;
mod reads;

use serde_json::Value as Json;

use super::{Env, Limits, Output, TemplateSet};

/// Executes one template alone.
fn run(source: &str, context: &Json) -> Result<Output, String> {
    run_within(source, context, Limits::default())
}

fn run_within(source: &str, context: &Json, limits: Limits) -> Result<Output, String> {
    let env = Env {
        limits,
        ..Env::default()
    };
    let set = TemplateSet::parse([("f", source)], &env).map_err(|error| error.to_string())?;
    set.execute("f", context, &env)
        .map_err(|error| error.to_string())
}
