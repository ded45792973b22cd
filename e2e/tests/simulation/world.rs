//! Clusters, links, a hub, and time: one seeded run.

use std::collections::BTreeMap;

use stevedore_agent_core::session::{Connection as Dial, Event as AgentEvent};
use stevedore_hub_core::session::{Connection as Stream, Event as HubEvent};
use stevedore_proto_core::{
    ClusterUid, DeploymentUid, Digest, Millis, PackageUid, Stage, ToAgent, ToHub, Tuple,
};

use super::agent::Agent;
use super::breaks::Break;
use super::hub::Hub;
use super::rng::Rng;
use super::truth::{Check, Truth, Violation};

pub(crate) const CLUSTERS: usize = 3;

/// One connection between an agent process and a hub process.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) cluster: usize,
    pub(crate) dial: Dial,
    pub(crate) agent_life: u64,
    pub(crate) hub_life: u64,
    /// Nothing that is sent from now on arrives.
    pub(crate) cut: bool,
    /// One direction silently loses everything.
    pub(crate) deaf_hub: bool,
    pub(crate) deaf_agent: bool,
    pub(crate) to_hub_at: Millis,
    pub(crate) to_agent_at: Millis,
    pub(crate) queued: usize,
}

/// What happens at some time.
#[derive(Debug)]
pub(crate) enum Happening {
    Opened {
        link: usize,
    },
    ToHub {
        link: usize,
        message: ToHub,
    },
    ToAgent {
        link: usize,
        message: ToAgent,
    },
    AgentLost {
        cluster: usize,
        life: u64,
        dial: Dial,
    },
    HubLost {
        link: usize,
    },
    AgentWake {
        cluster: usize,
    },
    HubWake {
        cluster: usize,
    },
    Stored {
        cluster: usize,
        life: u64,
        deployment: DeploymentUid,
    },
    Fetched {
        cluster: usize,
        life: u64,
        deployment: DeploymentUid,
        content: Digest,
    },
    Engine {
        cluster: usize,
        life: u64,
        deployment: DeploymentUid,
        tuple: Tuple,
        stage: Stage,
    },
    Feed {
        cluster: usize,
        life: u64,
    },
    Loaded {
        life: u64,
    },
    StartHub,
    StartAgent {
        cluster: usize,
    },
    Write,
    Fault,
    Heal,
    Census,
    Raise {
        census: bool,
    },
}

/// One run.
pub(crate) struct World {
    pub(crate) now: Millis,
    pub(crate) rng: Rng,
    pub(crate) broken: Option<Break>,
    pub(crate) hub: Hub,
    pub(crate) agents: Vec<Agent>,
    pub(crate) links: Vec<Link>,
    pub(crate) truth: Truth,
    pub(crate) packages: Vec<PackageUid>,
    pub(crate) whose: BTreeMap<DeploymentUid, (usize, PackageUid)>,
    pub(crate) faulty: bool,
    /// The hub was put back and no epoch was raised since.
    pub(crate) restored: bool,
    pub(crate) rewrite: bool,
    /// Frames that are not heartbeats, and writes on members.
    pub(crate) noise: u64,
    pub(crate) steps: u64,
    /// Print every frame, for a seed that is replayed alone.
    trace: bool,
    agent_wake: Vec<Option<Millis>>,
    hub_wake: Vec<Option<Millis>>,
    queue: BTreeMap<(Millis, u64), Happening>,
    serial: u64,
}

impl World {
    pub(crate) fn new(seed: u64, broken: Option<Break>) -> Self {
        let mut rng = Rng::new(seed);
        let hub = Hub::new(CLUSTERS, &mut rng);
        let agents = (0..CLUSTERS)
            .map(|_| Agent::new(ClusterUid::from_bytes(rng.id()), &mut rng))
            .collect();
        let packages = (0..3).map(|_| PackageUid::from_bytes(rng.id())).collect();
        let mut world = Self {
            now: 0,
            rng,
            broken,
            hub,
            agents,
            links: Vec::new(),
            truth: Truth::default(),
            packages,
            whose: BTreeMap::new(),
            faulty: true,
            restored: false,
            rewrite: false,
            noise: 0,
            steps: 0,
            trace: std::env::var_os("STEVEDORE_SEED").is_some(),
            agent_wake: vec![None; CLUSTERS],
            hub_wake: vec![None; CLUSTERS],
            queue: BTreeMap::new(),
            serial: 0,
        };
        let life = world.hub.life;
        world.after(50, Happening::Loaded { life });
        for cluster in 0..CLUSTERS {
            world.after(1, Happening::AgentWake { cluster });
        }
        world.after(20, Happening::Write);
        world.after(1_000, Happening::Fault);
        let heal = world.rng.between(20_000, 120_000);
        world.after(heal, Happening::Heal);
        world
    }

    pub(crate) fn after(&mut self, delay: Millis, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    pub(crate) fn at(&mut self, at: Millis, happening: Happening) {
        self.serial += 1;
        self.queue.insert((at, self.serial), happening);
    }

    /// Runs until a time, checking every state on the way.
    pub(crate) fn run_until(&mut self, end: Millis) -> Check {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.steps += 1;
            self.happen(happening)?;
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Check {
        match happening {
            Happening::Opened { link } => self.opened(link),
            Happening::ToHub { link, message } => self.arrives_at_hub(link, message),
            Happening::ToAgent { link, message } => self.arrives_at_agent(link, message),
            Happening::AgentLost {
                cluster,
                life,
                dial,
            } => self.agent_lost(cluster, life, dial),
            Happening::HubLost { link } => self.hub_lost(link),
            Happening::AgentWake { cluster } => {
                self.agent_wake[cluster] = None;
                self.agent(cluster, AgentEvent::Tick)
            }
            Happening::HubWake { cluster } => {
                self.hub_wake[cluster] = None;
                self.member(cluster, HubEvent::Tick)
            }
            Happening::Stored {
                cluster,
                life,
                deployment,
            } => self.stored(cluster, life, deployment),
            Happening::Fetched {
                cluster,
                life,
                deployment,
                content,
            } => self.fetched(cluster, life, deployment, content),
            Happening::Engine {
                cluster,
                life,
                deployment,
                tuple,
                stage,
            } => self.engine(cluster, life, deployment, &tuple, stage),
            Happening::Feed { cluster, life } => self.feed(cluster, life),
            Happening::Loaded { life } => self.loaded(life),
            Happening::StartHub => self.start_hub(),
            Happening::StartAgent { cluster } => self.start_agent(cluster),
            Happening::Write => self.write(),
            Happening::Fault => self.fault(),
            Happening::Heal => self.heal(),
            Happening::Census if !self.restored => Ok(()),
            Happening::Census => {
                (0..CLUSTERS).try_for_each(|cluster| self.member(cluster, HubEvent::Census))
            }
            Happening::Raise { census } => self.raise(census),
        }
    }

    fn agent_lost(&mut self, cluster: usize, life: u64, dial: Dial) -> Check {
        if self.agents[cluster].life == life {
            return self.agent(cluster, AgentEvent::Disconnected(dial));
        }
        Ok(())
    }

    fn hub_lost(&mut self, link: usize) -> Check {
        let (cluster, life) = (self.links[link].cluster, self.links[link].hub_life);
        self.member_of(cluster, life, HubEvent::Closed(Stream(link as u64)))
    }

    /// The session of a member learns what its ledger rows have become.
    fn feed(&mut self, cluster: usize, life: u64) -> Check {
        if self.hub.life != life || !self.hub.up {
            return Ok(());
        }
        let changes = self.hub.take_changes(cluster, self.broken);
        self.member(cluster, HubEvent::Changed(changes))
    }

    /// Steps an agent's session, and carries out what it says.
    pub(crate) fn agent(&mut self, cluster: usize, event: AgentEvent) -> Check {
        if !self.agents[cluster].up {
            return Ok(());
        }
        let jitter = self.rng.jitter();
        let actions = self.agents[cluster].session.step(event, self.now, jitter);
        for action in actions {
            self.do_agent(cluster, action)?;
        }
        let wake = self.agents[cluster]
            .session
            .wake_at()
            .map(|at| at.max(self.now + 1));
        if let Some(wake) = wake
            && self.agent_wake[cluster].is_none_or(|at| wake < at)
        {
            self.agent_wake[cluster] = Some(wake);
            self.at(wake, Happening::AgentWake { cluster });
        }
        Ok(())
    }

    /// Steps the hub's machine of one member, and carries out what it says.
    pub(crate) fn member(&mut self, cluster: usize, event: HubEvent) -> Check {
        if !self.hub.up {
            return Ok(());
        }
        let orders = &self.hub.orders[cluster];
        let actions = self.hub.members[cluster].step(event, orders, self.now);
        let mut overflowed = None;
        for action in actions {
            self.do_member(cluster, action, &mut overflowed)?;
        }
        if let Some(stream) = overflowed {
            self.member(cluster, HubEvent::Overflow(stream))?;
        }
        let wake = self.hub.members[cluster]
            .wake_at()
            .map(|at| at.max(self.now + 1));
        if let Some(wake) = wake
            && self.hub_wake[cluster].is_none_or(|at| wake < at)
        {
            self.hub_wake[cluster] = Some(wake);
            self.at(wake, Happening::HubWake { cluster });
        }
        Ok(())
    }

    /// As [`Self::member`], for one hub process only.
    pub(crate) fn member_of(&mut self, cluster: usize, life: u64, event: HubEvent) -> Check {
        if self.hub.life == life {
            self.member(cluster, event)
        } else {
            Ok(())
        }
    }

    pub(crate) fn log(&self, cluster: usize, what: &str, message: &dyn std::fmt::Debug) {
        if self.trace {
            println!("{:>8} c{cluster} {what} {message:?}", self.now);
        }
    }

    pub(crate) fn violated(&self, text: impl Into<String>) -> Violation {
        Violation(format!("at {} ms: {}", self.now, text.into()))
    }
}
