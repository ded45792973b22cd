//! The machine: its state, and which part an event belongs to.

mod connecting;
mod ordering;

use std::collections::BTreeSet;

use stevedore_proto_core::{Digest, Environment, Held, Leadership, Millis, ToAgent, ToHub, held};

use super::accept::highest;
use super::event::{Action, Connection, Event, Identity, Recovered};
use super::link::Link;
use super::orders::Orders;
use super::pages;
use super::reconnect::Reconnect;
use super::reports::Reports;

/// The agent's side of all its sessions, one after the other.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) identity: Identity,
    pub(super) environment: Environment,
    pub(super) reconnect: Reconnect,
    pub(super) link: Link,
    pub(super) orders: Orders,
    pub(super) reports: Reports,
    pub(super) contents: BTreeSet<Digest>,
    pub(super) seen: Option<Leadership>,
    pub(super) incarnation: u64,
    /// Who speaks on the open session.
    pub(super) leader: Option<Leadership>,
    /// Since when the member's API server does not answer.
    pub(super) api_server_silent_since: Option<Millis>,
}

impl Session {
    /// Starts from what is durable. The first attempt to connect comes with the first [`Event::Tick`].
    pub fn new(identity: Identity, recovered: Recovered, reconnect: Reconnect) -> Self {
        let seen = recovered
            .held
            .iter()
            .map(|held| held.tuple.leadership())
            .fold(recovered.seen, |seen, other| Some(highest(seen, other)));
        Self {
            identity,
            environment: Environment::default(),
            reconnect,
            link: Link::new(),
            orders: Orders::new(recovered.held),
            reports: Reports::default(),
            contents: recovered.contents,
            seen,
            incarnation: 0,
            leader: None,
            api_server_silent_since: None,
        }
    }

    /// Takes what happened and says what to do. `now` never falls; `random` is fresh with every call.
    pub fn step(&mut self, event: Event, now: Millis, random: u64) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Tick => {}
            Event::Identified => self.link.dial_now(now),
            Event::Connected(connection) => self.connected(connection, now, &mut out),
            Event::Disconnected(connection) => self.disconnected(connection, now, random),
            Event::Message(connection, message) => {
                if self.link.on_frame(connection, now) {
                    self.message(connection, message, now, random, &mut out);
                }
            }
            Event::Stored {
                deployment,
                tuple,
                result,
            } => {
                self.stored(deployment, tuple, result, &mut out);
                self.hello_when_quiet(now, &mut out);
            }
            Event::Fetched {
                deployment,
                content,
                result,
            } => {
                self.fetched(deployment, content, result, &mut out);
            }
            Event::Progress {
                deployment,
                tuple,
                stage,
            } => {
                self.progress(deployment, tuple, stage, &mut out);
            }
            Event::Status(status) => self.reports.put(*status),
            Event::Contents(contents) => self.contents = contents,
            Event::Forgotten(deployment) => {
                if self.orders.forget(&deployment) {
                    self.reports.remove(&deployment);
                }
            }
            Event::Environment(environment) => self.environment_changed(*environment, &mut out),
            Event::ApiServer { silent } => self.api_server_changed(silent, now),
        }
        self.tick(now, random, &mut out);
        out
    }

    /// When the next [`Event::Tick`] is needed at the latest.
    pub fn wake_at(&self) -> Option<Millis> {
        let link = self.link.wake_at();
        let reports = self.link.up().and_then(|_| self.reports.wake_at());
        link.into_iter().chain(reports).min()
    }

    /// Whether a session is open.
    pub fn is_up(&self) -> bool {
        self.link.up().is_some()
    }

    /// The newest accepted order of every deployment.
    pub fn held(&self) -> impl Iterator<Item = &Held> {
        self.orders.held()
    }

    /// The highest epoch and term this agent has met.
    pub fn seen(&self) -> Option<Leadership> {
        self.seen
    }

    /// The root digest the next heartbeat would carry.
    pub fn root(&self) -> Digest {
        held::root(
            self.orders
                .held()
                .filter(|held| !held.is_finished())
                .map(|held| (held.deployment, held.tuple)),
        )
    }

    fn message(
        &mut self,
        connection: Connection,
        message: ToAgent,
        now: Millis,
        random: u64,
        out: &mut Vec<Action>,
    ) {
        match message {
            ToAgent::Welcome(welcome) => self.welcomed(connection, &welcome, now, random, out),
            ToAgent::Close(close) => self.closed(connection, close, now, random, out),
            ToAgent::List { request, statuses } => {
                if statuses {
                    self.reports.repeat();
                }
                let pages = pages::pages(request, self.orders.held(), &self.contents);
                self.send_all(pages.into_iter().map(ToHub::Page), out);
            }
            ToAgent::Order(message) => self.offered(*message, out),
            ToAgent::SnapshotComplete { root: _ } => {
                self.link.synced();
                out.push(Action::Synced);
            }
            ToAgent::Beat => {}
        }
    }

    fn environment_changed(&mut self, environment: Environment, out: &mut Vec<Action>) {
        let environment = environment.bounded();
        if environment == self.environment {
            return;
        }
        self.environment = environment.clone();
        self.send(ToHub::Environment(Box::new(environment)), out);
    }

    /// The next heartbeat says it: one is due at once.
    fn api_server_changed(&mut self, silent: Option<Millis>, now: Millis) {
        let before = self.api_server_silent_since;
        self.api_server_silent_since = silent.map(|silent| now.saturating_sub(silent));
        if before.is_some() != silent.is_some() {
            self.link.beat_now(now);
        }
    }

    /// For how long the member's API server has not answered; none while it answers.
    pub(super) fn api_server_silent(&self, now: Millis) -> Option<Millis> {
        let since = self.api_server_silent_since?;
        Some(now.saturating_sub(since))
    }

    /// Sends when the session is open. Otherwise the next session says it: `Hello`, the pages and the
    /// repeated reports are made from state.
    pub(super) fn send(&self, message: ToHub, out: &mut Vec<Action>) {
        if let Some(up) = self.link.up() {
            out.push(Action::Send(up.connection, message));
        }
    }

    fn send_all(&self, messages: impl Iterator<Item = ToHub>, out: &mut Vec<Action>) {
        for message in messages {
            self.send(message, out);
        }
    }
}
