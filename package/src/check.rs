//! The check of a package by its author: its test cases, or its defaults, are rendered.

use std::fmt;

use crate::limit;
use crate::manifest::{Scope, TestCase};
use crate::package::Package;
use crate::render::{Context, Rendered, check_stored_size};
use crate::trial::{case_input, default_input};
use crate::violation::{Invalid, Reason, RenderedFrom, Rendering, Violation};
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

/// What a check found so far.
#[derive(Default)]
struct Findings {
    validated: Validated,
    invalid: Option<Invalid>,
}

impl Package {
    /// Renders the test cases of the root and of every component, or without any the defaults in each of its scopes,
    /// and gives what is wrong with the results. For authors: what a hub orders is checked when it is rendered.
    ///
    /// # Errors
    /// With the violations of all of them, each once. After a rendering that is too costly no other is made.
    pub fn check(&self) -> Result<Validated, Invalid> {
        let mut findings = Findings::default();
        findings.validated.warnings = self.warnings().clone();
        let components = self.components();
        let components = components.map(|(name, component)| (Some(name), component));
        for (name, part) in std::iter::once((None, self)).chain(components) {
            if findings.is_over() {
                break;
            }
            self.check_part(part, name, &mut findings);
        }
        match findings.invalid {
            Some(invalid) => Err(invalid.with_warnings(&findings.validated.warnings)),
            None => Ok(findings.validated),
        }
    }

    /// Checks one part: the root, or a component.
    fn check_part(&self, part: &Package, component: Option<&str>, findings: &mut Findings) {
        let rendering = |from| Rendering {
            component: component.map(str::to_owned),
            from,
        };
        let cases = &part.manifest().tests;
        for case in cases {
            if findings.is_over() {
                return;
            }
            let rendered = self.render_case(case, component);
            let from = rendering(RenderedFrom::Case(case.name.clone()));
            findings.take(rendered, case.context.cluster.is_some(), &from);
        }
        if !cases.is_empty() {
            return;
        }
        for scope in &part.manifest().scopes {
            if findings.is_over() {
                return;
            }
            let from = rendering(RenderedFrom::Defaults {
                in_namespace: *scope == Scope::Namespaced,
            });
            let input = default_input(&part.manifest().name, *scope, component);
            match self.defaults_context(&input) {
                Ok(context) => findings.take(self.render_storable(&context), false, &from),
                Err(missing) if missing.is_all(Reason::ConfigInvalid) => {
                    let namespace = input.namespace.as_deref();
                    let mut budget = limit::render_budget();
                    let faults = part.plain_faults(&input.name, namespace, &mut budget);
                    if let Err(invalid) = Invalid::check(faults) {
                        let invalid = match component {
                            Some(component) => invalid.in_component(component),
                            None => invalid,
                        };
                        findings.refuse(invalid, &from);
                    }
                    findings.validated.not_rendered.push(NotRendered {
                        component: component.map(str::to_owned),
                        scope: *scope,
                        missing,
                    });
                }
                Err(invalid) => findings.refuse(invalid, &from),
            }
        }
    }

    /// Renders a test case of the root or of a component.
    pub(crate) fn render_case(
        &self,
        case: &TestCase,
        component: Option<&str>,
    ) -> Result<Rendered, Invalid> {
        let context = self.case_context(&case_input(case, component))?;
        self.render_storable(&context)
    }

    /// Renders what a member can store, as the hub does.
    fn render_storable(&self, context: &Context) -> Result<Rendered, Invalid> {
        let rendered = self.render(context)?;
        check_stored_size(&rendered.content)?;
        Ok(rendered)
    }
}

impl Findings {
    /// Adds what a rendering told. That the label of a cluster is missing that nobody gave is no fault: it is said that
    /// something was not looked at.
    fn take(
        &mut self,
        rendered: Result<Rendered, Invalid>,
        cluster_is_given: bool,
        from: &Rendering,
    ) {
        match rendered {
            Ok(rendered) => self.validated.warnings.extend(&rendered.warnings),
            Err(invalid) => {
                self.validated.warnings.extend(invalid.warnings());
                let (missing, others) = match cluster_is_given {
                    true => (Vec::new(), Some(invalid)),
                    false => invalid.split(Reason::ClusterLabelMissing),
                };
                self.validated.warn_of_labels(&missing);
                if let Some(others) = others {
                    self.refuse(others, from);
                }
            }
        }
    }

    fn refuse(&mut self, invalid: Invalid, from: &Rendering) {
        let invalid = invalid.found_in(from);
        match &mut self.invalid {
            Some(known) => known.merge(invalid),
            none => *none = Some(invalid),
        }
    }

    /// Whether nothing more is rendered: one that is too costly is enough.
    fn is_over(&self) -> bool {
        self.invalid.as_ref().is_some_and(Invalid::is_too_costly)
    }
}

impl Validated {
    /// A cluster may have the label: nothing is wrong with the package, and nothing was found out about it.
    fn warn_of_labels(&mut self, missing: &[Violation]) {
        for violation in missing {
            let reason = WarningReason::NotRendered;
            let mend = "give a cluster with its labels in the context of a test case";
            let mut warning = Warning::new(reason, violation.details.clone(), mend);
            warning.path.clone_from(&violation.path);
            warning.index = violation.index.map(|index| index as usize);
            warning.position = violation.position;
            self.warnings.add(warning);
        }
    }
}
