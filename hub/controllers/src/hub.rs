//! What the hub knows, in one place: indexes of its kinds, the live fleet, ledgers, and who waits to be worked on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::DynamicObject;
use kube::{Client, Resource, ResourceExt as _};
use stevedore_client::Api;
use stevedore_client::events::{Event, Recorder};
use stevedore_crds::v1alpha1::{
    ClusterPackage, MemberCluster, Package, PackageAction, PackageKind,
};
use stevedore_hub_core::fleet::{Failure, Fleet};
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::placement::{self, Shortfall};
use stevedore_hub_core::status::Source;
use stevedore_proto_core::{ClusterUid, DeploymentUid, Digest, Held, PackageUid};
use stevedore_runtime::keyed::Keyed;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::time::Instant;

use crate::leadership::lease::Leader;
use crate::leadership::write_guard;
use crate::member::note::MemberNote;
use crate::metrics::Metrics;
use crate::package::any_package::{AnyPackage, PackageLike as _};
use crate::package::registry::{self, Puller};
use crate::package::render_cache::Renderer;
use crate::package::revisions::Revisions;
use crate::package::status::Shown;
use crate::package::unreadable::Lookup;
use crate::rollout::orders::Orders;
use crate::rollout::unreadable_ledgers::UnreadableLedgers;
use crate::watch::index::Index;
use crate::watch::queue::Queue;
use crate::watch::unreadable::Kind;
use crate::write;

/// How the hub is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hub's system namespace.
    pub namespace: String,
    /// How registries are talked to.
    pub registry: registry::Settings,
    /// Who this process is in the Lease; no two processes share it.
    pub holder: String,
}

/// How sessions are told what changed. The wiring implements it over the gRPC side.
pub trait Sessions: Send + Sync + 'static {
    /// These orders of a cluster changed.
    fn changed(&self, cluster: ClusterUid, deployments: BTreeSet<DeploymentUid>);
    /// Any order may have changed.
    fn reloaded(&self);
    /// Content of a package can be read again that could not be.
    fn content_back(&self, package: PackageUid);
    /// Ask a member for everything it holds.
    fn census(&self, cluster: ClusterUid);
    /// Membership changed somewhere.
    fn members_changed(&self);
}

/// How far the content of one package's spec got.
#[derive(Debug, Clone)]
pub(crate) struct SourceState {
    /// Of the spec this speaks about.
    pub(crate) spec_hash: Digest,
    pub(crate) source: Source,
    pub(crate) attempts: u32,
}

/// What the last plan of a package found, for its status.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Generation of the package that was planned.
    pub(crate) generation: i64,
    /// Whether the content of the spec was there to be planned with.
    pub(crate) has_content: bool,
    pub(crate) revision: Option<u64>,
    pub(crate) resolved_image: Option<String>,
    /// Why nothing new may be ordered: a record that decides it, or the revision that should run, cannot be read.
    pub(crate) unreadable: Option<Failure>,
    pub(crate) unrendered: BTreeMap<ClusterUid, Failure>,
    pub(crate) pending_render: usize,
    pub(crate) shortfall: Option<Shortfall>,
    /// Whether some targets are still to be rendered for.
    pub(crate) rendering: bool,
    pub(crate) pinned: Option<u64>,
    /// Revisions that stay ordered, oldest and newest, while what the spec asks for cannot be ordered.
    pub(crate) kept: Option<RangeInclusive<u64>>,
    /// Why the last plan could not be carried out, and how often that happened in a row before.
    pub(crate) blocked: Option<(Failure, u32)>,
}

/// The whole hub but its gRPC side. One per process, shared by all its tasks.
pub struct Hub {
    /// Writes only while this process leads.
    pub(crate) client: Client,
    /// For the Lease and the term themselves, and for what is kept before anybody leads.
    pub(crate) unguarded: Client,
    pub(crate) settings: Settings,
    pub(crate) own: ClusterUid,
    /// When everything was loaded: from then on members can come.
    pub(crate) loaded: OnceLock<Instant>,
    /// Whether and as what this process leads.
    pub leader: Arc<Leader>,
    pub(crate) members: Arc<Index<MemberCluster>>,
    pub(crate) packages: Arc<Index<Package>>,
    pub(crate) cluster_packages: Arc<Index<ClusterPackage>>,
    pub(crate) revisions: Revisions,
    pub(crate) actions: Arc<Index<PackageAction>>,
    pub(crate) fleet: Mutex<Fleet>,
    pub(crate) orders: Orders,
    /// Ledgers that could not be read when they were loaded.
    pub(crate) unreadable_ledgers: UnreadableLedgers,
    pub(crate) sources: Mutex<BTreeMap<PackageUid, SourceState>>,
    pub(crate) views: Mutex<BTreeMap<PackageUid, View>>,
    /// When packages' statuses were written last.
    pub(crate) shown: Mutex<BTreeMap<PackageUid, Shown>>,
    pub(crate) notes: Mutex<BTreeMap<String, MemberNote>>,
    /// What members say that they hold, while a census is taken.
    pub(crate) listings: Mutex<Option<BTreeMap<ClusterUid, Vec<Held>>>>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) puller: Puller,
    /// One rendering at a time of each content that was let go.
    pub(crate) rendering: Keyed<Digest, tokio::sync::Mutex<()>>,
    /// Revisions with a content Secret that was not there, by UID of the object.
    pub(crate) missing: Mutex<BTreeSet<String>>,
    /// What was last planned with, by UID of the object.
    pub(crate) facts: Mutex<BTreeMap<String, Digest>>,
    /// Until then sessions are ended and refused: members are to meet a new epoch from the first message on.
    pub(crate) admission_paused_until: Mutex<Option<Instant>>,
    /// Read while content Secrets are written and named by a revision, written while some are removed: no revision
    /// names one that is going.
    pub(crate) contents: tokio::sync::RwLock<()>,
    /// Held while a token is used up and its cluster bound.
    pub(crate) joining: tokio::sync::Mutex<()>,
    /// UIDs of `PackageRevision`s that may not be the hub's own.
    pub(crate) to_verify: Arc<Queue<String>>,
    /// Objects that cannot be read, by UID.
    pub(crate) to_tell: Arc<Queue<(Kind, String)>>,
    pub(crate) to_pull: Arc<Queue<PackageUid>>,
    pub(crate) to_plan: Arc<Queue<PackageUid>>,
    pub(crate) to_show: Arc<Queue<PackageUid>>,
    pub(crate) to_observe: Mutex<BTreeSet<PackageUid>>,
    pub(crate) to_note: Arc<Queue<String>>,
    pub(crate) metrics: Metrics,
    sessions: OnceLock<Arc<dyn Sessions>>,
    recorder: Recorder,
}

impl Hub {
    /// A hub that knows nothing yet but whose cluster it is in.
    ///
    /// # Errors
    /// When the namespace `kube-system`, whose UID names the hub's own cluster, cannot be read.
    pub async fn new(client: Client, settings: Settings) -> Result<Arc<Self>, kube::Error> {
        let own = own_cluster(&client).await?;
        let leader: Arc<Leader> = Arc::default();
        let guarded = write_guard::guarded(client.clone(), Arc::clone(&leader));
        Ok(Arc::new(Self {
            recorder: Recorder::new(guarded.clone(), write::MANAGER, &settings.holder),
            client: guarded,
            own,
            loaded: OnceLock::new(),
            leader,
            unguarded: client,
            members: Arc::default(),
            packages: Arc::default(),
            cluster_packages: Arc::default(),
            revisions: Revisions::new(&settings.namespace),
            actions: Arc::default(),
            fleet: Mutex::default(),
            orders: Orders::default(),
            unreadable_ledgers: UnreadableLedgers::default(),
            sources: Mutex::default(),
            views: Mutex::default(),
            shown: Mutex::default(),
            notes: Mutex::default(),
            listings: Mutex::default(),
            renderer: Arc::default(),
            puller: Puller::new(settings.registry.clone()),
            rendering: Keyed::default(),
            missing: Mutex::default(),
            facts: Mutex::default(),
            admission_paused_until: Mutex::default(),
            contents: tokio::sync::RwLock::default(),
            joining: tokio::sync::Mutex::default(),
            to_verify: Arc::default(),
            to_tell: Arc::default(),
            to_pull: Arc::default(),
            to_plan: Arc::default(),
            to_show: Arc::default(),
            to_observe: Mutex::default(),
            to_note: Arc::default(),
            metrics: Metrics::default(),
            sessions: OnceLock::new(),
            settings,
        }))
    }

    /// Says who is told what changed. Later calls are ignored.
    pub fn set_sessions(&self, sessions: Arc<dyn Sessions>) {
        let _ = self.sessions.set(sessions);
    }

    pub(crate) fn sessions(&self) -> Option<&Arc<dyn Sessions>> {
        self.sessions.get()
    }

    /// The package with this UID, of either kind.
    pub(crate) fn package(&self, uid: &PackageUid) -> Option<AnyPackage> {
        let uid = uid.to_string();
        let namespaced = self.packages.get(&uid).and_then(|package| package.view());
        namespaced.or_else(|| self.cluster_packages.get(&uid)?.view())
    }

    /// The identity of a package of either kind: its object's, else its ledger's, readable or not.
    pub(crate) fn package_identity(&self, uid: &PackageUid) -> Option<PackageIdentity> {
        let object = match self.lookup(uid) {
            Lookup::Readable(package) | Lookup::Unreadable(package) => Some(package.identity()),
            Lookup::Absent => None,
        };
        let ledger = || Some(self.orders.ledger(uid)?.ledger.package.clone());
        let unreadable = || self.unreadable_ledgers.identity(uid);
        object.or_else(ledger).or_else(unreadable)
    }

    /// The name of a package of either kind; its UID where there is none.
    pub(crate) fn name_of(&self, uid: &PackageUid) -> String {
        let uid = uid.to_string();
        let namespaced = self.packages.get(&uid).map(|package| package.name_any());
        let cluster = || Some(self.cluster_packages.get(&uid)?.name_any());
        namespaced.or_else(cluster).unwrap_or(uid)
    }

    /// A package as our own write left it, so that what is decided next does not wait for the watch.
    pub(crate) fn took(&self, package: &AnyPackage, written: &DynamicObject) {
        let Ok(value) = serde_json::to_value(written) else {
            return;
        };
        match package.kind {
            PackageKind::Package => {
                if let Ok(object) = serde_json::from_value(value) {
                    self.packages.apply(object);
                }
            }
            PackageKind::ClusterPackage => {
                if let Ok(object) = serde_json::from_value(value) {
                    self.cluster_packages.apply(object);
                }
            }
        }
    }

    /// UIDs of all packages, readable or not, and of those that are only left in ledgers.
    pub(crate) fn package_uids(&self) -> BTreeSet<PackageUid> {
        let namespaced = self.packages.all();
        let cluster = self.cluster_packages.all();
        let uids = namespaced
            .iter()
            .map(|package| write::uid(&**package))
            .chain(cluster.iter().map(|package| write::uid(&**package)));
        let mut uids: BTreeSet<_> = uids.filter_map(|uid| uid.parse().ok()).collect();
        let ledgers = self.orders.ledgers();
        uids.extend(ledgers.iter().map(|stored| stored.ledger.package.uid));
        uids.extend(self.unreadable_packages());
        let unreadable = self.unreadable_ledgers.packages();
        uids.extend(unreadable.iter().map(|package| package.uid));
        uids
    }

    /// Whether what plans depend on is another than when this object was last looked at. Our own status writes
    /// change nothing that is planned with.
    pub(crate) fn is_news(&self, uid: &str, facts: &impl serde::Serialize) -> bool {
        let Ok(bytes) = serde_json::to_vec(facts) else {
            return true;
        };
        let digest = Digest::of(&bytes);
        lock(&self.facts).insert(uid.to_owned(), digest) != Some(digest)
    }

    /// Its counters, to be registered once.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Every package has to be planned again.
    pub(crate) fn plan_all(&self) {
        for uid in self.package_uids() {
            self.to_plan.add(uid);
        }
    }

    /// Members that joined and are not being forgotten.
    pub(crate) fn joined(&self) -> Vec<(placement::Member, Arc<MemberCluster>)> {
        self.members
            .all()
            .into_iter()
            .filter(|member| is_joined(member))
            .filter_map(|member| {
                let view = placement::Member {
                    cluster: member.spec.cluster_uid.as_deref()?.parse().ok()?,
                    name: member.name_any(),
                    labels: member.metadata.labels.clone().unwrap_or_default(),
                    leaving: member.spec.leaving,
                };
                Some((view, member))
            })
            .collect()
    }

    /// The `MemberCluster` of a cluster.
    pub(crate) fn member_of(&self, cluster: &ClusterUid) -> Option<Arc<MemberCluster>> {
        let uid = cluster.to_string();
        self.members
            .find(|member| member.spec.cluster_uid.as_deref() == Some(&uid))
    }

    /// Writes an event about an object; a failure is only logged.
    pub(crate) async fn event<K>(&self, object: &K, warning: bool, reason: &str, note: String)
    where
        K: Resource,
        K::DynamicType: Default,
    {
        self.event_on(
            &object.object_ref(&K::DynamicType::default()),
            warning,
            reason,
            note,
        )
        .await;
    }

    pub(crate) async fn event_on(
        &self,
        object: &k8s_openapi::api::core::v1::ObjectReference,
        warning: bool,
        reason: &str,
        note: String,
    ) {
        if let Err(error) = self.tell_event(object, warning, reason, note).await {
            tracing::debug!(%error, reason, "an event could not be written");
        }
    }

    /// Writes an event that nothing else says.
    pub(crate) async fn tell_event(
        &self,
        object: &k8s_openapi::api::core::v1::ObjectReference,
        warning: bool,
        reason: &str,
        note: String,
    ) -> Result<(), kube::Error> {
        let event = Event {
            warning,
            reason: reason.to_owned(),
            note,
        };
        self.recorder.publish(&event, object).await
    }

    /// For how long members could have come. Waiting for the Lease does not count.
    pub(crate) fn age(&self) -> Duration {
        self.loaded.get().map_or(Duration::ZERO, Instant::elapsed)
    }
}

/// The UID of the hub's own cluster. An API server that is only just starting is waited for.
async fn own_cluster(client: &Client) -> Result<ClusterUid, kube::Error> {
    const ATTEMPTS: u32 = 30;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut delays = Delays::new(Schedule::OPERATION);
    loop {
        match namespaces.get("kube-system").await {
            Ok(found) => {
                let uid = write::uid(&found).parse();
                return uid.map_err(|error| kube::Error::Service(Box::new(error)));
            }
            Err(error) if delays.attempts() < ATTEMPTS => {
                tracing::warn!(%error, "the hub's own cluster cannot be read yet");
                tokio::time::sleep(delays.next(rand::random())).await;
            }
            Err(error) => return Err(error),
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

/// Whether a cluster has joined as this member, and it is not being forgotten.
pub(crate) fn is_joined(member: &MemberCluster) -> bool {
    member.metadata.deletion_timestamp.is_none() && member.spec.cluster_uid.is_some()
}

/// Locks for a moment. Values are changed whole, so a poisoned one is still usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
