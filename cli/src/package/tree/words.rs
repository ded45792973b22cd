//! The words of a tree: what people read of phases, objects, conditions and probes.

use stevedore_proto_core::content::{LabelOperator, LabelSelector, Probe, ProbeSelector};

use super::drawing::Drawn;
use super::model::{Counts, LeftOut, Node, Tree, TreePhase, TreeProbe};
use crate::output::counted;
use crate::terminal::{escaped, on_one_line};

/// What is drawn of a package.
pub(super) fn drawn(tree: &Tree<'_>, package: &str) -> Drawn {
    let Counts { applied, left_out } = tree.counts();
    let mut title = title(tree, package);
    title.push_str(&format!(": {}", counted(applied, "object")));
    if left_out > 0 {
        title.push_str(&format!(", {left_out} left out"));
    }
    let mut drawn = Drawn::new(title);
    below(tree, &mut drawn);
    drawn
}

/// Which package it is, of which component, and what it is installed as.
fn title(tree: &Tree<'_>, package: &str) -> String {
    let component = tree.component.map(|it| format!(", component {it},"));
    let component = component.unwrap_or_default();
    escaped(&match tree.namespace {
        Some(namespace) => format!("{package}{component} as Package {namespace}/{}", tree.name),
        None => format!("{package}{component} as ClusterPackage {}", tree.name),
    })
}

fn below(tree: &Tree<'_>, drawn: &mut Drawn) {
    for phase in &tree.phases {
        drawn.push(phase_drawn(phase));
    }
    let mut conditions = Drawn::new("conditions");
    for condition in &tree.conditions {
        let (name, holds) = (escaped(condition.name), condition.holds);
        let expression = on_one_line(condition.expression);
        conditions.push(Drawn::new(format!("cond.{name} is {holds}: {expression}")));
    }
    let mut probes = Drawn::new("probes");
    for probe in &tree.probes {
        probes.push(probe_drawn(probe));
    }
    let mut empty = Drawn::new("files without objects");
    for file in tree.without_objects {
        empty.push(Drawn::new(escaped(file)));
    }
    for part in [conditions, probes, empty] {
        if !part.is_bare() {
            drawn.push(part);
        }
    }
    if let Some(more) = tree.more_left_out {
        let more = counted(more.get(), "more object");
        drawn.push(Drawn::new(format!("{more} left out")));
    }
}

fn phase_drawn(phase: &TreePhase<'_>) -> Drawn {
    let mut title = format!("phase {}", phase.name);
    if let Some(class) = phase.class {
        title.push_str(&format!(", class {class}"));
    }
    let mut title = escaped(&title);
    match (phase.dropped, phase.objects.is_empty()) {
        (true, true) => title.push_str(", dropped: it is empty"),
        (true, false) => title.push_str(", dropped: all of it is left out"),
        (false, _) => {}
    }
    let mut drawn = Drawn::new(title);
    for node in &phase.objects {
        drawn.push(node_drawn(node));
    }
    drawn
}

fn node_drawn(node: &Node<'_>) -> Drawn {
    let mut from = node.file.to_owned();
    if node.index > 0 {
        from.push_str(&format!(" idx {}", node.index));
    }
    let mut title = escaped(&format!("{} ({from})", node.name));
    if node.left_out.is_some() {
        title.insert_str(0, "left out: ");
    }
    let mut drawn = Drawn::new(title);
    if let Some(component) = node.installs.as_ref().and_then(|tree| tree.component) {
        drawn = drawn.note(format!("installs component {}", escaped(component)));
    }
    let condition = node.condition.map(on_one_line);
    match (&node.left_out, condition) {
        (Some(LeftOut::PathFalse { glob, expression }), _) => {
            let (glob, expression) = (on_one_line(glob), on_one_line(expression));
            drawn = drawn.note(format!("spec.filter.paths {glob} is false: {expression}"));
        }
        (Some(LeftOut::ConditionFalse), condition) => {
            drawn = drawn.note(format!(
                "condition is false: {}",
                condition.unwrap_or_default()
            ));
        }
        (None, Some(condition)) => drawn = drawn.note(format!("condition is true: {condition}")),
        (None, None) => {}
    }
    if let Some(tree) = &node.installs {
        below(tree, &mut drawn);
    }
    drawn
}

fn probe_drawn(probe: &TreeProbe<'_>) -> Drawn {
    let selector = selector(probe.selector);
    let objects = match probe.objects {
        0 => "no object".to_owned(),
        count => counted(count, "object"),
    };
    let mut drawn = Drawn::new(format!("{selector}, {objects}"));
    for one in probe.probes {
        drawn = drawn.note(probe_words(one));
    }
    drawn
}

/// `Deployment.apps with app=web`.
fn selector(selector: &ProbeSelector) -> String {
    let kind = match &selector.kind {
        None => "every kind".to_owned(),
        Some(kind) if kind.group.is_empty() => kind.kind.clone(),
        Some(kind) => format!("{}.{}", kind.kind, kind.group),
    };
    let labels = selector.selector.as_ref().map(labels).unwrap_or_default();
    on_one_line(&match labels.as_str() {
        "" => kind,
        labels => format!("{kind} with {labels}"),
    })
}

/// As kubectl takes it.
fn labels(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter();
    let mut words: Vec<String> = equal.map(|(key, value)| format!("{key}={value}")).collect();
    for it in &selector.match_expressions {
        let (key, values) = (&it.key, it.values.join(","));
        words.push(match it.operator {
            LabelOperator::In => format!("{key} in ({values})"),
            LabelOperator::NotIn => format!("{key} notin ({values})"),
            LabelOperator::Exists => key.clone(),
            LabelOperator::DoesNotExist => format!("!{key}"),
        });
    }
    words.join(",")
}

fn probe_words(probe: &Probe) -> String {
    let words = match (&probe.fields_equal, &probe.condition, &probe.cel) {
        (Some(fields), ..) => format!("{} = {}", fields.field_a, fields.field_b),
        (None, Some(condition), _) => {
            format!("condition {}={}", condition.r#type, condition.status)
        }
        (None, None, Some(cel)) => format!("cel {}", cel.rule),
        (None, None, None) => "nothing".to_owned(),
    };
    on_one_line(&words)
}
