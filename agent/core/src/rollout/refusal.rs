//! Refused requests, and what each means for its object.

use stevedore_proto_core::{Millis, Reason};

use super::item::{Block, Item, Live};
use crate::failure::{Failure, FailureKind};
use crate::retry::{BLOCKED, FORBIDDEN, Jitter, NAMESPACE, SOON, schedule};

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
        // What is created can only miss its namespace.
        FailureKind::NotFound => Some(NAMESPACE),
        FailureKind::NoKind => {
            // Should an object be there when the kind is served again, to create it is refused, and it is read.
            item.live = Live::Absent;
            item.served = false;
            Some(if item.desired.defined_here {
                SOON
            } else {
                BLOCKED
            })
        }
        FailureKind::KindUnavailable => {
            item.served = false;
            Some(BLOCKED)
        }
        FailureKind::AccountNotAllowed => Some(FORBIDDEN),
        kind => schedule(kind.reason().retry()),
    };
    let block = block(item, failure, preflight);
    if schedule != Some(SOON) && item.obstacle().is_some() && block.obstacle(item).is_none() {
        // How long it waited for a namespace or a kind says nothing of what it waits for now.
        item.backoff.clear();
    }
    match schedule {
        Some(schedule) => item
            .backoff
            .fail(now, schedule, failure.retry_after, jitter),
        None => item.backoff.never(),
    }
    // What usually passes at the next try is not worth a status of its own.
    let brief = schedule == Some(SOON) && item.backoff.attempts() < 4;
    if !brief {
        // It is checked again first: what is checked and blocked would wait for itself.
        item.checked = false;
        item.block = Some(Box::new(block));
    }
}

fn block(item: &Item, failure: &Failure, preflight: bool) -> Block {
    let key = &item.desired.key;
    let namespace = key.namespace.as_deref().unwrap_or_default();
    // What waits for a kind or a namespace is not refused by a check.
    match failure.kind {
        FailureKind::NotFound if !item.live.is_present() => Block::new(
            Reason::NamespaceMissing,
            format!("waits for namespace {namespace}, which does not exist"),
        ),
        FailureKind::NamespaceTerminating => Block::new(
            Reason::NamespaceTerminating,
            format!("waits for namespace {namespace}, which is being deleted"),
        ),
        FailureKind::NoKind => Block::new(
            Reason::NoSuchKind,
            format!(
                "waits for {}, which the API server does not serve",
                key.kind
            ),
        ),
        FailureKind::KindUnavailable => Block::new(
            Reason::KindUnavailable,
            format!("waits for {}: what serves it does not answer", key.kind),
        ),
        FailureKind::WrongScope if key.namespace.is_none() => {
            Block::new(Reason::Refused, "needs a metadata.namespace")
        }
        FailureKind::WrongScope => Block::new(
            Reason::Refused,
            "is of a cluster-scoped kind, and the set is confined to a namespace or has it already",
        ),
        _ => Block {
            preflight,
            ..Block::refused(failure, &key.kind)
        },
    }
}
