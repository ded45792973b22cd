//! The link to the hub: how far the connection is, and when something is due.

use stevedore_proto_core::Millis;

use super::event::Connection;

/// Longest time for dialling, and again for the hub's first answer.
pub(super) const OPEN_TIMEOUT: Millis = 15_000;
/// How long hello waits for what is being stored; a hub waits for it only so long.
pub(super) const HELLO_DELAY: Millis = 2_000;
/// Heartbeats that may stay unanswered before the link disconnects.
const MISSED_BEATS: Millis = 3;

/// The open session.
#[derive(Debug, Clone)]
pub(super) struct Up {
    pub(super) connection: Connection,
    pub(super) heartbeat: Millis,
    pub(super) next_heartbeat: Millis,
    pub(super) last_heard: Millis,
}

/// Down, connecting, waiting for the welcome, or up.
#[derive(Debug, Clone)]
pub(super) enum State {
    Down {
        until: Millis,
    },
    Connecting {
        connection: Connection,
        since: Millis,
    },
    Opening {
        connection: Connection,
        since: Millis,
        hello_sent: bool,
    },
    Up(Up),
}

/// How far the link is, and what the next attempt goes by.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) state: State,
    pub(super) attempt: u32,
    pub(super) last: u64,
    pub(super) redirect: Option<String>,
}

impl Link {
    pub(super) fn new() -> Self {
        Self {
            state: State::Down { until: 0 },
            attempt: 0,
            last: 0,
            redirect: None,
        }
    }

    pub(super) fn up(&self) -> Option<&Up> {
        match &self.state {
            State::Up(up) => Some(up),
            State::Down { .. } | State::Connecting { .. } | State::Opening { .. } => None,
        }
    }

    /// Whether a frame of this connection counts, and notes that the hub is alive.
    pub(super) fn on_frame(&mut self, connection: Connection, now: Millis) -> bool {
        if let State::Up(up) = &mut self.state
            && up.connection == connection
        {
            up.last_heard = now;
        }
        self.current() == Some(connection)
    }

    pub(super) fn dial_now(&mut self, now: Millis) {
        if let State::Down { until } = &mut self.state {
            *until = now;
        }
    }

    /// The next heartbeat is due.
    pub(super) fn beat_now(&mut self, now: Millis) {
        if let State::Up(up) = &mut self.state {
            up.next_heartbeat = now;
        }
    }

    pub(super) fn synced(&mut self) {
        self.attempt = 0;
    }

    pub(super) fn wake_at(&self) -> Option<Millis> {
        Some(match &self.state {
            State::Down { until } => *until,
            State::Opening {
                since,
                hello_sent: false,
                ..
            } => since + HELLO_DELAY,
            State::Connecting { since, .. } | State::Opening { since, .. } => since + OPEN_TIMEOUT,
            State::Up(up) => up.next_heartbeat.min(up.silent_at()),
        })
    }

    pub(super) fn current(&self) -> Option<Connection> {
        match &self.state {
            State::Down { .. } => None,
            State::Connecting { connection, .. } | State::Opening { connection, .. } => {
                Some(*connection)
            }
            State::Up(up) => Some(up.connection),
        }
    }
}

impl Up {
    pub(super) fn silent_at(&self) -> Millis {
        self.last_heard + self.heartbeat * MISSED_BEATS
    }
}
