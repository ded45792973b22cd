//! Inputs of renderings that nobody installs: those of test cases, and of defaults that are tried out.

use std::collections::BTreeMap;

use serde_json::json;

use crate::environment;
use crate::manifest::{Scope, TestCase};
use crate::render::{ClusterFacts, DEFAULT_NAMESPACE, RenderInput};

/// The input that a test case gives.
pub(crate) fn case_input(case: &TestCase, component: Option<&str>) -> RenderInput {
    let metadata = &case.context.package.metadata;
    let namespace = metadata.namespace.clone();
    let default = default_input(&metadata.name, Scope::Cluster, component);
    let mut cluster = default.cluster.clone();
    if let Some(given) = &case.context.cluster {
        cluster.labels.clone_from(&given.labels);
        cluster.name = given.name.clone().unwrap_or(cluster.name);
    }
    RenderInput {
        name: metadata.name.clone(),
        // As templates of the original see it, an empty one is none.
        namespace: namespace.filter(|namespace| !namespace.is_empty()),
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        image: case.context.package.image.clone(),
        config: case.context.config.clone(),
        environment: environment::of_test(case.context.environment.as_ref())
            .expect("it was read when the manifest was"),
        cluster,
        ..default
    }
}

/// The input of a package that is rendered with its defaults alone.
pub(crate) fn default_input(name: &str, scope: Scope, component: Option<&str>) -> RenderInput {
    RenderInput {
        component: component.map(str::to_owned),
        name: name.to_owned(),
        namespace: (scope == Scope::Namespaced).then(|| DEFAULT_NAMESPACE.to_owned()),
        image: format!("registry.example/{name}:test"),
        environment: example_environment(),
        cluster: ClusterFacts {
            name: "example".to_owned(),
            uid: "00000000-0000-0000-0000-000000000000".to_owned(),
            labels: BTreeMap::new(),
        },
        ..RenderInput::default()
    }
}

fn example_environment() -> serde_json::Value {
    json!({"kubernetes": {"version": "v1.36.0"}})
}
