//! One API server, one registry, agents, and the hub processes that come and go over them.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use stevedore_crds::record;
use stevedore_hub_controllers::Hub;
use stevedore_proto_core::ClusterUid;
use stevedore_runtime::supervise::{Exit, Supervisor};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::agent::Agent;
use super::api_server::{ApiServer, Call, Entry, Told};
use super::process::Process;
use super::registry::{Registry, files};
use super::{seed, state};

/// How far the clock moves between two looks at a condition.
const STEP: Duration = Duration::from_millis(200);
/// How long anything may take, on the clock of the test.
const WITHIN: Duration = Duration::from_secs(400);
/// How long a test may take on the clock of the machine.
const HUNG: Duration = Duration::from_secs(300);
/// Without a write for so long nothing more is written: observations are written every ten seconds.
const QUIET: Duration = Duration::from_secs(12);

/// Ends the program when a test hangs: on a clock that stands still no deadline comes for tasks that wake each other
/// without end.
struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    fn start() -> Self {
        let (alive, ended) = mpsc::channel();
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        std::thread::spawn(move || {
            if ended.recv_timeout(HUNG) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs: its tasks never wait for the clock");
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

pub(crate) struct World {
    pub(crate) api: ApiServer,
    pub(crate) registry: Registry,
    pub(crate) agents: Vec<Agent>,
    pub(crate) processes: Vec<Process>,
    /// How processes ended that were not crashed by a rule.
    pub(crate) exits: Vec<Exit>,
    /// How far the clock moves between two looks: how long agents take to answer at most.
    pub(crate) step: Duration,
    /// Whether another process is started in place of one that ended. If not, all that such a process left running
    /// runs on.
    pub(crate) restarts: bool,
    _watchdog: Watchdog,
    /// Number of the process that was started last.
    number: usize,
    /// The log is looked at up to here.
    cursor: usize,
    /// When the hub wrote, or told its sessions, last.
    active: Instant,
    /// Whether the registry may be asked, and the state of the log for which this is known.
    pulls: (usize, bool),
}

impl World {
    /// An installed hub that was never started, without members.
    pub(crate) async fn new() -> Self {
        stevedore_runtime::tls::install_provider();
        let tasks = Supervisor::new(CancellationToken::new()).tasks();
        let api = ApiServer::new();
        seed::install(&api);
        Self::over(api, Registry::start(&tasks).await)
    }

    fn over(api: ApiServer, registry: Registry) -> Self {
        // RUST_LOG shows what the hub says in a test that fails.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let log = tracing_subscriber::fmt().with_env_filter(filter);
        let _ = log.with_test_writer().try_init();
        Self {
            api,
            registry,
            agents: vec![],
            processes: vec![],
            exits: vec![],
            step: STEP,
            restarts: true,
            _watchdog: Watchdog::start(),
            number: 0,
            cursor: 0,
            active: Instant::now(),
            pulls: (usize::MAX, true),
        }
    }

    /// A hub with connected members of these names, and nothing on them.
    pub(crate) async fn with_members(names: &[&str]) -> Self {
        let mut world = Self::new().await;
        for (at, name) in names.iter().enumerate() {
            world.add_member(name, seed::cluster(u8::try_from(at).unwrap() + 1));
        }
        world.start_hub();
        world.settled().await;
        world
    }

    /// The same with the package `demo`, whose image `v1` runs on all of them.
    pub(crate) async fn with_package(names: &[&str]) -> Self {
        let mut world = Self::with_members(names).await;
        let image = world.registry.push("v1", &files("one"));
        seed::package(&world.api, "demo", &image);
        world.everywhere("demo", 1).await;
        world.settled().await;
        world
    }

    /// The same state once more: the API server and the agents as they are, and a hub that has just started.
    pub(crate) async fn copy(&self) -> Self {
        let mut copy = Self::over(self.api.copy(), self.registry.clone());
        copy.agents = self.agents.iter().map(Agent::copy).collect();
        // The hub before let it go: nobody has to wait for its end.
        seed::delete(&copy.api, "leases", record::LEASE);
        copy.start_hub();
        copy.settled().await;
        copy
    }

    /// Ends every process where it stands, and starts none.
    pub(crate) async fn halt(&mut self) {
        for process in std::mem::take(&mut self.processes) {
            self.end(process).await;
        }
    }

    /// Asks every process to stop, as a signal does, and starts none.
    pub(crate) async fn stop(&mut self) {
        for process in std::mem::take(&mut self.processes) {
            self.hung_up(process.number);
            self.exits.push(process.stop().await);
        }
    }

    /// A member that has joined, and its agent.
    pub(crate) fn add_member(&mut self, name: &str, cluster: ClusterUid) {
        let uid = seed::member(&self.api, name, cluster);
        let agent = Agent::new(name, cluster, uid.parse().unwrap());
        self.agents.push(agent);
    }

    pub(crate) fn start_hub(&mut self) {
        self.number += 1;
        let process = Process::start(&self.api, self.number);
        self.processes.push(process);
    }

    /// The hub that has loaded, if there is one.
    pub(crate) fn hub(&self) -> Option<&Arc<Hub>> {
        self.processes.iter().find_map(Process::hub)
    }

    pub(crate) fn agent(&mut self, name: &str) -> &mut Agent {
        let mut agents = self.agents.iter_mut();
        agents.find(|agent| agent.name == name).unwrap()
    }

    /// Ends every process where it stands, and starts another.
    pub(crate) async fn crash(&mut self) {
        self.halt().await;
        self.start_hub();
    }

    /// Waits until `look` finds what it wants, and fails with what it saw last.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Self) -> Result<T, String>,
    ) -> T {
        let deadline = Instant::now() + WITHIN;
        loop {
            match look(self) {
                Ok(found) => return found,
                Err(last) => assert!(
                    Instant::now() < deadline,
                    "{what}: not within {} s; last seen: {last}\n{}\nlast requests:\n{}",
                    WITHIN.as_secs(),
                    state::of(self),
                    self.last_writes()
                ),
            }
            self.step().await;
        }
    }

    /// Waits until the hub writes nothing more, and gives the state that is left.
    pub(crate) async fn settled(&mut self) -> String {
        self.active = Instant::now();
        self.until("quiet", |world| {
            let is_quiet = world.active.elapsed() > QUIET;
            match (is_quiet, world.hub()) {
                (true, Some(_)) => Ok(()),
                (_, None) => Err("no hub is loaded".to_owned()),
                (false, _) => Err("the hub still writes".to_owned()),
            }
        })
        .await;
        state::of(self)
    }

    /// Lets so much time pass.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step().await;
        }
    }

    /// Durable writes that hubs asked for since a place in the log.
    pub(crate) fn writes_since(&self, place: usize) -> Vec<Call> {
        let log = self.api.log_since(place).into_iter();
        log.filter_map(|entry| match entry {
            Entry::Request(call) if call.is_durable_write() => Some(call),
            _ => None,
        })
        .collect()
    }

    /// What hubs did since a place in the log, in short: durable writes but of statuses, and whom they told of orders.
    pub(crate) fn story_since(&self, place: usize) -> Vec<String> {
        let log = self.api.log_since(place).into_iter();
        log.filter_map(|entry| match entry {
            Entry::Request(call) if call.is_durable_write() && !call.is_status => {
                Some(call.effect())
            }
            Entry::Told(_, Told::Changed(cluster, _)) => {
                let mut agents = self.agents.iter();
                let agent = agents.find(|agent| agent.cluster == cluster);
                Some(format!("tell {}", agent.map_or("?", |agent| &agent.name)))
            }
            _ => None,
        })
        .collect()
    }

    fn last_writes(&self) -> String {
        let lines: Vec<_> = self.writes_since(0).iter().map(Call::to_string).collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    async fn step(&mut self) {
        self.replace_ended().await;
        self.look_at_log();
        for process in &self.processes {
            if let Some(hub) = process.hub().filter(|_| !process.link.is_cut()) {
                for agent in &mut self.agents {
                    agent.act(process.number, hub);
                }
            }
        }
        if self.hub().is_none() {
            self.active = Instant::now();
        }
        if self.may_pull() {
            // Sockets are real: time must not run ahead of them. While somebody blocks it stands still.
            tokio::time::advance(self.step / 20).await;
            let _ = tokio::task::spawn_blocking(std::thread::yield_now).await;
        } else {
            tokio::time::sleep(self.step).await;
        }
    }

    async fn replace_ended(&mut self) {
        if !self.restarts {
            return;
        }
        for mut process in std::mem::take(&mut self.processes) {
            let exit = process.ended();
            if exit.is_none() && !process.link.is_cut() {
                self.processes.push(process);
                continue;
            }
            self.exits.extend(exit.clone());
            match exit {
                Some(_) => self.hung_up(process.number),
                None => self.end(process).await,
            }
            self.active = Instant::now();
            self.start_hub();
        }
    }

    async fn end(&mut self, process: Process) {
        self.hung_up(process.number);
        process.crash().await;
    }

    fn hung_up(&mut self, process: usize) {
        for agent in &mut self.agents {
            agent.hung_up(process);
        }
    }

    /// Tells agents what sessions were told since the last time.
    fn look_at_log(&mut self) {
        let entries = self.api.log_since(self.cursor);
        self.cursor += entries.len();
        for entry in entries {
            let (number, told) = match entry {
                Entry::Request(call) => {
                    if call.is_durable_write() {
                        self.active = Instant::now();
                    }
                    continue;
                }
                Entry::Told(number, told) => (number, told),
            };
            self.active = Instant::now();
            let mut processes = self.processes.iter();
            let process = processes.find(|process| process.number == number);
            match told {
                Told::Changed(cluster, deployments) => {
                    for agent in self.agents.iter_mut().filter(|it| it.cluster == cluster) {
                        agent.told(&deployments);
                    }
                }
                Told::Reloaded => self.agents.iter_mut().for_each(Agent::told_everything),
                Told::Census(cluster) => {
                    if let Some(hub) = process.and_then(Process::hub) {
                        let agents = self.agents.iter().filter(|it| it.cluster == cluster);
                        agents.for_each(|agent| agent.answer_census(number, hub));
                    }
                }
                Told::ContentBack(_) | Told::MembersChanged => {}
            }
        }
    }

    /// Whether a hub may have a connection to the registry: some content is not there.
    fn may_pull(&mut self) -> bool {
        let place = self.api.place();
        if self.pulls.0 != place {
            let loaded = self.processes.iter().any(|process| process.hub().is_some());
            self.pulls = (place, loaded && state::lacks_content(&self.api));
        }
        self.pulls.1 || self.registry.was_held()
    }
}
