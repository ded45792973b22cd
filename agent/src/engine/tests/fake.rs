//! Ports in memory. The API keeps bodies as they are sent and checks preconditions; it merges nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey, WatchKey};
use stevedore_agent_core::rollout::Block;
use stevedore_agent_core::set::{Ending, HubOrder, Lifecycle, SetHead, SetRef};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{
    Content, DeploymentStatus, DeploymentUid, Digest, Epoch, EpochId, PackageRef, PackageUid,
    Reason, Term, TermId, Tuple,
};
use tokio::sync::watch;

use crate::ports::*;

pub(super) const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);

/// The account of what names none.
pub(super) const PACKAGES: &str = "packages";

pub(super) fn account(name: &str) -> Account {
    Account {
        namespace: "stevedore-system".into(),
        name: name.into(),
    }
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    sets: BTreeMap<String, (StoredSet, Arc<Content>)>,
    version: u64,
    log: Vec<String>,
    reports: Vec<DeploymentStatus>,
    events: Vec<SetEvent>,
    interest: Option<(Account, Vec<WatchKey>)>,
    status_writes: usize,
    /// The policy's default account, or why there is none.
    account: Option<Result<&'static str, Reason>>,
    /// Writes of this object have no answer.
    stalled: Option<String>,
    policy: u64,
    content_reads: usize,
    content_lost: bool,
    /// A live GET of this object gives what cannot be decoded.
    unreadable: Option<String>,
    unlistable: Vec<Kind>,
    status_failures: usize,
    /// Set while a named object is held by a finalizer.
    held: Option<String>,
}

/// One cluster with one deployment in it.
pub(super) struct Fake {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

pub(super) fn tuple(number: u64) -> Tuple {
    Tuple {
        epoch: Epoch {
            counter: 1,
            id: EpochId::from_bytes([1; 16]),
        },
        term: Term {
            counter: 1,
            id: TermId::from_bytes([1; 16]),
        },
        number,
        digest: Digest::of(b"order"),
    }
}

pub(super) fn config_maps(phases: &[&[&str]], probes: Value) -> Content {
    let phases: Vec<Value> = phases
        .iter()
        .enumerate()
        .map(|(at, names)| {
            let objects: Vec<Value> = names
                .iter()
                .map(|name| {
                    json!({"object": {"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": name, "namespace": "ns"}, "data": {"a": "1"}}})
                })
                .collect();
            json!({"name": format!("phase-{at}"), "objects": objects})
        })
        .collect();
    serde_json::from_value(json!({"phases": phases, "availabilityProbes": probes})).unwrap()
}

impl Fake {
    pub(super) fn new() -> Arc<Self> {
        let state = State {
            account: Some(Ok(PACKAGES)),
            ..State::default()
        };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        })
    }

    pub(super) fn ports(self: &Arc<Self>) -> Ports {
        let of = || Arc::clone(self);
        Ports {
            accounts: Arc::new(OneAccount(of())),
            watches: of(),
            store: of(),
            reporter: of(),
            events: of(),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Waits until something holds; the last state is shown when it does not come.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changed = self.changed.subscribe();
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            while !holds(self) {
                let _ = changed.changed().await;
            }
        })
        .await;
        let state = self.state.lock();
        assert!(
            waited.is_ok(),
            "{what}: log {:?}, reports {:#?}",
            state.log,
            state.reports.last()
        );
    }

    pub(super) fn store_set(&self, number: u64, content: Content) {
        self.with(|state| {
            let order = HubOrder {
                package: PackageRef {
                    namespace: None,
                    name: "p".into(),
                    uid: PackageUid::from_bytes([2; 16]),
                    revision: 1,
                },
                tuple: tuple(number),
                content: Some(content.reference()),
                tombstone: None,
            };
            let head = SetHead {
                set: SetRef {
                    namespace: None,
                    name: format!("p-{number}"),
                    uid: format!("set-{number}").into(),
                },
                generation: 1,
                number,
                order: Some(order),
                ..SetHead::default()
            };
            let (uid, status) = (head.set.uid.to_string(), ObjectSetStatus::default());
            let set = StoredSet { head, status };
            state.sets.insert(uid, (set, Arc::new(content)));
        });
    }

    pub(super) fn archive_by_hand(&self) {
        self.with(|state| {
            for (set, _) in state.sets.values_mut() {
                set.head.lifecycle = Lifecycle::Archived;
            }
        });
    }

    pub(super) fn tombstone(&self, number: u64) {
        self.with(|state| {
            for (set, _) in state.sets.values_mut() {
                set.head.ending = Ending::Tombstone { orphan: false };
                if let Some(order) = &mut set.head.order {
                    order.tombstone = Some(tuple(number));
                }
            }
        });
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.state.lock().log.clone()
    }

    pub(super) fn reports(&self) -> Vec<DeploymentStatus> {
        self.state.lock().reports.clone()
    }

    pub(super) fn events(&self) -> Vec<SetEvent> {
        self.state.lock().events.clone()
    }

    pub(super) fn status_writes(&self) -> usize {
        self.state.lock().status_writes
    }

    pub(super) fn content_reads(&self) -> usize {
        self.state.lock().content_reads
    }

    /// The account may not list this kind.
    pub(super) fn forbid_listing(&self, kind: Kind) {
        self.with(|state| state.unlistable.push(kind));
    }

    /// This object is there and cannot be decoded.
    pub(super) fn make_unreadable(&self, name: &str) {
        self.with(|state| state.unreadable = Some(name.to_owned()));
    }

    /// What sets name is no longer there.
    pub(super) fn lose_content(&self) {
        self.with(|state| state.content_lost = true);
    }

    pub(super) fn interest(&self) -> usize {
        let state = self.state.lock();
        state
            .interest
            .as_ref()
            .map_or(0, |(_, scopes)| scopes.len())
    }

    pub(super) fn set_status(&self, number: u64) -> ObjectSetStatus {
        self.state.lock().sets[&format!("set-{number}")]
            .0
            .status
            .clone()
    }

    pub(super) fn sets(&self) -> usize {
        self.state.lock().sets.len()
    }

    pub(super) fn object(&self, name: &str) -> Option<Value> {
        self.state.lock().objects.get(name).cloned()
    }

    /// The account that watches, if anything is watched.
    pub(super) fn watches_as(&self) -> Option<String> {
        let state = self.state.lock();
        let (account, scopes) = state.interest.as_ref()?;
        (!scopes.is_empty()).then(|| account.name.clone())
    }

    pub(super) fn set_account(&self, account: Result<&'static str, Reason>) {
        self.with(|state| {
            state.account = Some(account);
            state.policy += 1;
        });
    }

    pub(super) fn stall(&self, name: Option<&str>) {
        self.with(|state| state.stalled = name.map(str::to_owned));
    }

    async fn answers_about(&self, name: &str) {
        let mut changed = self.changed.subscribe();
        while self.state.lock().stalled.as_deref() == Some(name) {
            let _ = changed.changed().await;
        }
    }

    pub(super) fn fail_status_writes(&self, times: usize) {
        self.with(|state| state.status_failures = times);
    }

    pub(super) fn hold(&self, name: Option<&str>) {
        self.with(|state| {
            if let Some(held) = state.held.take()
                && name.is_none()
            {
                state.objects.remove(&held);
            }
            state.held = name.map(str::to_owned);
        });
    }

    /// Somebody deletes an object; gives it as it was.
    pub(super) fn delete(&self, name: &str) -> Value {
        self.with(|state| state.objects.remove(name).unwrap())
    }

    /// Somebody takes a field of ours.
    pub(super) fn edit(&self, name: &str, manager: &str) -> Value {
        self.with(|state| {
            state.version += 1;
            let version = state.version.to_string();
            let object = state.objects.get_mut(name).unwrap();
            object["metadata"]["resourceVersion"] = json!(version);
            let fields = &mut object["metadata"]["managedFields"];
            fields[0]["fieldsV1"] = json!({"f:data": {}});
            let theirs = json!({"manager": manager, "operation": "Update", "fieldsV1": {}});
            fields.as_array_mut().unwrap().push(theirs);
            object.clone()
        })
    }
}

fn conflict() -> Failure {
    Failure::new(FailureKind::Conflict, "the object was modified")
}

fn stored(body: &Value, uid: &str, version: u64) -> Value {
    let mut object = body.clone();
    object["metadata"]["uid"] = json!(uid);
    object["metadata"]["resourceVersion"] = json!(version.to_string());
    let fields = json!({"f:data": {"f:a": {}}});
    object["metadata"]["managedFields"] =
        json!([{"manager": "stevedore", "operation": "Apply", "fieldsV1": fields}]);
    object
}

/// The cluster behind an account.
struct Client(Arc<Fake>);

impl ObjectApi for Client {
    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<Value>>> {
        let unreadable = self.0.with(|state| state.unreadable.clone());
        Box::pin(async move {
            if unreadable.as_deref() == Some(&*key.name) {
                return Err(Failure::new(FailureKind::Unreadable, "nested too deep"));
            }
            Ok(self.0.object(&key.name))
        })
    }

    fn served<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<ObjectKey>>> {
        Box::pin(async move { Ok(Some(key.clone())) })
    }

    fn apply<'a>(
        &'a self,
        key: &'a ObjectKey,
        body: &'a Value,
        options: ApplyOptions,
    ) -> BoxFuture<'a, Answer<Value>> {
        Box::pin(async move {
            self.0.answers_about(&key.name).await;
            self.0.with(|state| {
                let name = key.name.to_string();
                let expected = body["metadata"]["resourceVersion"]
                    .as_str()
                    .unwrap_or_default();
                let uid = match state.objects.get(&name) {
                    None if expected == "1" => format!("uid-{name}-{}", state.version),
                    Some(live) if live["metadata"]["resourceVersion"] == expected => {
                        live["metadata"]["uid"]
                            .as_str()
                            .unwrap_or_default()
                            .to_owned()
                    }
                    _ => return Err(conflict()),
                };
                let kind = if options.dry_run { "check" } else { "apply" };
                state.log.push(format!("{kind} {name}"));
                let object = stored(body, &uid, state.version + 1);
                if !options.dry_run {
                    state.version += 1;
                    state.objects.insert(name, object.clone());
                }
                Ok(object)
            })
        })
    }

    fn delete<'a>(
        &'a self,
        key: &'a ObjectKey,
        preconditions: &'a Preconditions,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.0.with(|state| {
                let Some(object) = state.objects.get_mut(&*key.name) else {
                    return Ok(());
                };
                if object["metadata"]["uid"] != preconditions.uid.as_str() {
                    return Err(conflict());
                }
                state.log.push(format!("delete {}", key.name));
                if state.held.as_deref() == Some(&*key.name) {
                    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                    object["metadata"]["finalizers"] = json!(["example.org/hold"]);
                } else {
                    state.objects.remove(&*key.name);
                }
                Ok(())
            })
        })
    }

    fn list<'a>(
        &'a self,
        _: &'a WatchKey,
        _: DeploymentUid,
        _: Option<String>,
    ) -> BoxFuture<'a, Answer<Page>> {
        Box::pin(async move {
            let objects = self.0.state.lock().objects.values().cloned().collect();
            Ok(Page {
                objects,
                next: None,
            })
        })
    }

    fn find_all<'a>(
        &'a self,
        _: DeploymentUid,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Answer<Found>> {
        Box::pin(async move {
            let state = self.0.state.lock();
            let objects = state.objects.values().cloned().collect();
            let forbidden = |kind: &Kind| {
                let failure = Failure::new(FailureKind::Forbidden, "may not list");
                (kind.clone(), failure)
            };
            Ok(Found {
                objects,
                unlistable: state.unlistable.iter().map(forbidden).collect(),
            })
        })
    }

    fn scope<'a>(&'a self, kind: &'a Kind) -> BoxFuture<'a, Answer<Option<Scope>>> {
        Box::pin(
            async move { Ok((kind.kind() == "ConfigMap").then_some(Scope { namespaced: true })) },
        )
    }
}

/// Opens the one client, through the fake that made it.
struct OneAccount(Arc<Fake>);

impl Accounts for OneAccount {
    fn open<'a>(&'a self, _: &'a SetHead) -> BoxFuture<'a, Opened> {
        Box::pin(async move {
            let opened = self.0.state.lock().account.clone();
            let name = opened.unwrap_or(Err(Reason::NoAccount));
            let name = name.map_err(|reason| Block::preflight(reason, "no account"))?;
            Ok((
                account(name),
                Arc::new(Client(Arc::clone(&self.0))) as Arc<dyn ObjectApi>,
            ))
        })
    }

    fn policy(&self) -> u64 {
        self.0.state.lock().policy
    }
}

impl Watches for Fake {
    fn set_interest(&self, _: DeploymentUid, account: &Account, scopes: Vec<WatchKey>) {
        self.with(|state| state.interest = Some((account.clone(), scopes)));
    }
}

impl SetStore for Fake {
    fn sets<'a>(
        &'a self,
        _: DeploymentUid,
        _: &'a [SetHead],
    ) -> BoxFuture<'a, Answer<Vec<StoredSet>>> {
        Box::pin(async move {
            let state = self.state.lock();
            Ok(state.sets.values().map(|(set, _)| set.clone()).collect())
        })
    }

    fn content<'a>(
        &'a self,
        set: &'a SetRef,
    ) -> BoxFuture<'a, Result<Arc<Content>, ContentFailure>> {
        Box::pin(async move {
            self.with(|state| {
                state.content_reads += 1;
                let found = state.sets.get(&*set.uid).filter(|_| !state.content_lost);
                let found = found.map(|(_, content)| Arc::clone(content));
                found.ok_or_else(|| ContentFailure::Missing("gone".into()))
            })
        })
    }

    fn digest_key(&self) -> [u8; 32] {
        [7; 32]
    }

    fn write_status<'a>(
        &'a self,
        set: &'a SetRef,
        status: &'a ObjectSetStatus,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.with(|state| {
                if state.status_failures > 0 {
                    state.status_failures -= 1;
                    return Err(Failure::new(FailureKind::Unavailable, "try again"));
                }
                state.status_writes += 1;
                if let Some((stored, _)) = state.sets.get_mut(&*set.uid) {
                    stored.status = status.clone();
                }
                Ok(())
            })
        })
    }

    fn archive<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<Option<i64>>> {
        Box::pin(async move {
            self.with(|state| {
                state.log.push(format!("archive {}", set.name));
                let stored = state.sets.get_mut(&*set.uid);
                Ok(stored.map(|(stored, _)| {
                    stored.head.lifecycle = Lifecycle::Archived;
                    stored.head.generation += 1;
                    stored.head.generation
                }))
            })
        })
    }

    fn delete<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.with(|state| {
                state.log.push(format!("discard {}", set.name));
                state.sets.remove(&*set.uid);
            });
            Ok(())
        })
    }

    fn release<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        SetStore::delete(self, set)
    }

    fn record_teardown(&self, _: DeploymentUid, tombstone: Tuple) -> BoxFuture<'_, Answer<()>> {
        Box::pin(async move {
            self.with(|state| state.log.push(format!("record {}", tombstone.number)));
            Ok(())
        })
    }

    fn definitions_terminating(&self) -> bool {
        false
    }
}

impl Reporter for Fake {
    fn report(&self, status: DeploymentStatus) {
        self.with(|state| state.reports.push(status));
    }
}

impl EventRecorder for Fake {
    fn record(&self, _: &SetRef, event: SetEvent) {
        self.with(|state| state.events.push(event));
    }
}
