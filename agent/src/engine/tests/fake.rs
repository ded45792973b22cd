//! Ports in memory.

mod client;
mod ports;

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
use ports::OneAccount;

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
    /// Kinds that are served beside ConfigMaps, and how often it was asked for one that is not.
    served: Vec<String>,
    unserved_asked: usize,
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

    /// From now on this kind is served, and its objects live in namespaces.
    pub(super) fn serve(&self, kind: &str) {
        self.with(|state| state.served.push(kind.to_owned()));
    }

    /// From now on it is not.
    pub(super) fn stop_serving(&self, kind: &str) {
        self.with(|state| state.served.retain(|served| served != kind));
    }

    /// How often it was asked for a kind that is not served.
    pub(super) fn unserved_asked(&self) -> usize {
        self.state.lock().unserved_asked
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
