//! Traits and values between the engine and the rest of the agent; each side uses this module and not the other.
//!
//! The engine decides and drives; it never names `kube`. The traits are implemented over the real API server by
//! `cluster_api` ([`ObjectApi`]), `accounts` ([`Accounts`]), `shared_watches` ([`Watches`]), `store` ([`SetStore`]) and
//! the link to the hub ([`Reporter`]). What flows the other way goes through [`ObjectSink`] (objects that a watch
//! saw) and through [`Notified`] (a deployment's stored sets changed, an account's rights may have).

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use stevedore_agent_core::failure::Failure;
use stevedore_agent_core::key::{Kind, ObjectKey, WatchKey};
use stevedore_agent_core::propagation::Propagation;
use stevedore_agent_core::rollout::Block;
use stevedore_agent_core::set::{SetHead, SetRef};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{Content, DeploymentStatus, DeploymentUid, Reason, Tuple};

/// How many requests of one deployment are in flight at most. The transport has room for more, so that no deployment
/// keeps another from its turn.
pub(crate) const REQUESTS_PER_DEPLOYMENT: usize = 16;

/// The result of a request to the API server.
pub type Answer<T> = Result<T, Failure>;

/// How an apply is made. The field manager is always ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplyOptions {
    /// Take fields over from other managers.
    pub force: bool,
    /// Let the server check without storing (`dryRun=All`).
    pub dry_run: bool,
}

/// What a delete must still find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preconditions {
    /// UID of the object that was read.
    pub uid: String,
    /// resourceVersion of the object that was read.
    pub resource_version: String,
}

/// Whether a kind is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// It is.
    Served {
        /// Objects live in namespaces.
        namespaced: bool,
    },
    /// It is not, or what serves it is away: with this failure a request about an object of it would be answered.
    Not(Failure),
}

/// How a namespace stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceState {
    /// It takes new objects.
    Active,
    /// It is being deleted, and everything in it.
    Terminating,
    /// There is none.
    Missing,
}

/// One page of a list. Objects that cannot be decoded are not in it: that one is not listed says nothing of it.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Objects, each with `apiVersion` and `kind` set (list items lack them on the wire).
    pub objects: Vec<Value>,
    /// Token of the next page.
    pub next: Option<String>,
}

/// What a search for every object of a deployment found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Metadata of the objects (`apiVersion`, `kind`, `metadata` complete, nothing else).
    pub objects: Vec<Value>,
    /// Kinds that could not be listed.
    pub unlistable: Vec<(Kind, Failure)>,
}

/// Requests for a package's objects, **impersonated** as one service account. There is no way to make one
/// without an account. Every request has a timeout of its own (at most 30 s) and is never repeated inside:
/// repeating is the engine's decision. A 429 carries `retry_after`.
pub trait ObjectApi: Send + Sync {
    /// A live, unfiltered GET. `Ok(None)` is a 404 for the object of a kind that is served; a kind that is
    /// not served is [`FailureKind::NoKind`](stevedore_agent_core::failure::FailureKind::NoKind), and one of which
    /// nobody can say so [`KindUnavailable`](stevedore_agent_core::failure::FailureKind::KindUnavailable).
    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<Value>>>;

    /// The key by which a stored object is reached now: in its own version, or in another that is served, for
    /// objects outlive versions of their kind; and without a namespace where the kind has none. `None` when no version
    /// is served, asked of the API server now; that what serves the kind is away for a while is an error.
    fn served<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<ObjectKey>>>;

    /// Server-side apply. What `body` carries in `metadata.uid` and `metadata.resourceVersion` is sent as it
    /// is: `resourceVersion: "1"` creates only, anything else must match the live object (409 otherwise). Answers
    /// with the object as stored (or as it would be, for a dry-run).
    fn apply<'a>(
        &'a self,
        key: &'a ObjectKey,
        body: &'a Value,
        options: ApplyOptions,
    ) -> BoxFuture<'a, Answer<Value>>;

    /// DELETE with UID and resourceVersion preconditions. A 404 is `Ok`.
    fn delete<'a>(
        &'a self,
        key: &'a ObjectKey,
        preconditions: &'a Preconditions,
        propagation: Propagation,
    ) -> BoxFuture<'a, Answer<()>>;

    /// One page (≤ 500 objects) of the most recent state of what a watch would cover, filtered by the label
    /// `stevedore.dev/deployment=<deployment>`.
    fn list<'a>(
        &'a self,
        scope: &'a WatchKey,
        deployment: DeploymentUid,
        page: Option<String>,
    ) -> BoxFuture<'a, Answer<Page>>;

    /// Metadata-only lists over every listable kind, filtered by the label of the deployment: in one
    /// namespace, or everywhere.
    fn find_all<'a>(
        &'a self,
        deployment: DeploymentUid,
        namespace: Option<&'a str>,
    ) -> BoxFuture<'a, Answer<Found>>;

    /// Whether a kind is served, from discovery. May be cached, but what is not known is asked again from time to time.
    fn serving<'a>(&'a self, kind: &'a Kind) -> BoxFuture<'a, Answer<Serving>>;
}

/// Whom a set's objects are written as: for a set with an account, that one; otherwise the
/// `MemberPolicy`'s default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Namespace of the service account.
    pub namespace: String,
    /// Name of the service account.
    pub name: String,
}

/// A set's account and a client that is that account, or what stands against it.
pub type Opened = Result<(Account, Arc<dyn ObjectApi>), Block>;

/// Opens clients for accounts.
pub trait Accounts: Send + Sync {
    /// The account of a set, and a client that is that account. Looked up again each time: the policy may
    /// have changed.
    fn open<'a>(&'a self, set: &'a SetHead) -> BoxFuture<'a, Opened>;

    /// How a namespace stands, asked as the agent itself: an account may have lost its rights with the namespace.
    fn namespace_state<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Answer<NamespaceState>>;

    /// Rises when the policy names another default account: what was opened may be another one now.
    fn policy(&self) -> u64;
}

/// Shared, label-filtered watches (`stevedore.dev/deployment` exists).
pub trait Watches: Send + Sync {
    /// From now on this deployment needs exactly these watches, as this account; an empty list ends its
    /// interest. Watches that nobody needs end. Asked again with the same list, nothing changes.
    fn set_interest(&self, deployment: DeploymentUid, account: &Account, scopes: Vec<WatchKey>);

    /// Whether the API server answers nobody, however it is asked.
    fn is_server_silent(&self) -> bool;
}

/// What a watch saw. The order of one watch is kept.
#[derive(Debug)]
pub enum WatchNotice {
    /// An object, from a list or an event, with `apiVersion` and `kind` set.
    Seen(Value),
    /// An object, from a list or an event, that cannot be decoded: its metadata, with `apiVersion` and `kind`. Only
    /// a live GET tells how it stands.
    Unreadable(Value),
    /// An object no longer passes the filter: deleted, or its label was removed. With the label and the
    /// metadata it had, and nothing else.
    Removed(Value),
    /// A list begins: until the next `Synced`, every object of the scope is seen again.
    Restarted(Account, WatchKey),
    /// The list is complete: what was not seen since `Restarted` is not there (or lost its label).
    Synced(Account, WatchKey),
    /// The watch does not work for now; it is tried again by itself.
    Failed(Account, WatchKey, Failure),
}

/// Where watches put what they see. Awaiting is the back pressure: an object is evaluated and dropped
/// before the next one is offered.
pub trait ObjectSink: Send + Sync {
    /// Takes one notice.
    fn offer(&self, notice: WatchNotice) -> BoxFuture<'_, ()>;
}

/// Wakes the engine, which implements it, when something that it decides on has changed. Never waits.
pub trait Notified: Send + Sync {
    /// A set of this deployment was stored, changed in `metadata.generation`, is being deleted or is gone.
    /// Called once for every deployment found at start.
    fn sets_changed(&self, deployment: DeploymentUid);

    /// Policy, accounts, rights or the state of our definitions may have changed: what is blocked is tried
    /// again now.
    fn circumstances_changed(&self);
}

/// One stored set, and its last written status.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSet {
    /// The set without its objects. What its status says of them is not in it yet.
    pub head: SetHead,
    /// Its status.
    pub status: ObjectSetStatus,
}

/// How a set is named in owner references and Events.
pub fn object_reference(set: &SetRef) -> Value {
    let kind = match set.namespace {
        Some(_) => "ObjectSet",
        None => "ClusterObjectSet",
    };
    json!({
        "apiVersion": format!("{}/{}", stevedore_crds::GROUP, stevedore_crds::VERSION),
        "kind": kind,
        "name": set.name,
        "uid": &*set.uid,
    })
}

/// Why there is no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentFailure {
    /// The set, or a Secret it names, is not there.
    Missing(String),
    /// Try again.
    Unavailable(Failure),
}

/// The accepted orders on the member's API server, written with the agent's own identity.
pub trait SetStore: Send + Sync {
    /// Every stored set of a deployment, in any order. Those of a hub that are `known` and have not changed
    /// since are answered as they are known, without a status.
    fn sets<'a>(
        &'a self,
        deployment: DeploymentUid,
        known: &'a [SetHead],
    ) -> BoxFuture<'a, Answer<Vec<StoredSet>>>;

    /// The whole content of a set, objects of kind Secret included.
    fn content<'a>(
        &'a self,
        set: &'a SetRef,
    ) -> BoxFuture<'a, Result<Arc<Content>, ContentFailure>>;

    /// Key for digests over objects of kind Secret, the same for the life of this installation.
    fn digest_key(&self) -> [u8; 32];

    /// Replaces the status. A set that is gone is `Ok`.
    fn write_status<'a>(
        &'a self,
        set: &'a SetRef,
        status: &'a ObjectSetStatus,
    ) -> BoxFuture<'a, Answer<()>>;

    /// Sets `spec.lifecycleState` to `Archived`; gives the generation that it has then. A set that is gone has
    /// none.
    fn archive<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<Option<i64>>>;

    /// Deletes a set by name and UID. A set that is gone is `Ok`.
    fn delete<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>>;

    /// Removes our finalizer from a standalone set. A set that is gone is `Ok`.
    fn release<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>>;

    /// Stores, for at least 90 days, that this tombstone is carried out. Called before the sets are deleted.
    fn record_teardown(
        &self,
        deployment: DeploymentUid,
        tombstone: Tuple,
    ) -> BoxFuture<'_, Answer<()>>;

    /// Whether one of our own CustomResourceDefinitions is being deleted: then no teardown starts.
    fn definitions_terminating(&self) -> bool;
}

/// Takes what the hub should know. Never waits: the latest status of a deployment replaces the one before.
pub trait Reporter: Send + Sync {
    /// A deployment's status has changed.
    fn report(&self, status: DeploymentStatus);
}

/// Something worth an Event on a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetEvent {
    /// Warning rather than Normal.
    pub warning: bool,
    /// What happened.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

/// Writes Events; coalesces and never waits.
pub trait EventRecorder: Send + Sync {
    /// Something happened to this set.
    fn record(&self, set: &SetRef, event: SetEvent);
}

/// Everything the engine is built from.
#[derive(Clone)]
pub struct Ports {
    /// Clients by account.
    pub accounts: Arc<dyn Accounts>,
    /// Shared watches.
    pub watches: Arc<dyn Watches>,
    /// Stored sets.
    pub store: Arc<dyn SetStore>,
    /// The way to the hub; a standalone agent has one that drops everything.
    pub reporter: Arc<dyn Reporter>,
    /// Events on sets.
    pub events: Arc<dyn EventRecorder>,
}
