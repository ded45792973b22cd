//! The task that owns one member's machine.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stevedore_hub_core::ports::{ContentError, MemberUid};
use stevedore_hub_core::session::{Action, ClusterOrders, Connection, Event, Member, Pace, Report};
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{ClusterUid, Epoch, EpochId, Leadership, Term, TermId, ToAgent};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::mailbox::{Input, MemberHandle, Notices};
use super::outbox::{Frame, Outbox};
use super::reading::{Outgoing, Read, Reads};
use super::shared::Shared;

/// Stands in orders that are not loaded: there is no leadership yet.
const NO_LEADERSHIP: Leadership = Leadership {
    epoch: Epoch {
        counter: 0,
        id: EpochId::from_bytes([0; 16]),
    },
    term: Term {
        counter: 0,
        id: TermId::from_bytes([0; 16]),
    },
};

pub(super) struct Task {
    shared: Arc<Shared>,
    cluster: ClusterUid,
    member: MemberUid,
    notices: Arc<Notices>,
    machine: Member,
    outboxes: BTreeMap<Connection, Outbox>,
    reads: Reads,
    /// Steps that are due: what failed while the actions of earlier ones were carried out.
    events: VecDeque<Event>,
    retired: bool,
}

impl Task {
    pub(super) fn new(
        shared: Arc<Shared>,
        cluster: ClusterUid,
        handle: &MemberHandle,
        pace: Pace,
    ) -> Self {
        Self {
            shared,
            cluster,
            member: handle.member,
            notices: Arc::clone(&handle.notices),
            machine: Member::new(pace),
            outboxes: BTreeMap::new(),
            reads: Reads::default(),
            events: VecDeque::new(),
            retired: false,
        }
    }

    /// Runs until the member is retired and its loss reported, or the process shuts down.
    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let stop = self.shared.tasks.shutdown();
        loop {
            if self.retired && self.machine.wake_at().is_none() {
                return;
            }
            let wake = self.machine.wake_at().map(|at| self.shared.instant(at));
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    let going = Close::new(CloseReason::GoingAway, "the hub is shutting down", 1_000);
                    return self.step(Event::End(going));
                }
                () = self.notices.wake.notified() => self.noticed(),
                read = self.reads.next() => self.content_read(read),
                input = inputs.recv() => match input {
                    Some(input) => self.input(input),
                    // Every handle is gone: nobody can reach this task any more.
                    None => return,
                },
                () = until(wake) => self.step(Event::Tick),
            }
        }
    }

    fn input(&mut self, input: Input) {
        let event = match input {
            Input::Opened(connection, outbox) => {
                if self.retired {
                    let gone = Close::new(CloseReason::Revoked, "the member is gone", 0);
                    outbox.push(Frame::Message(Box::new(ToAgent::Close(gone))));
                    return;
                }
                self.outboxes.insert(connection, outbox);
                Event::Opened(connection)
            }
            Input::Message(connection, message) => Event::Message(connection, message),
            Input::Closed(connection) => {
                self.outboxes.remove(&connection);
                Event::Closed(connection)
            }
        };
        self.step(event);
    }

    fn noticed(&mut self) {
        let pending = self.notices.take();
        self.retired |= pending.retired;
        if let Some(close) = pending.end {
            self.step(Event::End(close));
        }
        if pending.reloaded {
            self.step(Event::Reloaded);
        } else if !pending.changed.is_empty() {
            self.step(Event::Changed(pending.changed));
        }
        for digest in pending.content_gone {
            self.step(Event::ContentGone(digest));
        }
        if !pending.content_back.is_empty() {
            self.step(Event::ContentBack(pending.content_back));
        }
        if pending.census {
            self.step(Event::Census);
        }
    }

    /// Steps the machine and carries out what it says; what fails on the way is stepped as well.
    fn step(&mut self, event: Event) {
        self.events.push_back(event);
        self.work_off_events();
    }

    fn work_off_events(&mut self) {
        while let Some(event) = self.events.pop_front() {
            // Held over one step only: an order that changes meanwhile is told as a change.
            let orders = self.orders();
            for action in self.machine.step(event, &orders, self.shared.now()) {
                match action {
                    Action::Send(connection, message) => {
                        self.push(connection, Frame::Message(Box::new(message)));
                    }
                    Action::SendOrder {
                        connection,
                        order,
                        with_content,
                    } => {
                        let outgoing = Outgoing { connection, order };
                        self.send_order(outgoing, with_content, orders.leadership);
                    }
                    Action::Disconnect(connection) => {
                        self.outboxes.remove(&connection);
                    }
                    Action::Report(report) => self.report(report),
                }
            }
        }
    }

    /// The cluster's orders; unloaded ones while there are none to read, so that sessions are refused.
    fn orders(&self) -> Arc<ClusterOrders> {
        let port = &self.shared.ports.orders;
        port.of(self.cluster)
            .unwrap_or_else(|| Arc::new(ClusterOrders::unloaded(NO_LEADERSHIP)))
    }

    /// Sends an order, or begins to read its content: other orders and answers do not wait for that.
    fn send_order(&mut self, outgoing: Outgoing, with_content: bool, leadership: Leadership) {
        let Some(content) = outgoing.order.content().filter(|_| with_content) else {
            return self.write_order(outgoing, None, leadership);
        };
        let port = Arc::clone(&self.shared.ports.orders);
        if let Some(read) = self.reads.start(port, content.digest, outgoing) {
            self.send_read(read, leadership);
        }
    }

    /// A content was read: its order goes out, unless a newer one replaced it meanwhile.
    fn content_read(&mut self, read: Read) {
        let orders = self.orders();
        let Outgoing { connection, order } = &read.outgoing;
        if self.machine.is_sending(*connection, order, &orders) {
            self.send_read(read, orders.leadership);
        }
        self.work_off_events();
    }

    fn send_read(&mut self, read: Read, leadership: Leadership) {
        let Read { outgoing, content } = read;
        let (connection, deployment) = (outgoing.connection, outgoing.order.deployment);
        match content {
            Ok(bytes) => self.write_order(outgoing, Some(bytes), leadership),
            Err(error) => {
                tracing::warn!(cluster = %self.cluster, %deployment, %error, "the content of an order");
                self.events.push_back(match error {
                    ContentError::Missing => Event::ContentMissing(connection, deployment),
                    ContentError::Unavailable(_) => Event::ContentLate(connection, deployment),
                });
            }
        }
    }

    /// Queues an order of this leadership.
    fn write_order(
        &mut self,
        outgoing: Outgoing,
        content: Option<Arc<[u8]>>,
        leadership: Leadership,
    ) {
        // Checked last: a hub that no longer leads must not order anything.
        if self.shared.ports.orders.leadership() != Some(leadership) {
            let message = "this hub replica no longer leads";
            let deposed = Close::new(CloseReason::NotLeader, message, 1_000);
            return self.events.push_back(Event::End(deposed));
        }
        let Outgoing { connection, order } = outgoing;
        self.shared.metrics.orders.inc();
        if content.is_some() {
            self.shared.metrics.contents_inline.inc();
        }
        tracing::info!(
            trace_id = order.trace_id(), cluster = %self.cluster, deployment = %order.deployment,
            number = order.tuple.number, package = order.package.name, "an order is sent"
        );
        self.push(connection, Frame::Order { order, content });
    }

    /// Queues a frame; says so to the machine when there is no room for it.
    fn push(&mut self, connection: Connection, frame: Frame) {
        if let Some(outbox) = self.outboxes.get(&connection)
            && !outbox.push(frame)
        {
            tracing::info!(cluster = %self.cluster, "a slow member missed frames and is resynced");
            self.shared.metrics.overflows.inc();
            self.events.push_back(Event::Overflow(connection));
        }
    }

    fn report(&self, report: Report) {
        match &report {
            Report::Connected {
                incarnation,
                agent_version,
                ..
            } => {
                tracing::info!(cluster = %self.cluster, incarnation, agent_version, "member connected");
            }
            Report::Lost => tracing::info!(cluster = %self.cluster, "member lost"),
            Report::DuplicateIdentity { kept, refused } => {
                tracing::warn!(cluster = %self.cluster, %kept, %refused, "two agents use one identity");
            }
            _ => {}
        }
        self.shared
            .ports
            .reports
            .report(self.cluster, self.member, report);
    }
}

/// Ends at `at`, or never.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
