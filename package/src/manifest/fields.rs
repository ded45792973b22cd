//! The fields that a manifest may have: what is unknown or not honoured is refused by name, never ignored.

use serde_json::Value;

use crate::violation::{Reason, Violation};

/// Fields below which anything may be; `[]` stands for the items of a list.
const KNOWN: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "spec.scopes",
    "spec.phases[].name",
    "spec.availabilityProbes[].selector.kind.group",
    "spec.availabilityProbes[].selector.kind.kind",
    "spec.availabilityProbes[].selector.selector.matchLabels",
    "spec.availabilityProbes[].selector.selector.matchExpressions[].key",
    "spec.availabilityProbes[].selector.selector.matchExpressions[].operator",
    "spec.availabilityProbes[].selector.selector.matchExpressions[].values",
    "spec.availabilityProbes[].probes[].condition.type",
    "spec.availabilityProbes[].probes[].condition.status",
    "spec.availabilityProbes[].probes[].fieldsEqual.fieldA",
    "spec.availabilityProbes[].probes[].fieldsEqual.fieldB",
    "spec.availabilityProbes[].probes[].cel.rule",
    "spec.availabilityProbes[].probes[].cel.message",
    "spec.config.openAPIV3Schema",
    "spec.filter.conditions[].name",
    "spec.filter.conditions[].expression",
    "spec.filter.paths[].glob",
    "spec.filter.paths[].expression",
    "spec.images[].name",
    "spec.images[].image",
    "test.template[].name",
    "test.template[].context.package.metadata.name",
    "test.template[].context.package.metadata.namespace",
    "test.template[].context.package.metadata.labels",
    "test.template[].context.package.metadata.annotations",
    "test.template[].context.package.image",
    "test.template[].context.config",
    "test.template[].context.environment",
    // It says how the author's own tool checks the package, and nothing about installing it.
    "test.kubeconform",
];

/// Fields that are known, but not honoured by this version, and what they are.
const LATER: &[(&str, &str)] = &[
    ("spec.phases[].class", "phase classes"),
    ("spec.components", "components"),
    ("spec.constraints", "constraints"),
    ("spec.repositories", "repositories"),
    ("spec.dependencies", "dependencies"),
];

/// Fields of `manifest` that are unknown, of a wrong form, or not honoured by this version.
pub(super) fn check(path: &str, manifest: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    walk("", manifest, "", &mut |reason, details| {
        found.push(Violation::new(reason, details).in_file(path));
    });
    found
}

/// `form` is the field as the tables have it, `field` as the manifest does.
fn walk(form: &str, value: &Value, field: &str, report: &mut dyn FnMut(Reason, String)) {
    if value.is_null() || KNOWN.contains(&form) {
        return;
    }
    if let Some((_, what)) = LATER.iter().find(|(later, _)| *later == form) {
        let details = format!("{field}: {what} are not supported yet");
        return report(Reason::NotSupported, details);
    }
    let is_prefix = |form: &str| {
        let later = LATER.iter().map(|(later, _)| later);
        let mut forms = KNOWN.iter().chain(later);
        forms.any(|known| known.starts_with(form))
    };
    let mut refuse = |what| report(Reason::ManifestInvalid, format!("{field}: {what}"));
    let item = format!("{form}[]");
    let inside = format!("{form}.");
    match value {
        Value::Array(values) if is_prefix(&item) => {
            for (number, value) in values.iter().enumerate() {
                walk(&item, value, &format!("{field}[{number}]"), report);
            }
        }
        Value::Object(map) if form.is_empty() || is_prefix(&inside) => {
            let dot = if form.is_empty() { "" } else { "." };
            for (key, value) in map {
                let field = format!("{field}{dot}{key}");
                if key.contains(['.', '[']) {
                    report(Reason::ManifestInvalid, format!("{field}: unknown field"));
                } else {
                    walk(&format!("{form}{dot}{key}"), value, &field, report);
                }
            }
        }
        _ if is_prefix(&item) => refuse("must be a list"),
        _ if form.is_empty() || is_prefix(&inside) => refuse("must be a map"),
        _ => refuse("unknown field"),
    }
}
