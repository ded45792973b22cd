//! Errors of storing an order, and what becomes of a refused request.

use std::time::Duration;

use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::session::StoreError;
use stevedore_proto_core::Reason;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::time::sleep;

use crate::ports::Answer;

/// Attempts against an API server that does not answer, or against other writers.
const ATTEMPTS: u32 = 5;

/// Between attempts at what is tried until it works; while a definition is gone, this may take long.
pub(super) const UNTIL_IT_WORKS: Schedule =
    Schedule::new(Duration::from_millis(200), Duration::from_secs(30));

pub(super) fn refused(reason: Reason, message: impl Into<String>) -> StoreError {
    StoreError {
        reason,
        message: message.into(),
    }
}

/// What the hub is told when the API server refused.
pub(super) fn not_stored(failure: &Failure) -> StoreError {
    let reason = match failure.kind {
        FailureKind::TooLarge => Reason::TooLarge,
        FailureKind::Invalid => Reason::Unsupported,
        FailureKind::NoKind => Reason::CrdOutdated,
        _ => Reason::StoreFailed,
    };
    refused(reason, failure.to_string())
}

pub(super) fn vanished() -> Failure {
    Failure::new(FailureKind::Unavailable, "the set was deleted in between")
}

/// Tries again while the API server does not answer. What is tried reads again what it did not learn.
pub(super) async fn persist<T, F: Future<Output = Answer<T>>>(
    attempt: impl Fn() -> F,
) -> Result<T, StoreError> {
    let mut delays = Delays::new(Schedule::OPERATION);
    loop {
        match attempt().await {
            Err(failure)
                if failure.kind == FailureKind::Unavailable && delays.attempts() < ATTEMPTS =>
            {
                let asked = Duration::from_millis(failure.retry_after.unwrap_or(0));
                sleep(delays.next_after(asked, rand::random())).await;
            }
            other => return other.map_err(|failure| not_stored(&failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_becomes_the_reason_that_the_hub_is_told() {
        for (kind, reason) in [
            (FailureKind::TooLarge, Reason::TooLarge),
            (FailureKind::Invalid, Reason::Unsupported),
            (FailureKind::NoKind, Reason::CrdOutdated),
            (FailureKind::Unavailable, Reason::StoreFailed),
            (FailureKind::Forbidden, Reason::StoreFailed),
        ] {
            assert_eq!(not_stored(&Failure::new(kind, "x")).reason, reason);
        }
    }
}
