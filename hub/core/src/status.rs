//! The status of a package: conditions, counts and failures, made from its rows and from how far its content is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::status::Truth;

use crate::fleet::{Counts, DeploymentState, Failure, PackageRows};
use crate::placement::Shortfall;

mod conditions;

use conditions::{
    available, mapped, progressing, ready, source_conditions, stalled, truth, unready_failure,
};

/// Most failure groups in a status.
pub const MAX_FAILURES: usize = 10;
/// Most clusters named in a failure group.
pub const MAX_NAMES: usize = 5;

/// One condition as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Condition type.
    pub r#type: String,
    /// Whether it holds.
    pub status: Truth,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Input<'_> {
    /// Why there is nothing to order for a cluster.
    fn unrendered(&self, cluster: &ClusterUid) -> Option<&Failure> {
        self.unreadable
            .as_ref()
            .or_else(|| self.unrendered.get(cluster))
    }

    /// Of those, one to be shown.
    fn invalid(&self) -> Option<&Failure> {
        self.unreadable
            .as_ref()
            .or_else(|| self.unrendered.values().next())
    }
}

impl Condition {
    /// A condition.
    pub fn new(
        r#type: &str,
        status: Truth,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            r#type: r#type.to_owned(),
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// How far the content of the spec got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// Being pulled for the first time.
    #[default]
    Pending,
    /// Pulled, unpacked and valid.
    Ready,
    /// The image could not be pulled; retried.
    PullFailed(String),
    /// The image, manifest or config cannot be used.
    Invalid(Failure),
    /// It was pulled, and the API server does not take what is kept of it; retried.
    NotStored(String),
}

/// What a package's status is made from, beside its rows.
#[derive(Debug, Clone, Default)]
pub struct Input<'a> {
    /// How far the content of the spec got.
    pub source: Source,
    /// Why the revision that should run cannot be read, for any cluster.
    pub unreadable: Option<Failure>,
    /// The content could not be rendered for some clusters: why, and for which.
    pub unrendered: BTreeMap<ClusterUid, Failure>,
    /// Clusters where another renderer gives other bytes.
    pub pending_render: usize,
    /// Why there are fewer targets than asked for.
    pub shortfall: Option<Shortfall>,
    /// The package is paused.
    pub paused: bool,
    /// The package is being deleted.
    pub deleting: bool,
    /// A pin holds it at this revision.
    pub pinned: Option<u64>,
    /// Revisions that stay ordered, oldest and newest, while what the spec asks for cannot be ordered.
    pub kept: Option<RangeInclusive<u64>>,
    /// Some clusters' content is still being rendered: nothing is said of the new spec as a whole.
    pub rendering: bool,
    /// Why nothing can be ordered or torn down now, whatever is wanted.
    pub blocked: Option<Failure>,
    /// Names of clusters.
    pub names: Option<&'a BTreeMap<ClusterUid, String>>,
}

/// One failure and the clusters that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// What is wrong.
    pub failure: Failure,
    /// How many clusters have it.
    pub count: usize,
    /// Names of some of them.
    pub clusters: Vec<String>,
}

/// Everything a package's status says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Conditions that should be there.
    pub conditions: Vec<Condition>,
    /// Whether `Available` speaks about the newest spec: whether that, and no earlier one, is what was ordered.
    pub is_in_force: bool,
    /// Counters.
    pub counts: Counts,
    /// The commonest failures first.
    pub failures: Vec<FailureGroup>,
}

/// Rolls the rows of a package up.
pub fn summarise(rows: &PackageRows, input: &Input<'_>) -> Summary {
    let counts = counts(rows, input);
    let failures = failures(rows, input);
    let mut conditions = source_conditions(input);
    let unready = unready_failure(input);
    let available = available(&counts, input, &failures, unready.as_ref());
    let progressing = progressing(&counts, input);
    let is_in_force = unready.is_none();
    let stalled = stalled(&counts, input, &failures, unready.as_ref());
    conditions.push(ready(&available, input, unready));
    let reconciling = progressing.status == Truth::True && stalled.status != Truth::True;
    conditions.push(Condition {
        r#type: "Reconciling".into(),
        status: truth(reconciling),
        ..progressing.clone()
    });
    conditions.extend([available, progressing, stalled]);
    if input.paused {
        conditions.push(Condition::new(
            "Paused",
            Truth::True,
            "Paused",
            "spec.paused is true: objects are watched and reported, nothing is changed",
        ));
    }
    conditions.extend(mapped(rows));
    Summary {
        conditions,
        is_in_force,
        counts,
        failures,
    }
}

fn counts(rows: &PackageRows, input: &Input<'_>) -> Counts {
    let mut counts = rows.counts();
    for (cluster, row) in rows.rows() {
        // What cannot be rendered is not on its way.
        if row.state() == DeploymentState::Progressing && input.unrendered(&cluster).is_some() {
            counts.progressing -= 1;
            counts.failed += 1;
        }
        if input.unrendered.contains_key(&cluster) && row.is_updated() && row.is_targeted() {
            counts.updated -= 1;
        }
    }
    if input.kept.is_some() {
        // The newest order is not what the spec asks for.
        counts.updated = 0;
    }
    counts
}

fn failures(rows: &PackageRows, input: &Input<'_>) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<Failure, Vec<ClusterUid>> = BTreeMap::new();
    for (cluster, deployment) in rows.deployments() {
        let reported = || deployment.details().failure();
        let failure = match deployment.row().state() {
            DeploymentState::Failed | DeploymentState::Removing => reported(),
            DeploymentState::Progressing => {
                let unrendered = input.unrendered(&cluster).cloned();
                unrendered.or_else(reported)
            }
            DeploymentState::Absent | DeploymentState::Available | DeploymentState::Offline => None,
        };
        if let Some(failure) = failure {
            groups.entry(failure).or_default().push(cluster);
        }
    }
    let name = |cluster: &ClusterUid| {
        input
            .names
            .and_then(|names| names.get(cluster))
            .cloned()
            .unwrap_or_else(|| cluster.to_string())
    };
    let mut groups: Vec<_> = groups
        .into_iter()
        .map(|(failure, clusters)| FailureGroup {
            failure,
            count: clusters.len(),
            clusters: clusters.iter().take(MAX_NAMES).map(name).collect(),
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.truncate(MAX_FAILURES);
    groups
}

#[cfg(test)]
mod tests;
