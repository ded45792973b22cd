//! The owner of the live fleet: what members report goes in, snapshots come out.
//!
//! A snapshot is one moment of the fleet. Taking one copies nothing, and holding one holds up nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_hub_core::fleet::{
    Assignment, Contact, Contacts, Deployment, DeploymentState, Failure, Fleet, MemberState,
    PackageRows,
};
use stevedore_hub_core::package_key::PackageKey;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::{ClusterUid, Held, PackageUid};

/// What members say that they hold, by cluster.
pub(crate) type Listings = BTreeMap<ClusterUid, Vec<Held>>;

/// The live fleet behind its one lock.
#[derive(Debug, Default)]
pub(crate) struct FleetView {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fleet: Fleet,
    /// Kept while a census is taken only: nobody else reads them.
    listings: Option<Listings>,
}

/// One package on all its clusters, and every member, at one moment.
#[derive(Debug, Default)]
pub(crate) struct PackageSnapshot {
    pub(crate) rows: Arc<PackageRows>,
    pub(crate) contacts: Arc<Contacts>,
}

/// What a report changed.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Packages whose rows it may have changed.
    pub(crate) packages: Vec<PackageUid>,
    /// Whether the member was fenced before.
    pub(crate) was_fenced: bool,
    /// How many members have a session now.
    pub(crate) connected: usize,
}

/// One package on one cluster.
#[derive(Debug)]
pub(crate) struct OnCluster {
    pub(crate) package: PackageUid,
    pub(crate) state: DeploymentState,
    /// Why it is not available, where that is known.
    pub(crate) failure: Option<Failure>,
}

impl FleetView {
    /// Takes a report of a session.
    pub(crate) fn report(&self, cluster: ClusterUid, report: &Report) -> Taken {
        let mut state = self.state.lock();
        if let (Report::Listing(held), Some(listings)) = (report, &mut state.listings) {
            listings.insert(cluster, held.clone());
        }
        let fleet = &mut state.fleet;
        let was_fenced = fleet.contact_of(&cluster).fenced.is_some();
        let packages = fleet.report(cluster, report).into_iter();
        Taken {
            packages: packages.map(PackageKey::package).collect(),
            was_fenced,
            connected: fleet.connected(),
        }
    }

    /// Takes what is ordered of a package, and which clusters it targets.
    pub(crate) fn assign(
        &self,
        package: PackageKey,
        assignments: &BTreeMap<ClusterUid, Assignment>,
    ) {
        self.state.lock().fleet.assign(package, assignments);
    }

    /// Lets go of a package.
    pub(crate) fn remove(&self, package: PackageUid) {
        self.state.lock().fleet.remove(package.into());
    }

    /// Lets go of a forgotten member.
    pub(crate) fn forget(&self, cluster: &ClusterUid) {
        self.state.lock().fleet.forget(cluster);
    }

    /// The epoch was raised: what did not fit the history before is compared anew.
    pub(crate) fn raised(&self) {
        self.state.lock().fleet.raised();
    }

    /// Whether a member has a session.
    pub(crate) fn contact_of(&self, cluster: &ClusterUid) -> Contact {
        self.state.lock().fleet.contact_of(cluster)
    }

    /// Every member, as it is now.
    pub(crate) fn contacts(&self) -> Arc<Contacts> {
        Arc::clone(self.state.lock().fleet.contacts())
    }

    /// A package as it is now.
    pub(crate) fn package(&self, package: PackageUid) -> PackageSnapshot {
        let state = self.state.lock();
        let rows = state.fleet.package(package.into());
        PackageSnapshot {
            rows: rows.map(Arc::clone).unwrap_or_default(),
            contacts: Arc::clone(state.fleet.contacts()),
        }
    }

    /// What the planner has to know of a package on these clusters.
    pub(crate) fn member_states(
        &self,
        package: PackageUid,
        clusters: impl IntoIterator<Item = ClusterUid>,
    ) -> BTreeMap<ClusterUid, MemberState> {
        let state = self.state.lock();
        let of = |cluster| {
            let member = state.fleet.member_state(package.into(), &cluster);
            (cluster, member)
        };
        clusters.into_iter().map(of).collect()
    }

    /// Every package that is ordered for, or targets, a cluster.
    pub(crate) fn on_cluster(&self, cluster: &ClusterUid) -> Vec<OnCluster> {
        let state = self.state.lock();
        let of = |(key, deployment): (PackageKey, &Deployment)| OnCluster {
            package: key.package(),
            state: deployment.row().state(),
            failure: deployment.details().failure(),
        };
        let all = state.fleet.on_cluster(cluster).into_iter();
        all.map(of).collect()
    }

    /// Begins a census: from here on what members list is kept.
    pub(crate) fn begin_census(&self) {
        self.state.lock().listings = Some(Listings::new());
    }

    /// Whether all of these members have listed what they hold since the census began.
    pub(crate) fn have_listed<'a>(
        &self,
        clusters: impl IntoIterator<Item = &'a ClusterUid>,
    ) -> bool {
        let state = self.state.lock();
        let listed = |it| {
            let listings = state.listings.as_ref();
            listings.is_some_and(|listings| listings.contains_key(it))
        };
        clusters.into_iter().all(listed)
    }

    /// Ends the census; gives what members listed.
    pub(crate) fn end_census(&self) -> Listings {
        self.state.lock().listings.take().unwrap_or_default()
    }
}

impl PackageSnapshot {
    /// Whether a member has a session.
    pub(crate) fn contact_of(&self, cluster: &ClusterUid) -> Contact {
        self.contacts.get(cluster).copied().unwrap_or_default()
    }
}
