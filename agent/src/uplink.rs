//! The uplink: joins the hub, and ties the session to store, engine and facts.

mod traces;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use stevedore_agent_core::session::{Event, Identity, Reconnect, Session, StoreError};
use stevedore_proto_core::join::JoinToken;
use stevedore_proto_core::{ClusterUid, DeploymentStatus, Environment, InstanceId, Order};
use stevedore_runtime::admin::ReadyHandle;
use stevedore_runtime::retry::{Delays, Schedule, millis};
use stevedore_runtime::supervise::Tasks;
use stevedore_runtime::trace::TraceContext;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::cluster_api::answers::Silence;
use crate::hub_link::{
    Credentials, Dialer, HubClock, IdentityStore, Link, LinkStatus, OrderStore, Rejoin,
    keep_renewed, obtain,
};
use crate::report_queue::ReportQueue;
use crate::store::Store;
use traces::Traces;

/// Events that wait for the session; its machine coalesces further.
const EVENTS: usize = 64;
/// Between attempts to join.
const JOIN: Schedule = Schedule::new(Duration::from_secs(1), Duration::from_secs(30));

/// The store, with a memory of the traces that stored orders belong to.
struct TracedStore {
    store: Arc<Store>,
    traces: Arc<Traces>,
}

impl OrderStore for TracedStore {
    fn store(
        &self,
        order: Order,
        content: Option<Arc<[u8]>>,
        trace: Option<TraceContext>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.store.accept(&order, content).await?;
            tracing::info!(deployment = %order.deployment, number = order.tuple.number,
                package = order.package.name, "an order is stored");
            if let Some(trace) = trace {
                self.traces.put(order.deployment, order.tuple, trace);
            }
            Ok(())
        })
    }
}

/// What the link to the hub is made from.
pub(crate) struct Uplink {
    pub(crate) cluster: ClusterUid,
    pub(crate) identity: Arc<dyn IdentityStore>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) hub: Option<String>,
    pub(crate) store: Arc<Store>,
    pub(crate) reports: Arc<ReportQueue>,
    pub(crate) facts: watch::Receiver<Environment>,
    pub(crate) silence: Silence,
    pub(crate) clock: HubClock,
    pub(crate) ready: ReadyHandle,
    pub(crate) link_status: watch::Sender<LinkStatus>,
}

impl Uplink {
    /// Starts the link as tasks. The rest of the agent works whether it comes up or not.
    pub(crate) fn start(self, tasks: &Tasks) {
        let all = tasks.clone();
        tasks.try_until_shutdown("uplink", async move { self.run(&all).await });
    }

    async fn run(self, tasks: &Tasks) -> Result<(), String> {
        let mut credentials = self.join().await;
        if let Some(hub) = &self.hub {
            credentials.addresses = vec![hub.clone()];
        }
        self.ready.ready();
        let dialer = Dialer::new(credentials, self.clock.clone());
        let identity = Identity {
            cluster: self.cluster,
            instance: InstanceId::from_bytes(rand::random()),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let mut lost = self.store.lost();
        let machine = Session::new(identity, self.store.recovered(), Reconnect::default());
        let (events, engine) = mpsc::channel(EVENTS);
        let traces = Arc::new(Traces::default());
        self.feed(events, &traces, tasks);
        let store = Arc::new(TracedStore {
            store: Arc::clone(&self.store),
            traces,
        });
        let store = store as Arc<dyn OrderStore>;
        let mut link_status = Link::start(machine, store, dialer.clone(), engine, tasks);
        let (file, hub) = (self.token_file.clone(), self.hub.clone());
        let rejoin = Rejoin {
            cluster: self.cluster,
            token: Box::new(move || token(file.as_deref(), hub.as_deref())),
            link_status: link_status.clone(),
            ready: self.ready.clone(),
        };
        let identity = Arc::clone(&self.identity);
        tasks.run_until_shutdown("renewal", keep_renewed(dialer, identity, rejoin));
        loop {
            tokio::select! {
                changed = link_status.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    self.link_status.send_replace(link_status.borrow().clone());
                }
                _ = lost.changed() => {
                    // The machine still says that it holds the order: only a new one, made from what is
                    // stored, makes the hub send it again.
                    return Err("a stored order vanished; starting again asks the hub for it".into());
                }
            }
        }
    }

    /// Tries until there is an identity.
    async fn join(&self) -> Credentials {
        let mut delays = Delays::new(JOIN);
        loop {
            let (error, asked) = match self.try_join().await {
                Ok(credentials) => return credentials,
                Err(refusal) => refusal,
            };
            tracing::error!(error, "this cluster cannot join its hub");
            self.ready.not_ready(error);
            sleep(delays.next_after(asked, rand::random())).await;
        }
    }

    /// Why it failed, and how long the hub asks to be left alone.
    async fn try_join(&self) -> Result<Credentials, (String, Duration)> {
        let token = token(self.token_file.as_deref(), self.hub.as_deref())
            .map_err(|error| (error, Duration::ZERO))?;
        let (token, ready) = (token.as_ref(), &self.ready);
        obtain(&*self.identity, token, self.cluster, &self.clock, ready)
            .await
            .map_err(|error| {
                let asked = error.retry_after();
                (format!("{:#}", anyhow::Error::new(error)), asked)
            })
    }

    /// Brings the session what engine, store and facts have to say.
    fn feed(&self, events: mpsc::Sender<Event>, traces: &Arc<Traces>, tasks: &Tasks) {
        let tasks = tasks.owner("uplink");
        let (reports, to) = (Arc::clone(&self.reports), events.clone());
        let traces = Arc::clone(traces);
        tasks.run_until_shutdown("reports", async move {
            loop {
                for status in reports.next().await {
                    traces.log(&status);
                    send(&to, status).await;
                }
            }
        });
        let (mut facts, to) = (self.facts.clone(), events.clone());
        facts.mark_changed();
        tasks.run_until_shutdown("facts", async move {
            while facts.changed().await.is_ok() {
                let environment = Box::new(facts.borrow_and_update().clone());
                let _ = to.send(Event::Environment(environment)).await;
            }
            std::future::pending::<()>().await;
        });
        let (mut silence, to) = (self.silence.clone(), events.clone());
        silence.mark_changed();
        tasks.run_until_shutdown("silence", async move {
            while silence.changed().await.is_ok() {
                let since = *silence.borrow_and_update();
                let silent = since.map(|since| millis(since.elapsed()));
                let _ = to.send(Event::ApiServer { silent }).await;
            }
            std::future::pending::<()>().await;
        });
        let (store, mut deleted) = (Arc::clone(&self.store), self.store.deleted());
        tasks.run_until_shutdown("deletions", async move {
            while deleted.changed().await.is_ok() {
                for deployment in store.take_forgotten() {
                    let _ = events.send(Event::Forgotten(deployment)).await;
                }
                let _ = events.send(Event::Contents(store.contents())).await;
            }
            std::future::pending::<()>().await;
        });
    }
}

/// A session that ends takes the channel with it; then the process ends too, and nobody needs to be told.
async fn send(events: &mpsc::Sender<Event>, status: DeploymentStatus) {
    let progress = Event::Progress {
        deployment: status.deployment,
        tuple: status.observed,
        stage: status.stage,
    };
    let _ = events.send(progress).await;
    let _ = events.send(Event::Status(Box::new(status))).await;
}

/// The token that stands ready, for the hub's address where one was given.
fn token(file: Option<&Path>, hub: Option<&str>) -> Result<Option<JoinToken>, String> {
    let mut token = file.and_then(read_token).transpose()?;
    if let (Some(token), Some(hub)) = (&mut token, hub) {
        token.addresses = vec![hub.to_owned()];
    }
    Ok(token)
}

/// The token in the file; nothing when there is no such file (any more), as after joining.
fn read_token(path: &Path) -> Option<Result<JoinToken, String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(format!("join token file {}: {error}", path.display()))),
    };
    Some(
        text.trim()
            .parse()
            .map_err(|error| format!("join token file {}: {error}", path.display())),
    )
}
