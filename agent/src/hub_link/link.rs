//! The link, which drives the agent's session machine over real connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use stevedore_agent_core::session::{Action, Connection, Event, Session, StoreError};
use stevedore_proto::v1::hub_client::HubClient;
use stevedore_proto_core::message::CloseReason;
use stevedore_proto_core::{ContentRef, DeploymentUid, Millis, Order, ToAgent, ToHub, limit};
use stevedore_runtime::supervise::{Scope, Tasks};
use stevedore_runtime::trace::TraceContext;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tonic::transport::Channel;
use tracing::Instrument as _;

use super::connection::{self, ConnectionEvent, End};
use super::dial::Dialer;
use crate::wait::until;

/// Frames that wait for a connection: every deployment's report at once, and the pages of a listing.
const OUTBOX: usize = 2 * limit::DEPLOYMENTS;
/// Events of connections, stores and fetches that the link has not taken yet.
const CONNECTION_EVENTS: usize = 64;
/// Orders made durable at once.
const STORES: usize = 16;
/// Contents fetched at once; each may need twice its size in memory.
const FETCHES: usize = 2;
/// Room for contents that are being fetched or were and are not stored yet, in KiB: two of the largest.
const FETCHED: usize = 2 * limit::CONTENT / 1024;

/// Where accepted orders become durable: object sets in the member's API server.
pub trait OrderStore: Send + Sync + 'static {
    /// Stores an accepted order before it is acknowledged. There is one call at a time per deployment.
    /// `content` is verified; it is absent for a tombstone and for content that is already stored.
    fn store(
        &self,
        order: Order,
        content: Option<Arc<[u8]>>,
        trace: Option<TraceContext>,
    ) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// How the agent stands with its hub, for logs, readiness and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkStatus {
    /// Not connected yet.
    #[default]
    Starting,
    /// Connected; differences are being exchanged.
    Connected,
    /// The hub has sent everything that differed.
    Synced,
    /// The hub ended the session, or did not start one.
    Refused {
        /// Why.
        reason: CloseReason,
        /// For people.
        message: String,
    },
    /// The hub says that this agent's certificate has expired.
    CertificateExpired,
    /// Who answers at the hub's address is of another authority than the one that was joined; for people.
    ForeignHub(String),
    /// The connection failed or ended without a word.
    Unreachable(String),
}

impl LinkStatus {
    /// Says more about why there is no session than an attempt that fails later.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => matches!(
                reason,
                CloseReason::Revoked | CloseReason::NotAccepted | CloseReason::DuplicateIdentity
            ),
            Self::CertificateExpired | Self::ForeignHub(_) => true,
            Self::Starting | Self::Connected | Self::Synced | Self::Unreachable(_) => false,
        }
    }
}

/// The link: one machine, at most one connection that counts.
pub struct Link {
    machine: Session,
    store: Arc<dyn OrderStore>,
    dialer: Dialer,
    tasks: Tasks,
    /// Connections, by attempt. Dropping a scope ends its connection.
    connections: BTreeMap<Connection, (mpsc::Sender<ToHub>, Scope)>,
    /// The client of the newest open connection, for contents.
    client: Option<(Connection, HubClient<Channel>)>,
    connection_events: mpsc::Sender<ConnectionEvent>,
    stores: Arc<Semaphore>,
    fetches: Arc<Semaphore>,
    fetched: Arc<Semaphore>,
    /// The room of the content that is being handed to the machine, until an order that is to be stored takes it.
    room: Option<OwnedSemaphorePermit>,
    status: watch::Sender<LinkStatus>,
    started: Instant,
}

impl Link {
    /// Starts the link as an essential task. `engine` brings what the rest of the agent has to say
    /// (`Progress`, `Status`, `Contents`, `Forgotten`, `Environment`); bounded, so that a busy link slows its
    /// senders down.
    pub fn start(
        machine: Session,
        store: Arc<dyn OrderStore>,
        dialer: Dialer,
        engine: mpsc::Receiver<Event>,
        tasks: &Tasks,
    ) -> watch::Receiver<LinkStatus> {
        let (connection_events, inbox) = mpsc::channel(CONNECTION_EVENTS);
        let (status, seen) = watch::channel(LinkStatus::Starting);
        let link = Self {
            machine,
            store,
            dialer,
            tasks: tasks.owner("hub-link"),
            connections: BTreeMap::new(),
            client: None,
            connection_events,
            stores: Arc::new(Semaphore::new(STORES)),
            fetches: Arc::new(Semaphore::new(FETCHES)),
            fetched: Arc::new(Semaphore::new(FETCHED)),
            room: None,
            status,
            started: Instant::now(),
        };
        tasks.run_until_shutdown("hub-link", link.run(inbox, engine));
        seen
    }

    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<ConnectionEvent>,
        mut engine: mpsc::Receiver<Event>,
    ) {
        // Stores and fetches end with the link: what was not stored is offered again by the hub.
        let mut work = self.tasks.scope("orders");
        let dialer = self.dialer.clone();
        self.handle(Event::Tick, &mut work);
        loop {
            let wake = self
                .machine
                .wake_at()
                .map(|at| self.started + std::time::Duration::from_millis(at));
            tokio::select! {
                Some(event) = inbox.recv() => self.on_connection_event(event, &mut work),
                Some(event) = engine.recv() => self.handle(event, &mut work),
                Some(()) = work.join_next(), if !work.is_empty() => {}
                () = dialer.replaced() => self.handle(Event::Identified, &mut work),
                () = until(wake) => self.handle(Event::Tick, &mut work),
            }
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent, work: &mut Scope) {
        let event = match event {
            ConnectionEvent::Event(event) => event,
            ConnectionEvent::Fetched(event, room) => {
                self.room = room;
                event
            }
            ConnectionEvent::Open(connection, client) => {
                self.client = Some((connection, client));
                Event::Connected(connection)
            }
            ConnectionEvent::Ended(connection, why) => {
                self.forget(connection);
                self.ended(why);
                Event::Disconnected(connection)
            }
        };
        self.update_status(&event);
        self.handle(event, work);
        self.room = None;
    }

    fn ended(&self, why: End) {
        let next = match why {
            End::CertificateExpired => LinkStatus::CertificateExpired,
            End::ForeignHub(why) => LinkStatus::ForeignHub(why),
            End::Broken(_) if self.status.borrow().is_lasting() => return,
            End::Broken(why) => {
                tracing::warn!(why, "the connection to the hub ended");
                LinkStatus::Unreachable(why)
            }
        };
        if next.is_lasting() && *self.status.borrow() != next {
            tracing::warn!(?next, "there is no session with the hub");
        }
        self.status.send_replace(next);
    }

    /// Remembers what an event says about how this agent stands with its hub.
    fn update_status(&self, event: &Event) {
        let Event::Message(_, message) = event else {
            return;
        };
        match message {
            ToAgent::Welcome(welcome) => {
                tracing::info!(
                    incarnation = welcome.incarnation,
                    "the session with the hub is open"
                );
                if let Some(millis) = welcome.time {
                    self.dialer.clock().record(millis);
                }
                self.status.send_replace(LinkStatus::Connected);
            }
            ToAgent::Close(close) => {
                tracing::warn!(
                    reason = close.reason.as_str(),
                    message = close.message,
                    retry_after = close.retry_after,
                    "the hub ended the session"
                );
                let (reason, message) = (close.reason.clone(), close.message.clone());
                self.status
                    .send_replace(LinkStatus::Refused { reason, message });
            }
            _ => {}
        }
    }

    fn forget(&mut self, connection: Connection) {
        self.connections.remove(&connection);
        self.client.take_if(|(of, _)| *of == connection);
    }

    fn handle(&mut self, event: Event, work: &mut Scope) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let now = Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX);
            for action in self.machine.step(event, now, rand::random()) {
                if let Some(event) = self.execute(action, work) {
                    events.push(event);
                }
            }
        }
    }

    /// Carries out one action; what fails at once comes back as an event.
    fn execute(&mut self, action: Action, work: &mut Scope) -> Option<Event> {
        match action {
            Action::Connect {
                connection,
                redirect,
            } => self.connect(connection, redirect),
            Action::Disconnect(connection) => self.forget(connection),
            Action::Send(connection, message) => {
                let (outbox, _) = self.connections.get(&connection)?;
                if outbox.try_send(message).is_err() {
                    self.forget(connection);
                    return Some(Event::Disconnected(connection));
                }
            }
            Action::Store {
                order,
                content,
                traceparent,
            } => {
                self.store(*order, content, traceparent.as_deref(), work);
            }
            Action::Fetch {
                deployment,
                content,
            } => self.fetch(deployment, content, work),
            Action::Refused {
                deployment,
                tuple,
                reason,
            } => {
                tracing::warn!(%deployment, number = tuple.number, reason = reason.as_str(), "an order was refused");
            }
            Action::Synced => {
                self.status.send_replace(LinkStatus::Synced);
            }
        }
        None
    }

    fn connect(&mut self, connection: Connection, redirect: Option<String>) {
        let (outbox, outbound) = mpsc::channel(OUTBOX);
        let mut scope = self.tasks.scope("connection");
        let run = connection::run(
            connection,
            self.dialer.clone(),
            redirect,
            outbound,
            self.connection_events.clone(),
        );
        scope.spawn(connection.0, run);
        self.connections.insert(connection, (outbox, scope));
    }

    fn fetch(&self, deployment: DeploymentUid, content: ContentRef, work: &mut Scope) {
        let (events, fetches) = (self.connection_events.clone(), Arc::clone(&self.fetches));
        let fetched = Arc::clone(&self.fetched);
        let client = self.client.as_ref().map(|(_, client)| client.clone());
        let size = u32::try_from(content.size.div_ceil(1024)).unwrap_or(u32::MAX);
        work.spawn("fetch", async move {
            let room = fetched.acquire_many_owned(size).await.ok();
            let turn = fetches.acquire_owned().await;
            let result = connection::fetch(client, content).await;
            drop(turn);
            let event = Event::Fetched {
                deployment,
                content: content.digest,
                result,
            };
            let _ = events.send(ConnectionEvent::Fetched(event, room)).await;
        });
    }

    fn store(
        &mut self,
        order: Order,
        content: Option<Arc<[u8]>>,
        traceparent: Option<&str>,
        work: &mut Scope,
    ) {
        let (events, room, store) = (
            self.connection_events.clone(),
            Arc::clone(&self.stores),
            Arc::clone(&self.store),
        );
        let trace = traceparent
            .and_then(|text| text.parse::<TraceContext>().ok())
            .map(|trace| trace.step(rand::random()));
        let span = trace.map_or_else(tracing::Span::none, |trace| trace.span("store order"));
        let fetched = content.as_ref().and_then(|_| self.room.take());
        let run = async move {
            let _fetched = fetched;
            let _room = room.acquire_owned().await;
            let (deployment, tuple) = (order.deployment, order.tuple);
            tracing::debug!(%deployment, number = tuple.number, "storing an order");
            let result = store.store(order, content, trace).await;
            let _ = events
                .send(ConnectionEvent::Event(Event::Stored {
                    deployment,
                    tuple,
                    result,
                }))
                .await;
        };
        work.spawn("store", run.instrument(span));
    }
}
