//! `cel`: expressions that the caller evaluates.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Budget, Env, Output, execute, parse};
use crate::resources::{Conditions, Evaluated, Files};

/// Holds where the expression is a path that it says it read.
#[derive(Debug)]
struct Paths;

impl Conditions for Paths {
    fn evaluate(&self, expression: &str, budget: &mut Budget) -> Result<Evaluated, String> {
        budget
            .charge(1_000)
            .map_err(|exhausted| exhausted.to_string())?;
        if expression == "bad" {
            return Err("not an expression".to_owned());
        }
        let path = expression.split('.').map(ToOwned::to_owned).collect();
        Ok(Evaluated {
            holds: expression != "off",
            reads: BTreeSet::from([path]),
        })
    }
}

fn run(source: &str, env: &Env<'_>, steps: u64) -> Result<Output, String> {
    let set = parse([("f", source)], env).map_err(|error| error.to_string())?;
    let context = json!({"a": {"b": 1}, "off": 2, "c": "a.b"});
    let budget = &mut Budget::new(steps, 1_000);
    let output = execute(&set, "f", &context, env, budget);
    output.map_err(|error| error.to_string())
}

#[test]
fn an_expression_gives_a_boolean_and_what_it_reads_is_read() {
    let files = Files::new();
    let env = Env {
        files: Some(&files),
        conditions: Some(&Paths),
        ..Env::default()
    };
    let output = run(
        "{{ cel .c }} {{ if not (cel `off`) }}no{{ end }}",
        &env,
        10_000,
    )
    .unwrap();
    assert_eq!(output.text, "true no");
    let seen = |a: u8, off: u8| {
        output
            .reads
            .project(&json!({"a": {"b": a}, "off": off, "c": "a.b"}))
    };
    assert_ne!(seen(1, 2), seen(2, 2));
    assert_ne!(seen(1, 2), seen(1, 3));
    let failed = run("{{ cel `bad` }}", &env, 10_000).expect_err("a bad expression");
    assert!(
        failed.contains("error calling cel: not an expression"),
        "{failed}"
    );
    let costly = run("{{ range 20 }}{{ cel `off` }}{{ end }}", &env, 10_000);
    assert!(costly.expect_err("a costly template").contains("used up"));
}

#[test]
fn expressions_are_for_packages_only() {
    let alone = run("{{ cel `a` }}", &Env::default(), 10_000).expect_err("no package");
    assert!(alone.contains("function \"cel\" not defined"), "{alone}");
    let files = Files::new();
    let env = Env {
        files: Some(&files),
        ..Env::default()
    };
    let failed = run("{{ cel `a` }}", &env, 10_000).expect_err("nothing evaluates it");
    assert!(
        failed.contains("no expressions are evaluated here"),
        "{failed}"
    );
}
