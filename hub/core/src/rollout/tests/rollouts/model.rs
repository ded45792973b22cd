//! A fleet as it is, and as a hub knows it: what is said arrives late, and a new process knows what is stored.

use super::*;
use crate::ledger::Shard;
use crate::rollout;

/// One member as it is, and as the hub knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cluster {
    pub(super) tier: u8,
    pub(super) connected: bool,
    /// The number of the order that it has taken.
    pub(super) taken: u64,
    pub(super) available: bool,
    /// Revisions that do not work there.
    pub(super) broken: bool,
    /// What the hub knows: whether there is a session, and what was said last.
    pub(super) heard: bool,
    pub(super) said: (u64, bool, bool),
    /// The number that the hub, and its ledger, saw available.
    pub(super) seen: u64,
    pub(super) observed: u64,
    /// An order took it from available, and nothing was seen of it being so since.
    pub(super) disrupted: bool,
    /// The number with which it was seen available last, and nothing else since; a hub that starts changes nothing of it.
    pub(super) up: u64,
    /// Since when.
    pub(super) available_since: u64,
}

/// A hub with its ledger, and a fleet.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) world: World,
    pub(super) clusters: Vec<Cluster>,
    pub(super) names: Vec<String>,
    pub(super) labels: Vec<BTreeMap<String, String>>,
    pub(super) now: u64,
    pub(super) settled_at: u64,
    pub(super) revision: u64,
    pub(super) verbs: Verbs,
}

/// For how long a hub that starts waits for members.
pub(super) const SETTLE: u64 = 60_000;

impl Fleet {
    pub(super) fn new(policy: Policy, tiers: &[u8]) -> Self {
        let count = u16::try_from(tiers.len()).unwrap();
        let mut world = World::new(count);
        world.policy = policy;
        let clusters = tiers.iter().map(|tier| Cluster {
            tier: *tier,
            connected: true,
            heard: true,
            ..Cluster::default()
        });
        let label = |tier: &u8| BTreeMap::from([("tier".to_owned(), tier.to_string())]);
        Self {
            world,
            clusters: clusters.collect(),
            names: (0..count).map(|at| format!("c{at}")).collect(),
            labels: tiers.iter().map(label).collect(),
            now: 1_000_000,
            settled_at: 0,
            revision: 0,
            verbs: Verbs::default(),
        }
    }

    /// Installed everywhere, and available.
    pub(super) fn installed(policy: Policy, tiers: &[u8]) -> Self {
        let mut fleet = Self::new(at_once(), tiers);
        fleet.want(1);
        fleet.run();
        assert!(fleet.clusters.iter().all(|it| it.available));
        fleet.world.policy = policy;
        fleet
    }

    pub(super) fn want(&mut self, revision: u64) {
        self.revision = revision;
        let count = u16::try_from(self.clusters.len()).unwrap();
        self.world.want(0..count, rendering(revision, 0));
    }

    pub(super) fn number(&self, at: usize) -> u64 {
        let row = self.world.ledger.row(&cluster(at as u16));
        row.map_or(0, |row| row.number)
    }

    pub(super) fn runs(&self, at: usize) -> u64 {
        let row = self.world.ledger.row(&cluster(at as u16));
        row.map_or(0, |row| row.ordered.revision)
    }

    /// Which clusters were ordered a revision.
    pub(super) fn with(&self, revision: u64) -> Vec<usize> {
        let all = 0..self.clusters.len();
        all.filter(|at| self.runs(*at) == revision).collect()
    }

    /// What the hub knows of a member.
    pub(super) fn known(&self, at: usize) -> fleet::Row {
        let (known, number) = (&self.clusters[at], self.number(at));
        let (said, available, failed) = known.said;
        let state = match (known.heard, said == number && number > 0) {
            (false, _) => DeploymentState::Offline,
            (true, true) if available => DeploymentState::Available,
            (true, true) if failed => DeploymentState::Failed,
            (true, _) => DeploymentState::Progressing,
        };
        let was_available = known.seen == number && number > 0;
        let is_failing = said == number && number > 0 && failed;
        fleet::Row::in_state(number, state, was_available).failing(is_failing)
    }

    pub(super) fn plan(&mut self) -> Plan {
        for at in 0..self.clusters.len() {
            let known = self.known(at);
            let member = self.world.members.get_mut(&cluster(at as u16));
            let member = member.unwrap();
            (member.row, member.connected) = (known, self.clusters[at].heard);
        }
        let places = self.names.iter().zip(&self.labels).enumerate();
        let places = places.map(|(at, (name, labels))| {
            let place = Place { name, labels };
            (cluster(at as u16), place)
        });
        let plan = rollout::plan(&Input {
            ledger: &self.world.ledger,
            leadership: self.world.leadership,
            floor: 0,
            intent: &self.world.intent,
            members: &self.world.members,
            pacing: Pacing {
                policy: &self.world.policy,
                places: &places.collect(),
                verbs: &self.verbs,
                settled_at: UnixMillis(self.settled_at),
            },
            now: UnixMillis(self.now),
        });
        let is_later = plan.wake_at.is_none_or(|at| at.0 > self.now);
        assert!(is_later, "a plan is asked for without pause");
        plan
    }

    /// Plans and stores; returns whom something was ordered.
    pub(super) fn step(&mut self) -> Vec<usize> {
        let plan = self.plan();
        let ordered = plan.orders.keys();
        let ordered: Vec<usize> = ordered
            .map(|cluster| {
                usize::from(u16::from_be_bytes([
                    cluster.as_bytes()[0],
                    cluster.as_bytes()[1],
                ]))
            })
            .collect();
        for at in &ordered {
            let known = self.known(*at).state();
            let is_change = self.number(*at) > 0;
            let was_up = matches!(known, DeploymentState::Available | DeploymentState::Offline);
            self.clusters[*at].disrupted |= is_change && was_up;
        }
        for (at, shard) in plan.shards {
            if at == self.world.ledger.shards.len() {
                self.world.ledger.shards.push(Shard::default());
            }
            self.world.ledger.shards[at] = shard;
        }
        let again = self.plan();
        assert!(again.is_empty(), "planning again plans: {:?}", again.orders);
        ordered
    }

    /// A member takes what it was ordered.
    pub(super) fn take(&mut self, at: usize) {
        let number = self.number(at);
        let member = &mut self.clusters[at];
        if member.connected && member.taken != number {
            (member.taken, member.available) = (number, false);
        }
    }

    /// What a member works on becomes available, where it works.
    pub(super) fn work(&mut self, at: usize) {
        let member = &mut self.clusters[at];
        member.available |= member.taken > 0 && !member.broken;
    }

    /// What a member says arrives.
    pub(super) fn hear(&mut self, at: usize) {
        let number = self.number(at);
        let member = &mut self.clusters[at];
        if !member.connected {
            member.heard = false;
            return;
        }
        member.heard = true;
        let failed = member.broken && !member.available;
        member.said = (member.taken, member.available, failed);
        if member.available && member.taken == number {
            (member.seen, member.disrupted) = (number, false);
            if member.up != number {
                (member.up, member.available_since) = (number, self.now);
            }
        } else {
            member.up = 0;
        }
    }

    /// Everybody does everything until nothing more happens.
    pub(super) fn run(&mut self) {
        for _ in 0..200 {
            let ordered = self.step();
            for at in 0..self.clusters.len() {
                self.take(at);
                self.work(at);
                self.hear(at);
            }
            let plan = self.plan();
            match plan.wake_at.filter(|_| plan.orders.is_empty()) {
                _ if !ordered.is_empty() => {}
                Some(at) => self.now = self.now.max(at.0),
                None if plan.is_empty() => return,
                None => {}
            }
        }
        panic!("the rollout does not end: {:?}", self.plan().rollout);
    }

    /// Another process of the hub, which knows what is stored.
    pub(super) fn restart(&mut self) {
        self.settled_at = self.now + SETTLE;
        for member in &mut self.clusters {
            (member.heard, member.seen) = (false, member.observed);
            member.said = (0, false, false);
        }
    }

    pub(super) fn disrupted(&self) -> usize {
        let clusters = self.clusters.iter();
        clusters.filter(|it| it.disrupted).count()
    }

    /// One step in which every member is heard, after everybody took and did what it was ordered.
    pub(super) fn round(&mut self) -> Vec<usize> {
        let ordered = self.step();
        for at in 0..self.clusters.len() {
            self.take(at);
            self.work(at);
            self.hear(at);
        }
        ordered
    }
}
