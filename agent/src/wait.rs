//! Waits: until a moment that may never come, and between attempts.

use stevedore_client::watch::{Circumstances, changed};
use stevedore_runtime::retry::Delays;
use tokio::time::{Instant, sleep, sleep_until};

/// Ends at `at`, or never.
pub(crate) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ends when it is time for the next attempt: after the next delay, or once circumstances changed, which starts the
/// delays over.
pub(crate) async fn until_next_attempt(delays: &mut Delays, circumstances: &mut Circumstances) {
    tokio::select! {
        () = sleep(delays.next(rand::random())) => {}
        () = changed(circumstances) => delays.reset(),
    }
}
