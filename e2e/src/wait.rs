//! Waits with a deadline, which say what was seen last.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long anything may take that depends on a busy machine and on nothing else.
pub const WITHIN: Duration = Duration::from_secs(90);

/// Between two reads of the same thing.
const POLL: Duration = Duration::from_millis(40);

/// Waits until `check` finds what it wants, and fails with what it saw last.
pub async fn await_state<T, F, Fut>(what: &str, within: Duration, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    loop {
        match check().await {
            Ok(found) => return found,
            Err(last) => assert!(
                Instant::now() < deadline,
                "{what}: not within {} s; last seen: {last}",
                within.as_secs()
            ),
        }
        tokio::time::sleep(POLL).await;
    }
}
