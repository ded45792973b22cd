//! Waiting for one object to be as it should.

use std::time::Duration;

use kube::Error;
use serde::de::DeserializeOwned;
use stevedore_runtime::retry::{Delays, Schedule};

use crate::api::Api;

/// Time between two reads: somebody waits for what comes at once, and nobody for the second after minutes.
const POLL: Schedule = Schedule::new(Duration::from_millis(100), Duration::from_secs(1));

/// Reads an object until it is as `condition` wants it, and gives it as it was read then; `condition` is given
/// `None` while there is no object. It is read again and again, not watched. Without a deadline: the caller has
/// one.
///
/// # Errors
/// When it cannot be read.
pub async fn await_condition<K: DeserializeOwned>(
    api: Api<K>,
    name: &str,
    condition: impl Fn(Option<&K>) -> bool,
) -> Result<Option<K>, Error> {
    let mut delays = Delays::new(POLL);
    loop {
        let found = api.get_opt(name).await?;
        if condition(found.as_ref()) {
            return Ok(found);
        }
        tokio::time::sleep(delays.next(rand::random())).await;
    }
}
