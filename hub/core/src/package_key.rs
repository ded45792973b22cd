//! The key that the rows of a package have in every table of the hub.
//!
//! Today that is the package alone. Tables are keyed by this type, and deployments are named by it, so that a
//! component of a package can be told from another one here and nowhere else.

use stevedore_proto_core::{ClusterUid, DeploymentUid, PackageUid};

/// The key of one package's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageKey {
    package: PackageUid,
}

impl PackageKey {
    /// The package that the rows belong to.
    pub fn package(self) -> PackageUid {
        self.package
    }

    /// The deployment on a cluster.
    pub fn deployment(self, cluster: &ClusterUid) -> DeploymentUid {
        DeploymentUid::derive(&self.package, cluster)
    }
}

impl From<PackageUid> for PackageKey {
    fn from(package: PackageUid) -> Self {
        Self { package }
    }
}
