//! A package with its ledger and its members, as plans are tried on it.

use super::*;

/// A member that works on whatever it was ordered: no budget keeps anything from it.
pub(super) fn member() -> MemberState {
    MemberState {
        row: fleet::Row::in_state(0, DeploymentState::Progressing, false),
        connected: true,
        ..MemberState::default()
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    pub(super) leadership: Leadership,
    pub(super) floor: u64,
    pub(super) intent: Intent,
    pub(super) members: BTreeMap<ClusterUid, MemberState>,
    pub(super) policy: Policy,
}

impl World {
    pub(super) fn new(clusters: u16) -> Self {
        Self {
            ledger: Ledger::new(PackageIdentity {
                uid: PackageUid::from_bytes([7; 16]),
                namespace: None,
                name: "demo".into(),
            }),
            leadership: leadership(1, 1),
            floor: 0,
            intent: Intent::Removed,
            members: (0..clusters).map(|at| (cluster(at), member())).collect(),
            policy: at_once(),
        }
    }

    pub(super) fn want(
        &mut self,
        clusters: impl IntoIterator<Item = u16>,
        (revision, rendering): (ActiveRevision, Rendering),
    ) {
        self.intent = Intent::Present {
            revision,
            paused: false,
            account: None,
            targets: clusters
                .into_iter()
                .map(|at| (cluster(at), rendering))
                .collect(),
        };
    }

    pub(super) fn pause(&mut self, value: bool) {
        if let Intent::Present { paused, .. } | Intent::Keep { paused, .. } = &mut self.intent {
            *paused = value;
        }
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&Input {
            ledger: &self.ledger,
            leadership: self.leadership,
            floor: self.floor,
            intent: &self.intent,
            members: &self.members,
            pacing: Pacing {
                policy: &self.policy,
                places: &BTreeMap::new(),
                verbs: &Verbs::default(),
                settled_at: UnixMillis(0),
            },
            now: UnixMillis(0),
        })
    }

    /// Plans, and stores the plan.
    pub(super) fn store_plan(&mut self) -> Plan {
        let plan = self.plan();
        for (at, shard) in &plan.shards {
            if *at == self.ledger.shards.len() {
                self.ledger.shards.push(shard.clone());
            } else {
                assert!(shard.highest >= self.ledger.shards[*at].highest);
                self.ledger.shards[*at] = shard.clone();
            }
        }
        plan
    }

    /// Stores a plan, and checks that planning again plans nothing.
    pub(super) fn settle(&mut self) -> Plan {
        let plan = self.store_plan();
        assert!(self.plan().is_empty(), "a second plan is not empty");
        plan
    }

    pub(super) fn row(&self, at: u16) -> Row {
        self.ledger.row(&cluster(at)).unwrap().clone()
    }
}

/// Everything at once, whatever comes of it, but for the one cluster of two or more that always stays.
pub(super) fn at_once() -> Policy {
    Policy {
        waves: Some(Vec::new()),
        max_unavailable: Amount::Percent(100),
        max_failures: Amount::Percent(100),
        ..Policy::default()
    }
}
