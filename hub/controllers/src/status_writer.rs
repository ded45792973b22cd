//! The status writer: writes the statuses of objects that changed, not too often, and not before they have settled.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stevedore_client::Api;
use tokio::time::Instant;

use crate::api_server::ApiServer;
use crate::watch::uid::Uid;
use crate::write;

/// When the statuses of one kind's objects were written last, and since when a change waits, by UID.
#[derive(Debug)]
pub(crate) struct StatusWriter<U> {
    objects: Mutex<BTreeMap<U, Times>>,
}

impl<U> Default for StatusWriter<U> {
    fn default() -> Self {
        Self {
            objects: Mutex::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    written: Option<Instant>,
    changed: Option<Instant>,
}

/// How long a status that changed waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Shortest time between two writes of one object's status.
    pub(crate) interval: Duration,
    /// For how long further changes are gathered before the first of them is written.
    pub(crate) debounce: Duration,
}

/// An object whose status is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a, U> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a U,
}

impl<U: Uid> StatusWriter<U> {
    /// Writes the status of an object, which is another one than it shows, once its time has come.
    ///
    /// # Errors
    /// When to try again: the time has not come, or the write failed, which is logged.
    pub(crate) async fn write<K: DeserializeOwned>(
        &self,
        server: &ApiServer,
        api: &Api<K>,
        target: Target<'_, U>,
        pace: Pace,
        status: &impl Serialize,
    ) -> Result<K, Duration> {
        let Target { kind, name, uid } = target;
        if let Some(left) = self.changed(uid).left(pace, Instant::now()) {
            return Err(left);
        }
        match server
            .write_status(api, name, &uid.to_string(), status)
            .await
        {
            Ok(written) => {
                self.written(uid);
                Ok(written)
            }
            Err(error) => {
                write::log_status(&error, kind, name);
                Err(write::status_again(&error))
            }
        }
    }

    /// How long it is too early even to find out what the status should be; nothing where it is not.
    pub(crate) fn left(&self, uid: &U, interval: Duration) -> Option<Duration> {
        let times = self.objects.lock().get(uid).copied().unwrap_or_default();
        let pace = Pace {
            interval,
            debounce: Duration::ZERO,
        };
        times.left(pace, Instant::now())
    }

    /// Notes that an object shows the status that it should have.
    pub(crate) fn unchanged(&self, uid: &U) {
        if let Some(times) = self.objects.lock().get_mut(uid) {
            times.changed = None;
        }
    }

    /// Lets an object go.
    pub(crate) fn forget(&self, uid: &U) {
        self.objects.lock().remove(uid);
    }

    /// Notes a write. An object that was let go while it was written stays so.
    fn written(&self, uid: &U) {
        if let Some(times) = self.objects.lock().get_mut(uid) {
            *times = Times {
                written: Some(Instant::now()),
                changed: None,
            };
        }
    }

    fn changed(&self, uid: &U) -> Times {
        let mut objects = self.objects.lock();
        let times = objects.entry(uid.clone()).or_default();
        times.changed.get_or_insert_with(Instant::now);
        *times
    }
}

impl Times {
    /// How long the write still waits; nothing where it may be made. Never zero: who waits for no time at all asks
    /// again at once, for as long as the clock has not moved.
    fn left(self, pace: Pace, now: Instant) -> Option<Duration> {
        let wait = |since: Option<Instant>, time: Duration| {
            Some(time.saturating_sub(now.saturating_duration_since(since?)))
        };
        // None is less than any time.
        let left = wait(self.written, pace.interval).max(wait(self.changed, pace.debounce));
        left.filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(interval: Duration, debounce: Duration) -> Pace {
        Pace { interval, debounce }
    }

    #[test]
    fn a_write_waits_until_its_time_has_come_and_not_an_instant_longer() {
        let start = Instant::now();
        let written = Times {
            written: Some(start),
            changed: None,
        };
        let interval = pace(SECOND, Duration::ZERO);
        assert_eq!(Times::default().left(interval, start), None);
        let quarter = written.left(interval, start + SECOND / 4);
        assert_eq!(quarter, Some(SECOND * 3 / 4));
        assert_eq!(written.left(interval, start + SECOND), None);
        assert_eq!(written.left(interval, start + SECOND * 2), None);
        assert_eq!(written.left(Pace::default(), start), None);
    }

    #[test]
    fn changes_are_gathered_from_the_first_on_and_never_written_before_the_interval_is_over() {
        let start = Instant::now();
        let times = Times {
            written: Some(start),
            changed: Some(start + SECOND / 2),
        };
        let both = pace(SECOND, SECOND);
        assert_eq!(times.left(both, start + SECOND), Some(SECOND / 2));
        assert_eq!(times.left(both, start + SECOND * 3 / 2), None);
        let quick = pace(SECOND, Duration::ZERO);
        assert_eq!(times.left(quick, start + SECOND * 3 / 4), Some(SECOND / 4));
    }

    #[test]
    fn a_change_counts_from_when_it_was_first_seen_until_it_is_taken_back() {
        let (writer, uid) = (StatusWriter::default(), "a".to_owned());
        let first = writer.changed(&uid).changed;
        assert_eq!(writer.changed(&uid).changed, first);
        writer.unchanged(&uid);
        assert_eq!(writer.objects.lock()[&uid].changed, None);
    }

    #[test]
    fn the_late_answer_to_a_write_keeps_nothing_of_an_object_that_went() {
        let (writer, uid) = (StatusWriter::default(), "a".to_owned());
        writer.changed(&uid);
        writer.written(&uid);
        assert!(writer.left(&uid, SECOND).is_some());
        writer.changed(&uid);
        writer.forget(&uid);
        writer.written(&uid);
        assert!(writer.objects.lock().is_empty());
    }
}
