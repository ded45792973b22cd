//! The status of a package: conditions, counts and failures, made from its rows and from how far its content is.

use std::collections::BTreeMap;

use stevedore_proto_core::status::Truth;
use stevedore_proto_core::{ClusterUid, Reason};

use crate::fleet::{Counts, DeploymentState, Failure, PackageRows, Subject};

mod conditions;
mod input;
mod summary;

use conditions::{
    available, mapped, progressing, ready, source_conditions, stalled, truth, unready_failure,
};

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

/// One fault is one group, on however many members and in whatever words: told is what the first of them says.
fn failures(rows: &PackageRows, input: &Input<'_>) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<(Reason, Subject), (Failure, Vec<ClusterUid>)> = BTreeMap::new();
    for (cluster, deployment) in rows.deployments() {
        let details = deployment.details();
        let reported = || {
            let failure = details.failure()?;
            Some((details.subject(&failure), failure))
        };
        let failure = match deployment.row().state() {
            DeploymentState::Failed | DeploymentState::Removing => reported(),
            DeploymentState::Progressing => {
                let unrendered = input.unrendered(&cluster).cloned();
                let unrendered = unrendered.map(|it| (Subject::Words(it.message.clone()), it));
                unrendered.or_else(reported)
            }
            DeploymentState::Absent | DeploymentState::Available | DeploymentState::Offline => None,
        };
        if let Some((subject, failure)) = failure {
            let key = (failure.reason.clone(), subject);
            let group = groups.entry(key).or_insert((failure, Vec::new()));
            group.1.push(cluster);
        }
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
