//! The object set engine: carries out the plans of `stevedore_agent_core`, one worker per deployment.
//!
//! # Flow
//! The store tells [`Notified::sets_changed`]; the deployment's worker reads its stored sets, and from then on loops:
//! plan (pure), start what the plan asks for, take in what was completed or what a watch saw, write the status when
//! it changed. Watches offer what they see to [`ObjectSink`]; it is evaluated at once, for the deployment that the
//! label names, and dropped.
//!
//! # Guarantees
//! * Nothing but its worker acts for a deployment; a set that changed is taken in only when no request for the former
//!   one is in flight.
//! * No object body outlives its evaluation, and no content the rollout that needs it.
//! * CEL never runs on the reactor; an expression that takes too long quarantines its package's probes.

mod cel;
mod evaluation;
mod execution;
mod heads;
mod inventory;
mod mailbox;
mod preparation;
mod set_status;
mod status_writer;
mod worker;
mod writes;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;
use stevedore_agent_core::key::{ObjectKey, WatchKey};
use stevedore_proto_core::{DeploymentUid, label};
use stevedore_runtime::supervise::Tasks;

use crate::ports::{Account, Notified, ObjectSink, Ports, WatchNotice};
use cel::CelPool;
use mailbox::{Mailbox, Message, WatchState};
use worker::Worker;

/// The engine. Made first, so that watches and store can be given it; started when they exist.
pub struct Engine {
    me: Weak<Engine>,
    tasks: Tasks,
    ports: OnceLock<Ports>,
    mailboxes: Mutex<HashMap<DeploymentUid, Arc<Mailbox>>>,
    cel: Arc<CelPool>,
}

impl Engine {
    /// An engine that does nothing yet.
    pub fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            tasks,
            ports: OnceLock::new(),
            mailboxes: Mutex::default(),
            cel: Arc::new(CelPool::new()),
        })
    }

    /// Starts: deployments that were named so far and from now on get their worker. Later calls change nothing.
    pub fn start(&self, ports: Ports) {
        if self.ports.set(ports).is_err() {
            return;
        }
        let waiting: Vec<DeploymentUid> = self.mailboxes.lock().keys().copied().collect();
        for uid in waiting {
            self.spawn_worker(uid);
        }
    }

    /// How many deployments have a worker.
    pub fn deployments(&self) -> usize {
        self.mailboxes.lock().len()
    }

    /// The mailbox of a deployment, made where there is none.
    fn mailbox(&self, uid: DeploymentUid) -> Arc<Mailbox> {
        let mut mailboxes = self.mailboxes.lock();
        let mailbox = mailboxes.entry(uid);
        Arc::clone(mailbox.or_insert_with(|| Arc::new(Mailbox::new())))
    }

    /// Starts the worker of a deployment, unless it runs or the engine has not been started.
    fn spawn_worker(&self, uid: DeploymentUid) {
        let (Some(ports), Some(engine)) = (self.ports.get().cloned(), self.me.upgrade()) else {
            return;
        };
        let mailbox = self.mailbox(uid);
        let Some(receiver) = mailbox.take_receiver() else {
            return;
        };
        let cel = Arc::clone(&self.cel);
        let worker = Worker::new(uid, ports, cel, mailbox, receiver);
        let name = format!("deployment-{uid}");
        let _task = self.tasks.spawn_until_shutdown(name, async move {
            worker.run(|mailbox| engine.retire(uid, mailbox)).await;
        });
    }

    /// The worker has nothing left to do. `false` when something was said to it meanwhile.
    fn retire(&self, uid: DeploymentUid, mailbox: &Mailbox) -> bool {
        let mut mailboxes = self.mailboxes.lock();
        if mailbox.have_sets_changed() {
            return false;
        }
        mailboxes.remove(&uid);
        true
    }

    async fn seen(&self, object: Value) {
        let Some((mailbox, key)) = self.recipient(&object) else {
            return;
        };
        let evaluator = mailbox.evaluator();
        let seen = evaluator.evaluate(object, &key, &self.cel).await;
        if let Some(seen) = seen {
            let message = Message::Seen(key.clone(), Box::new(seen), evaluator);
            mailbox.send(message).await;
            self.taken_over(&mailbox, &key).await;
        }
    }

    /// No watch tells the deployment that had an object before: its label names another one now.
    async fn taken_over(&self, by: &Mailbox, key: &ObjectKey) {
        for before in by.predecessors().iter() {
            let mailbox = self.mailboxes.lock().get(before).cloned();
            if let Some(mailbox) = mailbox {
                mailbox.send(Message::TakenOver(key.clone())).await;
            }
        }
    }

    /// An object is gone; or, without its last metadata, what is known of it is in doubt: the worker asks for it.
    async fn removed(&self, object: Value, is_last: bool) {
        let Some((mailbox, key)) = self.recipient(&object) else {
            return;
        };
        let last = is_last
            .then(|| evaluation::metadata(&object, &key))
            .flatten();
        let message = Message::Removed(key, last.map(Box::new));
        mailbox.send(message).await;
    }

    /// Whose object this is, by its label.
    fn recipient(&self, object: &Value) -> Option<(Arc<Mailbox>, ObjectKey)> {
        let uid: DeploymentUid = object
            .get("metadata")?
            .get("labels")?
            .get(label::DEPLOYMENT)?
            .as_str()?
            .parse()
            .ok()?;
        let mailbox = self.mailboxes.lock().get(&uid).cloned()?;
        Some((mailbox, ObjectKey::of(object)?))
    }

    async fn watch(&self, account: &Account, scope: &WatchKey, state: WatchState) {
        let mailboxes: Vec<Arc<Mailbox>> = self.mailboxes.lock().values().cloned().collect();
        for mailbox in mailboxes {
            let message = Message::Watch(account.clone(), scope.clone(), state.clone());
            mailbox.send(message).await;
        }
    }
}

impl Notified for Engine {
    fn sets_changed(&self, deployment: DeploymentUid) {
        {
            let mut mailboxes = self.mailboxes.lock();
            let mailbox = mailboxes
                .entry(deployment)
                .or_insert_with(|| Arc::new(Mailbox::new()));
            mailbox.set_sets_changed();
        }
        self.spawn_worker(deployment);
    }

    fn circumstances_changed(&self) {
        for mailbox in self.mailboxes.lock().values() {
            mailbox.set_circumstances_changed();
        }
    }
}

impl ObjectSink for Engine {
    fn offer(&self, notice: WatchNotice) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match notice {
                WatchNotice::Seen(object) => self.seen(object).await,
                WatchNotice::Unreadable(object) => self.removed(object, false).await,
                WatchNotice::Removed(object) => self.removed(object, true).await,
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
