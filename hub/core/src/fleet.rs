//! The live state of every deployment: one row each, and counters that are kept as rows change.
//!
//! A row only believes a report that names the exact tuple that was ordered, and whose (incarnation, sequence)
//! rose. A member without a session is unknown, whatever it said last; so is a deployment whose agent has another
//! process than the one that spoke about it, until that speaks as well.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::ledger::ObservedRow;
use stevedore_proto_core::{
    ClusterUid, DeploymentStatus, DeploymentUid, NackReason, PackageUid, Stage, Tuple,
};

use crate::rollout::Standing;
use crate::session::{FreezeReason, Report};

mod row;

pub use row::Failure;

/// What was ordered, for one cluster of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The order; absent while nothing was ordered.
    pub tuple: Option<Tuple>,
    /// Whether it is a tombstone.
    pub tombstone: bool,
    /// Whether the placement selects the cluster now.
    pub targeted: bool,
}

/// One deployment.
#[derive(Debug, Clone, Default)]
pub struct Row {
    class: Class,
    assignment: Option<Assignment>,
    position: (u64, u64),
    reached: Option<(Tuple, Stage)>,
    status: Option<Box<DeploymentStatus>>,
    refused: Option<(Tuple, NackReason, String)>,
    frozen: Option<FreezeReason>,
    /// Of the member's [`Contact`].
    fenced: Option<FreezeReason>,
    /// Of the member's [`Contact`].
    since: u64,
    available_once: Option<Tuple>,
    lacks_content: Option<Tuple>,
}

/// How a deployment counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Class {
    /// Neither targeted nor ordered.
    #[default]
    Absent,
    /// Available at the order that is wanted.
    Available,
    /// Connected, and on its way.
    Progressing,
    /// Connected, and blocked, failing, refused or frozen.
    Failed,
    /// Unknown: without a session, or its agent has not spoken about it since it started anew.
    Offline,
    /// Being torn down.
    Removing,
}

/// How many deployments are in which class, and how many accepted the newest order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Clusters that the placement selects.
    pub targeted: usize,
    /// Of those, clusters that report the newest order as accepted.
    pub updated: usize,
    /// [`Class::Available`].
    pub available: usize,
    /// [`Class::Progressing`].
    pub progressing: usize,
    /// [`Class::Failed`].
    pub failed: usize,
    /// [`Class::Offline`].
    pub offline: usize,
    /// [`Class::Removing`].
    pub removing: usize,
}

/// One package on all its clusters.
#[derive(Debug, Clone, Default)]
pub struct PackageRows {
    rows: BTreeMap<ClusterUid, Row>,
    counts: Counts,
}

/// Whether one member has a session, and in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contact {
    /// It has a session now.
    pub connected: bool,
    /// It was heard since this hub started.
    pub heard: bool,
    /// It has met a newer or another leadership than ours.
    pub fenced: Option<FreezeReason>,
    /// Statuses of sessions before this incarnation do not count: the agent says all of them again.
    pub since: u64,
}

/// Every package and every member.
#[derive(Debug, Default)]
pub struct Fleet {
    packages: BTreeMap<PackageUid, PackageRows>,
    contacts: BTreeMap<ClusterUid, Contact>,
    connected: usize,
    deployments: BTreeMap<DeploymentUid, PackageUid>,
}

impl Fleet {
    /// Takes what is ordered of a package, and which clusters it targets, in place of what was there.
    pub fn assign(&mut self, package: PackageUid, assignments: &BTreeMap<ClusterUid, Assignment>) {
        let rows = self.packages.entry(package).or_default();
        let known: BTreeSet<_> = rows
            .rows
            .keys()
            .chain(assignments.keys())
            .copied()
            .collect();
        for cluster in known {
            let contact = self.contacts.get(&cluster).copied().unwrap_or_default();
            let deployment = DeploymentUid::derive(&package, &cluster);
            match assignments.get(&cluster) {
                Some(assignment) => {
                    self.deployments.insert(deployment, package);
                    rows.change(cluster, contact, |row| row.assignment = Some(*assignment));
                }
                None => {
                    self.deployments.remove(&deployment);
                    rows.change(cluster, contact, |row| row.assignment = None);
                    rows.rows.remove(&cluster);
                }
            }
        }
    }

    /// Lets go of a package.
    pub fn remove(&mut self, package: &PackageUid) {
        self.assign(*package, &BTreeMap::new());
        self.packages.remove(package);
    }

    /// Lets go of a forgotten member. Should its cluster join again, its sessions are counted from the start.
    pub fn forget(&mut self, cluster: &ClusterUid) {
        let before = self.contacts.remove(cluster);
        self.connected -= usize::from(before.is_some_and(|contact| contact.connected));
        for rows in self.packages.values_mut() {
            if rows.rows.contains_key(cluster) {
                rows.change(*cluster, Contact::default(), |row| {
                    (row.position, row.status) = ((0, 0), None);
                });
            }
        }
    }

    /// Takes a report; returns the packages whose rows it may have changed.
    pub fn report(&mut self, cluster: ClusterUid, report: &Report) -> BTreeSet<PackageUid> {
        match report {
            Report::Connected {
                incarnation, anew, ..
            } => self.contact(cluster, |contact| {
                *contact = Contact {
                    connected: true,
                    heard: true,
                    fenced: None,
                    since: if *anew { *incarnation } else { contact.since },
                };
            }),
            Report::Lost => self.contact(cluster, |contact| contact.connected = false),
            Report::Fenced { reason, .. } => {
                self.contact(cluster, |contact| contact.fenced = Some(*reason))
            }
            Report::Progress {
                deployment,
                tuple,
                stage,
            } => self.row(cluster, deployment, |row| {
                row.reached = Some((*tuple, *stage));
                row.refused = None;
            }),
            Report::Refused {
                deployment,
                tuple,
                reason,
                message,
            } => self.row(cluster, deployment, |row| {
                row.refused = Some((*tuple, reason.clone(), message.clone()));
            }),
            Report::Frozen {
                deployment, reason, ..
            } => self.row(cluster, deployment, |row| row.frozen = Some(*reason)),
            Report::Thawed(deployment) => self.row(cluster, deployment, |row| row.frozen = None),
            Report::ContentMissing { deployment, tuple } => {
                self.row(cluster, deployment, |row| row.lacks_content = Some(*tuple))
            }
            Report::Status {
                incarnation,
                sequence,
                status,
            } => self.row(cluster, &status.deployment, |row| {
                if (*incarnation, *sequence) > row.position {
                    row.position = (*incarnation, *sequence);
                    row.reached = Some((status.observed, status.stage));
                    // What it works on it has accepted since, even where the acknowledgement was lost.
                    row.refused
                        .take_if(|(refused, ..)| *refused == status.observed);
                    row.status = Some(status.clone());
                }
            }),
            Report::Environment(_) | Report::Listing(_) | Report::DuplicateIdentity { .. } => {
                BTreeSet::new()
            }
        }
    }

    fn contact(
        &mut self,
        cluster: ClusterUid,
        change: impl FnOnce(&mut Contact),
    ) -> BTreeSet<PackageUid> {
        let contact = self.contacts.entry(cluster).or_default();
        let before = contact.connected;
        change(contact);
        self.connected += usize::from(contact.connected);
        self.connected -= usize::from(before);
        self.touch(cluster)
    }

    fn touch(&mut self, cluster: ClusterUid) -> BTreeSet<PackageUid> {
        let contact = self.contacts.get(&cluster).copied().unwrap_or_default();
        self.packages
            .iter_mut()
            .filter(|(_, rows)| rows.rows.contains_key(&cluster))
            .map(|(package, rows)| {
                rows.recount(cluster, contact);
                *package
            })
            .collect()
    }

    fn row(
        &mut self,
        cluster: ClusterUid,
        deployment: &DeploymentUid,
        change: impl FnOnce(&mut Row),
    ) -> BTreeSet<PackageUid> {
        let Some(package) = self.deployments.get(deployment).copied() else {
            return BTreeSet::new();
        };
        // A member speaks about its own deployments only.
        if DeploymentUid::derive(&package, &cluster) != *deployment {
            return BTreeSet::new();
        }
        let contact = self.contacts.get(&cluster).copied().unwrap_or_default();
        if let Some(rows) = self.packages.get_mut(&package) {
            rows.change(cluster, contact, change);
        }
        BTreeSet::from([package])
    }

    /// The rows of a package.
    pub fn package(&self, package: &PackageUid) -> Option<&PackageRows> {
        self.packages.get(package)
    }

    /// An epoch was raised: what did not fit the history before is compared anew.
    pub fn raised(&mut self) {
        for contact in self.contacts.values_mut() {
            contact.fenced = None;
        }
        for rows in self.packages.values_mut() {
            let clusters: Vec<_> = rows.rows.keys().copied().collect();
            for cluster in clusters {
                let contact = self.contacts.get(&cluster).copied().unwrap_or_default();
                rows.change(cluster, contact, |row| row.frozen = None);
            }
        }
    }

    /// How many members have a session.
    pub fn connected(&self) -> usize {
        self.connected
    }

    /// Whether a member has a session.
    pub fn contact_of(&self, cluster: &ClusterUid) -> Contact {
        self.contacts.get(cluster).copied().unwrap_or_default()
    }

    /// Packages with a row on this cluster that is ordered or targeted.
    pub fn on_cluster(&self, cluster: &ClusterUid) -> Vec<(PackageUid, &Row)> {
        self.packages
            .iter()
            .filter_map(|(package, rows)| Some((*package, rows.rows.get(cluster)?)))
            .collect()
    }

    /// What the planner has to know of one deployment.
    pub fn standing(&self, package: &PackageUid, cluster: &ClusterUid) -> Standing {
        let fenced = self.contact_of(cluster).fenced.is_some();
        let row = self
            .packages
            .get(package)
            .and_then(|rows| rows.rows.get(cluster));
        row.map_or_else(
            || Standing {
                frozen: fenced,
                ..Standing::default()
            },
            |row| Standing {
                frozen: fenced || row.frozen.is_some(),
                torn_down: row.torn_down(),
                lacks_content: row.lacks_content.is_some() && row.lacks_content == row.wanted(),
                leaving: false,
                unreadable: false,
            },
        )
    }
}

impl PackageRows {
    fn change(&mut self, cluster: ClusterUid, contact: Contact, change: impl FnOnce(&mut Row)) {
        let row = self.rows.entry(cluster).or_default();
        self.counts.remove(row);
        change(row);
        (row.fenced, row.since) = (contact.fenced, contact.since);
        row.class = row.classify(contact);
        if row.class == Class::Available {
            row.available_once = row.wanted();
        }
        self.counts.add(row);
    }

    fn recount(&mut self, cluster: ClusterUid, contact: Contact) {
        self.change(cluster, contact, |_| {});
    }

    /// The counters.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = (ClusterUid, &Row)> {
        self.rows.iter().map(|(cluster, row)| (*cluster, row))
    }

    /// What to remember durably of the reports; rows that nobody reported on are left out.
    pub fn observed(&self) -> Vec<ObservedRow> {
        self.rows
            .iter()
            .filter_map(|(cluster, row)| row.observed(*cluster))
            .collect()
    }
}

impl Counts {
    fn add(&mut self, row: &Row) {
        self.count(row, |counter| *counter += 1);
    }

    fn remove(&mut self, row: &Row) {
        self.count(row, |counter| *counter -= 1);
    }

    fn count(&mut self, row: &Row, step: impl Fn(&mut usize)) {
        if row.is_targeted() {
            step(&mut self.targeted);
            if row.is_updated() {
                step(&mut self.updated);
            }
        }
        match row.class {
            Class::Absent => {}
            Class::Available => step(&mut self.available),
            Class::Progressing => step(&mut self.progressing),
            Class::Failed => step(&mut self.failed),
            Class::Offline => step(&mut self.offline),
            Class::Removing => step(&mut self.removing),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
