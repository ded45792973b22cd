//! The check of a package by its author: its test cases, or its defaults, are rendered.

use std::fmt;

use crate::limit;
use crate::manifest::Scope;
use crate::package::Package;
use crate::render::{Context, DEFAULT_NAMESPACE, Rendered, check_stored_size};
use crate::trial::{Trial, trials};
use crate::violation::{Invalid, Reason, Rendering, Violation};
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
        for trial in trials(part.manifest()) {
            if findings.is_over() {
                return;
            }
            let from = trial.rendering(component);
            match (self.trial_context(trial, component), trial) {
                (Ok(context), _) => {
                    let rendered = self.render_storable(&context);
                    findings.take(rendered, trial.gives_cluster(), &from);
                }
                (Err(missing), Trial::Defaults { name, scope })
                    if missing.is_all(Reason::ConfigInvalid) =>
                {
                    if let Err(invalid) = part.check_plain(name, scope) {
                        let invalid = match component {
                            Some(component) => invalid.in_component(component),
                            None => invalid,
                        };
                        findings.refuse(invalid, &from);
                    }
                    findings.validated.not_rendered.push(NotRendered {
                        component: component.map(str::to_owned),
                        scope,
                        missing,
                    });
                }
                (Err(invalid), _) => findings.refuse(invalid, &from),
            }
        }
    }

    /// Checks the objects of plain files where nothing is rendered from the defaults.
    fn check_plain(&self, name: &str, scope: Scope) -> Result<(), Invalid> {
        let namespace = (scope == Scope::Namespaced).then_some(DEFAULT_NAMESPACE);
        Invalid::check(self.plain_faults(name, namespace, &mut limit::render_budget()))
    }

    /// Renders what a member can store, as the hub does.
    pub(crate) fn render_storable(&self, context: &Context) -> Result<Rendered, Invalid> {
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
            let mend = "a test case whose context has \"cluster: {labels: {…}}\" with it is rendered and checked";
            let mut warning = Warning::new(reason, violation.details.clone(), mend);
            warning.path.clone_from(&violation.path);
            warning.index = violation.index.map(|index| index as usize);
            warning.position = violation.position;
            self.warnings.add(warning);
        }
    }
}
