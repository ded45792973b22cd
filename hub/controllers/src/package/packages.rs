//! The owners of what is known of packages: indexes of both kinds and of the actions on them, and how far each package
//! got. Each has a lock of its own, so together they are not one moment.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::api::{DynamicObject, ObjectMeta};
use parking_lot::Mutex;
use stevedore_client::decode::Identity;
use stevedore_crds::v1alpha1::{
    ClusterPackage, ClusterPackageSpec, Package, PackageAction, PackageKind, PackageStatus,
};
use stevedore_hub_core::unique::Claims;
use stevedore_proto_core::PackageUid;

use crate::package::any_package::{AnyPackage, PackageLike as _};
use crate::package::progress::Progress;
use crate::status_writer::StatusWriter;
use crate::watch::facts::Facts;
use crate::watch::index::Index;

/// Every package, and what is known of it.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    pub(crate) namespaced: Arc<Index<Package>>,
    pub(crate) cluster: Arc<Index<ClusterPackage>>,
    pub(crate) actions: Arc<Index<PackageAction>>,
    pub(crate) progress: Progress,
    /// Who is first where a package has to be the only one of its name.
    pub(crate) claims: Mutex<Claims>,
    pub(crate) facts: Facts<PackageUid>,
    pub(crate) statuses: StatusWriter<PackageUid>,
}

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

    /// The package, readable or not.
    pub(crate) fn any(self) -> Option<AnyPackage> {
        match self {
            Self::Readable(package) | Self::Unreadable(package) => Some(package),
            Self::Absent => None,
        }
    }
}

impl Packages {
    /// The package with this UID, of either kind, if it can be read.
    pub(crate) fn get(&self, uid: &PackageUid) -> Option<AnyPackage> {
        let namespaced = self.namespaced.get(uid);
        let namespaced = namespaced.and_then(|package| package.view());
        namespaced.or_else(|| self.cluster.get(uid)?.view())
    }

    /// What is known of the package with this UID, of either kind.
    pub(crate) fn lookup(&self, uid: &PackageUid) -> Lookup {
        if let Some(package) = self.get(uid) {
            return Lookup::Readable(package);
        }
        let namespaced = self.namespaced.get_unreadable(uid);
        let namespaced =
            namespaced.map(|found| metadata(*uid, PackageKind::Package, &found.identity));
        let cluster = || {
            let found = self.cluster.get_unreadable(uid)?;
            Some(metadata(*uid, PackageKind::ClusterPackage, &found.identity))
        };
        let found = namespaced.or_else(cluster);
        found.map_or(Lookup::Absent, Lookup::Unreadable)
    }

    /// Whether a package is gone, or somebody has deleted it.
    pub(crate) fn is_ending(&self, uid: &PackageUid) -> bool {
        let is_deleted = |meta: &ObjectMeta| meta.deletion_timestamp.is_some();
        let namespaced = self.namespaced.get(uid);
        let namespaced = namespaced.map(|package| is_deleted(&package.metadata));
        let cluster = || Some(is_deleted(&self.cluster.get(uid)?.metadata));
        let readable = namespaced.or_else(cluster);
        readable.unwrap_or_else(|| {
            let package = self.lookup(uid).any();
            package.is_none_or(|package| package.deleting)
        })
    }

    /// The package of this kind and name; a namespace where the kind has one.
    pub(crate) fn named(
        &self,
        kind: PackageKind,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<AnyPackage> {
        match kind {
            PackageKind::Package => {
                let fits = |package: &Package| {
                    package.name_any() == name && package.namespace().as_deref() == namespace
                };
                self.namespaced.find(fits)?.view()
            }
            PackageKind::ClusterPackage => {
                let fits = |package: &ClusterPackage| package.name_any() == name;
                self.cluster.find(fits)?.view()
            }
        }
    }

    /// The name of a package of either kind; its UID where there is none.
    pub(crate) fn name_of(&self, uid: &PackageUid) -> String {
        let namespaced = self.namespaced.get(uid);
        let namespaced = namespaced.map(|package| package.name_any());
        let cluster = || Some(self.cluster.get(uid)?.name_any());
        let name = namespaced.or_else(cluster);
        name.unwrap_or_else(|| uid.to_string())
    }

    /// UIDs of all packages, readable or not.
    pub(crate) fn uids(&self) -> Vec<PackageUid> {
        let mut uids = self.namespaced.uids();
        uids.extend(self.cluster.uids());
        uids
    }

    /// How many packages there are, readable or not.
    pub(crate) fn count(&self) -> usize {
        self.namespaced.len() + self.cluster.len()
    }

    /// Takes a package as our own write left it, so that what is decided next does not wait for the watch.
    pub(crate) fn apply(&self, kind: PackageKind, written: &DynamicObject) {
        let Ok(value) = serde_json::to_value(written) else {
            return;
        };
        match kind {
            PackageKind::Package => {
                if let Ok(object) = serde_json::from_value(value) {
                    self.namespaced.apply(object);
                }
            }
            PackageKind::ClusterPackage => {
                if let Ok(object) = serde_json::from_value(value) {
                    self.cluster.apply(object);
                }
            }
        }
    }

    /// Lets go of what is known of a package that is gone.
    pub(crate) fn forget(&self, uid: &PackageUid) {
        self.progress.forget(uid);
        self.facts.forget(uid);
        self.statuses.forget(uid);
    }
}

/// A package as its metadata shows it.
fn metadata(uid: PackageUid, kind: PackageKind, identity: &Identity) -> AnyPackage {
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
