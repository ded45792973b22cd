//! The fields that a manifest and its lock file may have: what is unknown is told, what is known and not honoured is
//! refused by name.

use super::walk::Fields;

/// Fields below which anything may be; `[]` stands for the items of a list.
const KNOWN: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "spec.scopes",
    "spec.components",
    "spec.phases[].name",
    "spec.phases[].class",
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
    "spec.constraints[].platform",
    "spec.constraints[].platformVersion.name",
    "spec.constraints[].platformVersion.range",
    "spec.constraints[].uniqueInScope",
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
    "test.template[].context.cluster.name",
    "test.template[].context.cluster.labels",
    // It says how the author's own tool checks the package, and nothing about installing it.
    "test.kubeconform",
];

/// Fields that are known, but not honoured by this version, and what they are.
const LATER: &[(&str, &str)] = &[
    ("spec.repositories", "repositories"),
    ("spec.dependencies", "dependencies"),
];

/// Fields whose values may be anything.
const VALUES: &[&str] = &[
    "spec.config.openAPIV3Schema",
    "spec.components",
    "spec.constraints[].uniqueInScope",
    "test.template[].context.config",
    "test.kubeconform",
];

/// Lists of texts.
const LISTS: &[&str] = &[
    "spec.scopes",
    "spec.availabilityProbes[].selector.selector.matchExpressions[].values",
    "spec.constraints[].platform",
];

/// Maps of texts.
const MAPS: &[&str] = &[
    "spec.availabilityProbes[].selector.selector.matchLabels",
    "test.template[].context.package.metadata.labels",
    "test.template[].context.package.metadata.annotations",
    "test.template[].context.cluster.labels",
];

/// Fields whose own readers check what is in them: of these, numbers and booleans in them are texts.
const TREES: &[&str] = &["metadata", "test.template[].context.environment"];

/// The fields of a manifest.
pub(super) const MANIFEST: Fields = Fields {
    known: KNOWN,
    later: LATER,
    values: VALUES,
    lists: LISTS,
    maps: MAPS,
    trees: TREES,
};

/// The fields of a lock file.
pub(super) const LOCK: Fields = Fields {
    known: &[
        "apiVersion",
        "kind",
        "metadata",
        "spec.images[].name",
        "spec.images[].image",
        "spec.images[].digest",
        "spec.dependencies",
    ],
    later: &[],
    values: &["spec.dependencies"],
    lists: &[],
    maps: &[],
    trees: &["metadata"],
};
