//! The status of a package: conditions, counts and failures, made from its rows and from how far its content is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::status::Truth;

use crate::fleet::{Counts, DeploymentState, Failure, PackageRows};
use crate::placement::Shortfall;

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

/// Ready is what Available is, unless the spec is not in force.
fn ready(available: &Condition, input: &Input<'_>, unready: Option<Failure>) -> Condition {
    let Some(Failure {
        reason,
        mut message,
    }) = unready
    else {
        return Condition {
            r#type: "Ready".into(),
            ..available.clone()
        };
    };
    if input.kept.is_some() && available.status != Truth::True {
        message = format!("{message}; {}", available.message);
    }
    Condition::new("Ready", Truth::False, reason, message)
}

/// Why the spec is not in force, for as long as its content is not there for every target.
fn unready_failure(input: &Input<'_>) -> Option<Failure> {
    if input.blocked.is_some() || input.deleting {
        return input.blocked.clone();
    }
    let failure = |reason: &str, message: &str| Failure {
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    let mut found = match &input.source {
        Source::Ready => {
            let invalid = input.invalid().cloned();
            invalid.or_else(|| input.rendering.then(|| failure(RENDERING, RENDERED_LATER)))
        }
        Source::Pending => Some(failure("Unpacking", "the image is being pulled")),
        Source::PullFailed(message) => Some(failure("ImagePullBackOff", message)),
        Source::Invalid(found) => Some(found.clone()),
        Source::NotStored(message) => Some(failure(NOT_STORED, message)),
    }?;
    if let Some(kept) = &input.kept {
        found.message = format!(
            "{} stays, which is not what spec asks for: {}",
            revisions(kept),
            found.message
        );
    }
    Some(found)
}

fn revisions(range: &RangeInclusive<u64>) -> String {
    if range.start() == range.end() {
        format!("revision {}", range.end())
    } else {
        format!("one of revisions {} to {}", range.start(), range.end())
    }
}

const NOT_STORED: &str = "NotStored";
const RENDERING: &str = "Rendering";
const RENDERED_LATER: &str = "the package is being rendered for further clusters";

/// Whether all that is in the way goes by itself.
fn is_under_way(input: &Input<'_>) -> bool {
    input.blocked.is_none()
        && match input.source {
            Source::Pending => true,
            Source::Ready => input.invalid().is_none(),
            _ => false,
        }
}

fn stalled(
    counts: &Counts,
    input: &Input<'_>,
    failures: &[FailureGroup],
    unready: Option<&Failure>,
) -> Condition {
    let condition =
        |status, reason: &str, message: &str| Condition::new("Stalled", status, reason, message);
    if let Some(Failure { reason, message }) = unready
        && !is_under_way(input)
    {
        return condition(Truth::True, reason, message);
    }
    if counts.failed > 0 {
        let reason = failures
            .first()
            .map_or("Failed", |group| &group.failure.reason);
        let message = format!("{} of {} clusters fail", counts.failed, counts.targeted);
        return condition(Truth::True, reason, &message);
    }
    condition(Truth::False, "NotStalled", "")
}

fn truth(value: bool) -> Truth {
    if value { Truth::True } else { Truth::False }
}

fn source_conditions(input: &Input<'_>) -> Vec<Condition> {
    let unpacked =
        |status, reason: &str, message: &str| Condition::new("Unpacked", status, reason, message);
    let invalid = |failure: &Failure| {
        Condition::new(
            "Invalid",
            Truth::True,
            failure.reason.clone(),
            failure.message.clone(),
        )
    };
    let success = unpacked(
        Truth::True,
        "UnpackSuccess",
        "the image was pulled and unpacked",
    );
    match &input.source {
        Source::Pending => vec![unpacked(
            Truth::Unknown,
            "Unpacking",
            "the image is being pulled",
        )],
        Source::PullFailed(message) => vec![unpacked(Truth::False, "ImagePullBackOff", message)],
        Source::NotStored(message) => vec![unpacked(Truth::False, NOT_STORED, message)],
        Source::Invalid(failure) => vec![success, invalid(failure)],
        Source::Ready => {
            let mut conditions = vec![success];
            conditions.extend(input.invalid().map(invalid));
            conditions
        }
    }
}

fn available(
    counts: &Counts,
    input: &Input<'_>,
    failures: &[FailureGroup],
    unready: Option<&Failure>,
) -> Condition {
    let condition = |status, reason: &str, message: String| {
        Condition::new("Available", status, reason, message)
    };
    let Counts {
        targeted,
        available,
        offline,
        ..
    } = *counts;
    if input.deleting {
        return condition(
            Truth::False,
            "Deleting",
            format!(
                "{} clusters still tear the package down{}",
                counts.removing,
                input
                    .blocked
                    .as_ref()
                    .map_or(String::new(), |blocked| format!("; {}", blocked.message))
            ),
        );
    }
    if targeted == 0 {
        let shortfall = input.shortfall.unwrap_or(Shortfall::NoTargets);
        return condition(
            Truth::Unknown,
            shortfall.as_str(),
            shortfall.message().to_owned(),
        );
    }
    let fewer = input.shortfall.map_or(String::new(), |shortfall| {
        format!("; {}", shortfall.message())
    });
    let with = input
        .kept
        .as_ref()
        .map_or(String::new(), |kept| format!(" with {}", revisions(kept)));
    let seen = format!("{available} of {targeted} clusters are available{with}{fewer}");
    if available + offline < targeted {
        let otherwise = match unready {
            // Ready says why nothing newer is ordered.
            Some(unready) if input.kept.is_some() => (unready.reason.as_str(), String::new()),
            Some(unready) => (unready.reason.as_str(), format!("; {}", unready.message)),
            None => ("ObjectSetUnready", String::new()),
        };
        let (reason, why) = failures.first().map_or(otherwise, |group| {
            (
                group.failure.reason.as_str(),
                format!("; {}: {}", group.clusters.join(", "), group.failure.message),
            )
        });
        return condition(Truth::False, reason, format!("{seen}{why}"));
    }
    if offline > 0 {
        return condition(
            Truth::Unknown,
            "MembersOffline",
            format!("{seen}, of {offline} nothing is known now"),
        );
    }
    condition(Truth::True, "Available", seen)
}

fn progressing(counts: &Counts, input: &Input<'_>) -> Condition {
    let condition = |status, reason: &str, message: String| {
        Condition::new("Progressing", status, reason, message)
    };
    let Counts {
        targeted,
        updated,
        available,
        removing,
        ..
    } = *counts;
    if input.paused {
        return condition(Truth::False, "Paused", "the package is paused".to_owned());
    }
    match &input.source {
        Source::Ready if input.rendering => {
            return condition(Truth::True, RENDERING, RENDERED_LATER.to_owned());
        }
        Source::Ready => {}
        Source::Pending => {
            let message = "the image is being pulled".to_owned();
            return condition(Truth::True, "Unpacking", message);
        }
        Source::PullFailed(_) | Source::Invalid(_) | Source::NotStored(_) => {
            let message = "the package waits for an image that can be used".to_owned();
            return condition(Truth::False, "Waiting", message);
        }
    }
    if updated < targeted || available < targeted || removing > 0 {
        let message = format!(
            "{updated} of {targeted} clusters have the newest order, {available} are available, {removing} tear down"
        );
        return condition(Truth::True, "Progressing", message);
    }
    let mut message = "every cluster runs what is wanted".to_owned();
    let mut reason = "Idle";
    if input.pending_render > 0 {
        reason = "PendingRender";
        message = format!(
            "{} clusters would get other bytes from this release's renderer; they get them with the next change",
            input.pending_render
        );
    } else if let Some(revision) = input.pinned {
        message = format!("every cluster runs revision {revision}, at which the package is pinned");
    }
    condition(Truth::False, reason, message)
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

/// Mapped conditions make sense only where there is one cluster to take them from.
fn mapped(rows: &PackageRows) -> Vec<Condition> {
    let mut targeted = rows
        .deployments()
        .filter(|(_, deployment)| deployment.row().is_targeted());
    let (Some((_, deployment)), None) = (targeted.next(), targeted.next()) else {
        return Vec::new();
    };
    if deployment.row().state() == DeploymentState::Offline {
        return Vec::new();
    }
    deployment
        .details()
        .mapped_conditions()
        .iter()
        .filter(|condition| condition.r#type.contains('/'))
        .map(|condition| {
            let verdict = &condition.verdict;
            Condition::new(
                &condition.r#type,
                verdict.status,
                verdict.reason.clone(),
                verdict.message.clone(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
