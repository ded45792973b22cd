//! The fields of a manifest, read and checked one by one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::content::bounds;

use super::document::{Problems, at};
use super::expressions::Expressions;
use super::model::{PackageManifest, Scope, TestCase};
use super::{filter, probes};
use crate::config::{self, Schema};
use crate::limit;
use crate::names::check_value;
use crate::warning::Warnings;

#[derive(Deserialize)]
struct NamedPhase {
    #[serde(default)]
    name: String,
}

pub(super) fn parse(value: &Value, problems: &mut Problems<'_>) -> PackageManifest {
    let name: String = problems.typed(value, "metadata.name").unwrap_or_default();
    if name.is_empty() {
        problems.add("metadata.name", "Required value");
    } else if let Err(why) = check_value(&name) {
        problems.add(
            "metadata.name",
            format!("Invalid value: it becomes a label, {why}"),
        );
    }
    let scopes: Vec<Scope> = problems.typed(value, "spec.scopes").unwrap_or_default();
    if scopes.is_empty()
        && at(value, "spec.scopes").is_none_or(|scopes| scopes == &Value::Array(vec![]))
    {
        problems.add("spec.scopes", "Required value");
    }
    let schema = at(value, "spec.config.openAPIV3Schema");
    let config = schema.and_then(|schema| match Schema::compile(schema) {
        Ok(schema) => Some(schema),
        Err(errors) => {
            for error in errors {
                problems.add(
                    &format!("spec.config.openAPIV3Schema{}", error.field),
                    error.message,
                );
            }
            None
        }
    });
    let phases = phases(value, problems);
    let mut expressions = Expressions::new();
    let filter = filter::parse(value, problems, &mut expressions);
    let availability_probes = probes::parse(value, problems, &mut expressions);
    let tests = tests(value, config.as_ref(), problems);
    PackageManifest {
        name,
        scopes,
        phases,
        availability_probes,
        config,
        filter,
        images: BTreeMap::new(),
        tests,
        warnings: Warnings::default(),
    }
}

fn phases(value: &Value, problems: &mut Problems<'_>) -> Vec<String> {
    let phases: Vec<NamedPhase> = problems.typed(value, "spec.phases").unwrap_or_default();
    let names: Vec<String> = phases.into_iter().map(|phase| phase.name).collect();
    if names.is_empty() && at(value, "spec.phases").is_none_or(|it| it == &Value::Array(vec![])) {
        problems.add("spec.phases", "Required value");
    }
    if names.len() > bounds::PHASES {
        let limit = bounds::PHASES;
        problems.add(
            "spec.phases",
            format!("{} phases, the limit is {limit}", names.len()),
        );
    }
    for (number, name) in names.iter().enumerate() {
        let field = format!("spec.phases[{number}].name");
        if name.is_empty() {
            problems.add(&field, "Required value");
        } else if name.len() > bounds::PHASE_NAME {
            let limit = bounds::PHASE_NAME;
            problems.add(&field, format!("must be no longer than {limit} characters"));
        }
    }
    problems.unique("spec.phases", names.iter().map(String::as_str));
    names
}

fn tests(value: &Value, schema: Option<&Schema>, problems: &mut Problems<'_>) -> Vec<TestCase> {
    let tests: Vec<TestCase> = problems.typed(value, "test.template").unwrap_or_default();
    for (number, case) in tests.iter().enumerate() {
        let field = format!("test.template[{number}]");
        let word = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
        if case.name.is_empty() || case.name.len() > 253 || !case.name.chars().all(word) {
            let what = "must be letters, digits, '-', '_' or '.'";
            problems.add(&format!("{field}.name"), what);
        }
        let admitted = config::admit(schema, case.context.config.as_ref());
        for error in admitted.err().unwrap_or_default() {
            problems.add(
                &format!("{field}.context.config{}", error.field),
                error.message,
            );
        }
    }
    problems.unique("test.template", tests.iter().map(|case| case.name.as_str()));
    if tests.len() > limit::VIOLATIONS {
        problems.add(
            "test.template",
            format!("at most {} cases", limit::VIOLATIONS),
        );
    }
    tests
}
