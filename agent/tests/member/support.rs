//! Two clusters, the agent's parts on the first, a whole agent on the second, and the ways to wait.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser as _;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use stevedore_agent::accounts::AccountResolver;
use stevedore_agent::args::Args;
use stevedore_agent::cluster_api::{AgentClient, Discovery, connect};
use stevedore_agent::standalone::queue::Queue;
use stevedore_agent::store::Store;
use stevedore_fleet::install::install_member;
use stevedore_fleet::{ClusterOptions, ControlPlane, Extent, Fleet, progress::Silent};
use stevedore_runtime::supervise::{Supervisor, Tasks};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio_util::sync::CancellationToken;

/// The agent's namespace.
pub(crate) const SYSTEM: &str = "stevedore-system";
/// How long anything may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Runs on the one runtime of the process: clients are bound to the runtime that made them.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    static RUNTIME: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    stevedore_runtime::tls::install_provider();
    RUNTIME
        .get_or_init(|| Runtime::new().expect("a runtime"))
        .block_on(test)
}

async fn fleet() -> &'static Fleet {
    static FLEET: OnceCell<Fleet> = OnceCell::const_new();
    FLEET
        .get_or_init(|| async {
            let builder = Fleet::builder().hub(false).members(2);
            let fleet = builder
                .member_extent(Extent::ApiServer)
                .start(&Silent)
                .await;
            let fleet = fleet.expect("the fleet starts");
            for member in fleet.members() {
                install_member(&member.client()).await.expect("installed");
            }
            fleet
        })
        .await
}

/// Every task of the tests; never stopped.
fn tasks() -> Tasks {
    static SUPERVISOR: std::sync::OnceLock<Supervisor> = std::sync::OnceLock::new();
    SUPERVISOR
        .get_or_init(|| Supervisor::new(CancellationToken::new()))
        .tasks()
}

/// The cluster without a running agent.
pub(crate) async fn quiet() -> &'static ControlPlane {
    &fleet().await.members()[0]
}

/// The cluster on which an agent runs, with the rights of its own account.
pub(crate) async fn busy() -> &'static ControlPlane {
    static STARTED: OnceCell<()> = OnceCell::const_new();
    let cluster = &fleet().await.members()[1];
    STARTED
        .get_or_init(|| async {
            start_agent(cluster, &tasks()).await;
        })
        .await;
    cluster
}

async fn start_agent(cluster: &ControlPlane, tasks: &Tasks) {
    let kubeconfig = agent_file(cluster).await.display().to_string();
    let args = [
        "stevedore-agent",
        "--standalone",
        "--admin-addr",
        "127.0.0.1:0",
        "--kubeconfig",
    ];
    let args = Args::parse_from(args.into_iter().map(str::to_owned).chain([kubeconfig]));
    stevedore_agent::startup::start(args, tasks)
        .await
        .expect("the agent starts");
}

/// A cluster for tests that stop and start its agent; one of them has it at a time.
pub(crate) async fn restarting() -> MutexGuard<'static, ControlPlane> {
    static CLUSTER: OnceCell<Mutex<ControlPlane>> = OnceCell::const_new();
    let start = || async {
        let options = ClusterOptions::new("restarting").extent(Extent::ApiServer);
        let cluster = fleet().await.start_cluster(options, &Silent).await;
        let cluster = cluster.expect("the cluster starts");
        install_member(&cluster.client()).await.expect("installed");
        Mutex::new(cluster)
    };
    CLUSTER.get_or_init(start).await.lock().await
}

/// A whole agent that a test stops.
pub(crate) struct Agent(Supervisor);

impl Agent {
    /// Starts it.
    pub(crate) async fn start(cluster: &ControlPlane) -> Self {
        let supervisor = Supervisor::new(CancellationToken::new());
        start_agent(cluster, &supervisor.tasks()).await;
        Self(supervisor)
    }

    /// Ends it, and with it everything that it knew.
    pub(crate) async fn stop(self) {
        let never = std::future::pending();
        let _ = self.0.run_until(async {}, never, WITHIN).await;
    }
}

async fn agent_file(cluster: &ControlPlane) -> PathBuf {
    let file = cluster
        .service_account_file(SYSTEM, "stevedore-agent")
        .await;
    file.expect("the agent's account has a token")
}

/// The parts of an agent.
pub(crate) struct Parts {
    pub(crate) client: AgentClient,
    pub(crate) discovery: Arc<Discovery>,
    pub(crate) accounts: Arc<AccountResolver>,
    pub(crate) store: Arc<Store>,
}

/// Opens the parts anew on the quiet cluster, as after a restart, with every first list read.
pub(crate) async fn parts() -> Parts {
    parts_on(quiet().await).await
}

/// As [`parts`], on this cluster.
pub(crate) async fn parts_on(cluster: &ControlPlane) -> Parts {
    let file = agent_file(cluster).await;
    let transport = connect::connect(Some(&file)).await.expect("a client");
    let client = AgentClient::new(transport.clone());
    let discovery = Arc::new(Discovery::new(transport));
    let accounts = AccountResolver::new(client.clone(), Arc::clone(&discovery), SYSTEM);
    let accounts = Arc::new(accounts);
    let queue = Arc::new(Queue::default());
    let store = Store::open(
        client.clone(),
        SYSTEM,
        Arc::clone(&accounts),
        queue,
        &tasks(),
    )
    .await;
    let store = store.expect("the store opens");
    store.observe(&discovery).expect("paths").complete().await;
    Parts {
        client,
        discovery,
        accounts,
        store,
    }
}

/// The tasks of the tests, for parts that start some.
pub(crate) fn test_tasks() -> Tasks {
    tasks()
}

/// Waits until `check` answers with something, and fails with what it said last.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + WITHIN;
    loop {
        match check().await {
            Ok(value) => return value,
            Err(last) => assert!(
                Instant::now() < deadline,
                "{what}: not within {WITHIN:?}; last seen: {last}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Objects of a kind, in a namespace or cluster-wide.
pub(crate) fn api(
    cluster: &ControlPlane,
    kind: &str,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let (group, version) = match kind {
        "ClusterObjectSet" | "ObjectSet" | "ClusterObjectDeployment" | "ObjectDeployment" => {
            ("stevedore.dev", "v1alpha1")
        }
        "CustomResourceDefinition" => ("apiextensions.k8s.io", "v1"),
        "APIService" => ("apiregistration.k8s.io", "v1"),
        "Gate" => ("gates.example", "v1"),
        "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => {
            ("rbac.authorization.k8s.io", "v1")
        }
        _ => ("", "v1"),
    };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(cluster.client(), namespace, &resource),
        None => Api::all_with(cluster.client(), &resource),
    }
}

/// Creates an object as the administrator.
pub(crate) async fn create(cluster: &ControlPlane, object: Value) -> DynamicObject {
    let kind = object["kind"].as_str().expect("a kind").to_owned();
    let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    let api = api(cluster, &kind, namespace.as_deref());
    api.create(&PostParams::default(), &object)
        .await
        .expect("created")
}

/// Creates a namespace as the administrator.
pub(crate) async fn namespace(cluster: &ControlPlane, name: &str) {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    create(cluster, object).await;
}

/// A ConfigMap.
pub(crate) fn config_map(namespace: &str, name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace}, "data": {"value": value}})
}
