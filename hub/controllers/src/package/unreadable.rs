//! Records of packages that cannot be read: the package is left as it is meanwhile.
//!
//! The newest revision, or the pin that holds, may be the one that cannot be read. A package whose own object cannot
//! be read keeps what runs as well ([`Lookup::Unreadable`](crate::package::packages::Lookup)).

use stevedore_crds::v1alpha1::{PackageAction, PackageRevision};
use stevedore_hub_core::fleet::Failure;
use stevedore_proto_core::Reason;

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::watch::entry::Unreadable;

/// Why nothing new may be ordered of a package, where one of its records cannot be read.
pub(crate) fn unreadable_record(hub: &Hub, package: &AnyPackage) -> Option<Failure> {
    let revisions = hub.revisions.objects().unreadable();
    let revision = revisions
        .iter()
        .find(|found| is_revision_of(hub, found, package));
    let actions = hub.packages.actions.unreadable();
    let action = || {
        let mut actions = actions.iter();
        actions.find(|found| is_action_on(hub, found, package))
    };
    let (kind, name, why) = match revision {
        Some(found) => ("PackageRevision", &found.identity.name, &found.why),
        None => {
            let found = action()?;
            ("PackageAction", &found.identity.name, &found.why)
        }
    };
    Some(Failure {
        reason: Reason::Unreadable,
        message: format!("what runs stays as it is, for {kind} {name} cannot be read: {why}"),
    })
}

/// Whether a revision has the place and the name that the hub gives revisions of this package.
pub(crate) fn is_revision_of(
    hub: &Hub,
    found: &Unreadable<PackageRevision>,
    package: &AnyPackage,
) -> bool {
    let (identity, at) = (package.identity(), &found.identity);
    at.namespace.as_deref() == Some(package.record_namespace(hub.api.namespace()))
        && identity.is_record(&at.name)
}

/// Whether an action may be about this package, and may still hold.
pub(crate) fn is_action_on(
    hub: &Hub,
    found: &Unreadable<PackageAction>,
    package: &AnyPackage,
) -> bool {
    let rest = &found.rest;
    let is_target = rest
        .target
        .as_ref()
        .is_none_or(|target| target.kind == package.kind && target.name == package.name);
    !rest.is_over
        && is_target
        && found.identity.namespace.as_deref()
            == Some(package.record_namespace(hub.api.namespace()))
}

#[cfg(test)]
mod tests;
