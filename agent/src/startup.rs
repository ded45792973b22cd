//! Startup of the agent: which part is made from which, in what order they start.
//!
//! ```text
//!  admin port ─▶ API server ─▶ store (state, index) ─▶ watches over own kinds in sync ─▶ engine ─▶ ready
//!                                                                  │
//!                                          object deployments ◀────┴────▶ link to the hub, unless --standalone
//! ```

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use stevedore_agent_core::failure::Failure;
use stevedore_proto_core::{ClusterUid, Environment};
use stevedore_runtime::admin::{Admin, Readiness, ReadyHandle};
use stevedore_runtime::clock::Clock;
use stevedore_runtime::retry::{Delays, Schedule};
use stevedore_runtime::supervise::Tasks;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::accounts::AccountResolver;
use crate::args::Args;
use crate::cluster_api::{AgentClient, Discovery, Transport, connect, liveness};
use crate::engine::Engine;
use crate::event_writer::EventWriter;
use crate::facts;
use crate::hub_link::{HubClock, LinkStatus};
use crate::identity::IdentitySecret;
use crate::metrics::{Metrics, Sources};
use crate::ports::{Answer, Notified, ObjectSink, Ports, Reporter};
use crate::report_queue::{NoHub, ReportQueue};
use crate::shared_watches::SharedWatches;
use crate::standalone::{self, queue::Queue};
use crate::store::Store;
use crate::uplink::Uplink;

/// Between attempts while the API server does not answer at the start.
const START_RETRY: Schedule = Schedule::new(Duration::from_millis(500), Duration::from_secs(15));

/// Starts everything that `args` ask for, as tasks. Returns when the port is bound; what follows waits for
/// the API server by itself.
///
/// # Errors
/// When the port, the kubeconfig or the ready file cannot be used.
pub async fn start(args: Args, tasks: &Tasks) -> anyhow::Result<()> {
    let admin = Admin::bind(args.admin_addr)
        .await
        .with_context(|| format!("cannot listen on {}", args.admin_addr))?;
    let address = admin.address();
    tracing::info!(%address, "health and metrics are served");
    let readiness = Readiness::new();
    let parts = Parts {
        start: readiness.handle("start"),
        hub: (!args.standalone).then(|| readiness.handle("hub")),
    };
    let metrics = Metrics::default();
    admin.serve(tasks, readiness, metrics.registry());
    let bound = json!({"admin": address.to_string()});
    args.daemon.write_ready(&bound.to_string())?;
    let transport = connect::connect(args.kubeconfig.as_deref()).await?;
    let all = tasks.clone();
    tasks.try_until_shutdown("agent", async move {
        start_parts(args, transport, parts, metrics, &all).await?;
        std::future::pending::<Answer<()>>().await
    });
    Ok(())
}

/// Parts that must be ready before the process is.
struct Parts {
    start: ReadyHandle,
    hub: Option<ReadyHandle>,
}

async fn start_parts(
    args: Args,
    transport: Transport,
    parts: Parts,
    metrics: Metrics,
    tasks: &Tasks,
) -> Answer<()> {
    let client = AgentClient::new(transport.clone());
    let (cluster, environment) = read_cluster(&client, &parts.start).await;
    tasks.run_until_shutdown("liveness", liveness::follow(transport.clone()));
    tracing::info!(%cluster, version = environment.kubernetes_version, "the API server answers");
    let opened = Opened::new(client.clone(), &args.namespace, &parts.start, tasks).await?;
    let reports = Arc::new(ReportQueue::default());
    let reporter: Arc<dyn Reporter> = if args.standalone {
        Arc::new(NoHub)
    } else {
        Arc::clone(&reports) as _
    };
    let (engine, watches) = opened.start_engine(reporter, tasks);
    let store = opened.store;
    store.start_garbage_collection();
    standalone::start(&client, &opened.queue, &store.circumstances(), tasks)?;
    let hub_clock = HubClock::new(Clock::SYSTEM);
    let link_status = parts.hub.map(|ready| {
        let (link_status, changes) = watch::channel(LinkStatus::Starting);
        let (facts, following) = watch::channel(environment);
        let circumstances = store.circumstances();
        let following_facts = facts::follow(client.clone(), facts, circumstances, tasks.clone());
        tasks.run_until_shutdown("facts", following_facts);
        Uplink {
            cluster,
            identity: Arc::new(IdentitySecret::new(client, &args.namespace)),
            token_file: args.join_token_file,
            hub: args.hub,
            store,
            reports,
            facts: following,
            silence: transport.answers().silence(),
            clock: hub_clock.clone(),
            ready,
            link_status,
        }
        .start(tasks);
        changes
    });
    metrics.attach(Sources {
        requests: Arc::clone(transport.counters()),
        answers: Arc::clone(transport.answers()),
        watches,
        engine,
        link_status,
        hub_clock,
    });
    parts.start.ready();
    tracing::info!("the agent is at work");
    Ok(())
}

/// The store, once everything stored is in its index, and what else the engine needs.
struct Opened {
    client: AgentClient,
    discovery: Arc<Discovery>,
    accounts: Arc<AccountResolver>,
    queue: Arc<Queue>,
    store: Arc<Store>,
}

impl Opened {
    async fn new(
        client: AgentClient,
        namespace: &str,
        ready: &ReadyHandle,
        tasks: &Tasks,
    ) -> Answer<Self> {
        let discovery = Arc::new(Discovery::new(client.transport().clone()));
        let accounts = AccountResolver::new(client.clone(), Arc::clone(&discovery), namespace);
        let (accounts, queue) = (Arc::new(accounts), Arc::new(Queue::default()));
        let store = retry_until_ok("opening the store", ready, || {
            let (accounts, queue) = (Arc::clone(&accounts), Arc::clone(&queue));
            Store::open(client.clone(), namespace, accounts, queue, tasks)
        })
        .await;
        ready.not_ready("reading what is stored");
        store.observe(&discovery)?.complete().await;
        Ok(Self {
            client,
            discovery,
            accounts,
            queue,
            store,
        })
    }

    fn start_engine(
        &self,
        reporter: Arc<dyn Reporter>,
        tasks: &Tasks,
    ) -> (Arc<Engine>, Arc<SharedWatches>) {
        let engine = Engine::new(tasks.owner("engine"));
        let watches = Arc::new(SharedWatches::new(
            self.client.transport().clone(),
            Arc::clone(&self.discovery),
            self.store.circumstances(),
            tasks,
        ));
        watches.attach(Arc::clone(&engine) as Arc<dyn ObjectSink>);
        let instance = format!("stevedore-agent-{:08x}", rand::random::<u32>());
        engine.start(Ports {
            accounts: Arc::clone(&self.accounts) as _,
            watches: Arc::clone(&watches) as _,
            store: Arc::clone(&self.store) as _,
            reporter,
            events: Arc::new(EventWriter::start(self.client.clone(), instance, tasks)),
        });
        self.store.attach(Arc::clone(&engine) as Arc<dyn Notified>);
        (engine, watches)
    }
}

async fn read_cluster(client: &AgentClient, ready: &ReadyHandle) -> (ClusterUid, Environment) {
    let cluster = retry_until_ok("reading the cluster's UID", ready, || {
        facts::cluster_uid(client)
    })
    .await;
    let environment = retry_until_ok("reading the cluster's version", ready, || {
        facts::read(client)
    })
    .await;
    (cluster, environment)
}

/// Tries until it works; says through readiness and log what is missing.
async fn retry_until_ok<T, F: Future<Output = Answer<T>>>(
    what: &str,
    ready: &ReadyHandle,
    attempt: impl Fn() -> F,
) -> T {
    let mut delays = Delays::new(START_RETRY);
    loop {
        let failure: Failure = match attempt().await {
            Ok(value) => return value,
            Err(failure) => failure,
        };
        tracing::warn!(%failure, "{what} does not work yet");
        ready.not_ready(format!("{what}: {failure}"));
        sleep(delays.next(rand::random())).await;
    }
}
