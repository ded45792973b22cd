//! The hub's state: its owners, put together once a process.
//!
//! Every piece of state has one owner and one lock; some owners here are groups of such pieces, and say so. Nobody holds
//! two of the locks: an owner gives a snapshot, or takes a change, and calls nobody meanwhile.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use kube::Client;
use stevedore_hub_core::desired::Changes;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_proto_core::{ClusterUid, DeploymentUid, PackageUid};

pub use crate::api_server::Settings;

use crate::api_server::ApiServer;
use crate::fleet_view::FleetView;
use crate::leadership::lease::Leader;
use crate::member::membership::Membership;
use crate::metrics::Metrics;
use crate::package::packages::Packages;
use crate::package::registry::Puller;
use crate::package::render_cache::Renderer;
use crate::package::revisions::Revisions;
use crate::queues::Queues;
use crate::rollout::orders::Orders;
use crate::rollout::stored_ledger::StoredLedger;

/// How sessions are told what changed. The wiring implements it over the gRPC side.
pub trait Sessions: Send + Sync + 'static {
    /// These orders of a cluster changed.
    fn changed(&self, cluster: ClusterUid, deployments: BTreeSet<DeploymentUid>);
    /// Any order may have changed.
    fn reloaded(&self);
    /// Content of a package can be read again that could not be.
    fn content_back(&self, package: PackageUid);
    /// Ask a member for everything it holds.
    fn census(&self, cluster: ClusterUid);
    /// Membership changed somewhere.
    fn members_changed(&self);
}

/// The whole hub but its gRPC side. One per process, shared by all its tasks.
pub struct Hub {
    pub(crate) api: ApiServer,
    pub(crate) members: Membership,
    pub(crate) packages: Packages,
    pub(crate) revisions: Revisions,
    pub(crate) orders: Orders,
    pub(crate) fleet: FleetView,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) puller: Puller,
    pub(crate) queues: Queues,
    sessions: OnceLock<Arc<dyn Sessions>>,
}

impl Hub {
    /// A hub that knows nothing yet but whose cluster it is in.
    ///
    /// # Errors
    /// When the namespace `kube-system`, whose UID names the hub's own cluster, cannot be read.
    pub async fn new(client: Client, settings: Settings) -> Result<Arc<Self>, kube::Error> {
        Ok(Arc::new(Self {
            members: Membership::default(),
            packages: Packages::default(),
            revisions: Revisions::new(&settings.namespace),
            orders: Orders::default(),
            fleet: FleetView::default(),
            renderer: Arc::default(),
            puller: Puller::new(settings.registry.clone()),
            queues: Queues::default(),
            sessions: OnceLock::new(),
            api: ApiServer::new(client, settings).await?,
        }))
    }

    /// Whether and as what this process leads.
    pub fn leader(&self) -> &Arc<Leader> {
        &self.api.leader
    }

    /// Its counters, to be registered once.
    pub fn metrics(&self) -> &Metrics {
        &self.api.metrics
    }

    /// Says who is told what changed. Later calls are ignored.
    pub fn set_sessions(&self, sessions: Arc<dyn Sessions>) {
        let _ = self.sessions.set(sessions);
    }

    pub(crate) fn sessions(&self) -> Option<&Arc<dyn Sessions>> {
        self.sessions.get()
    }

    /// Gives the orders of a ledger that was read to sessions.
    pub(crate) fn publish(&self, stored: Arc<StoredLedger>) {
        self.tell(self.orders.put(stored));
    }

    /// Tells sessions whose orders changed.
    pub(crate) fn tell(&self, changes: Changes) {
        if let Some(sessions) = self.sessions() {
            for (cluster, deployments) in changes {
                sessions.changed(cluster, deployments);
            }
        }
    }

    /// The identity of a package of either kind: its object's, else its ledger's, readable or not.
    pub(crate) fn package_identity(&self, uid: &PackageUid) -> Option<PackageIdentity> {
        let object = self.packages.lookup(uid).any();
        let object = object.map(|package| package.identity());
        object.or_else(|| self.orders.identity(uid))
    }

    /// UIDs of all packages, readable or not, and of those that are only left in ledgers.
    pub(crate) fn package_uids(&self) -> BTreeSet<PackageUid> {
        let objects = self.packages.uids().into_iter();
        objects.chain(self.orders.packages()).collect()
    }

    /// Every package has to be planned again. Until everything is loaded nothing is planned, and then all of it.
    pub(crate) fn plan_all(&self) {
        if !self.orders.is_loaded() {
            return;
        }
        for uid in self.package_uids() {
            self.queues.plan.add(uid);
        }
    }

    /// These packages have to be planned again.
    pub(crate) fn plan_each(&self, packages: impl IntoIterator<Item = PackageUid>) {
        packages
            .into_iter()
            .for_each(|uid| self.queues.plan.add(uid));
    }

    /// Lets go of all that is in memory of a package.
    pub(crate) fn forget_package(&self, uid: &PackageUid) {
        self.fleet.remove(*uid);
        let concerned = self.packages.claims.lock().forget(uid);
        self.plan_each(concerned);
        self.packages.forget(uid);
    }

    /// Whether a member that is being emptied is drained may be another answer now.
    pub(crate) fn show_leaving(&self) {
        for joined in self.members.snapshot().leaving() {
            self.queues.member_status.add(joined.uid);
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("own", &self.api.own)
            .finish_non_exhaustive()
    }
}
