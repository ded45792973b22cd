//! The rows of one package, and the counters that are kept as they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::ledger::ObservedRow;

use super::details::{Contact, Details};
use super::row::{DeploymentState, Row};

/// One deployment.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    pub(super) row: Row,
    pub(super) details: Arc<Details>,
}

/// How many deployments are in which state, and how many accepted the newest order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Clusters that the placement selects.
    pub targeted: usize,
    /// Of those, clusters that report the newest order as accepted.
    pub updated: usize,
    /// [`DeploymentState::Available`].
    pub available: usize,
    /// [`DeploymentState::Progressing`].
    pub progressing: usize,
    /// [`DeploymentState::Failed`].
    pub failed: usize,
    /// [`DeploymentState::Offline`].
    pub offline: usize,
    /// [`DeploymentState::Removing`].
    pub removing: usize,
    /// Targeted clusters that are held and were to be changed. The fleet does not know that: [`crate::status`] does, and
    /// counts them here and nowhere else.
    pub held: usize,
    /// Targeted clusters that the package is not for. The fleet does not know that: [`crate::status`] does, and counts
    /// them here and nowhere else.
    pub ineligible: usize,
}

/// One package on all its clusters.
#[derive(Debug, Clone, Default)]
pub struct PackageRows {
    pub(super) deployments: BTreeMap<ClusterUid, Deployment>,
    counts: Counts,
}

impl PackageRows {
    pub(super) fn change(
        &mut self,
        cluster: ClusterUid,
        contact: Contact,
        change: impl FnOnce(&mut Details),
    ) {
        let Deployment { row, details } = self.deployments.entry(cluster).or_default();
        let details = Arc::make_mut(details);
        self.counts.remove(row);
        change(details);
        (details.fenced, details.since) = (contact.fenced, contact.since);
        details.is_api_server_silent = contact.is_api_server_silent;
        *row = details.row(contact);
        if row.state == DeploymentState::Available {
            details.available_once = details.ordered();
            row.was_available = true;
        }
        self.counts.add(row);
    }

    pub(super) fn recount(&mut self, cluster: ClusterUid, contact: Contact) {
        self.change(cluster, contact, |_| {});
    }

    /// The counters.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = (ClusterUid, Row)> {
        self.deployments()
            .map(|(cluster, deployment)| (cluster, deployment.row))
    }

    /// Every row with its details.
    pub fn deployments(&self) -> impl Iterator<Item = (ClusterUid, &Deployment)> {
        let all = self.deployments.iter();
        all.map(|(cluster, deployment)| (*cluster, deployment))
    }

    /// What to remember durably of the reports; rows that nobody reported on are left out.
    pub fn observed(&self) -> Vec<ObservedRow> {
        self.deployments()
            .filter_map(|(cluster, deployment)| deployment.details.observed(cluster))
            .collect()
    }
}

impl Deployment {
    /// What counters and lists need.
    pub fn row(&self) -> Row {
        self.row
    }

    /// What was ordered and reported.
    pub fn details(&self) -> &Details {
        &self.details
    }
}

impl Counts {
    pub(super) fn add(&mut self, row: &Row) {
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
        match row.state {
            DeploymentState::Absent => {}
            DeploymentState::Available => step(&mut self.available),
            DeploymentState::Progressing => step(&mut self.progressing),
            DeploymentState::Failed => step(&mut self.failed),
            DeploymentState::Offline => step(&mut self.offline),
            DeploymentState::Removing => step(&mut self.removing),
        }
    }
}
