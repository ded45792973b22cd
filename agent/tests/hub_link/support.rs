//! A hub on a free port and an agent whose API server is in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use stevedore_agent::hub_link::{
    self, Credentials, Dialer, HubClock, IdentityStore, JoinError, Link, LinkStatus, MemoryStore,
    OrderStore, Rejoin, StoreFailure, keep_renewed,
};
use stevedore_agent_core::session::{Event, Identity, Reconnect, Recovered, Session, StoreError};
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::{Pace, Report};
use stevedore_hub_grpc::identity::MemberName;
use stevedore_hub_grpc::memory::MemoryHub;
use stevedore_hub_grpc::pki::{self, Authority};
use stevedore_hub_grpc::server::{Server, Settings};
use stevedore_hub_grpc::session::{Ports, Sessions};
use stevedore_proto_core::content::Phase;
use stevedore_proto_core::join::JoinToken;

use stevedore_proto_core::{
    ClusterUid, Content, DeploymentUid, Digest, InstanceId, Order, PackageUid,
};
use stevedore_runtime::admin::Readiness;
use stevedore_runtime::clock::Clock;
use stevedore_runtime::retry::Schedule;
use stevedore_runtime::supervise::Supervisor;
use stevedore_runtime::tls;
use stevedore_runtime::trace::TraceContext;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Between two readings of what cannot be waited for.
const POLL: Duration = Duration::from_millis(10);
pub(crate) const CLUSTER: ClusterUid = ClusterUid::from_bytes([5; 16]);
pub(crate) const PACKAGE: PackageUid = PackageUid::from_bytes([7; 16]);

pub(crate) struct Hub {
    pub(crate) ports: Arc<MemoryHub>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) address: SocketAddr,
    pub(crate) sessions: Sessions,
    pub(crate) _stop: DropGuard,
    pub(crate) supervisor: Supervisor,
}

pub(crate) async fn hub(settings: Settings) -> Hub {
    let authority = Arc::new(Authority::create(now()).unwrap());
    serve(
        "127.0.0.1:0".parse().unwrap(),
        Arc::default(),
        authority,
        settings,
    )
    .await
}

pub(crate) async fn serve(
    at: SocketAddr,
    ports: Arc<MemoryHub>,
    authority: Arc<Authority>,
    settings: Settings,
) -> Hub {
    tls::install_provider();
    let stop = CancellationToken::new();
    let supervisor = Supervisor::new(stop.clone());
    let tasks = supervisor.tasks();
    let all = Ports {
        members: ports.clone(),
        orders: ports.clone(),
        reports: ports.clone(),
    };
    let sessions = Sessions::start(all, Pace::default(), &tasks);
    let server = Server::bind(at).await.unwrap();
    let address = server.address();
    let settings = Settings {
        names: vec!["127.0.0.1".into()],
        ..settings
    };
    server
        .serve(
            &tasks,
            authority.clone(),
            ports.clone(),
            sessions.clone(),
            settings,
        )
        .unwrap();
    Hub {
        ports,
        authority,
        address,
        sessions,
        _stop: stop.drop_guard(),
        supervisor,
    }
}

pub(crate) fn now() -> i64 {
    Clock::SYSTEM.unix()
}

impl Hub {
    pub(crate) fn invite(&self, name: &str) -> JoinToken {
        let ca = Digest::from_bytes(*self.authority.pin().as_bytes());
        self.ports
            .invite(name, ca, vec![self.address.to_string()], 60)
    }

    /// An identity that this hub gave to a member so many seconds ago, for 90 days.
    pub(crate) fn given(&self, member: MemberUid, ago: i64) -> Credentials {
        let key = rcgen::KeyPair::generate().unwrap();
        let request = rcgen::CertificateParams::default()
            .serialize_request(&key)
            .unwrap();
        let name = MemberName {
            cluster: CLUSTER,
            member,
        };
        let request = pki::Request::parse(request.der()).unwrap();
        let issued = self
            .authority
            .sign_member(&request, name, now() - ago, pki::MEMBER_SECONDS);
        Credentials {
            chain: vec![issued.unwrap().certificate],
            key: key.serialize_der(),
            authorities: vec![self.authority.certificate_der().to_vec()],
            addresses: vec![self.address.to_string()],
            joined_with: Digest::of(b"an older token"),
        }
    }

    /// How many sessions have begun.
    pub(crate) fn sessions_begun(&self) -> usize {
        begun(&self.ports.reports().borrow())
    }

    /// Waits until so many sessions have begun.
    pub(crate) async fn sessions_reach(&self, count: usize) {
        let mut reports = self.ports.reports();
        let wait = reports.wait_for(|all| begun(all) >= count);
        let seen = tokio::time::timeout(SOON, wait).await.is_ok();
        assert!(seen, "{} sessions of {count}", self.sessions_begun());
    }

    /// Ends the hub as a process ends.
    pub(crate) async fn stop(self) -> (Arc<MemoryHub>, Arc<Authority>, SocketAddr) {
        drop((self._stop, self.sessions));
        let exit = self
            .supervisor
            .run_until(async {}, std::future::pending(), SOON)
            .await;
        assert_eq!(exit.code(), 0, "{exit}");
        (self.ports, self.authority, self.address)
    }

    /// Waits for a report about the one cluster.
    pub(crate) async fn reported(&self, what: &str, fits: impl Fn(&Report) -> bool) {
        let mut reports = self.ports.reports();
        let wait = reports.wait_for(|all| all.iter().any(|(_, report)| fits(report)));
        let seen = tokio::time::timeout(SOON, wait).await.is_ok();
        assert!(
            seen,
            "{what} was not reported: {:#?}",
            self.ports.reports().borrow()
        );
    }
}

fn begun(reports: &[(ClusterUid, Report)]) -> usize {
    let connected = |report: &Report| matches!(report, Report::Connected { .. });
    reports
        .iter()
        .filter(|(_, report)| connected(report))
        .count()
}

/// An order with its content and trace.
pub(crate) type Stored = (Order, Option<Arc<[u8]>>, Option<TraceContext>);

/// Orders with their content and trace, which are durable once nothing holds them up.
#[derive(Default)]
pub(crate) struct Orders {
    pub(crate) stored: Mutex<BTreeMap<DeploymentUid, Stored>>,
    pub(crate) held_up: watch::Sender<BTreeSet<DeploymentUid>>,
}

impl OrderStore for Orders {
    fn store(
        &self,
        order: Order,
        content: Option<Arc<[u8]>>,
        trace: Option<TraceContext>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let (deployment, mut held_up) = (order.deployment, self.held_up.subscribe());
        let stored = (order, content, trace);
        self.stored.lock().unwrap().insert(deployment, stored);
        Box::pin(async move {
            let _ = held_up.wait_for(|all| !all.contains(&deployment)).await;
            Ok(())
        })
    }
}

/// An identity in memory that says how often it was saved.
pub(crate) struct Watched {
    pub(crate) memory: MemoryStore,
    pub(crate) saves: watch::Sender<u32>,
    /// How often saving fails before it works.
    pub(crate) failures: AtomicU32,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            memory: MemoryStore::default(),
            saves: watch::Sender::new(0),
            failures: AtomicU32::new(0),
        }
    }
}

impl IdentityStore for Watched {
    fn load(&self) -> BoxFuture<'_, Result<Option<Credentials>, StoreFailure>> {
        self.memory.load()
    }

    fn save(&self, credentials: Credentials) -> BoxFuture<'_, Result<(), StoreFailure>> {
        Box::pin(async move {
            if self.failures.load(Ordering::Relaxed) > 0 {
                self.failures.fetch_sub(1, Ordering::Relaxed);
                return Err(StoreFailure("the API server is away".into()));
            }
            self.memory.save(credentials).await?;
            self.saves.send_modify(|saves| *saves += 1);
            Ok(())
        })
    }
}

pub(crate) struct Agent {
    pub(crate) orders: Arc<Orders>,
    pub(crate) status: watch::Receiver<LinkStatus>,
    pub(crate) dialer: Dialer,
    pub(crate) store: Arc<Watched>,
    pub(crate) clock: HubClock,
    pub(crate) readiness: Readiness,
    /// The token that stands ready.
    pub(crate) token: Arc<Mutex<Option<JoinToken>>>,
    pub(crate) _engine: mpsc::Sender<Event>,
    pub(crate) _stop: DropGuard,
    pub(crate) _supervisor: Supervisor,
}

pub(crate) async fn obtain(
    store: &dyn IdentityStore,
    token: Option<&JoinToken>,
    clock: Clock,
) -> Result<Credentials, JoinError> {
    let (clock, ready) = (HubClock::new(clock), Readiness::new().handle("hub"));
    hub_link::obtain(store, token, CLUSTER, &clock, &ready).await
}

pub(crate) async fn agent(token: &JoinToken) -> Agent {
    agent_with(token, Clock::SYSTEM).await
}

/// An agent that joins, with a clock that may be wrong.
pub(crate) async fn agent_with(token: &JoinToken, clock: Clock) -> Agent {
    let store = Arc::new(Watched::default());
    let credentials = obtain(store.as_ref(), Some(token), clock).await;
    start_with(credentials.unwrap(), store, None, clock)
}

pub(crate) fn start(credentials: Credentials, store: Arc<Watched>) -> Agent {
    start_with(credentials, store, None, Clock::SYSTEM)
}

/// An agent with a token that stands ready, and a clock that may be wrong.
pub(crate) fn start_with(
    credentials: Credentials,
    store: Arc<Watched>,
    token: Option<JoinToken>,
    clock: Clock,
) -> Agent {
    let stop = CancellationToken::new();
    let supervisor = Supervisor::new(stop.clone());
    let tasks = supervisor.tasks();
    let identity = Identity {
        cluster: CLUSTER,
        instance: InstanceId::from_bytes([1; 16]),
        agent_version: "test".into(),
    };
    let reconnect = Reconnect {
        schedule: Schedule::new(Duration::from_millis(20), Duration::from_millis(200)),
        ..Reconnect::default()
    };
    let machine = Session::new(identity, Recovered::default(), reconnect);
    let clock = HubClock::new(clock);
    let dialer = Dialer::new(credentials, clock.clone());
    let orders = Arc::new(Orders::default());
    let (engine, events) = mpsc::channel(16);
    let status = Link::start(machine, orders.clone(), dialer.clone(), events, &tasks);
    let (token, readiness) = (Arc::new(Mutex::new(token)), Readiness::new());
    let ready = Arc::clone(&token);
    let rejoin = Rejoin {
        cluster: CLUSTER,
        token: Box::new(move || Ok(ready.lock().unwrap().clone())),
        link_status: status.clone(),
        ready: readiness.handle("hub"),
    };
    let renewal = keep_renewed(dialer.clone(), store.clone(), rejoin);
    tasks.run_until_shutdown("renewal", renewal);
    Agent {
        orders,
        status,
        dialer,
        store,
        clock,
        readiness,
        token,
        _engine: engine,
        _stop: stop.drop_guard(),
        _supervisor: supervisor,
    }
}

/// Whether something holds that cannot be waited for.
async fn soon(holds: impl Fn() -> bool) -> bool {
    let wait = async {
        while !holds() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.is_ok()
}

impl Agent {
    pub(crate) async fn stands(&mut self, what: &str, fits: impl Fn(&LinkStatus) -> bool) {
        let seen = tokio::time::timeout(SOON, self.status.wait_for(|status| fits(status)))
            .await
            .is_ok();
        assert!(seen, "never {what}: {:?}", self.status.borrow());
    }

    /// Waits until the agent says what it lacks, in words that fit.
    pub(crate) async fn lacks(&mut self, words: &str) {
        let said = soon(|| self.readiness.missing().join(" ").contains(words)).await;
        assert!(said, "never {words:?}: {:?}", self.readiness.missing());
    }

    /// Waits until these orders are being made durable.
    pub(crate) async fn storing(&self, deployments: &[DeploymentUid]) {
        let stored = || {
            let stored = self.orders.stored.lock().unwrap();
            deployments.iter().all(|one| stored.contains_key(one))
        };
        assert!(soon(stored).await, "never {deployments:?}");
    }

    /// Waits until its identity was saved so often.
    pub(crate) async fn saved(&self, times: u32) {
        let mut saves = self.store.saves.subscribe();
        let wait = saves.wait_for(|saves| *saves >= times);
        let seen = tokio::time::timeout(SOON, wait).await.is_ok();
        assert!(seen, "saved {} times", *self.store.saves.borrow());
    }

    pub(crate) async fn synced(&mut self) {
        self.stands("synced", |status| *status == LinkStatus::Synced)
            .await;
    }
}

pub(crate) fn content(size: usize) -> Content {
    let object = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "filler"},
        "data": {"filler": "x".repeat(size)},
    });
    let object = serde_json::from_value(serde_json::json!({ "object": object })).unwrap();
    Content {
        phases: vec![Phase {
            name: "deploy".into(),
            objects: vec![object],
            ..Phase::default()
        }],
        ..Content::default()
    }
}
