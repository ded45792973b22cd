//! The owner of the live fleet: what members report goes in, snapshots come out.
//!
//! A snapshot is one moment of the fleet. Taking one copies nothing; the next change of a package copies the rows of
//! that package, once, while somebody holds a snapshot of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_hub_core::fleet::{
    Assignment, Contact, Contacts, Deployment, DeploymentState, Failure, Fleet, MemberState,
    PackageRows,
};
use stevedore_hub_core::package_key::PackageKey;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::ledger::ObservedRow;
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
    /// Whose session each connected cluster has: the end of another one's says nothing about it.
    speakers: BTreeMap<ClusterUid, MemberUid>,
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
    /// The member has not spoken about it since its agent, or this hub, started anew.
    pub(crate) is_unheard: bool,
    /// Why it is not available, where that is known.
    pub(crate) failure: Option<Failure>,
}

impl FleetView {
    /// Takes a report of a session of this member; nothing when it is the end of one that does not count any more.
    pub(crate) fn report(
        &self,
        cluster: ClusterUid,
        member: MemberUid,
        report: &Report,
    ) -> Option<Taken> {
        let mut state = self.state.lock();
        match report {
            Report::Connected { .. } => {
                state.speakers.insert(cluster, member);
            }
            Report::Lost => {
                state.speakers.get(&cluster).filter(|it| **it == member)?;
                state.speakers.remove(&cluster);
            }
            _ => {}
        }
        if let (Report::Listing(held), Some(listings)) = (report, &mut state.listings) {
            listings.insert(cluster, held.clone());
        }
        let fleet = &mut state.fleet;
        let was_fenced = fleet.contact_of(&cluster).fenced.is_some();
        let packages = fleet.report(cluster, report).into_iter();
        Some(Taken {
            packages: packages.map(PackageKey::package).collect(),
            was_fenced,
            connected: fleet.connected(),
        })
    }

    /// Takes what is ordered of a package, and which clusters it targets.
    pub(crate) fn assign(
        &self,
        package: PackageKey,
        assignments: &BTreeMap<ClusterUid, Assignment>,
    ) {
        self.state.lock().fleet.assign(package, assignments);
    }

    /// Takes what an earlier process of the hub was told about a package's deployments.
    pub(crate) fn remember(&self, package: PackageKey, observed: &[ObservedRow]) {
        self.state.lock().fleet.remember(package, observed);
    }

    /// Lets go of a package.
    pub(crate) fn remove(&self, package: PackageUid) {
        self.state.lock().fleet.remove(package.into());
    }

    /// Lets go of a forgotten member.
    pub(crate) fn forget(&self, cluster: &ClusterUid) {
        let mut state = self.state.lock();
        state.speakers.remove(cluster);
        state.fleet.forget(cluster);
    }

    /// The epoch was raised: what did not fit the history before is compared anew.
    pub(crate) fn raised(&self) {
        self.state.lock().fleet.raised();
    }

    /// Whether a member has a session, and in which state.
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
            is_unheard: deployment.row().is_unheard(),
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
    /// Whether a member had a session then, and in which state.
    pub(crate) fn contact_of(&self, cluster: &ClusterUid) -> Contact {
        self.contacts.get(cluster).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::{Environment, InstanceId};

    use super::*;

    const CLUSTER: ClusterUid = ClusterUid::from_bytes([1; 16]);

    fn connected() -> Report {
        Report::Connected {
            incarnation: 1,
            instance: InstanceId::from_bytes([1; 16]),
            anew: true,
            agent_version: "0".to_owned(),
            environment: Box::new(Environment::default()),
            time: None,
        }
    }

    #[test]
    fn only_the_end_of_the_session_that_a_cluster_has_ends_it() {
        let [old, new] = [1, 2].map(|seed| MemberUid::from_bytes([seed; 16]));
        let fleet = FleetView::default();
        fleet.report(CLUSTER, old, &connected());
        fleet.report(CLUSTER, new, &connected());
        assert!(fleet.report(CLUSTER, old, &Report::Lost).is_none());
        assert!(fleet.contact_of(&CLUSTER).connected);
        let taken = fleet.report(CLUSTER, new, &Report::Lost);
        assert_eq!(taken.map(|taken| taken.connected), Some(0));
        assert!(!fleet.contact_of(&CLUSTER).connected);
    }

    #[test]
    fn a_forgotten_member_whose_session_ends_later_stays_forgotten() {
        let member = MemberUid::from_bytes([1; 16]);
        let fleet = FleetView::default();
        fleet.report(CLUSTER, member, &connected());
        fleet.forget(&CLUSTER);
        assert!(fleet.report(CLUSTER, member, &Report::Lost).is_none());
        assert!(fleet.contacts().is_empty());
    }

    #[test]
    fn a_snapshot_of_a_package_stays_as_it_was() {
        let package = PackageUid::from_bytes([9; 16]);
        let fleet = FleetView::default();
        let targeted = Assignment {
            tuple: None,
            tombstone: false,
            targeted: true,
        };
        let before = fleet.package(package);
        fleet.assign(package.into(), &BTreeMap::from([(CLUSTER, targeted)]));
        fleet.report(CLUSTER, MemberUid::from_bytes([1; 16]), &connected());
        let after = fleet.package(package);
        assert_eq!(before.rows.counts().targeted, 0);
        assert!(!before.contact_of(&CLUSTER).connected);
        assert_eq!(after.rows.counts().targeted, 1);
        assert!(after.contact_of(&CLUSTER).connected);
    }
}
