//! The set that a deployment makes of its template, and how its sets are found.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use stevedore_crds::v1alpha1::{
    LabelOperator, LabelSelector, ObjectDeploymentSpec, ObjectDeploymentStatus,
};
use stevedore_proto_core::{Digest, canonical_json, content};

use super::child::{Child, HASH, OBJECT_DEPLOYMENT};
use crate::cluster_api::Resource;
use crate::store::set_object::{Metadata, Name};

/// The most that `spec.previous` takes.
const PREVIOUS: usize = 64;

/// Either kind: their specs have the same fields.
#[derive(Deserialize)]
pub(super) struct Deployment {
    pub(super) metadata: Metadata,
    pub(super) spec: ObjectDeploymentSpec,
    #[serde(default)]
    pub(super) status: ObjectDeploymentStatus,
}

/// Hash of the template and the collision count, as it stands in names.
pub(super) fn hash(spec: &ObjectDeploymentSpec, collisions: Option<i32>) -> String {
    let template = json!({"template": spec.template, "collisions": collisions.unwrap_or(0)});
    Digest::of(&canonical_json(&template)).hex()[..10].to_owned()
}

pub(super) fn new_set(
    name: &Name,
    deployment: &Deployment,
    children: &[Child],
    hash: &str,
) -> Value {
    let spec = &deployment.spec;
    let namespace = name.0.as_deref();
    let (set, parent) = (Resource::set(namespace), Resource::deployment(namespace));
    let mut labels = spec.template.metadata.labels.clone();
    labels.insert(OBJECT_DEPLOYMENT.into(), name.1.clone());
    let mut annotations = spec.template.metadata.annotations.clone();
    annotations.insert(HASH.into(), hash.to_owned());
    let newest_first = children.iter().rev().take(PREVIOUS);
    let previous: Vec<Value> = newest_first
        .map(|child| json!({"name": child.name()}))
        .collect();
    let mut body = json!(spec.template.spec);
    body["revision"] = json!(children.last().map_or(1, |newest| newest.revision + 1));
    if !previous.is_empty() {
        body["previous"] = previous.into();
    }
    json!({
        "apiVersion": set.api_version(),
        "kind": set.kind(),
        "metadata": {
            "name": format!("{}-{hash}", name.1),
            "namespace": name.0,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [{"apiVersion": parent.api_version(), "kind": parent.kind(), "name": name.1,
                "uid": deployment.metadata.uid, "controller": true, "blockOwnerDeletion": false}],
        },
        "spec": body,
    })
}

/// Whether a selector finds what has these labels.
pub(super) fn selects(selector: &LabelSelector, labels: &Value) -> bool {
    let labels = BTreeMap::<String, String>::deserialize(labels);
    let selector = content::LabelSelector::deserialize(json!(selector));
    matches!((selector, labels), (Ok(selector), Ok(labels)) if selector.matches(&labels))
}

/// A selector as lists take it.
pub(super) fn selector(selector: &LabelSelector) -> String {
    let equalities = selector
        .match_labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(|expression| {
        let (key, values) = (&expression.key, expression.values.join(","));
        match expression.operator {
            LabelOperator::In => format!("{key} in ({values})"),
            LabelOperator::NotIn => format!("{key} notin ({values})"),
            LabelOperator::Exists => key.clone(),
            LabelOperator::DoesNotExist => format!("!{key}"),
        }
    });
    equalities.chain(expressions).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
