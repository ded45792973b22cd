//! The object set engine: carries out the plans of `stevedore_agent_core`, one owner task per deployment.
//!
//! # Flow
//! The store tells [`Notified::sets_changed`]; the deployment's owner task reads its stored sets, and from
//! then on loops: plan (pure), start what the plan asks for, take in what landed or what a watch saw, write
//! the status when it changed. Watches offer what they see to [`ObjectSink`]; it is evaluated at once, for
//! the deployment that the label names, and dropped.
//!
//! # Guarantees
//! * Nothing but its owner task acts for a deployment; a set that changed is taken in only when no request
//!   for the former one is under way.
//! * No object body outlives its evaluation, and no content the rollout that needs it.
//! * CEL never runs on the reactor; an expression that takes too long quarantines its package's probes.

mod carry;
mod cel;
mod head;
mod look;
mod owner;
mod publish;
mod status;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;
use stevedore_agent_core::key::{ObjectKey, WatchKey};
use stevedore_agent_core::observe::Seen;
use stevedore_proto_core::{DeploymentUid, label};
use stevedore_runtime::supervise::Tasks;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::ports::{Account, Notified, ObjectSink, Ports, WatchNotice};
use cel::CelPool;
use look::Lookout;
use owner::Owner;

/// Requests for package objects that one deployment has under way at once.
pub const PER_DEPLOYMENT: usize = 16;
/// Requests for package objects of all deployments that wait for their turn on the transport or are under way.
const OVERALL: usize = 64;
/// Notices of watches that wait for an owner task; a full mailbox holds the watch back.
const MAILBOX: usize = 256;

/// The engine. Made first, so that watches and store can be given it; started when they exist.
pub struct Engine {
    me: Weak<Engine>,
    tasks: Tasks,
    ports: OnceLock<Ports>,
    owners: Mutex<HashMap<DeploymentUid, Arc<Desk>>>,
    shared: Arc<Shared>,
}

/// What all owner tasks share.
struct Shared {
    requests: Semaphore,
    cel: CelPool,
}

/// Where an owner task can be reached.
struct Desk {
    mail: mpsc::Sender<Mail>,
    /// Read by the owner task alone; taken when it starts.
    inbox: Mutex<Option<mpsc::Receiver<Mail>>>,
    sets_changed: AtomicBool,
    circumstances_changed: AtomicBool,
    wake: Notify,
    lookout: Mutex<Arc<Lookout>>,
}

/// What a watch saw, evaluated.
enum Mail {
    /// With what it was evaluated for: a look with former probes in mind says nothing about the new ones.
    Seen(ObjectKey, Box<Seen>, Arc<Lookout>),
    Removed(ObjectKey, Option<Box<Seen>>),
    /// How the watch over a scope stands that is made as this account.
    Watch(Account, WatchKey, WatchState),
}

#[derive(Clone)]
enum WatchState {
    Restarted,
    Synced,
    Failed(String),
}

impl Desk {
    fn new() -> Self {
        let (mail, inbox) = mpsc::channel(MAILBOX);
        Self {
            mail,
            inbox: Mutex::new(Some(inbox)),
            sets_changed: AtomicBool::new(true),
            circumstances_changed: AtomicBool::new(false),
            wake: Notify::new(),
            lookout: Mutex::default(),
        }
    }

    fn lookout(&self) -> Arc<Lookout> {
        Arc::clone(&self.lookout.lock())
    }

    fn set_lookout(&self, lookout: Arc<Lookout>) {
        *self.lookout.lock() = lookout;
    }
}

impl Engine {
    /// An engine that does nothing yet.
    pub fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            tasks,
            ports: OnceLock::new(),
            owners: Mutex::default(),
            shared: Arc::new(Shared {
                requests: Semaphore::new(OVERALL),
                cel: CelPool::new(),
            }),
        })
    }

    /// Starts: deployments that were named so far and from now on get their owner task. Later calls change
    /// nothing.
    pub fn start(&self, ports: Ports) {
        if self.ports.set(ports).is_err() {
            return;
        }
        let waiting: Vec<DeploymentUid> = self.owners.lock().keys().copied().collect();
        for uid in waiting {
            self.employ(uid);
        }
    }

    /// How many deployments have an owner task.
    pub fn deployments(&self) -> usize {
        self.owners.lock().len()
    }

    fn desk(&self, uid: DeploymentUid) -> Option<Arc<Desk>> {
        self.owners.lock().get(&uid).cloned()
    }

    /// Starts the owner task of a deployment, unless it runs or the engine has not been started.
    fn employ(&self, uid: DeploymentUid) {
        let (Some(ports), Some(engine)) = (self.ports.get().cloned(), self.me.upgrade()) else {
            return;
        };
        let desk = Arc::clone(
            self.owners
                .lock()
                .entry(uid)
                .or_insert_with(|| Arc::new(Desk::new())),
        );
        let Some(inbox) = desk.inbox.lock().take() else {
            return;
        };
        let owner = Owner::new(
            uid,
            ports,
            Arc::clone(&self.shared),
            Arc::clone(&desk),
            inbox,
        );
        let name = format!("deployment-{uid}");
        let _task = self.tasks.spawn_until_shutdown(name, async move {
            owner.run(|desk| engine.retire(uid, desk)).await;
        });
    }

    /// The owner has nothing left to do. `false` when something was said to it meanwhile.
    fn retire(&self, uid: DeploymentUid, desk: &Desk) -> bool {
        let mut owners = self.owners.lock();
        if desk.sets_changed.load(Ordering::Acquire) {
            return false;
        }
        owners.remove(&uid);
        true
    }

    async fn seen(&self, object: Value) {
        let Some((desk, key)) = self.addressee(&object) else {
            return;
        };
        let lookout = desk.lookout();
        if let Some(seen) = look::look(object, &key, &lookout, &self.shared.cel).await {
            desk.post(Mail::Seen(key, Box::new(seen), lookout)).await;
        }
    }

    async fn removed(&self, object: Value) {
        let Some((desk, key)) = self.addressee(&object) else {
            return;
        };
        let last = look::glance(&object, &key).map(Box::new);
        desk.post(Mail::Removed(key, last)).await;
    }

    /// What is known of the object is in doubt: the owner task asks for it.
    async fn unreadable(&self, object: Value) {
        if let Some((desk, key)) = self.addressee(&object) {
            desk.post(Mail::Removed(key, None)).await;
        }
    }

    fn addressee(&self, object: &Value) -> Option<(Arc<Desk>, ObjectKey)> {
        let uid = object
            .get("metadata")?
            .get("labels")?
            .get(label::DEPLOYMENT)?
            .as_str()?
            .parse()
            .ok()?;
        Some((self.desk(uid)?, ObjectKey::of(object)?))
    }

    async fn watch(&self, account: &Account, scope: &WatchKey, state: WatchState) {
        let desks: Vec<Arc<Desk>> = self.owners.lock().values().cloned().collect();
        for desk in desks {
            let mail = Mail::Watch(account.clone(), scope.clone(), state.clone());
            desk.post(mail).await;
        }
    }
}

impl Desk {
    /// A deployment that is being let go no longer reads its mail: then it is dropped.
    async fn post(&self, mail: Mail) {
        let _ = self.mail.send(mail).await;
    }
}

impl Notified for Engine {
    fn sets_changed(&self, deployment: DeploymentUid) {
        {
            let mut owners = self.owners.lock();
            let desk = owners
                .entry(deployment)
                .or_insert_with(|| Arc::new(Desk::new()));
            desk.sets_changed.store(true, Ordering::Release);
            desk.wake.notify_one();
        }
        self.employ(deployment);
    }

    fn circumstances_changed(&self) {
        for desk in self.owners.lock().values() {
            desk.circumstances_changed.store(true, Ordering::Release);
            desk.wake.notify_one();
        }
    }
}

impl ObjectSink for Engine {
    fn offer(&self, notice: WatchNotice) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match notice {
                WatchNotice::Seen(object) => self.seen(object).await,
                WatchNotice::Unreadable(object) => self.unreadable(object).await,
                WatchNotice::Removed(object) => self.removed(object).await,
                WatchNotice::Restarted(account, scope) => {
                    self.watch(&account, &scope, WatchState::Restarted).await;
                }
                WatchNotice::Synced(account, scope) => {
                    self.watch(&account, &scope, WatchState::Synced).await;
                }
                WatchNotice::Failed(account, scope, failure) => {
                    let failed = WatchState::Failed(failure.to_string());
                    self.watch(&account, &scope, failed).await;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
