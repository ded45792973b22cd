//! Rollouts in waves: laws that hold whatever members do, however late what they say arrives, and whenever the hub is
//! started again.

use proptest::prelude::*;
use stevedore_proto_core::content::LabelSelector;

use super::*;
use crate::ledger::Shard;
use crate::rollout;

/// One member as it is, and as the hub knows it.
#[derive(Debug, Clone, Default)]
struct Cluster {
    tier: u8,
    connected: bool,
    /// The number of the order that it has taken.
    taken: u64,
    available: bool,
    /// Revisions that do not work there.
    broken: bool,
    /// What the hub knows: whether there is a session, and what was said last.
    heard: bool,
    said: (u64, bool, bool),
    /// The number that the hub, and its ledger, saw available.
    seen: u64,
    observed: u64,
    /// An order took it from available, and nothing was seen of it being so since.
    disrupted: bool,
    /// Since when it has been seen available with its order.
    available_since: u64,
}

/// A hub with its ledger, and a fleet.
#[derive(Debug)]
struct Fleet {
    world: World,
    clusters: Vec<Cluster>,
    names: Vec<String>,
    labels: Vec<BTreeMap<String, String>>,
    now: u64,
    settled_at: u64,
    revision: u64,
}

/// For how long a hub that starts waits for members.
const SETTLE: u64 = 60_000;

impl Fleet {
    fn new(policy: Policy, tiers: &[u8]) -> Self {
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
        }
    }

    /// Installed everywhere, and available.
    fn installed(policy: Policy, tiers: &[u8]) -> Self {
        let mut fleet = Self::new(Policy::at_once(), tiers);
        fleet.want(1);
        fleet.run();
        assert!(fleet.clusters.iter().all(|it| it.available));
        fleet.world.policy = policy;
        fleet
    }

    fn want(&mut self, revision: u64) {
        self.revision = revision;
        let count = u16::try_from(self.clusters.len()).unwrap();
        self.world.want(0..count, rendering(revision, 0));
    }

    fn number(&self, at: usize) -> u64 {
        let row = self.world.ledger.row(&cluster(at as u16));
        row.map_or(0, |row| row.number)
    }

    fn runs(&self, at: usize) -> u64 {
        let row = self.world.ledger.row(&cluster(at as u16));
        row.map_or(0, |row| row.ordered.revision)
    }

    /// Which clusters were ordered a revision.
    fn with(&self, revision: u64) -> Vec<usize> {
        let all = 0..self.clusters.len();
        all.filter(|at| self.runs(*at) == revision).collect()
    }

    /// What the hub knows of a member.
    fn known(&self, at: usize) -> fleet::Row {
        let (known, number) = (&self.clusters[at], self.number(at));
        let (said, available, failed) = known.said;
        let state = match (known.heard, said == number && number > 0) {
            (false, _) => DeploymentState::Offline,
            (true, true) if available => DeploymentState::Available,
            (true, true) if failed => DeploymentState::Failed,
            (true, _) => DeploymentState::Progressing,
        };
        fleet::Row::in_state(number, state, known.seen == number && number > 0)
    }

    fn plan(&mut self) -> Plan {
        for at in 0..self.clusters.len() {
            let known = self.known(at);
            let member = self.world.members.get_mut(&cluster(at as u16));
            member.unwrap().row = known;
        }
        let places = self.names.iter().zip(&self.labels).enumerate();
        let places = places.map(|(at, (name, labels))| {
            let place = Place { name, labels };
            (cluster(at as u16), place)
        });
        rollout::plan(&Input {
            ledger: &self.world.ledger,
            leadership: self.world.leadership,
            floor: 0,
            intent: &self.world.intent,
            members: &self.world.members,
            pacing: Pacing {
                policy: &self.world.policy,
                places: &places.collect(),
                settled_at: UnixMillis(self.settled_at),
            },
            now: UnixMillis(self.now),
        })
    }

    /// Plans and stores; returns whom something was ordered.
    fn step(&mut self) -> Vec<usize> {
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
    fn take(&mut self, at: usize) {
        let number = self.number(at);
        let member = &mut self.clusters[at];
        if member.connected && member.taken != number {
            (member.taken, member.available) = (number, false);
        }
    }

    /// What a member works on becomes available, where it works.
    fn work(&mut self, at: usize) {
        let member = &mut self.clusters[at];
        member.available |= member.taken > 0 && !member.broken;
    }

    /// What a member says arrives.
    fn hear(&mut self, at: usize) {
        let number = self.number(at);
        let member = &mut self.clusters[at];
        if !member.connected {
            member.heard = false;
            return;
        }
        member.heard = true;
        let failed = member.broken && !member.available;
        let was = member.said == (member.taken, true, false);
        member.said = (member.taken, member.available, failed);
        if member.available && member.taken == number {
            (member.seen, member.disrupted) = (number, false);
            if !was {
                member.available_since = self.now;
            }
        }
    }

    /// Everybody does everything until nothing more happens.
    fn run(&mut self) {
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
    fn restart(&mut self) {
        self.settled_at = self.now + SETTLE;
        for member in &mut self.clusters {
            (member.heard, member.seen) = (false, member.observed);
            member.said = (0, false, false);
        }
    }

    fn disrupted(&self) -> usize {
        let clusters = self.clusters.iter();
        clusters.filter(|it| it.disrupted).count()
    }

    /// One step in which every member is heard, after everybody took and did what it was ordered.
    fn round(&mut self) -> Vec<usize> {
        let ordered = self.step();
        for at in 0..self.clusters.len() {
            self.take(at);
            self.work(at);
            self.hear(at);
        }
        ordered
    }
}

fn tier(name: &str, tier: &str) -> Wave {
    let selector = LabelSelector {
        match_labels: BTreeMap::from([("tier".to_owned(), tier.to_owned())]),
        match_expressions: Vec::new(),
    };
    Wave::new(name, WaveMembers::Selector(selector))
}

fn in_waves(waves: Vec<Wave>) -> Policy {
    Policy {
        waves: Some(waves),
        ..Policy::default()
    }
}

#[test]
fn without_waves_of_its_own_a_change_goes_to_one_cluster_and_then_to_a_tenth_at_a_time() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 30]);
    fleet.want(2);
    let sizes: Vec<usize> = std::iter::from_fn(|| Some(fleet.round().len()))
        .take_while(|size| *size > 0)
        .collect();
    assert_eq!(sizes, [1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2]);
    assert_eq!(fleet.with(2).len(), 30);
}

#[test]
fn without_waves_of_its_own_a_package_is_installed_everywhere_at_once() {
    let mut fleet = Fleet::new(Policy::default(), &[0; 30]);
    fleet.want(1);
    assert_eq!(fleet.step().len(), 30);
    assert_eq!(fleet.world.ledger.rollout(), None);
}

#[test]
fn a_canary_that_fails_halts_the_rollout_and_its_recovery_resumes_it() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 5]);
    fleet.clusters[0].broken = true;
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    for _ in 0..5 {
        assert!(fleet.round().is_empty());
    }
    let report = fleet.plan().rollout;
    let halt = Halt {
        wave: None,
        failed: 1,
        allowed: 0,
    };
    assert_eq!(report.halt, Some(halt));
    assert_eq!(report.waves[0].gate, Gate::Halted);
    assert_eq!(report.waits[&cluster(4)], Wait::Halted);
    fleet.clusters[0].broken = false;
    fleet.run();
    assert_eq!(fleet.with(2).len(), 5);
}

#[test]
fn a_fix_reaches_what_is_broken_without_waiting_for_the_budget() {
    let mut fleet = Fleet::installed(Policy::at_once(), &[0; 6]);
    for at in 0..5 {
        fleet.clusters[at].broken = true;
    }
    fleet.want(2);
    for _ in 0..3 {
        fleet.round();
    }
    for at in 0..5 {
        fleet.clusters[at].broken = false;
        fleet.clusters[at].available = false;
    }
    fleet.world.policy = in_waves(Vec::new());
    fleet.want(3);
    let ordered = fleet.step();
    assert!((0..5).all(|at| ordered.contains(&at)), "{ordered:?}");
    assert!(
        !ordered.contains(&5),
        "what is available waits: {ordered:?}"
    );
}

#[test]
fn waves_follow_one_another_and_soak() {
    let soak = std::time::Duration::from_secs(300);
    let policy = Policy {
        min_ready: soak,
        max_unavailable: Amount::Percent(100),
        ..in_waves(vec![tier("edge", "1"), tier("core", "2")])
    };
    let mut fleet = Fleet::installed(policy, &[2, 1, 0, 2, 1]);
    fleet.want(2);
    assert_eq!(fleet.round(), [1, 4]);
    let plan = fleet.plan();
    assert_eq!(plan.wake_at, Some(UnixMillis(fleet.now).after(soak)));
    assert!(fleet.step().is_empty());
    fleet.now += 299_999;
    // The time does not begin anew with another process.
    fleet.restart();
    assert!(fleet.round().is_empty());
    fleet.now += 1;
    assert_eq!(fleet.round(), [0, 3]);
    fleet.now += 300_000;
    assert!(
        fleet.round().is_empty(),
        "the soak time begins when all is available"
    );
    fleet.now += 300_000;
    assert_eq!(fleet.round(), [2]);
}

#[test]
fn a_wave_of_a_number_keeps_the_clusters_that_it_took() {
    let half = Wave::new("half", WaveMembers::Some(Amount::Percent(50)));
    let policy = Policy {
        max_concurrent: Some(Amount::Count(1)),
        ..in_waves(vec![half])
    };
    let mut fleet = Fleet::installed(policy, &[0; 4]);
    fleet.want(2);
    let mut all = Vec::new();
    for _ in 0..8 {
        let ordered = fleet.round();
        assert!(ordered.len() <= 1, "more than one is under way");
        all.extend(ordered);
    }
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn an_offline_cluster_frees_the_gate_and_catches_up_within_the_budget() {
    let policy = in_waves(vec![tier("edge", "1")]);
    let mut fleet = Fleet::installed(policy, &[1, 1, 1, 0]);
    fleet.clusters[0].connected = false;
    fleet.hear(0);
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2), [1, 2, 3]);
    assert_eq!(fleet.plan().rollout.waits[&cluster(0)], Wait::Offline);
    fleet.clusters[0].connected = true;
    fleet.hear(0);
    assert_eq!(fleet.step(), [0]);
    assert_eq!(fleet.disrupted(), 1);
}

#[test]
fn a_cluster_lost_after_its_order_takes_the_budget_and_fails_at_the_deadline() {
    let mut fleet = Fleet::installed(in_waves(Vec::new()), &[0; 4]);
    fleet.want(2);
    assert_eq!(fleet.step(), [0]);
    fleet.clusters[0].connected = false;
    fleet.hear(0);
    assert!(fleet.round().is_empty());
    let wake_at = fleet.plan().wake_at.unwrap();
    assert_eq!(wake_at, UnixMillis(fleet.now).after(PROGRESS_DEADLINE));
    fleet.now = wake_at.0;
    assert!(fleet.round().is_empty());
    assert!(fleet.plan().rollout.halt.is_some());
}

#[test]
fn a_wave_that_nearly_nobody_speaks_of_does_not_pass() {
    let mut fleet = Fleet::installed(in_waves(vec![tier("edge", "1")]), &[1, 1, 1, 0]);
    for at in 0..3 {
        fleet.clusters[at].connected = at == 2;
        fleet.hear(at);
    }
    fleet.want(2);
    assert_eq!(fleet.round(), [2]);
    assert!(fleet.round().is_empty());
    assert_eq!(fleet.plan().rollout.waves[0].gate, Gate::TooFewHeard);
    fleet.clusters[1].connected = true;
    fleet.run();
    assert_eq!(fleet.with(2), [1, 2, 3]);
}

#[test]
fn a_cluster_that_failed_before_does_not_halt_what_is_changed_later() {
    let policy = Policy {
        max_failures: Amount::Count(1),
        max_unavailable: Amount::Count(2),
        ..in_waves(Vec::new())
    };
    let mut fleet = Fleet::installed(policy, &[0; 3]);
    fleet.clusters[1].broken = true;
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2).len(), 3);
    assert!(fleet.world.ledger.rollout().unwrap().finished);
    fleet.world.policy.max_failures = Amount::Count(0);
    // A label changes what one cluster is to run.
    let Intent::Present { targets, .. } = &mut fleet.world.intent else {
        panic!("it is present");
    };
    targets.insert(cluster(2), content(9, 0));
    assert_eq!(fleet.step(), [2]);
}

#[test]
fn a_newer_revision_takes_over_half_way_and_the_budget_holds() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 20]);
    fleet.want(2);
    for _ in 0..3 {
        fleet.round();
    }
    assert_eq!(fleet.step().len(), 2);
    for revision in 3..13 {
        fleet.want(revision);
        let ordered = fleet.step();
        assert!(fleet.disrupted() <= 2, "{ordered:?}");
    }
    fleet.run();
    assert_eq!(fleet.with(12).len(), 20);
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Event {
    Want(u64),
    Plan,
    Take(usize),
    Work(usize),
    Hear(usize),
    Break(usize, bool),
    Connect(usize, bool),
    Pass(u64),
    Observe(usize),
    Restart,
}

const CLUSTERS: usize = 7;

fn event() -> impl Strategy<Value = Event> {
    let at = || 0..CLUSTERS;
    prop_oneof![
        1 => (1..4_u64).prop_map(Event::Want),
        6 => Just(Event::Plan),
        4 => at().prop_map(Event::Take),
        4 => at().prop_map(Event::Work),
        6 => at().prop_map(Event::Hear),
        1 => (at(), any::<bool>()).prop_map(|(at, value)| Event::Break(at, value)),
        2 => (at(), any::<bool>()).prop_map(|(at, value)| Event::Connect(at, value)),
        2 => (1..200_000_u64).prop_map(Event::Pass),
        1 => at().prop_map(Event::Observe),
        1 => Just(Event::Restart),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let amount = prop_oneof![
        (0..4_u32).prop_map(Amount::Count),
        (0..101_u8).prop_map(Amount::Percent),
    ];
    let waves = prop_oneof![
        Just(None),
        Just(Some(vec![])),
        Just(Some(vec![tier("edge", "1"), tier("core", "2")])),
        Just(Some(vec![
            Wave::new("two", WaveMembers::Some(Amount::Count(2))),
            tier("core", "2")
        ])),
    ];
    let offline = prop_oneof![
        Just(Offline::Skip),
        Just(Offline::Wait),
        Just(Offline::Count)
    ];
    (
        (waves, amount.clone(), amount.clone()),
        proptest::option::of(amount),
        0..100_u64,
        offline,
    )
        .prop_map(
            |((waves, max_unavailable, max_failures), max_concurrent, soak, offline)| Policy {
                waves,
                max_concurrent,
                max_unavailable,
                max_failures,
                min_ready: std::time::Duration::from_secs(soak),
                progress_deadline: PROGRESS_DEADLINE,
                offline,
            },
        )
}

fn happen(fleet: &mut Fleet, event: &Event) {
    match event {
        Event::Want(revision) => fleet.want(*revision),
        Event::Plan => drop(fleet.step()),
        Event::Take(at) => fleet.take(*at),
        Event::Work(at) => fleet.work(*at),
        Event::Hear(at) => fleet.hear(*at),
        Event::Break(at, value) => {
            fleet.clusters[*at].broken = *value;
            fleet.clusters[*at].available &= !value;
        }
        Event::Connect(at, value) => fleet.clusters[*at].connected = *value,
        Event::Pass(time) => fleet.now += time,
        Event::Observe(at) => fleet.clusters[*at].observed = fleet.clusters[*at].seen,
        Event::Restart => fleet.restart(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_budget_holds_whatever_happens_and_a_fleet_that_is_well_gets_what_is_wanted(
        policy in policy(),
        tiers in prop::collection::vec(0..3_u8, CLUSTERS),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut fleet = Fleet::installed(policy, &tiers);
        let budget = fleet.world.policy.budget(CLUSTERS);
        for event in &events {
            happen(&mut fleet, event);
            prop_assert!(fleet.disrupted() <= budget, "{} of {budget} after {event:?}", fleet.disrupted());
        }
        for at in 0..CLUSTERS {
            (fleet.clusters[at].connected, fleet.clusters[at].broken) = (true, false);
        }
        fleet.now += SETTLE;
        fleet.run();
        prop_assert_eq!(fleet.with(fleet.revision).len(), CLUSTERS);
    }

    #[test]
    fn a_wave_is_begun_when_all_before_it_has_been_available_for_long_enough(
        soak in 0..100_000_u64,
        tiers in prop::collection::vec(1..4_u8, CLUSTERS),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let policy = Policy {
            min_ready: std::time::Duration::from_millis(soak),
            ..in_waves(vec![tier("first", "1"), tier("second", "2")])
        };
        let mut fleet = Fleet::installed(policy, &tiers);
        fleet.want(2);
        let mut begun = BTreeSet::new();
        for event in &events {
            if let Event::Want(_) = event {
                continue;
            }
            let before: Vec<_> = (0..CLUSTERS).map(|at| fleet.runs(at)).collect();
            happen(&mut fleet, event);
            for at in (0..CLUSTERS).filter(|at| fleet.runs(*at) != before[*at]) {
                let wave = fleet.clusters[at].tier;
                if !begun.insert(wave) {
                    continue;
                }
                for other in fleet.clusters.iter().enumerate().filter(|(_, it)| it.tier < wave) {
                    let (at, it) = other;
                    let is_up = it.said == (fleet.number(at), true, false) && fleet.runs(at) == 2;
                    let is_soaked = fleet.now - it.available_since >= soak;
                    let is_away = !it.heard;
                    prop_assert!(is_away || (is_up && is_soaked), "wave {wave} began over {it:?}");
                }
            }
        }
    }
}
