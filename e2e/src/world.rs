//! A world: clusters, a registry, the hub and an agent in every cluster, all as processes.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use serde_json::Value;
use stevedore_fleet::progress::Lines;
use stevedore_fleet::stack::{Hosted, prepare_agent, prepare_hub, write_token};
use stevedore_fleet::{AuditReader, ControlPlane, Extent, Fleet, Programs};
use tokio::sync::OnceCell;

use crate::api::{condition, core, get, ours};
use crate::audit;
use crate::wait::{WITHIN, await_state};

/// Label of every member but the hub's own cluster.
pub const LABEL: (&str, &str) = ("e2e.example/fleet", "members");

/// What a world is to be.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many members beside the hub's own cluster.
    pub members: usize,
    /// How many of them join when the world starts.
    pub joined: usize,
    /// How much of a cluster each is.
    pub extent: Extent,
    /// Whether the hub's own cluster has an agent too.
    pub hub_is_member: bool,
    /// Whether the hub's data can be put back.
    pub own_etcd: bool,
    /// Whether audit logs have the bodies of writes.
    pub audit_bodies: bool,
}

/// One member without controllers: the cheapest world there is.
pub const SMALL: Shape = Shape {
    members: 1,
    joined: 1,
    extent: Extent::ApiServer,
    hub_is_member: false,
    own_etcd: false,
    audit_bodies: true,
};

/// One running world. Dropping it ends every process.
pub struct World {
    /// The hub's process.
    pub hub: Hosted,
    agents: Vec<(String, Hosted)>,
    /// The clusters and the registry.
    pub fleet: Fleet,
    /// Our programs.
    pub programs: Programs,
    logs: Mutex<Vec<(String, AuditReader)>>,
}

impl World {
    /// Three members, the hub's own cluster and a registry; started by the first who asks.
    pub async fn shared() -> &'static Self {
        static WORLD: OnceCell<World> = OnceCell::const_new();
        WORLD
            .get_or_init(|| {
                Self::start(Shape {
                    members: 3,
                    joined: 3,
                    extent: Extent::Pods,
                    hub_is_member: true,
                    own_etcd: false,
                    audit_bodies: true,
                })
            })
            .await
    }

    /// Starts everything, and returns when every cluster is connected.
    pub async fn start(shape: Shape) -> Self {
        let mut builder = Fleet::builder()
            .hub_extent(shape.extent)
            .hub_with_own_etcd(shape.own_etcd)
            .members(shape.members)
            .member_extent(shape.extent)
            .audit_bodies(shape.audit_bodies)
            .registry(true);
        if let Some(folder) = std::env::var_os("STEVEDORE_E2E_FOLDER") {
            static NUMBER: AtomicUsize = AtomicUsize::new(1);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            builder = builder.folder(PathBuf::from(folder).join(format!("world-{number}")));
        }
        let fleet = builder.start(&Lines).await.expect("the clusters start");
        let programs = programs().await.clone();
        let hub = prepare_hub(&fleet, fleet.hub(), &programs)
            .await
            .expect("the hub can be installed");
        hub.daemon.start().await.expect("the hub starts");
        let logs = fleet
            .clusters()
            .map(|cluster| (cluster.name().to_owned(), cluster.audit()))
            .collect();
        let mut world = Self {
            hub,
            agents: vec![],
            fleet,
            programs,
            logs: Mutex::new(logs),
        };
        let names: Vec<_> = world
            .fleet
            .clusters()
            .map(|cluster| cluster.name().to_owned())
            .filter(|name| shape.hub_is_member || name != stevedore_fleet::HUB)
            .take(shape.joined + usize::from(shape.hub_is_member))
            .collect();
        for name in &names {
            let agent = world.join(world.cluster(name)).await;
            world.agents.push((name.clone(), agent));
        }
        for name in &names {
            world.connected(name, "True").await;
        }
        world
    }

    /// The ledger of a package, by the package's name: there is one while no other of that name is torn down.
    pub async fn ledger(&self, package: &str) -> Value {
        let mut ledgers = crate::api::list(&self.client(), &ours("packageledgers")).await;
        ledgers.retain(|ledger| ledger["spec"]["package"]["name"] == package);
        assert_eq!(ledgers.len(), 1, "{ledgers:?}");
        ledgers.remove(0)
    }

    /// Invites a cluster and starts its agent, with the commands a person would type.
    async fn join(&self, cluster: &ControlPlane) -> Hosted {
        let label = format!("{}={}", LABEL.0, LABEL.1);
        let mut args = vec!["cluster", "join", cluster.name()];
        if cluster.name() != stevedore_fleet::HUB {
            args.extend(["--label", &label]);
        }
        let token = self.stevedore(args).await.ok();
        let file = write_token(cluster, token.trim()).expect("the token can be kept");
        let args = ["--join-token-file".to_owned(), file.display().to_string()];
        let agent = prepare_agent(&self.fleet, cluster, &self.programs, args)
            .await
            .expect("the agent can be installed");
        agent.daemon.start().await.expect("the agent starts");
        agent
    }

    /// The cluster of this name.
    pub fn cluster(&self, name: &str) -> &ControlPlane {
        let mut clusters = self.fleet.clusters();
        clusters
            .find(|cluster| cluster.name() == name)
            .expect("a cluster of this name")
    }

    /// The agent of the cluster of this name.
    pub fn agent(&self, cluster: &str) -> &Hosted {
        let mut agents = self.agents.iter();
        let found = agents.find(|(name, _)| name == cluster);
        &found.expect("the cluster has an agent").1
    }

    /// Kills the hub, and starts it again when `meanwhile` has happened.
    pub async fn hub_starts_again<T>(&self, meanwhile: impl AsyncFnOnce() -> T) -> T {
        self.hub.daemon.kill().await;
        let happened = meanwhile().await;
        let started = self.hub.daemon.start().await;
        started.expect("the hub starts again");
        happened
    }

    /// Starts an agent that was killed, and waits until it is ready: it has a session then.
    pub async fn start_agent(&self, cluster: &str) {
        let started = self.agent(cluster).daemon.start().await;
        started.expect("the agent starts");
    }

    /// Starts an agent that was killed and gets no session: alive is as much as it can be.
    pub async fn start_agent_offline(&self, cluster: &str) {
        let agent = self.agent(cluster);
        let alive = format!("http://{}/healthz", agent.admin);
        agent
            .daemon
            .change(|spec| spec.ready_url = Some(alive))
            .await;
        self.start_agent(cluster).await;
    }

    /// An administrator of the hub's cluster.
    pub fn client(&self) -> Client {
        self.fleet.hub().client()
    }

    /// A counter or gauge of the hub, by the name it has in its metrics; 0 where nothing was counted.
    pub async fn hub_counter(&self, name: &str) -> u64 {
        counter(&self.hub, name).await
    }

    /// The same of the agent of a cluster.
    pub async fn agent_counter(&self, cluster: &str, name: &str) -> u64 {
        counter(self.agent(cluster), name).await
    }

    /// Waits until so many members have a session with the hub that runs now, whatever an earlier one said of them.
    pub async fn sessions(&self, wanted: u64) {
        await_state("the members' sessions", WITHIN, || async {
            match self.hub_counter("stevedore_hub_sessions").await {
                found if found == wanted => Ok(()),
                other => Err(format!("{other} sessions")),
            }
        })
        .await;
    }

    /// Where agents reach the hub, as it publishes that itself.
    pub async fn hub_address(&self) -> String {
        let path = core("stevedore-system", "configmaps", "stevedore-hub");
        let published = get(&self.client(), &path)
            .await
            .expect("the hub has started");
        let addresses = published["data"]["addresses"].as_str().expect("addresses");
        addresses.split(',').next().expect("an address").to_owned()
    }

    /// Waits until the hub says this about a cluster's session.
    pub async fn connected(&self, cluster: &str, wanted: &str) -> Value {
        let path = format!("{}/{cluster}", ours("memberclusters"));
        self.seen(
            &format!("{cluster} is connected: {wanted}"),
            &path,
            |seen| condition(seen, "Connected").0 == wanted,
        )
        .await
    }

    /// Waits until an object on the hub is as wanted.
    pub async fn seen(&self, what: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        seen_on(&self.client(), what, WITHIN, path, wanted).await
    }

    /// Waits until there is no such object any more.
    pub async fn gone(&self, client: &Client, path: &str) {
        await_state(&format!("{path} is gone"), WITHIN, || async {
            match get(client, path).await {
                None => Ok(()),
                Some(found) => Err(format!("{} {}", found["metadata"], found["status"])),
            }
        })
        .await;
    }

    /// Runs `stevedore` against the hub, as a person would.
    pub async fn stevedore<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Said {
        let mut command = tokio::process::Command::new(self.programs.path("stevedore"));
        command
            .args(args)
            .env("KUBECONFIG", self.fleet.hub().kubeconfig())
            .kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(180), command.output())
            .await
            .expect("the command ends")
            .expect("the command starts");
        Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails on the first entry of any audit log, since the last look, that must not be.
    pub fn check_audit(&self) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut faults = vec![];
        for (cluster, log) in logs.iter_mut() {
            let entries = log.read_new().expect("the audit log can be read");
            faults.extend(
                entries
                    .iter()
                    .filter_map(|entry| audit::violation(cluster, entry)),
            );
        }
        faults.dedup();
        faults.truncate(20);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

/// What a command answered.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub out: String,
    /// What it wrote to its standard error.
    pub err: String,
}

impl Said {
    /// What it wrote, if it did what it was asked for.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }
}

/// The account that the hub runs as: nobody else writes revisions and ledgers.
pub async fn hub_account(cluster: &ControlPlane) -> Client {
    let account = cluster.service_account("stevedore-system", "stevedore-hub");
    let account = account.await.expect("the account is installed");
    account.client().await.expect("a client")
}

/// Waits until an object is as wanted.
pub async fn seen_on(
    client: &Client,
    what: &str,
    within: Duration,
    path: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    await_state(what, within, || async {
        let found = get(client, path).await.ok_or("no such object")?;
        if wanted(&found) {
            return Ok(found);
        }
        Err(format!("{} {}", found["spec"], found["status"]))
    })
    .await
}

/// A counter or gauge of a daemon; 0 where nothing was counted.
async fn counter(daemon: &Hosted, name: &str) -> u64 {
    let page = admin_page(&daemon.admin, "/metrics").await;
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().expect("a counter is a number"))
}

/// A page of a daemon's admin port.
async fn admin_page(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("the admin port is open");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it takes a request");
    let mut page = String::new();
    stream
        .read_to_string(&mut page)
        .await
        .expect("it answers with text");
    page
}

/// Our programs, brought up to date once.
async fn programs() -> &'static Programs {
    static PROGRAMS: OnceCell<Programs> = OnceCell::const_new();
    PROGRAMS
        .get_or_init(|| async { Programs::locate().await.expect("hub and agent are built") })
        .await
}
