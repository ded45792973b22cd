//! The fleet state: what is known of every deployment now, and counters that are kept up to date as it changes.
//!
//! A row only believes a report that names the exact tuple that was ordered, and whose (incarnation, sequence)
//! rose. A member without a session is unknown, whatever it said last; so is a deployment whose agent has another
//! process than the one that spoke about it, until that speaks as well, and one that was ordered before this hub
//! started, until it is spoken about. Where the API server of a member does not answer, its agent knows no better than
//! the hub does: what runs there is unknown too.
//!
//! Of a deployment there are a [`Row`] of a few bytes, from which counters and lists are made, and beside it its
//! [`Details`]: a page that lists ten thousand of them reads rows only.
//!
//! Rows and contacts are shared with whoever took a snapshot of them: a change copies what a snapshot still holds, so
//! a reader sees one moment of the fleet and holds up nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_proto_core::ledger::ObservedRow;
use stevedore_proto_core::{ClusterUid, DeploymentUid};

use crate::package_key::PackageKey;
use crate::session::Report;

mod details;
mod row;
mod rows;

pub(crate) use details::Subject;
pub use details::{Assignment, Contact, Details, Failure};
pub use row::{DeploymentState, Row};
pub use rows::{Counts, Deployment, PackageRows};

/// What the fleet knows of one member about one package: what a planner goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemberState {
    /// How its deployment counts, and which order that speaks about.
    pub row: Row,
    /// It has a session, and its API server answers.
    pub connected: bool,
    /// It holds what does not fit this hub's history: nothing is ordered until an epoch is raised.
    pub frozen: bool,
    /// The tombstone with this number is done.
    pub torn_down: Option<u64>,
    /// It lacks content that was ordered and can no longer be made.
    pub lacks_content: bool,
    /// It is being emptied: paused packages are torn down as well.
    pub leaving: bool,
    /// Somebody has nothing ordered there.
    pub held: bool,
    /// Its `MemberCluster` is there and cannot be read: whether it is selected is not known, and it is not forgotten.
    pub unreadable: bool,
}

/// Every member that had a session since this hub started.
pub type Contacts = BTreeMap<ClusterUid, Contact>;

/// Every package and every member.
#[derive(Debug, Default)]
pub struct Fleet {
    packages: BTreeMap<PackageKey, Arc<PackageRows>>,
    contacts: Arc<Contacts>,
    connected: usize,
    deployments: BTreeMap<DeploymentUid, PackageKey>,
}

impl Fleet {
    /// Takes what is ordered of a package, and which clusters it targets, in place of what was there.
    pub fn assign(&mut self, package: PackageKey, assignments: &BTreeMap<ClusterUid, Assignment>) {
        let known = self.packages.entry(package).or_default();
        let assigned = |cluster| known.deployments.get(cluster)?.details.assignment.as_ref();
        let gone = known.deployments.keys();
        let gone = gone.filter(|cluster| !assignments.contains_key(cluster));
        let new = assignments.iter();
        let new = new.filter(|(cluster, assignment)| assigned(cluster) != Some(assignment));
        let new = new.map(|(cluster, _)| cluster);
        let changed: BTreeSet<_> = gone.chain(new).copied().collect();
        if changed.is_empty() {
            return;
        }
        let rows = Arc::make_mut(known);
        for cluster in changed {
            let contact = self.contacts.get(&cluster).copied().unwrap_or_default();
            let assignment = assignments.get(&cluster).copied();
            rows.change(cluster, contact, |details| {
                details.assign(assignment, contact);
            });
            let deployment = package.deployment(&cluster);
            if assignment.is_some() {
                self.deployments.insert(deployment, package);
            } else {
                self.deployments.remove(&deployment);
                rows.deployments.remove(&cluster);
            }
        }
    }

    /// Takes what an earlier process of the hub was told about a package's deployments, as far as that outlives
    /// sessions: that one was available tells a failure from a rollout on its way.
    pub fn remember(&mut self, package: PackageKey, observed: &[ObservedRow]) {
        let Some(rows) = self.packages.get_mut(&package) else {
            return;
        };
        let rows = Arc::make_mut(rows);
        for row in observed {
            if rows.deployments.contains_key(&row.cluster) {
                let contact = self.contacts.get(&row.cluster).copied();
                let contact = contact.unwrap_or_default();
                rows.change(row.cluster, contact, |details| details.remember(row));
            }
        }
    }

    /// Lets go of a package.
    pub fn remove(&mut self, package: PackageKey) {
        self.assign(package, &BTreeMap::new());
        self.packages.remove(&package);
    }

    /// Lets go of a forgotten member. Should its cluster join again, its sessions are counted from the start.
    pub fn forget(&mut self, cluster: &ClusterUid) {
        let before = Arc::make_mut(&mut self.contacts).remove(cluster);
        self.connected -= usize::from(before.is_some_and(|contact| contact.connected));
        for rows in self.packages.values_mut() {
            if rows.deployments.contains_key(cluster) {
                Arc::make_mut(rows).change(*cluster, Contact::default(), |details| {
                    (details.position, details.status) = ((0, 0), None);
                });
            }
        }
    }

    /// Takes a report; returns the packages whose rows it may have changed.
    pub fn report(&mut self, cluster: ClusterUid, report: &Report) -> BTreeSet<PackageKey> {
        match report {
            Report::Connected {
                incarnation, anew, ..
            } => self.contact(cluster, |contact| {
                *contact = Contact {
                    connected: true,
                    heard: true,
                    fenced: None,
                    is_api_server_silent: false,
                    since: if *anew { *incarnation } else { contact.since },
                };
            }),
            Report::Lost => self.contact(cluster, |contact| {
                (contact.connected, contact.is_api_server_silent) = (false, false);
            }),
            Report::ApiServer { silent } if self.contact_of(&cluster).connected => {
                self.contact(cluster, |contact| {
                    contact.is_api_server_silent = silent.is_some();
                })
            }
            Report::Fenced { reason, .. } => {
                self.contact(cluster, |contact| contact.fenced = Some(*reason))
            }
            Report::Progress { deployment, .. }
            | Report::Refused { deployment, .. }
            | Report::Frozen { deployment, .. }
            | Report::Thawed(deployment)
            | Report::ContentMissing { deployment, .. } => {
                self.deployment(cluster, deployment, report)
            }
            Report::Status { status, .. } => self.deployment(cluster, &status.deployment, report),
            Report::ApiServer { .. }
            | Report::Environment(_)
            | Report::Listing(_)
            | Report::ExchangeRefused(_)
            | Report::DuplicateIdentity { .. } => BTreeSet::new(),
        }
    }

    fn contact(
        &mut self,
        cluster: ClusterUid,
        change: impl FnOnce(&mut Contact),
    ) -> BTreeSet<PackageKey> {
        let contacts = Arc::make_mut(&mut self.contacts);
        let contact = contacts.entry(cluster).or_default();
        let before = contact.connected;
        change(contact);
        self.connected += usize::from(contact.connected);
        self.connected -= usize::from(before);
        self.touch(cluster)
    }

    fn touch(&mut self, cluster: ClusterUid) -> BTreeSet<PackageKey> {
        let contact = self.contact_of(&cluster);
        self.packages
            .iter_mut()
            .filter(|(_, rows)| rows.deployments.contains_key(&cluster))
            .map(|(package, rows)| {
                Arc::make_mut(rows).recount(cluster, contact);
                *package
            })
            .collect()
    }

    fn deployment(
        &mut self,
        cluster: ClusterUid,
        deployment: &DeploymentUid,
        report: &Report,
    ) -> BTreeSet<PackageKey> {
        let package = self.deployments.get(deployment).copied();
        // A member speaks about its own deployments only.
        let package = package.filter(|package| package.deployment(&cluster) == *deployment);
        let contact = self.contact_of(&cluster);
        if let Some(rows) = package.and_then(|package| self.packages.get_mut(&package)) {
            Arc::make_mut(rows).change(cluster, contact, |details| details.report(report));
        }
        package.into_iter().collect()
    }

    /// The rows of a package, as they are now.
    pub fn package(&self, package: PackageKey) -> Option<&Arc<PackageRows>> {
        self.packages.get(&package)
    }

    /// Every member, as it is now.
    pub fn contacts(&self) -> &Arc<Contacts> {
        &self.contacts
    }

    /// An epoch was raised: what did not fit the history before is compared anew.
    pub fn raised(&mut self) {
        for contact in Arc::make_mut(&mut self.contacts).values_mut() {
            contact.fenced = None;
        }
        for rows in self.packages.values_mut() {
            let rows = Arc::make_mut(rows);
            let clusters: Vec<_> = rows.deployments.keys().copied().collect();
            for cluster in clusters {
                let contact = self.contacts.get(&cluster).copied().unwrap_or_default();
                rows.change(cluster, contact, |details| details.frozen = None);
            }
        }
    }

    /// How many members have a session.
    pub fn connected(&self) -> usize {
        self.connected
    }

    /// Whether a member has a session, and in which state.
    pub fn contact_of(&self, cluster: &ClusterUid) -> Contact {
        self.contacts.get(cluster).copied().unwrap_or_default()
    }

    /// Packages with a row on this cluster that is ordered or targeted.
    pub fn on_cluster(&self, cluster: &ClusterUid) -> Vec<(PackageKey, &Deployment)> {
        self.packages
            .iter()
            .filter_map(|(package, rows)| Some((*package, rows.deployments.get(cluster)?)))
            .collect()
    }

    /// What the planner has to know of one deployment.
    pub fn member_state(&self, package: PackageKey, cluster: &ClusterUid) -> MemberState {
        let contact = self.contact_of(cluster);
        // An agent whose API server is silent cannot carry an order out now.
        let connected = contact.connected && !contact.is_api_server_silent;
        let fenced = contact.fenced.is_some();
        let deployment = self
            .packages
            .get(&package)
            .and_then(|rows| rows.deployments.get(cluster));
        deployment.map_or_else(
            || MemberState {
                connected,
                frozen: fenced,
                ..MemberState::default()
            },
            |Deployment { row, details }| MemberState {
                row: *row,
                connected,
                frozen: fenced || details.frozen.is_some(),
                torn_down: details.torn_down(),
                lacks_content: details.lacks_content.is_some()
                    && details.lacks_content == details.ordered(),
                leaving: false,
                held: false,
                unreadable: false,
            },
        )
    }
}

#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod silence_tests;
#[cfg(test)]
pub(crate) mod tests;
