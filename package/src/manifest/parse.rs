//! The fields of a manifest, read and checked one by one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::components;
use super::expressions::Expressions;
use super::model::{PackageManifest, Scope, TestCase};
use super::problems::{Problems, at, items};
use super::{constraints, filter, phases, probes};
use crate::config::{self, Schema};
use crate::environment;
use crate::limit;
use crate::names::check_value;
use crate::warning::Warnings;

/// Bytes of the name of a test case: that of a folder.
pub(super) const CASE_NAME_BYTES: usize = 253;

pub(super) fn parse(
    value: &Value,
    component: Option<&str>,
    problems: &mut Problems<'_>,
) -> PackageManifest {
    let name = match component {
        Some(component) => component.to_owned(),
        None => name(value, problems),
    };
    let has_components = components::parse(value, component.is_some(), problems);
    let scopes: Vec<(usize, Scope)> = problems.entries(value, "spec.scopes");
    if scopes.is_empty() && !problems.is_told("spec.scopes") {
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
    let phases = phases::parse(value, problems);
    let mut expressions = Expressions::new();
    let filter = filter::parse(value, problems, &mut expressions);
    let availability_probes = probes::parse(value, problems, &mut expressions);
    let constraints = constraints::parse(value, problems);
    let tests = tests(value, config.as_ref(), problems);
    PackageManifest {
        name,
        has_components,
        scopes: scopes.into_iter().map(|(_, scope)| scope).collect(),
        phases,
        availability_probes,
        config,
        filter,
        constraints,
        images: BTreeMap::new(),
        tests,
        warnings: Warnings::default(),
    }
}

fn name(value: &Value, problems: &mut Problems<'_>) -> String {
    let name: String = problems.typed(value, "metadata.name").unwrap_or_default();
    if problems.is_told("metadata.name") {
        return name;
    }
    if name.is_empty() {
        problems.add("metadata.name", "Required value");
    } else if let Err(why) = check_value(&name) {
        problems.add(
            "metadata.name",
            format!("Invalid value: it becomes a label, {why}"),
        );
    }
    name
}

fn tests(value: &Value, schema: Option<&Schema>, problems: &mut Problems<'_>) -> Vec<TestCase> {
    let count = items(at(value, "test.template")).count();
    // Before any is looked at: each may take as many steps as a configuration has.
    if count > limit::VIOLATIONS {
        let what = format!("{count} cases, the limit is {}", limit::VIOLATIONS);
        problems.add("test.template", what);
        return Vec::new();
    }
    let tests: Vec<(usize, TestCase)> = problems.entries(value, "test.template");
    for (number, case) in &tests {
        let field = format!("test.template[{number}]");
        let word = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
        // It is the name of a folder: none that leads elsewhere.
        let is_folder = !case.name.starts_with("..") && case.name != ".";
        if case.name.is_empty()
            || case.name.len() > CASE_NAME_BYTES
            || !is_folder
            || !case.name.chars().all(word)
        {
            let what =
                "must be letters, digits, '-', '_' or '.', and neither '.' nor begin with '..'";
            let field = format!("{field}.name");
            if !problems.is_told(&field) {
                problems.add(&field, what);
            }
        }
        let name = &case.context.package.metadata.name;
        if let Err(why) = check_value(name) {
            let what = format!("Invalid value: it becomes a label, {why}");
            problems.add(&format!("{field}.context.package.metadata.name"), what);
        }
        let admitted = config::admit(schema, case.context.config.as_ref());
        if let Err(error) = environment::of_test(case.context.environment.as_ref()) {
            let what = format!("Invalid value: {error}");
            problems.add(&format!("{field}.context.environment"), what);
        }
        for error in admitted.err().unwrap_or_default() {
            problems.add(
                &format!("{field}.context.config{}", error.field),
                error.message,
            );
        }
    }
    let names = tests.iter().filter(|(_, case)| !case.name.is_empty());
    let names = names.map(|(number, case)| (*number, case.name.as_str()));
    problems.unique("test.template", names);
    tests.into_iter().map(|(_, case)| case).collect()
}
