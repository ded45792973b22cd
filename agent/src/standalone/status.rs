//! The status of an object deployment.

use jiff::Timestamp;
use stevedore_crds::condition::{
    self, AVAILABLE, PAUSED, PROGRESSING, READY, RECONCILING, STALLED, SUCCEEDED, Update,
};
use stevedore_crds::v1alpha1::{LifecycleState, ObjectDeploymentStatus};

use super::child::Child;

/// What the status is made from.
pub(crate) struct StatusInput<'a> {
    pub(crate) generation: i64,
    pub(crate) paused: bool,
    /// Sorted by revision.
    pub(crate) children: &'a [Child],
    pub(crate) current: Option<&'a Child>,
    pub(crate) hash: &'a str,
    pub(crate) collisions: Option<i32>,
    /// Why the last pass could not do what it should.
    pub(crate) failure: Option<&'a str>,
}

/// The status after this pass.
pub(crate) fn status(
    old: &ObjectDeploymentStatus,
    input: &StatusInput<'_>,
    now: Timestamp,
) -> ObjectDeploymentStatus {
    let mut new = old.clone();
    new.observed_generation = Some(input.generation);
    new.collision_count = input.collisions;
    new.template_hash = Some(input.hash.to_owned());
    new.revision = input.children.last().map(|newest| newest.revision);
    let available = available(input);
    let progressing = progressing(input);
    let is_available = available.status == condition::Status::True;
    let works = progressing.status == condition::Status::True;
    let stalled = stalled(input);
    let updates = [
        Update::new(
            READY,
            is_available,
            available.reason.clone(),
            available.message.clone(),
        ),
        Update::new(
            RECONCILING,
            works,
            progressing.reason.clone(),
            progressing.message.clone(),
        ),
        stalled,
        available,
        progressing,
    ];
    for update in updates {
        update.apply(&mut new.conditions, input.generation, now);
    }
    if input.paused && all_paused(input.children) {
        Update::new(
            PAUSED,
            true,
            "Paused",
            "the deployment and its sets are paused",
        )
        .apply(&mut new.conditions, input.generation, now);
    } else {
        condition::remove(&mut new.conditions, PAUSED);
    }
    mapped(input, &mut new, now);
    new
}

fn available(input: &StatusInput<'_>) -> Update {
    let newest = input.current.filter(|current| current.is_available());
    let any = || {
        input
            .children
            .iter()
            .rev()
            .find(|child| child.is_available())
    };
    match newest.or_else(any) {
        Some(_) if newest.is_some() => Update::new(
            AVAILABLE,
            true,
            "Available",
            "the latest revision is available",
        ),
        Some(previous) => {
            let message = format!(
                "the previous revision {} is still available",
                previous.revision
            );
            Update::new(AVAILABLE, true, "Available", message)
        }
        None => Update::new(AVAILABLE, false, "ObjectSetUnready", why_unready(input)),
    }
}

/// The controller cannot do what it should, or the current set says that it is stuck.
fn stalled(input: &StatusInput<'_>) -> Update {
    let of_set = input
        .current
        .and_then(|current| condition::find(&current.head.status.conditions, STALLED))
        .filter(|condition| condition.status == "True");
    match (input.failure, of_set) {
        (Some(failure), _) => Update::new(STALLED, true, "Failed", failure),
        (None, Some(condition)) => Update::new(
            STALLED,
            true,
            condition.reason.clone(),
            condition.message.clone(),
        ),
        (None, None) => Update::new(STALLED, false, "NotStalled", ""),
    }
}

fn why_unready(input: &StatusInput<'_>) -> String {
    let newest = input.current.or(input.children.last());
    let condition = newest
        .and_then(|newest| condition::find(&newest.head.status.conditions, AVAILABLE))
        .filter(|condition| !condition.message.is_empty());
    match (newest, condition) {
        (Some(newest), Some(condition)) => format!("{}: {}", newest.name(), condition.message),
        (Some(newest), None) => format!("{} has not reported yet", newest.name()),
        (None, _) => "there is no object set yet".into(),
    }
}

fn progressing(input: &StatusInput<'_>) -> Update {
    match input.current {
        None => Update::new(
            PROGRESSING,
            true,
            "Progressing",
            "the template has no object set yet",
        ),
        Some(current) if condition::is_true(&current.head.status.conditions, SUCCEEDED) => {
            Update::new(
                PROGRESSING,
                false,
                "Idle",
                "the latest revision was rolled out",
            )
        }
        Some(current) => {
            let message = if current.is_available() {
                format!(
                    "revision {} is available and waits for its success delay",
                    current.revision
                )
            } else {
                format!(
                    "revision {} is not available yet: {}",
                    current.revision,
                    why_unready(input)
                )
            };
            Update::new(PROGRESSING, true, "LatestRevisionPendingSuccess", message)
        }
    }
}

fn all_paused(children: &[Child]) -> bool {
    children
        .iter()
        .filter(|child| child.lifecycle() != LifecycleState::Archived)
        .all(|child| child.is_true(PAUSED))
}

/// Copies mapped conditions (`prefix/Name`) of the current set.
fn mapped(input: &StatusInput<'_>, new: &mut ObjectDeploymentStatus, now: Timestamp) {
    let source: &[_] = input
        .current
        .map_or(&[], |current| &current.head.status.conditions);
    let is_mapped = |type_: &str| type_.contains('/');
    new.conditions
        .retain(|known| !is_mapped(&known.type_) || source.iter().any(|c| c.type_ == known.type_));
    for condition in source
        .iter()
        .filter(|condition| is_mapped(&condition.type_))
    {
        let truth = match condition.status.as_str() {
            "True" => condition::Status::True,
            "False" => condition::Status::False,
            _ => condition::Status::Unknown,
        };
        Update::new(
            condition.type_.clone(),
            truth,
            condition.reason.clone(),
            condition.message.clone(),
        )
        .apply(&mut new.conditions, input.generation, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(failure: Option<&'a str>, paused: bool) -> StatusInput<'a> {
        StatusInput {
            generation: 3,
            paused,
            children: &[],
            current: None,
            hash: "abc",
            collisions: None,
            failure,
        }
    }

    #[test]
    fn a_deployment_without_a_set_says_so_and_why_it_is_stuck() {
        let now = Timestamp::UNIX_EPOCH;
        let status = status(
            &ObjectDeploymentStatus::default(),
            &input(Some("no right"), false),
            now,
        );
        assert_eq!(status.observed_generation, Some(3));
        let find = |type_| condition::find(&status.conditions, type_).unwrap();
        assert_eq!(find(AVAILABLE).reason, "ObjectSetUnready");
        assert_eq!(find(PROGRESSING).status, "True");
        assert_eq!(
            (
                find(STALLED).status.as_str(),
                find(STALLED).message.as_str()
            ),
            ("True", "no right")
        );
        assert!(condition::find(&status.conditions, PAUSED).is_none());
    }

    #[test]
    fn the_same_pass_again_changes_nothing() {
        let first = status(
            &ObjectDeploymentStatus::default(),
            &input(None, true),
            Timestamp::UNIX_EPOCH,
        );
        let later = Timestamp::from_second(99).unwrap();
        assert_eq!(status(&first, &input(None, true), later), first);
    }
}
