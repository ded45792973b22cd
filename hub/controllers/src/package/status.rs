//! The status of packages: written when it changes, coalesced, and by nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{self, Status, Update};
use stevedore_crds::v1alpha1::{FailureGroup, PackageCounts, PackageStatus};
use stevedore_hub_core::fleet::{Counts, PackageRows};
use stevedore_hub_core::status::{self, Condition, Input, Source, Summary};
use stevedore_proto_core::status::Truth;
use stevedore_proto_core::{ClusterUid, PackageUid};
use tokio::time::Instant;

use crate::hub::{Hub, SourceState, View, lock};
use crate::member::status::GRACE;
use crate::package::any_package::AnyPackage;
use crate::write;

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

/// When a package's status was written last, and since when a change waits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    written: Option<Instant>,
    waiting: Option<Instant>,
}

/// Works on one package; says when to look again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: PackageUid) -> Option<Duration> {
    let package = hub.package(&uid)?;
    hub.leader.current()?;
    let written = lock(&hub.shown).get(&uid).and_then(|shown| shown.written);
    if let Some(left) = write::left(MIN_INTERVAL, written.map(|written| written.elapsed())) {
        return Some(left);
    }
    let wanted = match wanted(&hub, &package) {
        Ok(wanted) => wanted,
        Err(again) => return again,
    };
    if wanted == package.status {
        if let Some(shown) = lock(&hub.shown).get_mut(&uid) {
            shown.waiting = None;
        }
        return None;
    }
    let waited = {
        let mut all = lock(&hub.shown);
        let shown = all.entry(uid).or_default();
        shown.waiting.get_or_insert_with(Instant::now).elapsed()
    };
    if let Some(left) = write::left(debounce(&package.status, &wanted), Some(waited)) {
        return Some(left);
    }
    let api = package.api(&hub.client);
    match write::status(&api, &package.name, &uid.to_string(), &wanted).await {
        Ok(written) => {
            hub.metrics.status_writes.inc();
            hub.took(&package, &written);
            let shown = Shown {
                written: Some(Instant::now()),
                waiting: None,
            };
            lock(&hub.shown).insert(uid, shown);
            None
        }
        Err(error) => {
            write::log_status(&error, package.kind.as_str(), &package.name);
            Some(write::status_again(&error))
        }
    }
}

/// The status as it should be; where nothing can be said yet, when to look again.
fn wanted(hub: &Hub, package: &AnyPackage) -> Result<PackageStatus, Option<Duration>> {
    let uid = package.uid;
    let view = lock(&hub.views).get(&uid).cloned();
    let source = lock(&hub.sources).get(&uid).cloned();
    let (Some(view), Some(source)) = (view, source.or_else(|| deleting_source(package))) else {
        return Err(None);
    };
    if view.generation != package.generation {
        // The plan that follows the change shows it.
        return Err(None);
    }
    let source = match source.source {
        // Until it was planned with, content that is there changes nothing.
        Source::Ready if !view.has_content => Source::Pending,
        source => source,
    };
    let names: BTreeMap<ClusterUid, String> = hub
        .joined()
        .into_iter()
        .map(|(member, _)| (member.cluster, member.name))
        .collect();
    let summary = {
        let fleet = lock(&hub.fleet);
        let empty = PackageRows::default();
        let rows = fleet.package(uid.into()).unwrap_or(&empty);
        if !is_settled(hub, package, rows, |cluster| {
            fleet.contact_of(cluster).heard
        }) {
            return Err(Some(Duration::from_secs(1)));
        }
        let input = Input {
            source,
            unreadable: view.unreadable.clone(),
            unrendered: view.unrendered.clone(),
            pending_render: view.pending_render,
            shortfall: view.shortfall,
            paused: package.spec.paused,
            deleting: package.deleting,
            pinned: view.pinned,
            kept: view.kept.clone(),
            rendering: view.rendering,
            blocked: view
                .blocked
                .clone()
                .map(|(failure, _)| failure)
                .or_else(|| view.unreadable.clone()),
            names: Some(&names),
        };
        status::summarise(rows, &input)
    };
    Ok(status_of(package, &view, summary, Timestamp::now()))
}

/// How long this change may wait: what is available, or was and is not, not at all.
fn debounce(old: &PackageStatus, new: &PackageStatus) -> Duration {
    let available = |status: &PackageStatus| {
        let found = condition::find(&status.conditions, condition::AVAILABLE)?;
        (found.status == "True").then_some(found.observed_generation)
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

fn deleting_source(package: &AnyPackage) -> Option<SourceState> {
    package.deleting.then(|| SourceState {
        spec_hash: package.content_hash(),
        source: Source::Ready,
        attempts: 0,
    })
}

/// A hub that just started does not write Unknown over what members will confirm in a moment.
fn is_settled(
    hub: &Hub,
    package: &AnyPackage,
    rows: &PackageRows,
    heard: impl Fn(&ClusterUid) -> bool,
) -> bool {
    hub.age() > GRACE
        || package.status.observed_generation != Some(package.generation)
        || !condition::is_true(&package.status.conditions, condition::AVAILABLE)
        || rows
            .rows()
            .filter(|(_, row)| row.is_targeted())
            .all(|(cluster, _)| heard(&cluster))
}

fn status_of(package: &AnyPackage, view: &View, summary: Summary, now: Timestamp) -> PackageStatus {
    let old = &package.status;
    let mut status = PackageStatus {
        observed_generation: Some(package.generation),
        conditions: old.conditions.clone(),
        revision: view.revision.and_then(|number| i64::try_from(number).ok()),
        resolved_image: view.resolved_image.clone(),
        counts: Some(counts(&summary.counts)),
        failures: summary.failures.iter().map(failure).collect(),
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
    let same = old.counts == status.counts && old.failures == status.failures;
    status.as_of = match &old.as_of {
        Some(time) if same => Some(time.clone()),
        _ => Some(Time(Timestamp::from_second(now.as_second()).unwrap_or(now))),
    };
    status
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
    }
}

fn failure(group: &status::FailureGroup) -> FailureGroup {
    let cut = |text: &str, most: usize| text[..text.floor_char_boundary(most)].to_owned();
    FailureGroup {
        reason: group.failure.reason.to_string(),
        message: cut(&group.failure.message, 1024),
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
