//! The wall clock, for certificates only: whatever else waits, waits on the monotonic one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch.
pub(crate) fn unix_now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Time until a moment in seconds since the Unix epoch; zero when it has passed.
pub(crate) fn remaining(until: i64) -> Duration {
    let end = UNIX_EPOCH + Duration::from_secs(u64::try_from(until).unwrap_or(0));
    end.duration_since(SystemTime::now()).unwrap_or_default()
}
