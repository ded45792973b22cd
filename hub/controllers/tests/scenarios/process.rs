//! One process of the hub: its controllers, started as the program starts them, and what ends it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use stevedore_hub_controllers::hub::Sessions;
use stevedore_hub_controllers::package::registry;
use stevedore_hub_controllers::{Hub, Settings, start};
use stevedore_proto_core::{ClusterUid, DeploymentUid, PackageUid};
use stevedore_runtime::supervise::{Exit, Supervisor};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api_server::{ApiServer, Link, Told};
use super::seed::SYSTEM;

/// How long a process that is asked to stop may take.
const DRAIN: Duration = Duration::from_secs(5);

thread_local! {
    /// When the test began: all of it runs on one thread.
    static BEGIN: Instant = Instant::now();
}

/// What time it is, for every process of a test: it passes as the test lets it.
fn clock() -> Timestamp {
    const THEN: Timestamp = Timestamp::constant(1_800_000_000, 0);
    BEGIN.with(|begin| THEN + begin.elapsed())
}

/// A hub process. Dropping it leaves its tasks behind: end it.
pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) link: Arc<Link>,
    started: Arc<OnceLock<Arc<Hub>>>,
    /// Asks it to stop, as a signal does.
    stop: CancellationToken,
    /// Ends it at once.
    kill: CancellationToken,
    exit: Pin<Box<dyn Future<Output = Exit>>>,
}

impl Process {
    pub(crate) fn start(api: &ApiServer, number: usize) -> Self {
        let link = Link::new(number);
        let supervisor = Supervisor::new(CancellationToken::new());
        let tasks = supervisor.tasks();
        let started = Arc::new(OnceLock::new());
        let settings = Settings {
            namespace: SYSTEM.to_owned(),
            registry: registry::Settings::default(),
            registry_hosts: Default::default(),
            image_prefixes: Default::default(),
            holder: format!("hub-{number}"),
            clock,
        };
        let (api, client, of) = (api.clone(), api.client(&link), Arc::clone(&started));
        let all = tasks.clone();
        let _ = tasks.spawn("start", async move {
            let hub = match Hub::new(client, settings).await {
                Ok(hub) => hub,
                Err(error) => return fail(&all, error.to_string()),
            };
            hub.set_sessions(Arc::new(Listener { number, api }));
            match start::start(&hub, &all).await {
                Ok(()) => drop(of.set(hub)),
                Err(error) => fail(&all, error.to_string()),
            }
        });
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let exit = {
            let (stop, kill) = (stop.clone(), kill.clone());
            async move {
                let asked = async { stop.cancelled().await };
                let at_once = async { kill.cancelled().await };
                supervisor.run_until(asked, at_once, DRAIN).await
            }
        };
        Self {
            number,
            link,
            started,
            stop,
            kill,
            exit: Box::pin(exit),
        }
    }

    /// The hub, once it is loaded: only then are there sessions.
    pub(crate) fn hub(&self) -> Option<&Arc<Hub>> {
        self.started.get()
    }

    /// How the process ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<Exit> {
        self.exit.as_mut().now_or_never()
    }

    /// Ends every task where it stands, and answers nothing that is still asked.
    pub(crate) async fn crash(mut self) {
        self.link.cut();
        self.kill.cancel();
        self.stop.cancel();
        let _ = self.exit.as_mut().await;
    }

    /// Asks it to stop, as a signal does, and waits until it has.
    pub(crate) async fn stop(mut self) -> Exit {
        self.stop.cancel();
        self.exit.as_mut().await
    }
}

fn fail(tasks: &stevedore_runtime::supervise::Tasks, reason: String) {
    tasks.essential("start", async move { Err::<(), _>(reason) });
}

/// Stands where the sessions of the gRPC side do, and only writes down what they are told.
struct Listener {
    number: usize,
    api: ApiServer,
}

impl Listener {
    fn told(&self, told: Told) {
        self.api.told(self.number, told);
    }
}

impl Sessions for Listener {
    fn changed(&self, cluster: ClusterUid, deployments: BTreeSet<DeploymentUid>) {
        self.told(Told::Changed(cluster, deployments.into_iter().collect()));
    }

    fn reloaded(&self) {
        self.told(Told::Reloaded);
    }

    fn content_back(&self, package: PackageUid) {
        self.told(Told::ContentBack(package));
    }

    fn census(&self, cluster: ClusterUid) {
        self.told(Told::Census(cluster));
    }

    fn members_changed(&self) {
        self.told(Told::MembersChanged);
    }
}
