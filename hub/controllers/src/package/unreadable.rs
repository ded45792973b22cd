//! Packages that cannot be read, and packages with a record that cannot: neither is taken for one that is gone.
//!
//! A package whose object cannot be decoded keeps what runs, until it can be read again or somebody deletes it; its
//! metadata is enough to tear it down. A package is also left as it is while one of its revisions or actions cannot
//! be read: the newest revision, or the pin that holds, may be that one.

use std::sync::Arc;
use stevedore_proto_core::Reason;

use stevedore_client::decode::Identity;
use stevedore_crds::v1alpha1::{
    ClusterPackageSpec, PackageAction, PackageKind, PackageRevision, PackageStatus,
};
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_proto_core::PackageUid;

use crate::hub::{Hub, lock};
use crate::package::any_package::AnyPackage;
use crate::package::revisions::revision_namespace;
use crate::watch::entry::{Unreadable, Watched};
use crate::watch::unreadable::Kind;

/// What is known of a package.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// Its object.
    Readable(AnyPackage),
    /// Its object, of which the metadata alone can be read.
    Unreadable(AnyPackage),
    /// There is no such object.
    Absent,
}

impl Lookup {
    /// Whether the object is there, nobody asked for its deletion, and what it wants is not known.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unreadable(package) if !package.deleting)
    }

    /// The package as far as a plan may be made with it: one that cannot be read only to be removed.
    pub(crate) fn into_plannable(self) -> Option<AnyPackage> {
        match self {
            Self::Readable(package) => Some(package),
            Self::Unreadable(package) => package.deleting.then_some(package),
            Self::Absent => None,
        }
    }
}

impl Hub {
    /// What is known of the package with this UID, of either kind.
    pub(crate) fn lookup(&self, uid: &PackageUid) -> Lookup {
        if let Some(package) = self.package(uid) {
            return Lookup::Readable(package);
        }
        let text = uid.to_string();
        let namespaced = self.packages.get_unreadable(&text);
        let package = namespaced.map(|found| head(*uid, PackageKind::Package, &found.identity));
        let cluster = || {
            let found = self.cluster_packages.get_unreadable(&text)?;
            Some(head(*uid, PackageKind::ClusterPackage, &found.identity))
        };
        package
            .or_else(cluster)
            .map_or(Lookup::Absent, Lookup::Unreadable)
    }

    /// UIDs of all packages of which the metadata alone can be read.
    pub(crate) fn unreadable_packages(&self) -> Vec<PackageUid> {
        let parse = |uid: &str| uid.parse().ok();
        let namespaced = self.packages.unreadable();
        let namespaced = namespaced.iter().filter_map(|one| parse(&one.identity.uid));
        let cluster = self.cluster_packages.unreadable();
        let cluster = cluster.iter().filter_map(|one| parse(&one.identity.uid));
        namespaced.chain(cluster).collect()
    }

    /// Why nothing new may be ordered of a package, where one of its records cannot be read.
    pub(crate) fn unreadable_record(&self, package: &AnyPackage) -> Option<Failure> {
        let revisions = self.revisions.objects().unreadable();
        let revision = revisions
            .iter()
            .find(|found| is_revision_of(self, found, package));
        let actions = self.actions.unreadable();
        let action = || {
            let mut actions = actions.iter();
            actions.find(|found| is_action_on(self, found, package))
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

    /// A package was found to be unreadable, or is no longer there after it was.
    pub(crate) fn unreadable_package_changed<K: Watched>(&self, kind: Kind, found: &Unreadable<K>) {
        // Once it can be read again, it is news, whatever it says.
        lock(&self.facts).remove(&found.identity.uid);
        self.to_tell.add((kind, found.identity.uid.clone()));
        if let Ok(uid) = found.identity.uid.parse() {
            self.to_plan.add(uid);
        }
    }

    /// The same for a revision: packages that it may be of are planned again.
    pub(crate) fn unreadable_revision_changed(&self, found: &Arc<Unreadable<PackageRevision>>) {
        let uid = found.identity.uid.clone();
        self.to_tell.add((Kind::Revision, uid));
        self.plan_where(|package| is_revision_of(self, found, package));
    }

    /// The same for an action.
    pub(crate) fn unreadable_action_changed(&self, found: &Arc<Unreadable<PackageAction>>) {
        let uid = found.identity.uid.clone();
        self.to_tell.add((Kind::Action, uid));
        self.plan_where(|package| is_action_on(self, found, package));
    }

    fn plan_where(&self, concerns: impl Fn(&AnyPackage) -> bool) {
        for uid in self.package_uids() {
            if self.package(&uid).is_some_and(|package| concerns(&package)) {
                self.to_pull.add(uid);
                self.to_plan.add(uid);
            }
        }
    }
}

/// A package as its metadata shows it.
fn head(uid: PackageUid, kind: PackageKind, identity: &Identity) -> AnyPackage {
    AnyPackage {
        uid,
        kind,
        namespace: identity.namespace.clone(),
        name: identity.name.clone(),
        generation: identity.generation,
        created: None,
        deleting: identity.deleting,
        finalizers: identity.finalizers.clone(),
        labels: Default::default(),
        annotations: Default::default(),
        spec: ClusterPackageSpec::default(),
        status: PackageStatus::default(),
    }
}

/// Whether a revision has the place and the name that the hub gives revisions of this package.
fn is_revision_of(hub: &Hub, found: &Unreadable<PackageRevision>, package: &AnyPackage) -> bool {
    let (identity, at) = (package.identity(), &found.identity);
    at.namespace.as_deref() == Some(identity.record_namespace(&hub.settings.namespace))
        && is_record_of(&identity, &at.name)
}

/// Whether a record has the name that the hub gives those of this package.
pub(crate) fn is_record_of(package: &PackageIdentity, name: &str) -> bool {
    let number = name
        .rsplit_once('-')
        .and_then(|(_, number)| number.parse().ok());
    number.is_some_and(|number: u64| package.record_name(number) == name)
}

/// Whether an action may be about this package, and may still hold.
fn is_action_on(hub: &Hub, found: &Unreadable<PackageAction>, package: &AnyPackage) -> bool {
    let rest = &found.rest;
    let is_target = rest
        .target
        .as_ref()
        .is_none_or(|target| target.kind == package.kind && target.name == package.name);
    !rest.is_over
        && is_target
        && found.identity.namespace.as_deref() == Some(revision_namespace(hub, package))
}

#[cfg(test)]
mod tests;
