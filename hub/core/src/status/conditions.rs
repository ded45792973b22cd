//! The conditions of a package, each made from counts, failures and the state of its content.

use std::ops::RangeInclusive;

use stevedore_proto_core::Reason;
use stevedore_proto_core::status::Truth;

use super::input::{Input, Source};
use super::summary::{Condition, FailureGroup};
use super::waves;
use crate::fleet::{Counts, DeploymentState, Failure, PackageRows};
use crate::placement::Shortfall;

/// Ready is what Available is, unless the spec is not in force.
pub(super) fn ready(
    available: &Condition,
    input: &Input<'_>,
    unready: Option<Failure>,
) -> Condition {
    let Some(mut unready) = unready else {
        return Condition {
            r#type: "Ready".into(),
            ..available.clone()
        };
    };
    if input.kept.is_some() && available.status != Truth::True {
        unready.message = format!("{}; {}", unready.message, available.message);
    }
    Condition::of("Ready", Truth::False, unready)
}

/// Why the spec is not in force, for as long as its content is not there for every target.
pub(super) fn unready_failure(input: &Input<'_>) -> Option<Failure> {
    if input.blocked.is_some() || input.deleting {
        return input.blocked.clone();
    }
    let rollout = || waves::unready(&input.rollout);
    let content = input.content_failure().or_else(|| input.rendering());
    let mut found = content.or_else(rollout)?;
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

/// Whether all that is in the way goes by itself.
fn is_under_way(input: &Input<'_>) -> bool {
    input.blocked.is_none()
        && match input.source {
            Source::Pending => true,
            Source::Ready => input.invalid().is_none() && !waves::is_stalled(&input.rollout),
            _ => false,
        }
}

/// What is wrong with clusters, or what they are not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups<'a> {
    pub(super) failures: &'a [FailureGroup],
    pub(super) ineligible: &'a [FailureGroup],
    pub(super) silent: &'a [FailureGroup],
}

/// Why the package runs nowhere, where it is for none of its clusters.
fn nowhere<'a>(counts: &Counts, groups: Groups<'a>) -> Option<(&'a str, String)> {
    let FailureGroup {
        failure, clusters, ..
    } = groups.ineligible.first()?;
    let is_nowhere = counts.ineligible == counts.targeted;
    let clusters = clusters.join(", ");
    let why = format!(
        "the package is for none of its {} clusters; {clusters}: {}",
        counts.targeted, failure.message
    );
    is_nowhere.then_some((failure.reason.as_str(), why))
}

pub(super) fn stalled(
    counts: &Counts,
    input: &Input<'_>,
    groups: Groups<'_>,
    unready: Option<&Failure>,
) -> Condition {
    let condition =
        |status, reason: &str, message: &str| Condition::new("Stalled", status, reason, message);
    if let Some(Failure { reason, message }) = unready
        && !is_under_way(input)
    {
        return condition(Truth::True, reason.as_str(), message);
    }
    if let Some((reason, why)) = nowhere(counts, groups) {
        return condition(Truth::True, reason, &why);
    }
    if counts.failed > 0 {
        let reason = groups
            .failures
            .first()
            .map_or("Failed", |group| group.failure.reason.as_str());
        let message = format!("{} of {} clusters fail", counts.failed, counts.targeted);
        return condition(Truth::True, reason, &message);
    }
    condition(Truth::False, "NotStalled", "")
}

pub(super) fn truth(value: bool) -> Truth {
    if value { Truth::True } else { Truth::False }
}

/// `Unpacked` says whether there are files of the image that can be used, `Invalid` why they, or what else the spec
/// asks for, cannot. What was found wrong before the image was looked at says nothing of it.
pub(super) fn source_conditions(input: &Input<'_>) -> Vec<Condition> {
    let failure = input.content_failure();
    let is_load_error = |failure: &Failure| failure.reason == Reason::LoadError;
    let status = match input.source {
        Source::PullFailed(_) | Source::NotStored(_) => Truth::False,
        _ if failure.as_ref().is_some_and(is_load_error) => Truth::False,
        Source::Pending | Source::Invalid(_) => Truth::Unknown,
        Source::Ready => Truth::True,
    };
    let unpacked = match failure.clone().filter(|_| status != Truth::True) {
        Some(failure) => Condition::of("Unpacked", status, failure),
        None => {
            let message = "the image was pulled and unpacked";
            Condition::new("Unpacked", Truth::True, "UnpackSuccess", message)
        }
    };
    let is_looked_at = matches!(input.source, Source::Invalid(_) | Source::Ready);
    let invalid = failure.filter(|_| is_looked_at);
    let invalid = invalid.map(|failure| Condition::of("Invalid", Truth::True, failure));
    [unpacked].into_iter().chain(invalid).collect()
}

pub(super) fn available(
    counts: &Counts,
    input: &Input<'_>,
    groups: Groups<'_>,
    unready: Option<&Failure>,
) -> Condition {
    let condition = |status, reason: &str, message: String| {
        Condition::new("Available", status, reason, message)
    };
    if input.deleting {
        let blocked = clause(input.blocked.as_ref().map(|blocked| &*blocked.message));
        let removing = counts.removing;
        let message = format!("{removing} clusters still tear the package down{blocked}");
        return condition(Truth::False, "Deleting", message);
    }
    let Counts {
        targeted,
        available,
        offline,
        ineligible,
        held,
        ..
    } = *counts;
    if targeted == 0 {
        let shortfall = input.shortfall.unwrap_or(Shortfall::NoTargets);
        let message = shortfall.message().to_owned();
        return condition(Truth::Unknown, shortfall.as_str(), message);
    }
    if let Some((reason, why)) = nowhere(counts, groups) {
        return condition(Truth::False, reason, why);
    }
    let targeted = targeted - ineligible - held;
    let fewer = clause(input.shortfall.map(Shortfall::message));
    let others = clause(but_for(groups.ineligible, ineligible).as_deref());
    let frozen = clause(
        (held > 0)
            .then(|| format!("{held} more are held or skipped"))
            .as_deref(),
    );
    let kept = input.kept.as_ref();
    let with = kept.map_or(String::new(), |kept| format!(" with {}", revisions(kept)));
    let seen =
        format!("{available} of {targeted} clusters are available{with}{fewer}{others}{frozen}");
    if available + offline < targeted {
        let (reason, why) = unavailability(input, groups.failures, unready);
        return condition(Truth::False, reason, format!("{seen}{why}"));
    }
    if offline > 0 {
        let (reason, why) = absence(offline, groups.silent);
        let message = format!("{seen}, of {offline} nothing is known now{why}");
        return condition(Truth::Unknown, reason, message);
    }
    condition(Truth::True, "Available", seen)
}

/// Why nothing is known of so many clusters.
fn absence(offline: usize, silent: &[FailureGroup]) -> (&str, String) {
    let Some(FailureGroup {
        failure,
        count,
        clusters,
    }) = silent.first()
    else {
        return ("MembersOffline", String::new());
    };
    let reason = match *count == offline {
        true => failure.reason.as_str(),
        false => "MembersOffline",
    };
    (
        reason,
        format!("; {}: {}", clusters.join(", "), failure.message),
    )
}

/// The clusters that do not count, if there are any.
fn but_for(groups: &[FailureGroup], count: usize) -> Option<String> {
    let FailureGroup {
        failure, clusters, ..
    } = groups.first()?;
    let clusters = clusters.join(", ");
    Some(format!(
        "{count} more are ineligible: {clusters}: {}",
        failure.message
    ))
}

/// Why connected clusters are not available: the commonest failure, or what holds the content back.
fn unavailability<'a>(
    input: &Input<'_>,
    failures: &'a [FailureGroup],
    unready: Option<&'a Failure>,
) -> (&'a str, String) {
    if let Some(FailureGroup {
        failure, clusters, ..
    }) = failures.first()
    {
        let clusters = clusters.join(", ");
        let why = format!("; {clusters}: {}", failure.message);
        return (failure.reason.as_str(), why);
    }
    let Some(Failure { reason, message }) = unready else {
        return ("ObjectSetUnready", String::new());
    };
    // Ready says why nothing newer is ordered than what is kept.
    let why = input.kept.is_none().then_some(message.as_str());
    (reason.as_str(), clause(why))
}

/// A further clause of a message, if there is one.
fn clause(text: Option<&str>) -> String {
    text.map_or(String::new(), |text| format!("; {text}"))
}

pub(super) fn progressing(counts: &Counts, input: &Input<'_>) -> Condition {
    let condition = |status, reason: &str, message: String| {
        Condition::new("Progressing", status, reason, message)
    };
    let Counts {
        targeted,
        updated,
        available,
        removing,
        ineligible,
        held,
        ..
    } = *counts;
    let targeted = targeted - ineligible - held;
    if input.paused {
        return condition(Truth::False, "Paused", "the package is paused".to_owned());
    }
    let awaited = match input.source {
        Source::Ready => input.rendering().or_else(|| waves::unready(&input.rollout)),
        Source::Pending => input.content_failure(),
        Source::PullFailed(_) | Source::Invalid(_) | Source::NotStored(_) => {
            let message = "the package waits for an image that can be used".to_owned();
            return condition(Truth::False, "Waiting", message);
        }
    };
    if let Some(awaited) = awaited {
        return Condition::of("Progressing", Truth::True, awaited);
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

/// Mapped conditions make sense only where there is one cluster to take them from.
pub(super) fn mapped(rows: &PackageRows) -> Vec<Condition> {
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
