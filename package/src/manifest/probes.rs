//! The availability probes of a manifest.

use serde_json::Value;
use stevedore_proto_core::content::{LabelOperator, LabelSelector, Probe, ProbeEntry};

use super::document::Problems;
use super::expressions::Expressions;

/// Probes of one package.
const MAX_ENTRIES: usize = 64;
/// Probes of one entry.
const MAX_PROBES: usize = 32;

/// The availability probes, each checked and its CEL compiled once.
pub(super) fn parse(
    value: &Value,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Vec<ProbeEntry> {
    let entries: Vec<ProbeEntry> = problems
        .typed(value, "spec.availabilityProbes")
        .unwrap_or_default();
    if entries.len() > MAX_ENTRIES {
        problems.add(
            "spec.availabilityProbes",
            format!("at most {MAX_ENTRIES} entries"),
        );
        return Vec::new();
    }
    for (number, entry) in entries.iter().enumerate() {
        let field = format!("spec.availabilityProbes[{number}]");
        if entry.selector.kind.is_none() && entry.selector.selector.is_none() {
            problems.add(
                &format!("{field}.selector"),
                "Required value: kind or selector",
            );
        }
        if entry
            .selector
            .kind
            .as_ref()
            .is_some_and(|kind| kind.kind.is_empty())
        {
            problems.add(&format!("{field}.selector.kind.kind"), "Required value");
        }
        if let Some(selector) = &entry.selector.selector {
            labels(selector, &format!("{field}.selector.selector"), problems);
        }
        if entry.probes.is_empty() {
            problems.add(&format!("{field}.probes"), "Required value");
        }
        if entry.probes.len() > MAX_PROBES {
            problems.add(
                &format!("{field}.probes"),
                format!("at most {MAX_PROBES} probes"),
            );
            continue;
        }
        for (number, it) in entry.probes.iter().enumerate() {
            let field = format!("{field}.probes[{number}]");
            probe(it, &field, problems, expressions);
        }
    }
    entries
}

fn probe(probe: &Probe, field: &str, problems: &mut Problems<'_>, expressions: &mut Expressions) {
    let set = [
        probe.condition.is_some(),
        probe.fields_equal.is_some(),
        probe.cel.is_some(),
    ];
    if !set.contains(&true) {
        problems.add(field, "Required value: condition, fieldsEqual or cel");
    }
    if let Some(condition) = &probe.condition
        && condition.r#type.is_empty()
    {
        problems.add(&format!("{field}.condition.type"), "Required value");
    }
    if let Some(fields) = &probe.fields_equal {
        for (name, path) in [("fieldA", &fields.field_a), ("fieldB", &fields.field_b)] {
            if path.trim_matches('.').is_empty() {
                problems.add(&format!("{field}.fieldsEqual.{name}"), "Required value");
            }
        }
    }
    if let Some(cel) = &probe.cel {
        expressions.compile(&cel.rule, &["self"], &format!("{field}.cel.rule"), problems);
    }
}

fn labels(selector: &LabelSelector, field: &str, problems: &mut Problems<'_>) {
    for (number, it) in selector.match_expressions.iter().enumerate() {
        let wants_values = matches!(it.operator, LabelOperator::In | LabelOperator::NotIn);
        if wants_values == it.values.is_empty() {
            let what = if wants_values {
                "Required value"
            } else {
                "must be empty for this operator"
            };
            problems.add(&format!("{field}.matchExpressions[{number}].values"), what);
        }
    }
}
