//! Transitions of the link: when to dial, when to say hello, when to disconnect.

use stevedore_proto_core::message::{
    Close, CloseReason, Hello, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Welcome,
};
use stevedore_proto_core::{Features, Millis, ToHub};

use super::Session;
use crate::session::accept::highest;
use crate::session::event::{Action, Connection};
use crate::session::link::{HELLO_DELAY, OPEN_TIMEOUT, State, Up};

/// Bounds for the heartbeat interval a hub may ask for.
const HEARTBEAT: std::ops::RangeInclusive<Millis> = 1_000..=60_000;

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
                    hello_sent: false,
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
            hello_sent,
        } = &mut self.link.state
        else {
            return;
        };
        if *hello_sent || (is_storing && now < *since + HELLO_DELAY) {
            return;
        }
        (*hello_sent, *since) = (true, now);
        let connection = *connection;
        let hello = Hello {
            version: PROTOCOL_VERSION,
            oldest_version: OLDEST_PROTOCOL_VERSION,
            features: Features::KNOWN.words().map(str::to_owned).collect(),
            instance: self.identity.instance,
            incarnation: self.incarnation,
            sequence: self.reports.sequence(),
            agent_version: self.identity.agent_version.clone(),
            seen: self.seen,
            root: self.root(),
            held: self.orders.count(),
            environment: self.environment.clone(),
            time: None,
            api_server_silent: self.api_server_silent(now),
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
            hello_sent: true, ..
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
        self.leader = Some(welcome.leadership);
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
        self.leader = None;
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
            } if since + OPEN_TIMEOUT <= now => {
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
                api_server_silent: self.api_server_silent(now),
            };
            self.send(heartbeat, out);
        }
    }
}
