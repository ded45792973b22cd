//! The connection to the hub: when to dial, when to say hello, when to give up.

use stevedore_proto_core::message::{
    Close, CloseReason, Hello, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Welcome,
};
use stevedore_proto_core::{Millis, ToHub};

use super::accept::highest;
use super::event::{Action, Connection};
use super::machine::Session;

/// Longest time for dialling, and again for the hub's first answer.
const OPENING: Millis = 15_000;
/// How long hello waits for what is being stored; a hub waits for it only so long.
const QUIET_WITHIN: Millis = 2_000;
/// Heartbeats that may stay unanswered before the connection is given up.
const MISSED_BEATS: Millis = 3;
/// Bounds for the heartbeat interval a hub may ask for.
const HEARTBEAT: std::ops::RangeInclusive<Millis> = 1_000..=60_000;

/// The open session.
#[derive(Debug, Clone)]
pub(super) struct Up {
    pub(super) connection: Connection,
    heartbeat: Millis,
    next_heartbeat: Millis,
    last_heard: Millis,
}

#[derive(Debug, Clone)]
enum State {
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
        said_hello: bool,
    },
    Up(Up),
}

/// Where the link stands.
#[derive(Debug, Clone)]
pub(super) struct Link {
    state: State,
    attempt: u32,
    last: u64,
    redirect: Option<String>,
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
    pub(super) fn hears(&mut self, connection: Connection, now: Millis) -> bool {
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

    pub(super) fn synced(&mut self) {
        self.attempt = 0;
    }

    pub(super) fn wake_at(&self) -> Option<Millis> {
        Some(match &self.state {
            State::Down { until } => *until,
            State::Opening {
                since,
                said_hello: false,
                ..
            } => since + QUIET_WITHIN,
            State::Connecting { since, .. } | State::Opening { since, .. } => since + OPENING,
            State::Up(up) => up.next_heartbeat.min(up.silent_at()),
        })
    }

    fn current(&self) -> Option<Connection> {
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
    fn silent_at(&self) -> Millis {
        self.last_heard + self.heartbeat * MISSED_BEATS
    }
}

impl Session {
    pub(super) fn connected(&mut self, connection: Connection, now: Millis, out: &mut Vec<Action>) {
        match self.link.state {
            State::Connecting {
                connection: current,
                ..
            } if current == connection => {
                self.link.state = State::Opening {
                    connection,
                    since: now,
                    said_hello: false,
                };
                self.hello_when_quiet(now, out);
            }
            _ => out.push(Action::Disconnect(connection)),
        }
    }

    /// Says hello once nothing is being stored, so that the root digest covers all that was accepted; but not
    /// much later, for one slow store must not keep the session from opening: what it lacks then, the listing
    /// and the acknowledgement say.
    pub(super) fn hello_when_quiet(&mut self, now: Millis, out: &mut Vec<Action>) {
        let is_storing = self.orders.is_storing();
        let State::Opening {
            connection,
            since,
            said_hello,
        } = &mut self.link.state
        else {
            return;
        };
        if *said_hello || (is_storing && now < *since + QUIET_WITHIN) {
            return;
        }
        (*said_hello, *since) = (true, now);
        let connection = *connection;
        let hello = Hello {
            version: PROTOCOL_VERSION,
            oldest_version: OLDEST_PROTOCOL_VERSION,
            features: Vec::new(),
            instance: self.identity.instance,
            incarnation: self.incarnation,
            sequence: self.reports.sequence(),
            agent_version: self.identity.agent_version.clone(),
            seen: self.seen,
            root: self.root(),
            held: self.orders.count(),
            environment: self.environment.clone(),
            time: None,
        };
        out.push(Action::Send(connection, ToHub::Hello(Box::new(hello))));
    }

    pub(super) fn welcomed(
        &mut self,
        connection: Connection,
        welcome: &Welcome,
        now: Millis,
        random: u64,
        out: &mut Vec<Action>,
    ) {
        let State::Opening {
            said_hello: true, ..
        } = self.link.state
        else {
            return;
        };
        if !(OLDEST_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&welcome.version)
            || welcome.incarnation <= self.incarnation
        {
            out.push(Action::Disconnect(connection));
            self.disconnected(connection, now, random);
            return;
        }
        self.incarnation = welcome.incarnation;
        self.speaker = Some(welcome.leadership);
        self.seen = Some(highest(self.seen, welcome.leadership));
        let heartbeat = welcome
            .heartbeat
            .clamp(*HEARTBEAT.start(), *HEARTBEAT.end());
        self.link.state = State::Up(Up {
            connection,
            heartbeat,
            next_heartbeat: now + heartbeat,
            last_heard: now,
        });
        self.link.redirect = None;
        self.reports.opened(welcome.report);
    }

    pub(super) fn closed(
        &mut self,
        connection: Connection,
        close: Close,
        now: Millis,
        random: u64,
        out: &mut Vec<Action>,
    ) {
        out.push(Action::Disconnect(connection));
        self.disconnected(connection, now, random);
        let wait = self.reconnect.retry_after(close.retry_after, random);
        self.link.redirect = close
            .redirect
            .filter(|_| close.reason == CloseReason::NotLeader);
        if let State::Down { until } = &mut self.link.state {
            *until = (*until).max(now + wait);
        }
    }

    pub(super) fn disconnected(&mut self, connection: Connection, now: Millis, random: u64) {
        if self.link.current() != Some(connection) {
            return;
        }
        if matches!(self.link.state, State::Connecting { .. }) {
            self.link.redirect = None;
        }
        self.speaker = None;
        self.orders.disconnected();
        let wait = self.reconnect.wait(self.link.attempt, random);
        self.link.attempt = self.link.attempt.saturating_add(1);
        self.link.state = State::Down { until: now + wait };
    }

    pub(super) fn tick(&mut self, now: Millis, random: u64, out: &mut Vec<Action>) {
        match &self.link.state {
            State::Down { until } if *until <= now => {
                self.link.last += 1;
                let connection = Connection(self.link.last);
                self.link.state = State::Connecting {
                    connection,
                    since: now,
                };
                out.push(Action::Connect {
                    connection,
                    redirect: self.link.redirect.clone(),
                });
            }
            State::Connecting { connection, since }
            | State::Opening {
                connection, since, ..
            } if since + OPENING <= now => {
                let connection = *connection;
                out.push(Action::Disconnect(connection));
                self.disconnected(connection, now, random);
            }
            State::Up(up) if up.silent_at() <= now => {
                let connection = up.connection;
                out.push(Action::Disconnect(connection));
                self.disconnected(connection, now, random);
            }
            State::Up(_) => self.beat(now, out),
            State::Opening { .. } => self.hello_when_quiet(now, out),
            State::Down { .. } | State::Connecting { .. } => {}
        }
    }

    fn beat(&mut self, now: Millis, out: &mut Vec<Action>) {
        for (sequence, status) in self.reports.due(now) {
            self.send(
                ToHub::Status {
                    sequence,
                    status: Box::new(status),
                },
                out,
            );
        }
        let State::Up(up) = &mut self.link.state else {
            return;
        };
        if up.next_heartbeat <= now {
            up.next_heartbeat = now + up.heartbeat;
            let heartbeat = ToHub::Heartbeat {
                root: self.root(),
                sequence: self.reports.sequence(),
            };
            self.send(heartbeat, out);
        }
    }
}
