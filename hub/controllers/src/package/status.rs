//! The controller of packages' statuses: writes each when it changes, coalesced; nobody else writes it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{self, Status, Update};
use stevedore_crds::v1alpha1::{FailureGroup, PackageCounts, PackageStatus, WaveStatus};
use stevedore_hub_core::fleet::Counts;
use stevedore_hub_core::rollout::{Gate, RolloutReport};
use stevedore_hub_core::status::{self, Condition, Input, Source, Summary};
use stevedore_proto_core::PackageUid;
use stevedore_proto_core::status::{Truth, shorten};

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::progress::{LastPlan, SourceState};
use crate::package::settling::{gathered_for, is_settled};
use crate::status_writer::{Pace, Target};

/// Shortest time between two writes of one package's status.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// How long a condition that turned may wait: a small package is pulled, ordered and available in less, and one
/// write shows that. That it is available, or no longer, is said at once.
const TURN_AFTER: Duration = Duration::from_millis(300);
/// How long it may wait that nothing is known of a member that was available: an agent that starts again, or whose
/// connection broke, says within this time that nothing happened.
const UNKNOWN_AFTER: Duration = Duration::from_secs(2);
/// How long counts and words may wait.
const DETAIL_AFTER: Duration = Duration::from_millis(500);

/// Works on one package; says when to look again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: PackageUid) -> Option<Duration> {
    let package = hub.packages.get(&uid)?;
    let writer = &hub.packages.statuses;
    if let Some(left) = writer.left(&uid, MIN_INTERVAL) {
        return Some(left);
    }
    let status = match new_status(&hub, &package) {
        Ok(status) => status,
        Err(again) => return again,
    };
    if status == package.status {
        writer.unchanged(&uid);
        return None;
    }
    let target = Target {
        kind: package.kind.as_str(),
        name: &package.name,
        uid: &uid,
    };
    let pace = Pace {
        interval: MIN_INTERVAL,
        debounce: debounce(&package.status, &status).max(gathered_for(&hub, &package)),
    };
    let api = package.api(&hub.api.client);
    match writer.write(&hub.api, &api, target, pace, &status).await {
        Ok(written) => {
            hub.packages.apply(package.kind, &written);
            None
        }
        Err(again) => Some(again),
    }
}

/// The status as it should be; where nothing can be said yet, when to look again.
fn new_status(hub: &Hub, package: &AnyPackage) -> Result<PackageStatus, Option<Duration>> {
    let progress = hub.packages.progress.of(&package.uid);
    let source = source(package, progress.source.clone());
    let (Some(plan), Some(source)) = (progress.plan.clone(), source) else {
        return Err(None);
    };
    if plan.generation != package.generation {
        // The plan that follows the change shows it.
        return Err(None);
    }
    let source = match source {
        // Until it was planned with, content that is there changes nothing.
        Source::Ready if !plan.has_content => Source::Pending,
        source => source,
    };
    let fleet = hub.fleet.package(package.uid);
    if !is_settled(hub, package, &progress, &source, &fleet) {
        return Err(Some(Duration::from_secs(1)));
    }
    let members = hub.members.snapshot();
    let blocked = progress.blocked.map(|blocked| blocked.failure);
    let input = Input {
        source,
        unreadable: plan.unreadable.clone(),
        rendered: plan.rendered,
        unrendered: plan.unrendered.clone(),
        ineligible: plan.ineligible.clone(),
        pending_render: plan.pending_render,
        shortfall: plan.shortfall,
        paused: package.spec.paused,
        deleting: package.deleting,
        pinned: plan.pinned,
        kept: plan.kept.clone(),
        rollout: Arc::clone(&plan.rollout),
        rendering: plan.rendering,
        blocked: blocked.or_else(|| plan.unreadable.clone()),
        names: Some(&*members),
    };
    let summary = status::summarise(&fleet.rows, &input);
    Ok(status_of(package, &plan, summary, Timestamp::now()))
}

/// How long this change may wait: what is available, or was and is not, not at all.
fn debounce(old: &PackageStatus, new: &PackageStatus) -> Duration {
    let available = |status: &PackageStatus| {
        let found = condition::find(&status.conditions, condition::AVAILABLE)?;
        condition::is_true(&status.conditions, condition::AVAILABLE)
            .then_some(found.observed_generation)
    };
    let is_unknown = condition::find(&new.conditions, condition::AVAILABLE)
        .is_some_and(|found| found.status == "Unknown");
    if available(old).is_some() && is_unknown {
        UNKNOWN_AFTER
    } else if available(old) != available(new) {
        Duration::ZERO
    } else if condition::said(&old.conditions) != condition::said(&new.conditions) {
        TURN_AFTER
    } else {
        DETAIL_AFTER
    }
}

/// How far the content got; that of a package that is being deleted does not matter any more.
fn source(package: &AnyPackage, known: Option<SourceState>) -> Option<Source> {
    let known = known.map(|known| known.source);
    known.or_else(|| package.deleting.then_some(Source::Ready))
}

fn status_of(
    package: &AnyPackage,
    plan: &LastPlan,
    summary: Summary,
    now: Timestamp,
) -> PackageStatus {
    let old = &package.status;
    let mut status = PackageStatus {
        observed_generation: Some(package.generation),
        conditions: old.conditions.clone(),
        revision: plan.revision.and_then(|number| i64::try_from(number).ok()),
        resolved_image: plan.resolved_image.clone(),
        counts: Some(counts(&summary.counts)),
        waves: waves(&plan.rollout, &old.waves, now),
        failures: summary.failures.iter().map(failure).collect(),
        ineligible: summary.ineligible.iter().map(failure).collect(),
        as_of: None,
    };
    // What runs of an earlier spec is said of that one.
    let earlier = condition::find(&old.conditions, condition::AVAILABLE)
        .filter(|_| !summary.is_in_force)
        .and_then(|found| found.observed_generation);
    for wanted in &summary.conditions {
        let generation = match wanted.r#type.as_str() {
            condition::AVAILABLE => earlier.unwrap_or(package.generation),
            _ => package.generation,
        };
        update(wanted).apply(&mut status.conditions, generation, now);
    }
    status.conditions.retain(|found| {
        summary
            .conditions
            .iter()
            .any(|wanted| wanted.r#type == found.type_)
    });
    let same = old.counts == status.counts
        && old.failures == status.failures
        && old.ineligible == status.ineligible;
    status.as_of = match &old.as_of {
        Some(time) if same => Some(time.clone()),
        _ => Some(Time(Timestamp::from_second(now.as_second()).unwrap_or(now))),
    };
    status
}

/// The waves; each has waited for what it waits for since that was first said.
fn waves(report: &RolloutReport, old: &[WaveStatus], now: Timestamp) -> Vec<WaveStatus> {
    let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    let seconds = |time: Timestamp| Time(Timestamp::from_second(time.as_second()).unwrap_or(time));
    let waves = report.waves.iter().map(|wave| {
        let gate = wave.gate.as_str();
        let known = old
            .iter()
            .find(|it| it.name == wave.name && it.gate == gate);
        let until = match wave.gate {
            Gate::Soaking(until) => i64::try_from(until.0).ok(),
            _ => None,
        };
        let until = until.and_then(|until| Timestamp::from_millisecond(until).ok());
        WaveStatus {
            name: wave.name.clone(),
            targeted: number(wave.targeted),
            updated: number(wave.updated),
            available: number(wave.available),
            failed: number(wave.failed),
            offline: number(wave.offline),
            gate: gate.to_owned(),
            since: known.map_or_else(|| Some(seconds(now)), |known| known.since.clone()),
            until: until.map(seconds),
        }
    });
    waves.collect()
}

fn update(wanted: &Condition) -> Update {
    let truth = match wanted.status {
        Truth::True => Status::True,
        Truth::False => Status::False,
        Truth::Unknown => Status::Unknown,
    };
    let reason = if wanted.reason.is_empty() {
        "Unknown"
    } else {
        &wanted.reason
    };
    Update::new(&wanted.r#type, truth, reason, &wanted.message)
}

fn counts(counts: &Counts) -> PackageCounts {
    let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    PackageCounts {
        targeted: number(counts.targeted),
        updated: number(counts.updated),
        available: number(counts.available),
        progressing: number(counts.progressing),
        failed: number(counts.failed),
        offline: number(counts.offline),
        removing: number(counts.removing),
        held: number(counts.held),
        ineligible: number(counts.ineligible),
    }
}

fn failure(group: &status::FailureGroup) -> FailureGroup {
    FailureGroup {
        reason: group.failure.reason.to_string(),
        message: shorten(group.failure.message.clone(), 1024),
        count: i32::try_from(group.count).unwrap_or(i32::MAX),
        clusters: group.clusters.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(available: Option<(Status, i64)>, words: &str) -> PackageStatus {
        let mut status = PackageStatus::default();
        let now = Timestamp::UNIX_EPOCH;
        Update::new("Unpacked", true, "UnpackSuccess", words).apply(&mut status.conditions, 1, now);
        if let Some((said, generation)) = available {
            let update = Update::new(condition::AVAILABLE, said, "Reason", words);
            update.apply(&mut status.conditions, generation, now);
        }
        status
    }

    #[test]
    fn only_what_is_or_was_available_is_said_at_once() {
        let unpacked = status(None, "x");
        let applying = status(Some((Status::False, 1)), "x");
        let available = status(Some((Status::True, 1)), "x");
        let upgraded = status(Some((Status::True, 2)), "x");
        let unknown = status(Some((Status::Unknown, 1)), "x");
        for (old, new) in [
            (&unpacked, &available),
            (&applying, &available),
            (&available, &upgraded),
            (&available, &applying),
        ] {
            assert_eq!(debounce(old, new), Duration::ZERO);
        }
        assert_eq!(debounce(&available, &unknown), UNKNOWN_AFTER);
        assert_eq!(debounce(&unpacked, &applying), TURN_AFTER);
        assert_eq!(debounce(&applying, &unknown), TURN_AFTER);
        let words = status(Some((Status::False, 1)), "y");
        assert_eq!(debounce(&applying, &words), DETAIL_AFTER);
    }
}
