//! Answers of the API server: when the last one came, and whether it is silent.

use std::sync::atomic::{AtomicU64, Ordering};

use stevedore_proto_core::Millis;
use stevedore_runtime::retry::millis;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// Since when the API server does not answer; none while it does.
pub type Silence = watch::Receiver<Option<Instant>>;

/// When the API server answered last, and whether it is silent. One per process.
#[derive(Debug)]
pub struct Answers {
    start: Instant,
    last: AtomicU64,
    silent: watch::Sender<Option<Instant>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
            silent: watch::Sender::new(None),
        }
    }
}

impl Answers {
    /// It has answered, whatever it said.
    pub(super) fn note(&self) {
        self.last.fetch_max(self.now(), Ordering::Relaxed);
    }

    /// Whether it does not answer, and since when.
    pub fn silence(&self) -> Silence {
        self.silent.subscribe()
    }

    /// Whether it does not answer.
    pub fn is_silent(&self) -> bool {
        self.silent.borrow().is_some()
    }

    /// Waits until it answers after it was silent.
    pub(crate) async fn back(&self) {
        let mut silent = self.silent.subscribe();
        while silent.changed().await.is_ok() {
            if silent.borrow_and_update().is_none() {
                return;
            }
        }
        std::future::pending().await
    }

    /// When its last answer came.
    pub(super) fn last(&self) -> Millis {
        self.last.load(Ordering::Relaxed)
    }

    /// When this time of the clock comes that answers are noted by.
    pub(super) fn at(&self, time: Millis) -> Instant {
        self.start + Duration::from_millis(time)
    }

    /// What that clock shows.
    pub(super) fn now(&self) -> Millis {
        millis(self.start.elapsed())
    }

    /// Says since when it does not answer.
    pub(super) fn tell(&self, since: Option<Millis>) {
        let since = since.map(|since| self.start + Duration::from_millis(since));
        let changed = self.silent.send_if_modified(|silent| {
            let changed = silent.is_some() != since.is_some();
            *silent = since;
            changed
        });
        match since {
            Some(since) if changed => {
                let seconds = since.elapsed().as_secs();
                tracing::warn!(seconds, "the API server does not answer");
            }
            None if changed => tracing::info!("the API server answers again"),
            _ => {}
        }
    }
}
