//! What a deployment says about itself.

use jiff::Timestamp;
use stevedore_crds::condition::{
    self, AVAILABLE, PAUSED, PROGRESSING, READY, RECONCILING, STALLED, SUCCEEDED, Update,
};
use stevedore_crds::v1alpha1::{LifecycleState, ObjectDeploymentStatus};

use super::child::Child;

/// What the status is made from.
pub(crate) struct View<'a> {
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
    view: &View<'_>,
    now: Timestamp,
) -> ObjectDeploymentStatus {
    let mut new = old.clone();
    new.observed_generation = Some(view.generation);
    new.collision_count = view.collisions;
    new.template_hash = Some(view.hash.to_owned());
    new.revision = view.children.last().map(|newest| newest.revision);
    let available = available(view);
    let progressing = progressing(view);
    let is_available = available.status == condition::Status::True;
    let works = progressing.status == condition::Status::True;
    let stalled = stalled(view);
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
        update.apply(&mut new.conditions, view.generation, now);
    }
    if view.paused && all_paused(view.children) {
        Update::new(
            PAUSED,
            true,
            "Paused",
            "the deployment and its sets are paused",
        )
        .apply(&mut new.conditions, view.generation, now);
    } else {
        condition::remove(&mut new.conditions, PAUSED);
    }
    mapped(view, &mut new, now);
    new
}

fn available(view: &View<'_>) -> Update {
    let newest = view.current.filter(|current| current.is_available());
    let any = || {
        view.children
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
        None => Update::new(AVAILABLE, false, "ObjectSetUnready", why_unready(view)),
    }
}

/// The controller cannot do what it should, or the current set says that it is stuck.
fn stalled(view: &View<'_>) -> Update {
    let of_set = view
        .current
        .and_then(|current| condition::find(&current.head.status.conditions, STALLED))
        .filter(|said| said.status == "True");
    match (view.failure, of_set) {
        (Some(failure), _) => Update::new(STALLED, true, "Failed", failure),
        (None, Some(said)) => Update::new(STALLED, true, said.reason.clone(), said.message.clone()),
        (None, None) => Update::new(STALLED, false, "NotStalled", ""),
    }
}

fn why_unready(view: &View<'_>) -> String {
    let newest = view.current.or(view.children.last());
    let said = newest
        .and_then(|newest| condition::find(&newest.head.status.conditions, AVAILABLE))
        .filter(|said| !said.message.is_empty());
    match (newest, said) {
        (Some(newest), Some(said)) => format!("{}: {}", newest.name(), said.message),
        (Some(newest), None) => format!("{} has not reported yet", newest.name()),
        (None, _) => "there is no object set yet".into(),
    }
}

fn progressing(view: &View<'_>) -> Update {
    match view.current {
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
                    why_unready(view)
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
        .all(|child| child.says(PAUSED))
}

/// Copies mapped conditions (`prefix/Name`) of the current set.
fn mapped(view: &View<'_>, new: &mut ObjectDeploymentStatus, now: Timestamp) {
    let source: &[_] = view
        .current
        .map_or(&[], |current| &current.head.status.conditions);
    let is_mapped = |type_: &str| type_.contains('/');
    new.conditions
        .retain(|known| !is_mapped(&known.type_) || source.iter().any(|c| c.type_ == known.type_));
    for said in source
        .iter()
        .filter(|condition| is_mapped(&condition.type_))
    {
        let truth = match said.status.as_str() {
            "True" => condition::Status::True,
            "False" => condition::Status::False,
            _ => condition::Status::Unknown,
        };
        Update::new(
            said.type_.clone(),
            truth,
            said.reason.clone(),
            said.message.clone(),
        )
        .apply(&mut new.conditions, view.generation, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'a>(failure: Option<&'a str>, paused: bool) -> View<'a> {
        View {
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
            &view(Some("no right"), false),
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
            &view(None, true),
            Timestamp::UNIX_EPOCH,
        );
        let later = Timestamp::from_second(99).unwrap();
        assert_eq!(status(&first, &view(None, true), later), first);
    }
}
