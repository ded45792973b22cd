//! The fields of a manifest, as its schema has them.

use serde_json::{Value, json};
use stevedore_proto_core::content::bounds;

use super::assembly::{OTHERS, Row, row};
use super::forms::{any_text, expression, text, texts};
use super::probes;
use crate::limit;
use crate::manifest::constraints::{MAX_CONSTRAINTS, Platform};
use crate::manifest::parse::CASE_NAME_BYTES;

/// What becomes the value of a label, and is not empty.
const LABEL: &str = "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
/// The value of a label.
const LABEL_OR_EMPTY: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";

fn platform() -> Value {
    let names = [Platform::Kubernetes, Platform::OpenShift].map(|it| it.to_string());
    json!({"type": "string", "enum": names})
}

/// All of them but those of `environment`.
pub(super) fn rows() -> Vec<Row> {
    let groups = [
        top(),
        spec(),
        images(),
        probes::rows(),
        filter(),
        constraints(),
        test(),
        context(),
    ];
    groups.into_iter().flatten().collect()
}

fn top() -> Vec<Row> {
    vec![
        row(
            "",
            "What a package is: where it may be installed, in which order, and how it is tested.",
            json!({"required": ["apiVersion", "kind", "spec"]}),
        ),
        row(
            "metadata",
            "The name of the package. Only the manifest of a component does without.",
            json!({OTHERS: true}),
        ),
        row(
            "metadata.name",
            "The package's own name; every object gets it as a label. A component has the name of its folder, and needs none here.",
            json!({"type": "string", "pattern": LABEL, "maxLength": bounds::LABEL_VALUE}),
        ),
        row(
            "spec",
            "The package.",
            json!({"required": ["scopes", "phases"]}),
        ),
        row("test", "How the package is checked.", json!({})),
        row(
            "test.kubeconform",
            "How Package Operator's tool checks objects; of no meaning here.",
            json!({"type": "object"}),
        ),
    ]
}

fn spec() -> Vec<Row> {
    vec![
        row(
            "spec.scopes",
            "How the package may be installed.",
            json!({"minItems": 1}),
        ),
        row(
            "spec.scopes[]",
            "Cluster: by a ClusterPackage. Namespaced: by a Package, into its namespace.",
            json!({"type": "string", "enum": ["Cluster", "Namespaced"]}),
        ),
        row(
            "spec.components",
            "With {} every folder in components/ is a component. A component has none itself.",
            json!({"type": "object"}),
        ),
        row(
            "spec.phases",
            "The phases, in order: one begins when every object of the one before passes its probes.",
            json!({"minItems": 1, "maxItems": bounds::PHASES}),
        ),
        row("spec.phases[]", "A phase.", json!({"required": ["name"]})),
        row(
            "spec.phases[].name",
            "Its name, as the annotation package-operator.run/phase of objects has it; unique.",
            text(1, bounds::PHASE_NAME),
        ),
        row(
            "spec.phases[].class",
            "Who applies the phase. Without it, and with default, the agent does.",
            json!({"type": "string", "pattern": LABEL_OR_EMPTY, "maxLength": bounds::LABEL_VALUE}),
        ),
        row(
            "spec.config",
            "What whoever installs the package may configure.",
            json!({}),
        ),
        row(
            "spec.config.openAPIV3Schema",
            "A structural schema, as in a CustomResourceDefinition. What it does not name is left out, and its defaults are filled in.",
            json!({"type": "object"}),
        ),
    ]
}

fn images() -> Vec<Row> {
    vec![
        row(
            "spec.images",
            "Images whose digests `stevedore package update` writes into the lock file.",
            json!({"maxItems": limit::IMAGES}),
        ),
        row(
            "spec.images[]",
            "An image.",
            json!({"required": ["name", "image"]}),
        ),
        row(
            "spec.images[].name",
            "Its name: templates see the image by digest as .images.NAME; unique.",
            json!({"type": "string", "minLength": 1}),
        ),
        row(
            "spec.images[].image",
            "Its reference, HOST/NAME:TAG.",
            json!({"type": "string", "minLength": 1}),
        ),
    ]
}

fn filter() -> Vec<Row> {
    let identifier = "^[A-Za-z_][A-Za-z0-9_]*$";
    vec![
        row("spec.filter", "Which objects are left out.", json!({})),
        row(
            "spec.filter.conditions",
            "Expressions with names.",
            json!({"maxItems": limit::FILTERS}),
        ),
        row(
            "spec.filter.conditions[]",
            "An expression with a name.",
            json!({"required": ["name", "expression"]}),
        ),
        row(
            "spec.filter.conditions[].name",
            "Other expressions know its result as cond.NAME; unique.",
            json!({"type": "string", "pattern": identifier, "maxLength": limit::CONDITION_NAME_BYTES}),
        ),
        row(
            "spec.filter.conditions[].expression",
            "The expression in CEL, over what templates see.",
            expression(),
        ),
        row(
            "spec.filter.paths",
            "Files whose objects depend on an expression.",
            json!({"maxItems": limit::FILTERS}),
        ),
        row(
            "spec.filter.paths[]",
            "Files, and when their objects are there.",
            json!({"required": ["glob", "expression"]}),
        ),
        row(
            "spec.filter.paths[].glob",
            "Which files: * stays in a folder, ** does not.",
            text(1, limit::GLOB_BYTES),
        ),
        row(
            "spec.filter.paths[].expression",
            "The expression in CEL; where it is false, the objects are left out.",
            expression(),
        ),
    ]
}

fn constraints() -> Vec<Row> {
    vec![
        row(
            "spec.constraints",
            "On which clusters the package may be installed; all have to hold.",
            json!({"maxItems": MAX_CONSTRAINTS}),
        ),
        row("spec.constraints[]", "A constraint.", json!({})),
        row(
            "spec.constraints[].platform",
            "Platforms, one of which the cluster has to be.",
            json!({"type": "array", "items": platform()}),
        ),
        row(
            "spec.constraints[].platformVersion",
            "The version of a platform; it does not concern clusters of another one.",
            json!({"required": ["name", "range"]}),
        ),
        row(
            "spec.constraints[].platformVersion.name",
            "The platform.",
            platform(),
        ),
        row(
            "spec.constraints[].platformVersion.range",
            "The versions, as >=4.16.x or >=1.30 <2.",
            json!({"type": "string", "minLength": 1}),
        ),
        row(
            "spec.constraints[].uniqueInScope",
            "With {} the package is the only one of its name in the cluster, or in its namespace.",
            json!({"type": "object"}),
        ),
    ]
}

fn test() -> Vec<Row> {
    // Neither "." nor with two dots first: it is the name of a folder.
    let name = r"^\.?[A-Za-z0-9_-][A-Za-z0-9._-]*$";
    vec![
        row(
            "test.template",
            "Test cases: what templates are rendered with when the package is validated.",
            json!({"maxItems": limit::VIOLATIONS}),
        ),
        row(
            "test.template[]",
            "A test case.",
            json!({"required": ["name"]}),
        ),
        row(
            "test.template[].name",
            "Its name; unique.",
            json!({"type": "string", "pattern": name, "maxLength": CASE_NAME_BYTES}),
        ),
    ]
}

fn context() -> Vec<Row> {
    vec![
        row("test.template[].context", "What templates see.", json!({})),
        row(
            "test.template[].context.package",
            "The package as it is installed.",
            json!({}),
        ),
        row(
            "test.template[].context.package.metadata",
            "Metadata of the installed package.",
            json!({}),
        ),
        row(
            "test.template[].context.package.metadata.name",
            "Its name; every object gets it as a label. Without one it is empty.",
            json!({"type": "string", "pattern": LABEL_OR_EMPTY, "maxLength": bounds::LABEL_VALUE}),
        ),
        row(
            "test.template[].context.package.metadata.namespace",
            "Its namespace. Without one it is a ClusterPackage.",
            any_text(),
        ),
        row(
            "test.template[].context.package.metadata.labels",
            "Its labels.",
            texts(),
        ),
        row(
            "test.template[].context.package.metadata.annotations",
            "Its annotations.",
            texts(),
        ),
        row(
            "test.template[].context.package.image",
            "The image of the package.",
            any_text(),
        ),
        row(
            "test.template[].context.config",
            "The configuration, before defaults.",
            json!({"type": "object"}),
        ),
        row(
            "test.template[].context.cluster",
            "The cluster; without one, what reads it cannot be rendered.",
            json!({}),
        ),
        row(
            "test.template[].context.cluster.name",
            "Its name.",
            any_text(),
        ),
        row(
            "test.template[].context.cluster.labels",
            "Its labels in the fleet.",
            texts(),
        ),
    ]
}
