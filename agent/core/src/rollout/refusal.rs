//! What a refused request means for its object.

use stevedore_proto_core::{Millis, Reason};

use super::item::{Block, Item, Know};
use crate::failure::{Failure, FailureKind};
use crate::retry::{BLOCKED, FORBIDDEN, SOON, Schedule, Spread};

/// A request about an object was refused.
pub(super) fn refuse(
    item: &mut Item,
    failure: &Failure,
    preflight: bool,
    now: Millis,
    spread: &mut Spread,
) {
    let schedule: Option<Schedule> = match failure.kind {
        FailureKind::Conflict => {
            item.know = Know::Doubtful;
            item.conflicts = item.conflicts.saturating_add(1);
            if item.conflicts > 1 {
                item.retry.fail(now, SOON, None, spread);
            }
            return;
        }
        FailureKind::NotFound if item.know.is_present() => {
            item.know = Know::Doubtful;
            Some(SOON)
        }
        FailureKind::NotFound
        | FailureKind::Invalid
        | FailureKind::Unreadable
        | FailureKind::ContentMissing => Some(BLOCKED),
        FailureKind::NoKind if item.desired.defined_here => Some(SOON),
        FailureKind::NoKind => Some(BLOCKED),
        FailureKind::Forbidden | FailureKind::AccountNotAllowed => Some(FORBIDDEN),
        FailureKind::Expired | FailureKind::Unavailable => Some(SOON),
        FailureKind::TooLarge => None,
    };
    match schedule {
        Some(schedule) => item.retry.fail(now, schedule, failure.retry_after, spread),
        None => item.retry.never(),
    }
    // What usually passes at the next try is not worth a status of its own.
    let brief = schedule == Some(SOON) && item.retry.attempts() < 4;
    if !brief {
        let homeless = failure.kind == FailureKind::NotFound && !item.know.is_present();
        item.block = Some(Box::new(Block {
            // What is created can only miss its namespace.
            reason: if homeless {
                Reason::NamespaceMissing
            } else {
                failure.kind.reason()
            },
            message: failure.about(&item.desired.key.kind),
            preflight,
        }));
    }
}
