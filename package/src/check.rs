//! The check of a package by its author: its test cases, or its defaults, are rendered.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::environment;
use crate::manifest::{Scope, TestCase};
use crate::package::Package;
use crate::render::{
    ClusterFacts, Context, DEFAULT_NAMESPACE, RenderInput, Rendered, check_stored_size,
};
use crate::violation::{Invalid, Reason};
use crate::warning::{Warning, WarningReason, Warnings};

/// The result of a [`Package::check`] that found nothing wrong, and what it could not check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validated {
    /// The ways to install the package in which it was not rendered; empty when all that was asked for was.
    pub not_rendered: Vec<NotRendered>,
    /// What its author should look at.
    pub warnings: Warnings,
}

/// One way to install a package that could not be checked: its defaults alone are not a configuration, and no test
/// case gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRendered {
    /// The component that it is said of; none for the root.
    pub component: Option<String>,
    /// Where it would be installed.
    pub scope: Scope,
    /// What the defaults lack.
    pub missing: Invalid,
}

impl fmt::Display for NotRendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotRendered {
            component,
            scope,
            missing,
        } = self;
        if let Some(component) = component {
            write!(f, "component {component}: ")?;
        }
        write!(
            f,
            "templates and objects were not looked at in scope {scope:?}, because the defaults alone are no \
             configuration ({missing}); give one in a test case under test.template of the manifest"
        )
    }
}

impl Package {
    /// Renders the test cases of the root and of every component, or without any the defaults in each of its scopes,
    /// and gives what is wrong with the results. For authors: what a hub orders is checked when it is rendered.
    ///
    /// # Errors
    /// With the violations of the first case that has any.
    pub fn check(&self) -> Result<Validated, Invalid> {
        let mut validated = Validated {
            warnings: self.warnings().clone(),
            ..Validated::default()
        };
        self.check_part(self, None, &mut validated)?;
        for (name, component) in self.components() {
            self.check_part(component, Some(name), &mut validated)?;
        }
        Ok(validated)
    }

    /// Checks one part: the root, or a component.
    fn check_part(
        &self,
        part: &Package,
        component: Option<&str>,
        validated: &mut Validated,
    ) -> Result<(), Invalid> {
        let cases = &part.manifest().tests;
        for case in cases {
            let context = self.case_context(&case_input(case, component));
            let rendered = context.and_then(|context| self.render_storable(&context));
            let rendered = rendered.map_err(|invalid| invalid.in_case(&case.name));
            validated.take(rendered, case.context.cluster.is_some())?;
        }
        if !cases.is_empty() {
            return Ok(());
        }
        for scope in &part.manifest().scopes {
            let input = default_input(&part.manifest().name, *scope);
            let input = RenderInput {
                component: component.map(str::to_owned),
                ..input
            };
            match self.defaults_context(&input) {
                Ok(context) => validated.take(self.render_storable(&context), false)?,
                Err(missing) if missing.is_all(Reason::ConfigInvalid) => {
                    validated.not_rendered.push(NotRendered {
                        component: component.map(str::to_owned),
                        scope: *scope,
                        missing,
                    });
                }
                Err(invalid) => return Err(invalid),
            }
        }
        Ok(())
    }

    /// Renders what a member can store, as the hub does.
    fn render_storable(&self, context: &Context) -> Result<Rendered, Invalid> {
        let rendered = self.render(context)?;
        check_stored_size(&rendered.content)?;
        Ok(rendered)
    }
}

impl Validated {
    /// Adds what a rendering told, or of one that only lacks the label of a cluster that nobody gave, that it was not
    /// looked at.
    fn take(
        &mut self,
        rendered: Result<Rendered, Invalid>,
        cluster_is_given: bool,
    ) -> Result<(), Invalid> {
        match rendered {
            Ok(rendered) => self.warnings.extend(&rendered.warnings),
            Err(invalid) if !cluster_is_given && lacks_label(&invalid) => {
                self.warn_of_label(&invalid);
            }
            Err(invalid) => return Err(invalid),
        }
        Ok(())
    }

    /// A cluster may have the label: nothing is wrong with the package, and nothing was found out about it.
    fn warn_of_label(&mut self, invalid: &Invalid) {
        for violation in invalid.violations() {
            let reason = WarningReason::NotRendered;
            let mend = "give a cluster with its labels in the context of a test case";
            let mut warning = Warning::new(reason, violation.details.clone(), mend);
            warning.path.clone_from(&violation.path);
            warning.index = violation.index;
            self.warnings.add(warning);
        }
    }
}

/// Whether nothing is wrong but that labels are missing, of a cluster that nobody gave.
fn lacks_label(invalid: &Invalid) -> bool {
    invalid.is_all(Reason::ClusterLabelMissing)
}

pub(crate) fn case_input(case: &TestCase, component: Option<&str>) -> RenderInput {
    let metadata = &case.context.package.metadata;
    let namespace = metadata.namespace.clone();
    let default = default_input(&metadata.name, Scope::Cluster);
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
        component: component.map(str::to_owned),
        config: case.context.config.clone(),
        environment: environment::of_test(case.context.environment.as_ref())
            .expect("it was read when the manifest was"),
        cluster,
        ..default
    }
}

pub(crate) fn default_input(name: &str, scope: Scope) -> RenderInput {
    RenderInput {
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
