//! The session machine of one member: its state, and the dispatch of events.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{
    DeploymentUid, Digest, InstanceId, Millis, Order, Stage, ToHub, Tuple, held,
};

use super::cluster_orders::ClusterOrders;
use super::event::{Action, Connection, Event, FreezeReason, Report};
use super::identity::Instances;
use super::live::{Live, Phase};
use super::pace::Pace;
use super::step::Step;

/// What the hub believes a member holds; only the member's own words change it.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownState {
    pub(super) held: BTreeMap<DeploymentUid, (Tuple, Stage)>,
    pub(super) contents: BTreeSet<Digest>,
    /// Nothing else is held. Finished tombstones do not show in the root, and one that a lost history ordered must
    /// not be overwritten unseen.
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
#[derive(Debug, Clone, Default)]
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
            ..Self::default()
        }
    }

    /// Takes what happened and says what to do. `orders` is this cluster's; `now` never falls.
    pub fn step(&mut self, event: Event, orders: &ClusterOrders, now: Millis) -> Vec<Action> {
        let mut step = Step::new(orders, now);
        self.event(event, &mut step);
        self.tick(&mut step);
        self.flush(&mut step);
        step.actions
    }

    fn event(&mut self, event: Event, step: &mut Step<'_>) {
        match event {
            Event::Opened(connection) => {
                self.waiting.insert(connection, step.now);
            }
            Event::Message(connection, message) => self.message(connection, *message, step),
            Event::Closed(connection) => {
                self.waiting.remove(&connection);
                if self.is_live(connection) {
                    self.end(step.now);
                }
            }
            Event::Overflow(connection)
            | Event::ContentMissing(connection, _)
            | Event::ContentLate(connection, _)
                if !self.is_live(connection) => {}
            Event::Overflow(_) => self.overflowed(step),
            Event::ContentMissing(_, deployment) => self.content_missing(deployment, step),
            Event::ContentLate(_, deployment) => self.content_late(deployment, step.now),
            Event::ContentGone(digest) => self.content_gone(&digest, step),
            Event::ContentBack(deployments) => self.content_back(&deployments),
            Event::Changed(deployments) => self.changed(deployments),
            Event::Reloaded => self.changed_all(step.orders),
            Event::Census => self.list(step),
            Event::End(close) => self.end_all(&close, step),
            Event::Tick => {}
        }
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
        let desired = orders.orders.get(&order.deployment);
        let live = self.live.as_ref();
        let live = live.filter(|live| live.connection == connection);
        let sent = live.and_then(|live| live.in_flight.get(&order.deployment));
        desired.is_some_and(|desired| desired.order.tuple == order.tuple)
            && sent.is_some_and(|sent| sent.tuple == order.tuple)
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

    fn message(&mut self, connection: Connection, message: ToHub, step: &mut Step<'_>) {
        if self.waiting.remove(&connection).is_some() {
            match message {
                ToHub::Hello(hello) => self.hello(connection, &hello, step),
                _ => step.protocol_error(connection, "the first message is not Hello"),
            }
        } else if let Some(live) = &mut self.live
            && live.connection == connection
        {
            live.last_heard = step.now;
            self.session_message(message, step);
        }
    }

    fn session_message(&mut self, message: ToHub, step: &mut Step<'_>) {
        match message {
            ToHub::Hello(_) => self.break_off("a second Hello", step),
            ToHub::Page(page) => self.page(page, step),
            ToHub::Ack {
                deployment,
                tuple,
                stage,
            } => self.acknowledged(deployment, tuple, stage, step),
            ToHub::Nack {
                deployment,
                tuple,
                reason,
                message,
            } => self.refused(deployment, tuple, reason, message, step),
            ToHub::Status { sequence, status } => self.status(sequence, status, step),
            ToHub::Heartbeat {
                root,
                sequence,
                api_server_silent,
            } => {
                self.api_server(api_server_silent, step);
                self.heartbeat(&root, sequence, step);
            }
            ToHub::Environment(environment) => step.report(Report::Environment(environment)),
        }
    }

    fn tick(&mut self, step: &mut Step<'_>) {
        let now = step.now;
        let overdue = |since: &mut Millis| *since + self.pace.hello_within <= now;
        for (connection, _) in self.waiting.extract_if(.., |_, since| overdue(since)) {
            step.protocol_error(connection, "no Hello in time");
        }
        if let Some(live) = &self.live
            && live.last_heard + self.pace.lost_after <= now
        {
            let message = "nothing was heard for too long";
            let close = Close::new(CloseReason::Silent, message, 0);
            step.close(live.connection, close);
            self.end(now);
        }
        if let Some(live) = &mut self.live {
            if let Phase::Listing(listing) = &live.phase
                && listing.since + self.pace.listing_within <= now
            {
                live.ask_again(now);
            }
            if matches!(live.phase, Phase::Resync { at } if at <= now) {
                live.list(step);
            }
        }
        self.repeat(now);
        if self.lost_at.take_if(|at| *at <= now).is_some() {
            step.report(Report::Lost);
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

    /// Ends the session of an agent that broke the protocol.
    pub(super) fn break_off(&mut self, message: &str, step: &mut Step<'_>) {
        if let Some(connection) = self.session() {
            step.protocol_error(connection, message);
            self.end(step.now);
        }
    }

    fn end_all(&mut self, close: &Close, step: &mut Step<'_>) {
        let waiting = std::mem::take(&mut self.waiting).into_keys();
        for connection in waiting.chain(self.session()) {
            step.close(connection, close.clone());
        }
        self.end(step.now);
    }

    pub(super) fn list(&mut self, step: &mut Step<'_>) {
        if let Some(live) = &mut self.live
            && matches!(live.phase, Phase::Synced)
        {
            live.list(step);
        }
    }
}
