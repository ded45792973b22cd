//! Adapters between the two sides of the hub, where their ports do not fit as they are.

use std::collections::BTreeSet;

use stevedore_hub_controllers::hub;
use stevedore_hub_grpc::session;
use stevedore_proto_core::{ClusterUid, DeploymentUid, PackageUid};

/// Tells sessions what changed on the Kubernetes side.
pub(crate) struct SessionNotices(pub(crate) session::Sessions);

impl hub::Sessions for SessionNotices {
    fn changed(&self, cluster: ClusterUid, deployments: BTreeSet<DeploymentUid>) {
        self.0.changed(cluster, deployments);
    }

    fn reloaded(&self) {
        self.0.reloaded();
    }

    fn content_back(&self, package: PackageUid) {
        self.0.content_back(package);
    }

    fn census(&self, cluster: ClusterUid) {
        self.0.census(cluster);
    }

    fn members_changed(&self) {
        self.0.members_changed();
    }
}
