//! The accepted orders, durable on the member's API server.
//!
//! ```text
//!  order ──▶ Secrets (named by keyed digest) ──▶ ClusterObjectSet with the tuple ──▶ Ack(Received)
//!                                                      │
//!            restart, second copy, kubectl ◀───────────┤
//!                                                      ▼
//!                                              engine (through SetStore)
//! ```
//!
//! Promises: nothing is acknowledged before it is stored; content is written once and never changed; a stored
//! tombstone is never taken back; the newest set of a hub's deployment that somebody deletes is written again
//! and its disappearance tears nothing down; no body of an object is kept in memory, but for what was just stored
//! and the engine is about to read.

mod accept;
mod content;
mod convert;
mod definitions;
mod ending;
mod handover;
pub(crate) mod head;
mod index;
mod observe;
mod restore;
#[cfg(test)]
mod script;
mod secrets;
mod set_store;
mod state;
mod sweep;
mod take;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_agent_core::session::Recovered;
use stevedore_proto_core::{DeploymentUid, Digest, Held};
use stevedore_runtime::supervise::Tasks;
use tokio::sync::{Notify, RwLock, watch};

use crate::accounts::AccountResolver;
use crate::cluster_api::AgentClient;
use crate::ports::{Answer, Notified};
use crate::standalone::Queue;
use crate::unreadable::UnreadableWriter;
use definitions::Definitions;
use handover::Handover;
use head::SetHead;
use index::Index;
use state::StateSecret;

pub use head::FINALIZER;
pub use observe::Observed;

/// The stored sets. One per process.
pub struct Store {
    client: AgentClient,
    namespace: String,
    accounts: Arc<AccountResolver>,
    /// Object deployments that a change of their sets concerns.
    deployments: Arc<Queue>,
    index: Index,
    handover: Handover,
    state: StateSecret,
    definitions: Definitions,
    unreadable: UnreadableWriter,
    /// Held for reading while Secrets are written that no stored set names yet. Nobody ever waits to write.
    sweeping: RwLock<()>,
    /// Said whenever a set, and with it the name of Secrets, is gone.
    unnamed: Notify,
    tasks: Tasks,
    /// See [`Self::enter_ending`].
    ending: Mutex<BTreeMap<String, SetHead>>,
    /// UIDs of sets that a task tries to give our finalizer.
    taking: Mutex<BTreeSet<String>>,
    /// Counts sets that vanished and could not be written again from what was seen of them.
    lost: watch::Sender<u64>,
    /// Counts changes of definitions, policy and rights.
    circumstances: watch::Sender<u64>,
    /// Counts deletions of sets.
    deleted: watch::Sender<u64>,
    /// Deployments whose finished tombstones are not kept any more, until the session is told.
    forgotten: Mutex<Vec<DeploymentUid>>,
}

impl Store {
    /// Opens the store in the agent's namespace: reads, or creates, Secret `stevedore-agent-state`.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub async fn open(
        client: AgentClient,
        namespace: &str,
        accounts: Arc<AccountResolver>,
        deployments: Arc<Queue>,
        tasks: &Tasks,
    ) -> Answer<Arc<Self>> {
        let state = StateSecret::open(client.clone(), namespace, rand::random()).await?;
        let tasks = tasks.owner("store");
        Ok(Arc::new(Self {
            unreadable: UnreadableWriter::start(client.clone(), &tasks),
            client,
            namespace: namespace.to_owned(),
            accounts,
            deployments,
            index: Index::default(),
            handover: Handover::default(),
            state,
            definitions: Definitions::default(),
            sweeping: RwLock::new(()),
            unnamed: Notify::new(),
            tasks,
            ending: Mutex::default(),
            taking: Mutex::default(),
            lost: watch::Sender::new(0),
            circumstances: watch::Sender::new(0),
            deleted: watch::Sender::new(0),
            forgotten: Mutex::default(),
        }))
    }

    /// From now on the engine is told of changes; it is told once of every deployment that is known.
    pub fn attach(&self, engine: Arc<dyn Notified>) {
        self.index.attach(engine);
    }

    /// What the session starts from. Complete once the watches of [`Self::observe`] are in sync.
    pub fn recovered(&self) -> Recovered {
        let mut held: BTreeMap<DeploymentUid, Held> = self.index.held();
        for finished in self.state.finished() {
            let newer = held
                .get(&finished.deployment)
                .is_none_or(|held| convert::is_newer(&finished.tuple, &held.tuple));
            if newer {
                held.insert(finished.deployment, finished);
            }
        }
        Recovered {
            held: held.into_values().collect(),
            contents: self.index.contents(),
            seen: self.state.seen(),
        }
    }

    /// Rises when a stored order vanished in a way that only the hub can make good: the session has to be
    /// started again from [`Self::recovered`].
    pub fn lost(&self) -> watch::Receiver<u64> {
        self.lost.subscribe()
    }

    /// Rises when definitions, the policy or rights may have changed.
    pub fn circumstances(&self) -> watch::Receiver<u64> {
        self.circumstances.subscribe()
    }

    /// Rises when sets were deleted, and with them perhaps the last ones that had a content.
    pub fn deleted(&self) -> watch::Receiver<u64> {
        self.deleted.subscribe()
    }

    /// Deployments whose finished tombstones were dropped since the last call; new ones come with
    /// [`Self::deleted`].
    pub fn take_forgotten(&self) -> Vec<DeploymentUid> {
        std::mem::take(&mut *self.forgotten.lock())
    }

    /// Digests of every content that is stored.
    pub fn contents(&self) -> BTreeSet<Digest> {
        self.index.contents()
    }
}
