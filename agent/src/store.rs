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
//! | Part | Holds or does |
//! |---|---|
//! | `index` | which sets there are, kept by the `watches` |
//! | `order_writer`, `template`, `secrets` | write an order |
//! | `set_reader`, `content_reader` | read sets and contents for the engine, past the `write_cache` |
//! | `state_secret` | what must outlive every set |
//! | `deletions`, `finalizers`, `definitions` | a directly used set is torn down before it goes, and only then |
//! | `restorer` | writes a set again that somebody deleted |
//! | `secret_collector` | garbage collection |
//!
//! Each part has one lock at most, and calls no other part while it holds it.
//!
//! Promises: nothing is acknowledged before it is stored; content is written once and never changed; a stored
//! tombstone is never taken back; the newest set of a hub's deployment that somebody deletes is written again
//! and its disappearance tears nothing down; no body of an object is kept in memory, but for what was just stored
//! and the engine is about to read.

mod content_reader;
mod convert;
mod definitions;
mod deletions;
mod finalizers;
mod index;
mod order_writer;
mod restorer;
#[cfg(test)]
mod script;
mod secret_collector;
mod secrets;
mod set_client;
pub(crate) mod set_object;
mod set_reader;
mod signal;
mod state_secret;
mod store_error;
mod template;
mod watches;
mod write_cache;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::session::{Recovered, StoreError};
use stevedore_agent_core::set::{SetHead, SetRef, is_newer};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{Content, DeploymentUid, Digest, Held, Order, Tuple};
use stevedore_runtime::supervise::Tasks;
use tokio::sync::{Notify, watch};

use crate::accounts::AccountResolver;
use crate::cluster_api::{AgentClient, Discovery};
use crate::ports::{Answer, ContentFailure, Notified, SetStore, StoredSet};
use crate::standalone::queue::Queue;
use crate::unreadable::UnreadableWriter;
use content_reader::ContentReader;
use definitions::Definitions;
use deletions::Deletions;
use finalizers::Finalizers;
use index::Index;
use order_writer::OrderWriter;
use restorer::Restorer;
use secret_collector::SecretCollector;
use secrets::SecretsInUse;
use set_client::SetClient;
use set_reader::SetReader;
use signal::Signal;
use state_secret::StateSecret;
use template::ContentWriter;
use watches::Watches;
use write_cache::WriteCache;

pub use set_object::FINALIZER;
pub use watches::FirstLists;

/// The stored sets. One per process.
pub struct Store {
    sets: SetClient,
    index: Arc<Index>,
    cache: Arc<WriteCache>,
    state: Arc<StateSecret>,
    definitions: Arc<Definitions>,
    writer: OrderWriter,
    reader: SetReader,
    contents: ContentReader,
    collector: Arc<SecretCollector>,
    watches: Arc<Watches>,
    deleted: Signal,
    tasks: Tasks,
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
        let parts = Parts {
            sets: SetClient::new(client.clone()),
            client,
            namespace: namespace.to_owned(),
            accounts,
            index: Arc::default(),
            cache: Arc::default(),
            state: Arc::new(state),
            definitions: Arc::default(),
            circumstances: Arc::default(),
            tasks: tasks.owner("store"),
        };
        Ok(Arc::new(parts.store(deployments)))
    }

    /// Starts the watches over sets, policy and definitions, as tasks of the store.
    ///
    /// # Errors
    /// Never in practice: the paths are our own.
    pub fn observe(&self, discovery: &Arc<Discovery>) -> Answer<FirstLists> {
        self.watches.start(discovery)
    }

    /// From now on the engine is told of changes; it is told once of every deployment that is known.
    pub fn attach(&self, engine: Arc<dyn Notified>) {
        self.index.attach(engine);
    }

    /// Starts the garbage collection. Only right once the index has every set.
    pub(crate) fn start_garbage_collection(&self) {
        let collector = Arc::clone(&self.collector);
        self.tasks
            .run_until_shutdown("garbage-collection", async move { collector.run().await });
    }

    /// Makes an order durable. `content` are its verified bytes; absent for a tombstone, and for content
    /// that a stored set already has. Done again with the same order, nothing changes.
    ///
    /// # Errors
    /// With the reason for the hub. No message quotes a value of a Secret.
    pub async fn accept(
        &self,
        order: &Order,
        content: Option<Arc<[u8]>>,
    ) -> Result<(), StoreError> {
        self.writer.accept(order, content).await
    }

    /// What the session starts from. Complete once the watches of [`Self::observe`] are in sync.
    pub fn recovered(&self) -> Recovered {
        let mut held: BTreeMap<DeploymentUid, Held> = self.index.held();
        for finished in self.state.finished() {
            let newer = held
                .get(&finished.deployment)
                .is_none_or(|held| is_newer(&finished.tuple, &held.tuple));
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

    /// Changes when a stored order vanished in a way that only the hub can make good: the session has to be
    /// started again from [`Self::recovered`].
    pub fn lost(&self) -> watch::Receiver<u64> {
        self.watches.lost.subscribe()
    }

    /// Changes when definitions, the policy or rights may have changed.
    pub fn circumstances(&self) -> watch::Receiver<u64> {
        self.watches.circumstances.subscribe()
    }

    /// Changes when sets were deleted, and with them perhaps the last ones that had a content.
    pub fn deleted(&self) -> watch::Receiver<u64> {
        self.deleted.subscribe()
    }

    /// Deployments whose finished tombstones were dropped since the last call; new ones come with
    /// [`Self::deleted`].
    pub fn take_forgotten(&self) -> Vec<DeploymentUid> {
        self.state.take_forgotten()
    }

    /// Digests of every content that is stored.
    pub fn contents(&self) -> BTreeSet<Digest> {
        self.index.contents()
    }
}

/// What the parts of a store are made from.
struct Parts {
    client: AgentClient,
    sets: SetClient,
    namespace: String,
    accounts: Arc<AccountResolver>,
    index: Arc<Index>,
    cache: Arc<WriteCache>,
    state: Arc<StateSecret>,
    definitions: Arc<Definitions>,
    circumstances: Arc<Signal>,
    tasks: Tasks,
}

impl Parts {
    fn store(self, deployments: Arc<Queue>) -> Store {
        let secrets: Arc<SecretsInUse> = Arc::default();
        Store {
            writer: self.writer(&secrets),
            reader: SetReader {
                client: self.client.clone(),
                sets: self.sets.clone(),
                index: Arc::clone(&self.index),
                cache: Arc::clone(&self.cache),
            },
            contents: ContentReader {
                client: self.client.clone(),
                sets: self.sets.clone(),
                namespace: self.namespace.clone(),
                accounts: Arc::clone(&self.accounts),
                cache: Arc::clone(&self.cache),
            },
            collector: Arc::new(SecretCollector {
                client: self.client.clone(),
                namespace: self.namespace.clone(),
                index: Arc::clone(&self.index),
                secrets,
                unnamed: Notify::new(),
            }),
            watches: Arc::new(self.watches(deployments)),
            sets: self.sets,
            index: self.index,
            cache: self.cache,
            state: self.state,
            definitions: self.definitions,
            deleted: Signal::default(),
            tasks: self.tasks,
        }
    }

    fn writer(&self, secrets: &Arc<SecretsInUse>) -> OrderWriter {
        OrderWriter {
            client: self.client.clone(),
            sets: self.sets.clone(),
            contents: ContentWriter {
                client: self.client.clone(),
                namespace: self.namespace.clone(),
                digest_key: self.state.digest_key(),
                index: Arc::clone(&self.index),
            },
            index: Arc::clone(&self.index),
            cache: Arc::clone(&self.cache),
            secrets: Arc::clone(secrets),
        }
    }

    fn watches(&self, deployments: Arc<Queue>) -> Watches {
        let lost: Arc<Signal> = Arc::default();
        Watches {
            client: self.client.clone(),
            accounts: Arc::clone(&self.accounts),
            deployments,
            unreadable: UnreadableWriter::start(self.client.clone(), &self.tasks),
            index: Arc::clone(&self.index),
            cache: Arc::clone(&self.cache),
            definitions: Arc::clone(&self.definitions),
            deletions: Arc::new(Deletions {
                client: self.client.clone(),
                definitions: Arc::clone(&self.definitions),
                index: Arc::clone(&self.index),
                tasks: self.tasks.clone(),
                waiting: Default::default(),
            }),
            finalizers: Arc::new(Finalizers {
                sets: self.sets.clone(),
                circumstances: Arc::clone(&self.circumstances),
                tasks: self.tasks.clone(),
                in_flight: Default::default(),
            }),
            restorer: Arc::new(Restorer {
                client: self.client.clone(),
                index: Arc::clone(&self.index),
                state: Arc::clone(&self.state),
                definitions: Arc::clone(&self.definitions),
                circumstances: Arc::clone(&self.circumstances),
                tasks: self.tasks.clone(),
            }),
            lost,
            circumstances: Arc::clone(&self.circumstances),
            tasks: self.tasks.clone(),
        }
    }
}

impl SetStore for Store {
    fn sets<'a>(
        &'a self,
        deployment: DeploymentUid,
        known: &'a [SetHead],
    ) -> BoxFuture<'a, Answer<Vec<StoredSet>>> {
        Box::pin(self.reader.sets(deployment, known))
    }

    fn content<'a>(
        &'a self,
        set: &'a SetRef,
    ) -> BoxFuture<'a, Result<Arc<Content>, ContentFailure>> {
        Box::pin(self.contents.read(set))
    }

    fn digest_key(&self) -> [u8; 32] {
        self.state.digest_key()
    }

    fn write_status<'a>(
        &'a self,
        set: &'a SetRef,
        status: &'a ObjectSetStatus,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.sets.write_status(set, status))
    }

    fn archive<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<Option<i64>>> {
        Box::pin(async move {
            let Some(archived) = self.sets.archive(set).await? else {
                return Ok(None);
            };
            // That it is archived is known: nobody has to read it for that.
            let generation = archived.metadata.generation;
            self.cache.put_set(archived.clone());
            self.index.enter(&archived);
            Ok(Some(generation))
        })
    }

    fn delete<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.index.set_retiring(set, true);
            self.sets.delete(set).await.inspect_err(|_| {
                self.index.set_retiring(set, false);
            })?;
            let name = (set.namespace.clone(), set.name.clone());
            self.index.remove(&name, &set.uid);
            self.cache.forget(&set.uid);
            self.deleted.raise();
            self.collector.unnamed.notify_one();
            Ok(())
        })
    }

    fn release<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.sets.remove_finalizer(set))
    }

    fn record_teardown(
        &self,
        deployment: DeploymentUid,
        tombstone: Tuple,
    ) -> BoxFuture<'_, Answer<()>> {
        Box::pin(async move {
            let (_, order) = self.index.newest_order(deployment).ok_or_else(|| {
                let what = "no stored set of this deployment is left";
                Failure::new(FailureKind::NotFound, what)
            })?;
            let now = Timestamp::now().as_second();
            // The session hears of what is forgotten once the sets of this deployment are deleted.
            self.state
                .finish(deployment, order.package, tombstone, now)
                .await
        })
    }

    fn definitions_terminating(&self) -> bool {
        self.definitions.are_terminating()
    }
}
