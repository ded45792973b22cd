//! The availability probes of a manifest, checked against what every member can store, and made so where nothing of
//! their meaning is lost by it.

use serde_json::{Map, Value};
use stevedore_proto_core::content::{
    CelProbe, ConditionProbe, FieldsEqualProbe, LabelExpression, LabelOperator, LabelSelector,
    Probe, ProbeEntry, ProbeSelector, bounds,
};
use stevedore_proto_core::status::shorten;

use super::expressions::Expressions;
use super::problems::{Problems, at, items};

const FIELD: &str = "spec.availabilityProbes";
const _: () = assert!(stevedore_cel::MAX_SOURCE_BYTES <= bounds::RULE);

/// The availability probes, each checked and its CEL compiled once.
pub(super) fn parse(
    value: &Value,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Vec<ProbeEntry> {
    let found = at(value, FIELD);
    let count = items(found).count();
    if count > bounds::PROBE_ENTRIES {
        let limit = bounds::PROBE_ENTRIES;
        problems.add(FIELD, format!("{count} entries, the limit is {limit}"));
        return Vec::new();
    }
    let mut entries = Vec::new();
    for (number, entry) in items(found) {
        let field = format!("{FIELD}[{number}]");
        if entry.is_null() && problems.is_told(&field) {
            continue;
        }
        entries.push(ProbeEntry {
            selector: selector(entry, &field, problems),
            probes: probes(entry, &format!("{field}.probes"), problems, expressions),
        });
    }
    entries
}

/// What an entry selects.
fn selector(entry: &Value, field: &str, problems: &mut Problems<'_>) -> ProbeSelector {
    let field = format!("{field}.selector");
    let found = entry.get("selector").unwrap_or(&Value::Null);
    let mut selector = ProbeSelector::default();
    if let Some(kind) = found.get("kind") {
        let field = format!("{field}.kind");
        if problems.has(kind, &field, &["kind"]) {
            selector.kind = problems.read(kind, &field);
        }
    }
    if let Some(terms) = found.get("selector") {
        selector.selector = Some(labels(terms, &format!("{field}.selector"), problems));
    }
    if found.get("kind").or(found.get("selector")).is_none() && !problems.is_told(&field) {
        problems.add(&field, "Required value: kind or selector");
    }
    if let Some(kind) = &selector.kind {
        let field = format!("{field}.kind");
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
    selector
}

/// The probes of an entry, those that are in a right form.
fn probes(
    entry: &Value,
    field: &str,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Vec<Probe> {
    let found = entry.get("probes");
    let count = items(found).count();
    if count == 0 && !problems.is_told(field) {
        problems.add(field, "Required value");
    }
    if count > bounds::PROBES {
        let limit = bounds::PROBES;
        problems.add(field, format!("{count} probes, the limit is {limit}"));
        return Vec::new();
    }
    let mut probes = Vec::new();
    for (number, found) in items(found) {
        probes.extend(probe(
            found,
            &format!("{field}[{number}]"),
            problems,
            expressions,
        ));
    }
    probes
}

/// A probe. Of several kinds in one only one counts, as in Package Operator: `fieldsEqual` before `condition` before
/// `cel`. Members store one.
fn probe(
    found: &Value,
    field: &str,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Option<Probe> {
    let mut probe = Probe::default();
    let inside = |name: &str| format!("{field}.{name}");
    if let Some(found) = found.get("fieldsEqual") {
        probe.fields_equal = Some(fields_equal(found, &inside("fieldsEqual"), problems)?);
    } else if let Some(found) = found.get("condition") {
        probe.condition = Some(condition(found, &inside("condition"), problems)?);
    } else if let Some(found) = found.get("cel") {
        probe.cel = Some(cel(found, &inside("cel"), problems, expressions)?);
    } else if !problems.is_told(field) {
        problems.add(field, "Required value: condition, fieldsEqual or cel");
    }
    Some(probe)
}

fn fields_equal(
    found: &Value,
    field: &str,
    problems: &mut Problems<'_>,
) -> Option<FieldsEqualProbe> {
    let names = ["fieldA", "fieldB"];
    let has_all = problems.has(found, field, &names);
    for name in names {
        let field = format!("{field}.{name}");
        let Some(path) = found.get(name).and_then(Value::as_str) else {
            continue;
        };
        if path.trim_matches('.').is_empty() {
            problems.add(&field, "Required value");
        }
        text(path, 0, bounds::FIELD_PATH, &field, problems);
    }
    if has_all {
        problems.read(found, field)
    } else {
        None
    }
}

fn condition(found: &Value, field: &str, problems: &mut Problems<'_>) -> Option<ConditionProbe> {
    if !problems.has(found, field, &["type"]) {
        return None;
    }
    let condition: ConditionProbe = problems.read(found, field)?;
    for (name, value, limit) in [
        ("type", &condition.r#type, bounds::CONDITION_TYPE),
        ("status", &condition.status, bounds::CONDITION_STATUS),
    ] {
        text(value, 1, limit, &format!("{field}.{name}"), problems);
    }
    Some(condition)
}

fn cel(
    found: &Value,
    field: &str,
    problems: &mut Problems<'_>,
    expressions: &mut Expressions,
) -> Option<CelProbe> {
    if !problems.has(found, field, &["rule"]) {
        return None;
    }
    let mut cel: CelProbe = problems.read(found, field)?;
    expressions.compile(&cel.rule, &["self"], &format!("{field}.rule"), problems);
    if cel.message.is_empty() {
        cel.message = format!("not true: {}", cel.rule);
    }
    // Longer than what any status shows of it. Characters are at most bytes.
    cel.message = shorten(std::mem::take(&mut cel.message), bounds::PROBE_MESSAGE);
    Some(cel)
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

/// Labels that an object has to have.
fn labels(found: &Value, field: &str, problems: &mut Problems<'_>) -> LabelSelector {
    let mut selector = LabelSelector::default();
    let mut few = |count: usize, field: String| {
        let limit = bounds::SELECTOR_TERMS;
        if count > limit {
            problems.add(&field, format!("{count} entries, the limit is {limit}"));
        }
        count <= limit
    };
    let expressions = found.get("matchExpressions");
    let labels = found.get("matchLabels").and_then(Value::as_object);
    few(labels.map_or(0, Map::len), format!("{field}.matchLabels"));
    if few(
        items(expressions).count(),
        format!("{field}.matchExpressions"),
    ) {
        for (number, found) in items(expressions) {
            let field = format!("{field}.matchExpressions[{number}]");
            let term = expression(found, &field, problems);
            selector.match_expressions.extend(term);
        }
    }
    if let Some(labels) = found.get("matchLabels") {
        let read = problems.read(labels, &format!("{field}.matchLabels"));
        selector.match_labels = read.unwrap_or_default();
    }
    selector
}

fn expression(found: &Value, field: &str, problems: &mut Problems<'_>) -> Option<LabelExpression> {
    let has_all = problems.has(found, field, &["key", "operator"]);
    if let Some(key) = found.get("key").and_then(Value::as_str) {
        let field = format!("{field}.key");
        text(key, 1, bounds::LABEL_KEY, &field, problems);
    }
    let operator = found.get("operator")?;
    let operator: LabelOperator = problems.read(operator, &format!("{field}.operator"))?;
    let values = items(found.get("values"));
    let count = values.clone().count();
    let of_values = format!("{field}.values");
    let wants_values = matches!(operator, LabelOperator::In | LabelOperator::NotIn);
    if wants_values == (count == 0) && !problems.is_told(&of_values) {
        let what = if wants_values {
            "Required value"
        } else {
            "must be empty for this operator"
        };
        problems.add(&of_values, what);
    }
    if count > bounds::SELECTOR_TERMS {
        let limit = bounds::SELECTOR_TERMS;
        problems.add(&of_values, format!("{count} values, the limit is {limit}"));
        return None;
    }
    for (number, value) in values {
        let field = format!("{of_values}[{number}]");
        let value = value.as_str().unwrap_or_default();
        text(value, 0, bounds::LABEL_VALUE, &field, problems);
    }
    if has_all {
        problems.read(found, field)
    } else {
        None
    }
}
