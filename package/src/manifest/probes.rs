//! The availability probes of a manifest, checked against what every member can store, and made so where nothing of
//! their meaning is lost by it.

use serde_json::Value;
use stevedore_proto_core::content::{LabelOperator, LabelSelector, Probe, ProbeEntry, bounds};
use stevedore_proto_core::status::shorten;

use super::document::Problems;
use super::expressions::Expressions;

const _: () = assert!(stevedore_cel::MAX_SOURCE_BYTES <= bounds::RULE);

/// The availability probes, each checked and its CEL compiled once.
pub(super) fn parse(
    value: &Value,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Vec<ProbeEntry> {
    let mut entries: Vec<ProbeEntry> = problems.entries(value, "spec.availabilityProbes");
    if entries.len() > bounds::PROBE_ENTRIES {
        let limit = bounds::PROBE_ENTRIES;
        problems.add(
            "spec.availabilityProbes",
            format!("at most {limit} entries"),
        );
        return Vec::new();
    }
    for (number, entry) in entries.iter_mut().enumerate() {
        let field = format!("spec.availabilityProbes[{number}]");
        check(entry, &field, problems, expressions);
    }
    entries
}

fn check(
    entry: &mut ProbeEntry,
    field: &str,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) {
    let selector = &entry.selector;
    if selector.kind.is_none() && selector.selector.is_none() {
        problems.add(
            &format!("{field}.selector"),
            "Required value: kind or selector",
        );
    }
    if let Some(kind) = &selector.kind {
        let field = format!("{field}.selector.kind");
        text(
            &kind.group,
            0,
            bounds::GROUP,
            &format!("{field}.group"),
            problems,
        );
        text(
            &kind.kind,
            1,
            bounds::KIND,
            &format!("{field}.kind"),
            problems,
        );
    }
    if let Some(selector) = &selector.selector {
        labels(selector, &format!("{field}.selector.selector"), problems);
    }
    let field = format!("{field}.probes");
    if entry.probes.is_empty() {
        problems.add(&field, "Required value");
    }
    if entry.probes.len() > bounds::PROBES {
        let limit = bounds::PROBES;
        problems.add(&field, format!("at most {limit} probes"));
        return;
    }
    for (number, it) in entry.probes.iter_mut().enumerate() {
        keep_one(it);
        probe(it, &format!("{field}[{number}]"), problems, expressions);
    }
}

/// Of several kinds in one probe only one counts, as in Package Operator: `fieldsEqual` before `condition` before
/// `cel`. Members store one.
fn keep_one(probe: &mut Probe) {
    if probe.fields_equal.is_some() {
        probe.condition = None;
        probe.cel = None;
    } else if probe.condition.is_some() {
        probe.cel = None;
    }
}

fn probe(
    probe: &mut Probe,
    field: &str,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) {
    if let Some(fields) = &probe.fields_equal {
        for (name, path) in [("fieldA", &fields.field_a), ("fieldB", &fields.field_b)] {
            let field = format!("{field}.fieldsEqual.{name}");
            if path.trim_matches('.').is_empty() {
                problems.add(&field, "Required value");
            }
            text(path, 0, bounds::FIELD_PATH, &field, problems);
        }
    } else if let Some(condition) = &probe.condition {
        let field = |name: &str| format!("{field}.condition.{name}");
        let (kind, status) = (&condition.r#type, &condition.status);
        text(kind, 1, bounds::CONDITION_TYPE, &field("type"), problems);
        text(
            status,
            1,
            bounds::CONDITION_STATUS,
            &field("status"),
            problems,
        );
    } else if let Some(cel) = &mut probe.cel {
        expressions.compile(&cel.rule, &["self"], &format!("{field}.cel.rule"), problems);
        if cel.message.is_empty() {
            cel.message = format!("not true: {}", cel.rule);
        }
        // Longer than what any status shows of it. Characters are at most bytes.
        cel.message = shorten(std::mem::take(&mut cel.message), bounds::PROBE_MESSAGE);
    } else {
        problems.add(field, "Required value: condition, fieldsEqual or cel");
    }
}

/// Checks how many characters a text has.
fn text(text: &str, min: usize, max: usize, field: &str, problems: &mut Problems<'_>) {
    let count = text.chars().count();
    if count < min {
        problems.add(field, "Required value");
    } else if count > max {
        problems.add(field, format!("must be no longer than {max} characters"));
    }
}

fn labels(selector: &LabelSelector, field: &str, problems: &mut Problems<'_>) {
    let mut few = |count: usize, field: String| {
        let limit = bounds::SELECTOR_TERMS;
        if count > limit {
            problems.add(&field, format!("{count} entries, the limit is {limit}"));
        }
        count <= limit
    };
    let expressions = &selector.match_expressions;
    few(selector.match_labels.len(), format!("{field}.matchLabels"));
    if !few(expressions.len(), format!("{field}.matchExpressions")) {
        return;
    }
    for (number, it) in expressions.iter().enumerate() {
        let field = format!("{field}.matchExpressions[{number}]");
        text(
            &it.key,
            1,
            bounds::LABEL_KEY,
            &format!("{field}.key"),
            problems,
        );
        let field = format!("{field}.values");
        let wants_values = matches!(it.operator, LabelOperator::In | LabelOperator::NotIn);
        if wants_values == it.values.is_empty() {
            let what = if wants_values {
                "Required value"
            } else {
                "must be empty for this operator"
            };
            problems.add(&field, what);
        }
        if it.values.len() > bounds::SELECTOR_TERMS {
            let limit = bounds::SELECTOR_TERMS;
            problems.add(&field, format!("at most {limit} values"));
            continue;
        }
        for (number, value) in it.values.iter().enumerate() {
            let field = format!("{field}[{number}]");
            text(value, 0, bounds::LABEL_VALUE, &field, problems);
        }
    }
}
