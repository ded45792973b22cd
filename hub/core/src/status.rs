//! The status of a package: conditions, counts and failures, made from its rows and from how far its content is.

use std::collections::BTreeMap;

use stevedore_proto_core::status::Truth;
use stevedore_proto_core::{ClusterUid, Reason};

use crate::fleet::{Counts, Deployment, DeploymentState, Failure, PackageRows, Row, Subject};
use crate::rollout::Wait;

mod conditions;
mod input;
mod summary;
mod waves;

use conditions::{
    Groups, available, mapped, progressing, ready, source_conditions, stalled, truth,
    unready_failure,
};

use input::Fault;
pub use input::{Input, Names, Source};
pub use summary::{Condition, FailureGroup, Summary};

/// Most failure groups in a status.
pub const MAX_FAILURES: usize = 10;
/// Most clusters named in a failure group.
pub const MAX_NAMES: usize = 5;

/// Rolls the rows of a package up.
pub fn summarise(rows: &PackageRows, input: &Input<'_>) -> Summary {
    let counts = counts(rows, input);
    let failures = failures(rows, input);
    let ineligible = ineligible(rows, input);
    let silent = silent(rows, input);
    let mut conditions = source_conditions(input);
    let unready = unready_failure(input);
    let groups = Groups {
        failures: &failures,
        ineligible: &ineligible,
        silent: &silent,
    };
    let available = available(&counts, input, groups, unready.as_ref());
    let progressing = progressing(&counts, input);
    let is_in_force = unready.is_none();
    let stalled = stalled(&counts, input, groups, unready.as_ref());
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
    let mut failures = failures;
    failures.extend(silent);
    failures.truncate(MAX_FAILURES);
    Summary {
        conditions,
        is_in_force,
        counts,
        failures,
        ineligible,
    }
}

/// Whether what is read of the cluster is missing or not known, whatever the spec says.
fn is_of_cluster(failure: &Failure) -> bool {
    matches!(
        failure.reason,
        Reason::ClusterLabelMissing | Reason::FactUnknown
    )
}

/// How one deployment counts, with what the planner found of its cluster.
#[derive(Debug, Clone, Copy)]
enum Standing<'a> {
    /// As its row says.
    Row(DeploymentState),
    /// There is nothing to order for it; what it runs is not what the package asks for, or not known to be.
    Unrendered(&'a Failure),
    /// The package is not for its cluster.
    Ineligible(&'a Failure),
    /// Its cluster is held, or skipped by somebody, and was to be changed.
    Held,
}

fn standing<'a>(cluster: &ClusterUid, row: Row, input: &'a Input<'_>) -> Standing<'a> {
    let state = row.state();
    let ineligible = input.ineligible.get(cluster);
    let unrendered = match state {
        DeploymentState::Progressing => input.unrendered(cluster),
        // What runs of an earlier spec is available, or fails, as such: `Ready` says what is wrong with the newest one.
        DeploymentState::Available | DeploymentState::Failed => {
            let unrendered = input.unrendered.get(cluster);
            unrendered.filter(|it| input.fault() == Fault::Clusters || is_of_cluster(it))
        }
        _ => None,
    };
    let wait = input.rollout.waits.get(cluster);
    let is_held = matches!(wait, Some(Wait::Held | Wait::Skipped));
    match (state, ineligible, unrendered) {
        (DeploymentState::Removing | DeploymentState::Absent, ..) => Standing::Row(state),
        (_, Some(failure), _) => Standing::Ineligible(failure),
        _ if is_held => Standing::Held,
        (_, None, Some(failure)) => Standing::Unrendered(failure),
        (_, None, None) => Standing::Row(state),
    }
}

fn counts(rows: &PackageRows, input: &Input<'_>) -> Counts {
    let mut counts = rows.counts();
    for (cluster, row) in rows.rows() {
        let standing = standing(&cluster, row, input);
        if !matches!(standing, Standing::Row(_)) {
            match row.state() {
                DeploymentState::Available => counts.available -= 1,
                DeploymentState::Progressing => counts.progressing -= 1,
                DeploymentState::Failed => counts.failed -= 1,
                DeploymentState::Offline => counts.offline -= 1,
                DeploymentState::Absent | DeploymentState::Removing => {}
            }
        }
        match standing {
            Standing::Row(_) => {}
            Standing::Unrendered(_) => counts.failed += 1,
            Standing::Ineligible(_) => counts.ineligible += 1,
            Standing::Held => counts.held += 1,
        }
        let is_other = input.unrendered.contains_key(&cluster)
            || input.rollout.waits.contains_key(&cluster)
            || matches!(standing, Standing::Ineligible(_));
        if is_other && row.is_updated() && row.is_targeted() {
            counts.updated -= 1;
        }
    }
    if input.kept.is_some() {
        // The newest order is not what the spec asks for.
        counts.updated = 0;
    }
    counts
}

/// One fault is one group, on however many members and in whatever words: told is what the first of them says.
fn failures(rows: &PackageRows, input: &Input<'_>) -> Vec<FailureGroup> {
    let of = |(cluster, deployment): (ClusterUid, &Deployment)| {
        let details = deployment.details();
        let reported = || {
            let failure = details.failure()?;
            Some((details.subject(&failure), failure))
        };
        let told = match standing(&cluster, deployment.row(), input) {
            Standing::Unrendered(failure) => Some(in_words(failure)),
            Standing::Row(
                DeploymentState::Failed | DeploymentState::Removing | DeploymentState::Progressing,
            ) => reported(),
            Standing::Row(_) | Standing::Ineligible(_) | Standing::Held => None,
        };
        Some((told?, cluster))
    };
    grouped(rows.deployments().filter_map(of), input)
}

fn ineligible(rows: &PackageRows, input: &Input<'_>) -> Vec<FailureGroup> {
    let of = |(cluster, row): (ClusterUid, Row)| match standing(&cluster, row, input) {
        Standing::Ineligible(failure) => Some((in_words(failure), cluster)),
        Standing::Row(_) | Standing::Unrendered(_) | Standing::Held => None,
    };
    grouped(rows.rows().filter_map(of), input)
}

/// Clusters of which nothing is known, for their API servers do not answer.
fn silent(rows: &PackageRows, input: &Input<'_>) -> Vec<FailureGroup> {
    let of = |(cluster, deployment): (ClusterUid, &Deployment)| match standing(
        &cluster,
        deployment.row(),
        input,
    ) {
        Standing::Row(DeploymentState::Offline) => {
            let silence = deployment.details().silence()?;
            Some((in_words(&silence), cluster))
        }
        _ => None,
    };
    grouped(rows.deployments().filter_map(of), input)
}

/// What the hub itself says of a cluster.
fn in_words(failure: &Failure) -> (Subject, Failure) {
    (Subject::Words(failure.message.clone()), failure.clone())
}

/// Failures by reason and subject, with the names of some of their clusters.
fn grouped(
    failures: impl Iterator<Item = ((Subject, Failure), ClusterUid)>,
    input: &Input<'_>,
) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<(Reason, Subject), (Failure, Vec<ClusterUid>)> = BTreeMap::new();
    for ((subject, failure), cluster) in failures {
        let key = (failure.reason.clone(), subject);
        let group = groups.entry(key).or_insert((failure, Vec::new()));
        group.1.push(cluster);
    }
    let name = |cluster: &ClusterUid| {
        input
            .names
            .and_then(|names| names.name_of(cluster))
            .map_or_else(|| cluster.to_string(), str::to_owned)
    };
    let mut groups: Vec<_> = groups
        .into_values()
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
mod fault_tests;
#[cfg(test)]
mod tests;
