//! Refused requests, and what each means for its object.

use stevedore_proto_core::{Millis, Reason};

use super::item::{Block, Item, Live};
use crate::failure::{Failure, FailureKind};
use crate::retry::{FORBIDDEN, Jitter, SOON, schedule};

/// A request about an object was refused.
pub(super) fn refuse(
    item: &mut Item,
    failure: &Failure,
    preflight: bool,
    now: Millis,
    jitter: &mut Jitter,
) {
    let schedule = match failure.kind {
        FailureKind::Conflict => {
            item.live = Live::Unconfirmed;
            item.conflicts = item.conflicts.saturating_add(1);
            if item.conflicts > 1 {
                item.backoff.fail(now, SOON, None, jitter);
            }
            return;
        }
        FailureKind::NotFound if item.live.is_present() => {
            item.live = Live::Unconfirmed;
            Some(SOON)
        }
        FailureKind::NoKind if item.desired.defined_here => Some(SOON),
        FailureKind::AccountNotAllowed => Some(FORBIDDEN),
        kind => schedule(kind.reason().retry()),
    };
    match schedule {
        Some(schedule) => item
            .backoff
            .fail(now, schedule, failure.retry_after, jitter),
        None => item.backoff.never(),
    }
    // What usually passes at the next try is not worth a status of its own.
    let brief = schedule == Some(SOON) && item.backoff.attempts() < 4;
    if !brief {
        let lacks_namespace = failure.kind == FailureKind::NotFound && !item.live.is_present();
        item.block = Some(Box::new(Block {
            // What is created can only miss its namespace.
            reason: if lacks_namespace {
                Reason::NamespaceMissing
            } else {
                failure.kind.reason()
            },
            message: failure.about(&item.desired.key.kind),
            preflight,
        }));
    }
}
