//! One agent: the shipped session machine, a durable store and a small engine around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_agent_core::session::{Identity, Reconnect, Recovered, Session, StoreError};
use stevedore_proto_core::status::{Truth as Status, Verdict};
use stevedore_proto_core::{
    ClusterUid, DeploymentStatus, DeploymentUid, Digest, Held, InstanceId, Millis, Order, Reason,
    Stage, Tuple,
};

use super::breaks::Break;
use super::rng::Rng;

/// Sets kept per deployment, the newest included.
const KEPT: usize = 3;

/// One stored object set.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) order: Order,
    pub(crate) content: Option<Arc<[u8]>>,
    finished: bool,
}

impl Set {
    /// Whether this is a tombstone that is done.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }
}

/// What is in the member's API server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    sets: BTreeMap<DeploymentUid, Vec<Set>>,
    /// The content that is live, by deployment.
    pub(crate) objects: BTreeMap<DeploymentUid, Digest>,
}

impl Store {
    /// The newest set of every deployment, in acceptance order, or by a wrong rule.
    fn newest(&self, broken: Option<Break>) -> impl Iterator<Item = &Set> {
        self.sets.values().filter_map(move |sets| match broken {
            Some(Break::NumberWithoutEpoch) => sets.iter().max_by_key(|set| set.order.tuple.number),
            _ => sets
                .iter()
                .max_by_key(|set| (set.order.tuple.epoch.counter, set.order.tuple.number)),
        })
    }

    pub(crate) fn get(&self, deployment: &DeploymentUid) -> Option<&Set> {
        self.sets.get(deployment)?.last()
    }

    pub(crate) fn contents(&self) -> BTreeSet<Digest> {
        let sets = self.sets.values().flatten();
        sets.filter_map(|set| set.order.content().map(|content| content.digest))
            .collect()
    }

    fn content(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let sets = self.sets.values().flatten();
        let found = sets.filter(|set| {
            set.order
                .content()
                .is_some_and(|content| content.digest == *digest)
        });
        found.filter_map(|set| set.content.clone()).next()
    }

    pub(crate) fn bytes(
        &self,
        order: &Order,
        sent: Option<&Arc<[u8]>>,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let Some(reference) = order.content() else {
            return Ok(None);
        };
        let bytes = sent.cloned().or_else(|| self.content(&reference.digest));
        bytes.map(Some).ok_or(StoreError {
            reason: Reason::ContentUnavailable,
            message: "the content is not stored".into(),
        })
    }

    pub(crate) fn commit(&mut self, order: Order, content: Option<Arc<[u8]>>) {
        let sets = self.sets.entry(order.deployment).or_default();
        sets.push(Set {
            order,
            content,
            finished: false,
        });
        let excess = sets.len().saturating_sub(KEPT);
        sets.drain(..excess);
    }

    pub(crate) fn finish(&mut self, deployment: &DeploymentUid) {
        if let Some(set) = self
            .sets
            .get_mut(deployment)
            .and_then(|sets| sets.last_mut())
        {
            set.finished = true;
        }
    }
}

/// A write on its way to the member's API server.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) order: Order,
    pub(crate) content: Option<Arc<[u8]>>,
}

/// One agent and its member.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) uid: ClusterUid,
    pub(crate) store: Store,
    pub(crate) session: Session,
    pub(crate) up: bool,
    /// Counts processes; what belongs to an earlier one is dropped.
    pub(crate) life: u64,
    pub(crate) writes: BTreeMap<DeploymentUid, Write>,
    pub(crate) reports: BTreeMap<DeploymentUid, DeploymentStatus>,
    pub(crate) link: Option<u64>,
}

impl Agent {
    pub(crate) fn new(uid: ClusterUid, rng: &mut Rng) -> Self {
        let store = Store::default();
        let session = session(uid, &store, None, rng);
        Self {
            uid,
            store,
            session,
            up: true,
            life: 0,
            writes: BTreeMap::new(),
            reports: BTreeMap::new(),
            link: None,
        }
    }

    /// The process is killed. Writes that were sent are executed or not.
    pub(crate) fn kill(&mut self, rng: &mut Rng) -> Vec<Write> {
        self.up = false;
        self.life += 1;
        self.reports.clear();
        std::mem::take(&mut self.writes)
            .into_values()
            .filter(|_| rng.chance(50))
            .collect()
    }

    /// A new process reads what is durable. Gives the sets its engine goes on with.
    pub(crate) fn start(
        &mut self,
        broken: Option<Break>,
        rng: &mut Rng,
    ) -> Vec<(DeploymentUid, Tuple)> {
        self.up = true;
        self.session = session(self.uid, &self.store, broken, rng);
        let open = self.store.newest(broken).filter(|set| !set.finished);
        open.map(|set| (set.order.deployment, set.order.tuple))
            .collect()
    }
}

fn session(uid: ClusterUid, store: &Store, broken: Option<Break>, rng: &mut Rng) -> Session {
    let held = store.newest(broken).map(|set| Held {
        deployment: set.order.deployment,
        package: set.order.package.clone(),
        tuple: set.order.tuple,
        content: set.order.content(),
        stage: if set.finished {
            Stage::Deleted
        } else {
            Stage::Received
        },
    });
    let recovered = Recovered {
        held: held.collect(),
        contents: store.contents(),
        seen: None,
    };
    let instance = InstanceId::from_bytes(rng.id());
    let identity = Identity {
        cluster: uid,
        instance,
        agent_version: "simulated".into(),
    };
    Session::new(identity, recovered, Reconnect::default())
}

/// The engine's steps with one set, and when they come.
pub(crate) fn engine(order: &Order, now: Millis, rng: &mut Rng) -> Vec<(Millis, Stage)> {
    let soon = now + rng.between(5, 300);
    if order.is_tombstone() {
        return vec![(soon, Stage::Deleted)];
    }
    vec![
        (soon, Stage::Applied),
        (soon + rng.between(5, 2_000), Stage::Available),
    ]
}

/// What the engine says about a deployment.
pub(crate) fn status(order: &Order, stage: Stage) -> DeploymentStatus {
    let (truth, reason) = match stage {
        Stage::Available => (Status::True, Reason::Available),
        Stage::Deleted => (Status::False, Reason::TearingDown),
        Stage::Received | Stage::Applied => (Status::False, Reason::Applying),
    };
    DeploymentStatus {
        deployment: order.deployment,
        observed: order.tuple,
        stage,
        available: Verdict {
            status: truth,
            reason,
            message: String::new(),
        },
        phases: Vec::new(),
        blockers: Vec::new(),
        attributions: Vec::new(),
        conditions: Vec::new(),
    }
}
