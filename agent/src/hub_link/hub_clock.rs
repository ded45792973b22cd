//! The hub's wall clock, as this agent last heard of it, beside the agent's own.
//!
//! When a certificate is to be renewed is computed from the hub's time and the monotonic clock alone, so a wrong
//! clock of this member cannot make it renew too late or without pause. The difference between the two clocks is
//! named in the log and in the metrics, and the hub names it on the `MemberCluster`.

use std::sync::Arc;

use stevedore_proto_core::clock::ClockOffset;
use stevedore_runtime::clock::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the hub's clock showed, and when that was heard.
#[derive(Debug, Clone, Copy)]
struct Reading {
    unix: i64,
    heard: Instant,
    offset: ClockOffset,
}

/// Both clocks. Clones share what was heard.
#[derive(Debug, Clone)]
pub struct HubClock {
    own: Clock,
    reading: Arc<watch::Sender<Option<Reading>>>,
}

impl HubClock {
    /// An agent whose own clock is `own`, and that has heard nothing yet.
    #[must_use]
    pub fn new(own: Clock) -> Self {
        Self {
            own,
            reading: Arc::new(watch::Sender::new(None)),
        }
    }

    /// The agent's own clock.
    pub(super) fn own(&self) -> Clock {
        self.own
    }

    /// Takes what a message of the hub said, and names a difference that is too large.
    pub(super) fn record(&self, hub_millis: u64) {
        let offset = ClockOffset::between(self.own.unix_millis(), hub_millis);
        let before = self.offset().filter(|offset| offset.is_skew());
        if offset.is_skew() && before.map(|before| before.to_string()) != Some(offset.to_string()) {
            tracing::warn!(
                ahead_seconds = offset.ahead_seconds(),
                "the clock of this member is {offset}"
            );
        } else if before.is_some() && !offset.is_skew() {
            tracing::info!("the clock of this member agrees with its hub's again");
        }
        let unix = i64::try_from(hub_millis / 1000).unwrap_or(i64::MAX);
        self.reading.send_replace(Some(Reading {
            unix,
            heard: Instant::now(),
            offset,
        }));
    }

    /// What the hub's clock shows now, in seconds since the Unix epoch; `None` before it was heard of.
    pub(super) fn now(&self) -> Option<i64> {
        let reading = (*self.reading.borrow())?;
        let since = i64::try_from(reading.heard.elapsed().as_secs()).unwrap_or(i64::MAX);
        Some(reading.unix.saturating_add(since))
    }

    /// How far the agent's clock was from the hub's when that was heard of last.
    #[must_use]
    pub fn offset(&self) -> Option<ClockOffset> {
        self.reading.borrow().map(|reading| reading.offset)
    }

    /// Says when more was heard.
    pub(super) fn readings(&self) -> Readings {
        Readings(self.reading.subscribe())
    }
}

/// Waits for what is heard of the hub's clock.
pub(super) struct Readings(watch::Receiver<Option<Reading>>);

impl Readings {
    /// Ends when something was heard since the last time; never when nothing can be heard any more.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
