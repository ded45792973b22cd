//! The session machine of one member: its state, and the dispatch of events.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{
    DeploymentUid, Digest, InstanceId, Millis, Order, Stage, ToAgent, ToHub, Tuple, held,
};

use super::cluster_orders::ClusterOrders;
use super::event::{Action, Connection, Event, FreezeReason, Report};
use super::identity::Instances;
use super::live::{Live, Phase};
use super::pace::Pace;

/// What the hub believes a member holds; only the member's own words change it.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownState {
    pub(super) held: BTreeMap<DeploymentUid, (Tuple, Stage)>,
    pub(super) contents: BTreeSet<Digest>,
    /// Whether nothing is held beside it. Finished tombstones do not show in the root, and one that a lost
    /// history ordered must not be overwritten unseen.
    pub(super) whole: bool,
    /// Whether the member said which contents it has.
    pub(super) listed: bool,
}

impl KnownState {
    pub(super) fn tuple(&self, deployment: &DeploymentUid) -> Option<&Tuple> {
        self.held.get(deployment).map(|(tuple, _)| tuple)
    }

    pub(super) fn root(&self) -> Digest {
        held::root(
            self.held
                .iter()
                .filter(|(_, (_, stage))| *stage != Stage::Deleted)
                .map(|(deployment, (tuple, _))| (*deployment, *tuple)),
        )
    }
}

/// Everything that was reported before a session ended, if nothing of it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) instance: InstanceId,
    pub(super) incarnation: u64,
    pub(super) sequence: u64,
}

/// The hub's side of one member's sessions. Lives as long as the hub process knows the cluster.
#[derive(Debug, Clone)]
pub struct Member {
    pub(super) pace: Pace,
    /// Streams without a first frame, and since when.
    pub(super) waiting: BTreeMap<Connection, Millis>,
    pub(super) live: Option<Live>,
    pub(super) instances: Instances,
    pub(super) incarnation: u64,
    pub(super) known: KnownState,
    /// Orders the member refused, until they change.
    pub(super) quarantine: BTreeMap<DeploymentUid, Tuple>,
    pub(super) frozen: BTreeMap<DeploymentUid, FreezeReason>,
    pub(super) heard: Option<Heard>,
    /// When the member counts as lost, unless a session opens.
    pub(super) lost_at: Option<Millis>,
}

impl Member {
    /// A member that was not heard of since the hub started.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            waiting: BTreeMap::new(),
            live: None,
            instances: Instances::default(),
            incarnation: 0,
            known: KnownState::default(),
            quarantine: BTreeMap::new(),
            frozen: BTreeMap::new(),
            heard: None,
            lost_at: None,
        }
    }

    /// Takes what happened and says what to do. `orders` is this cluster's; `now` never falls.
    pub fn step(&mut self, event: Event, orders: &ClusterOrders, now: Millis) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Opened(connection) => {
                self.waiting.insert(connection, now);
            }
            Event::Message(connection, message) => {
                self.message(connection, *message, orders, now, &mut out)
            }
            Event::Closed(connection) => {
                self.waiting.remove(&connection);
                if self.is_live(connection) {
                    self.end(now);
                }
            }
            Event::Overflow(connection) => {
                if self.is_live(connection) {
                    self.overflowed(orders, now);
                }
            }
            Event::ContentMissing(connection, deployment) => {
                if self.is_live(connection) {
                    self.content_missing(deployment, now, &mut out);
                }
            }
            Event::ContentGone(digest) => self.content_gone(&digest, orders, now, &mut out),
            Event::ContentLate(connection, deployment) => {
                if self.is_live(connection) {
                    self.content_late(deployment, now);
                }
            }
            Event::ContentBack(deployments) => self.content_back(&deployments),
            Event::Changed(deployments) => self.changed(deployments),
            Event::Reloaded => self.changed_all(orders),
            Event::Census => self.list(now, &mut out),
            Event::End(close) => self.end_all(&close, now, &mut out),
            Event::Tick => {}
        }
        self.tick(now, &mut out);
        self.flush(orders, now, &mut out);
        out
    }

    /// When the next [`Event::Tick`] is needed at the latest.
    pub fn wake_at(&self) -> Option<Millis> {
        let waiting = self
            .waiting
            .values()
            .map(|since| since + self.pace.hello_within);
        let live = self.live.as_ref().and_then(|live| live.wake_at(&self.pace));
        waiting.chain(live).chain(self.lost_at).min()
    }

    /// The connection of the open session, if there is one.
    pub fn session(&self) -> Option<Connection> {
        self.live.as_ref().map(|live| live.connection)
    }

    /// Whether this very order is on its way on this connection and still the newest: for a caller that had to
    /// wait for its content.
    pub fn is_sending(
        &self,
        connection: Connection,
        order: &Order,
        orders: &ClusterOrders,
    ) -> bool {
        let deployment = &order.deployment;
        let wanted = orders.orders.get(deployment);
        let live = self.live.as_ref();
        let live = live.filter(|live| live.connection == connection);
        wanted.is_some_and(|wanted| wanted.order.tuple == order.tuple)
            && live
                .and_then(|live| live.in_flight.get(deployment))
                .is_some_and(|sent| sent.tuple == order.tuple)
    }

    /// What the member is believed to hold, by its own words.
    pub fn held(&self) -> impl Iterator<Item = (&DeploymentUid, &(Tuple, Stage))> {
        self.known.held.iter()
    }

    /// Deployments that get no orders because histories do not fit.
    pub fn frozen(&self) -> &BTreeMap<DeploymentUid, FreezeReason> {
        &self.frozen
    }

    /// Orders the member refused, which wait for a change.
    pub fn quarantined(&self) -> &BTreeMap<DeploymentUid, Tuple> {
        &self.quarantine
    }

    pub(super) fn is_live(&self, connection: Connection) -> bool {
        self.session() == Some(connection)
    }

    fn message(
        &mut self,
        connection: Connection,
        message: ToHub,
        orders: &ClusterOrders,
        now: Millis,
        out: &mut Vec<Action>,
    ) {
        if self.waiting.remove(&connection).is_some() {
            match message {
                ToHub::Hello(hello) => self.hello(connection, &hello, orders, now, out),
                _ => refuse(
                    connection,
                    CloseReason::ProtocolError,
                    "the first message is not Hello",
                    0,
                    out,
                ),
            }
            return;
        }
        let Some(live) = self
            .live
            .as_mut()
            .filter(|live| live.connection == connection)
        else {
            return;
        };
        live.last_heard = now;
        match message {
            ToHub::Hello(_) => {
                refuse(
                    connection,
                    CloseReason::ProtocolError,
                    "a second Hello",
                    0,
                    out,
                );
                self.end(now);
            }
            ToHub::Page(page) => self.page(page, orders, now, out),
            ToHub::Ack {
                deployment,
                tuple,
                stage,
            } => {
                self.acknowledged(deployment, tuple, stage, orders, out);
            }
            ToHub::Nack {
                deployment,
                tuple,
                reason,
                message,
            } => {
                self.refused(deployment, tuple, reason, message, orders, now, out);
            }
            ToHub::Status { sequence, status } => self.status(sequence, status, out),
            ToHub::Heartbeat { root, sequence } => self.heartbeat(&root, sequence, now, out),
            ToHub::Environment(environment) => {
                out.push(Action::Report(Report::Environment(environment)))
            }
        }
    }

    fn tick(&mut self, now: Millis, out: &mut Vec<Action>) {
        let deadline = |since: &Millis| since + self.pace.hello_within <= now;
        let late: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, since)| deadline(since))
            .map(|(c, _)| *c)
            .collect();
        for connection in late {
            self.waiting.remove(&connection);
            refuse(
                connection,
                CloseReason::ProtocolError,
                "no Hello in time",
                0,
                out,
            );
        }
        if let Some(live) = &self.live
            && live.last_heard + self.pace.lost_after <= now
        {
            refuse(
                live.connection,
                CloseReason::Silent,
                "nothing was heard for too long",
                0,
                out,
            );
            self.end(now);
        }
        if let Some(live) = &mut self.live {
            match &live.phase {
                Phase::Listing(listing) if listing.since + self.pace.listing_within <= now => {
                    live.ask_again(now);
                }
                Phase::Listing(_) | Phase::Resync { .. } | Phase::Synced => {}
            }
            if matches!(live.phase, Phase::Resync { at } if at <= now) {
                live.list(now, out);
            }
        }
        self.repeat(now);
        if self.lost_at.is_some_and(|at| at <= now) {
            self.lost_at = None;
            out.push(Action::Report(Report::Lost));
        }
    }

    /// Ends the session without a word; what it knew about the member stays.
    pub(super) fn end(&mut self, now: Millis) {
        let Some(live) = self.live.take() else {
            return;
        };
        self.heard = (!live.lacks_reports()).then_some(Heard {
            instance: live.instance,
            incarnation: live.incarnation,
            sequence: live.sequence,
        });
        let silent = live.last_heard + self.pace.lost_after;
        self.lost_at = Some(silent.min(now + self.pace.return_within));
    }

    fn end_all(&mut self, close: &Close, now: Millis, out: &mut Vec<Action>) {
        for connection in std::mem::take(&mut self.waiting)
            .into_keys()
            .chain(self.session())
        {
            out.push(Action::Send(connection, ToAgent::Close(close.clone())));
            out.push(Action::Disconnect(connection));
        }
        self.end(now);
    }

    fn list(&mut self, now: Millis, out: &mut Vec<Action>) {
        if let Some(live) = &mut self.live
            && matches!(live.phase, Phase::Synced)
        {
            live.list(now, out);
        }
    }
}

/// Ends a stream and says why.
pub(super) fn refuse(
    connection: Connection,
    reason: CloseReason,
    message: &str,
    retry_after: Millis,
    out: &mut Vec<Action>,
) {
    let close = Close {
        reason,
        message: message.to_owned(),
        retry_after,
        redirect: None,
    };
    out.push(Action::Send(connection, ToAgent::Close(close)));
    out.push(Action::Disconnect(connection));
}
