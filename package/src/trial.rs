//! Trials: renderings of a package that nobody installs, from its test cases and from its defaults.

use std::collections::BTreeMap;

use serde_json::json;

use crate::environment;
use crate::manifest::{PackageManifest, Scope, TestCase};
use crate::package::Package;
use crate::render::{ClusterFacts, Context, DEFAULT_NAMESPACE, RenderInput};
use crate::violation::{Invalid, RenderedFrom, Rendering};

/// What a part of a package, the root or a component, is tried out with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trial<'p> {
    /// What a test case gives.
    Case(&'p TestCase),
    /// The defaults alone, as they are installed in a scope.
    Defaults { name: &'p str, scope: Scope },
}

/// The trials of a part: its test cases, or without any its defaults in each of its scopes.
pub(crate) fn trials(manifest: &PackageManifest) -> Vec<Trial<'_>> {
    let name = manifest.name.as_str();
    match manifest.tests.as_slice() {
        [] => {
            let scopes = manifest.scopes.iter();
            let defaults = scopes.map(|scope| Trial::Defaults {
                name,
                scope: *scope,
            });
            defaults.collect()
        }
        cases => cases.iter().map(Trial::Case).collect(),
    }
}

impl Trial<'_> {
    /// As it is called in what is found in it.
    pub(crate) fn rendering(&self, component: Option<&str>) -> Rendering {
        Rendering {
            component: component.map(str::to_owned),
            from: match self {
                Self::Case(case) => RenderedFrom::Case(case.name.clone()),
                Self::Defaults { scope, .. } => RenderedFrom::Defaults {
                    in_namespace: *scope == Scope::Namespaced,
                },
            },
        }
    }

    /// Whether it says which cluster it is for, with its labels.
    pub(crate) fn gives_cluster(&self) -> bool {
        matches!(self, Self::Case(case) if case.context.cluster.is_some())
    }
}

impl Package {
    /// What the templates of the root or of a component see in a trial.
    ///
    /// # Errors
    /// When what it gives does not fit.
    pub(crate) fn trial_context(
        &self,
        trial: Trial<'_>,
        component: Option<&str>,
    ) -> Result<Context, Invalid> {
        match trial {
            Trial::Case(case) => self.case_context(&case_input(case, component)),
            Trial::Defaults { name, scope } => {
                self.defaults_context(&default_input(name, scope, component))
            }
        }
    }

    /// The same of the trial that a rendering was made of.
    pub(crate) fn context_of(&self, rendering: &Rendering) -> Option<Context> {
        let component = rendering.component.as_deref();
        let part = self.part(component).ok()?;
        let mut trials = trials(part.manifest()).into_iter();
        let trial = trials.find(|it| it.rendering(component) == *rendering)?;
        self.trial_context(trial, component).ok()
    }
}

/// The input that a test case gives.
fn case_input(case: &TestCase, component: Option<&str>) -> RenderInput {
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
