//! Sessions of members: the shell around [`stevedore_hub_core::session`].
//!
//! ```text
//!  stream ── frames ──▶ mailbox (bounded) ──┐
//!  stream ── frames ──▶ mailbox             ├─▶ member task ──▶ Member::step ──▶ outboxes (bounded) ──▶ streams
//!  rest of the hub ── Notices (coalesced) ──┘   one per cluster            └──▶ Reports (port)
//! ```
//!
//! # Guarantees
//! * One task per cluster owns that cluster's machine; nothing else steps it.
//! * A slow member fills its own outbox and is resynced; it delays nobody else.
//! * A content that is slow to read delays its own order; nothing else of the session waits for it.
//! * Telling of a change never blocks and never queues: changes of one cluster are coalesced.
//! * When membership changes, sessions that are no longer admitted end within [`SWEEP`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use stevedore_hub_core::package_key::PackageKey;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::{Connection, Pace, Pacer};
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{ClusterUid, DeploymentUid, Digest, PackageUid, ToHub};
use stevedore_runtime::supervise::Tasks;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::identity::ClusterIdentity;
use crate::metrics::Metrics;
use crate::registry::Registry;

mod mailbox;
mod member;
mod outbox;
mod reading;
mod shared;

pub(crate) use mailbox::MemberHandle;
use mailbox::{Input, MAILBOX, Pending};
pub(crate) use outbox::{Frame, FrameReceiver};
pub use shared::Ports;
use shared::Shared;

/// How often membership of every open session is checked again, also when nobody said that it changed.
pub const SWEEP: Duration = Duration::from_secs(3);

/// All sessions of this process. Clones share them; the rest of the hub keeps one to say what changed.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

/// An open stream of a member, as the service that carries it sees it. Dropping it ends the stream.
pub(crate) struct OpenStream {
    connection: Connection,
    mailbox: mpsc::Sender<Input>,
    closed: bool,
    open: Gauge,
}

impl Sessions {
    /// Starts the watch over membership; sessions start as streams arrive.
    #[must_use]
    pub fn start(ports: Ports, pace: Pace, tasks: &Tasks) -> Self {
        let shared = Arc::new(Shared {
            ports,
            registry: Registry::default(),
            pace,
            tasks: tasks.owner("sessions"),
            connections: AtomicU64::new(1),
            pacer: Mutex::new(Pacer::default()),
            started: Instant::now(),
            sweep: Notify::new(),
            metrics: Metrics::default(),
        });
        let sweeping = sweep(Arc::clone(&shared));
        shared.tasks.run_until_shutdown("sweep", sweeping);
        Self { shared }
    }

    /// These orders of a cluster changed. Nothing happens for a cluster that never connected.
    pub fn changed(
        &self,
        cluster: ClusterUid,
        deployments: impl IntoIterator<Item = DeploymentUid>,
    ) {
        self.notify(cluster, |pending| pending.changed.extend(deployments));
    }

    /// Any order of any cluster may have changed: ledgers were loaded, or leadership was taken.
    pub fn reloaded(&self) {
        for (_, member) in self.shared.registry.all() {
            member.notices.tell(|pending| pending.reloaded = true);
        }
    }

    /// Content of a package can be read again that could not be: orders that were put off for it go out now.
    pub fn content_back(&self, package: PackageUid) {
        for (cluster, member) in self.shared.registry.all() {
            let deployment = PackageKey::from(package).deployment(&cluster);
            member.notices.tell(|pending| {
                pending.content_back.insert(deployment);
            });
        }
    }

    /// A member was told that there is no such content, although an order of its names it.
    pub(crate) fn content_gone(&self, cluster: ClusterUid, digest: Digest) {
        self.notify(cluster, |pending| {
            pending.content_gone.insert(digest);
        });
    }

    /// Asks a member for everything it holds.
    pub fn census(&self, cluster: ClusterUid) {
        self.notify(cluster, |pending| pending.census = true);
    }

    /// Membership changed somewhere: every session is checked again now.
    pub fn members_changed(&self) {
        self.shared.sweep.notify_one();
    }

    fn notify(&self, cluster: ClusterUid, change: impl FnOnce(&mut Pending)) {
        if let Some(member) = self.shared.registry.get(&cluster) {
            member.notices.tell(change);
        }
    }

    /// What this port counts, to be registered by the wiring.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics.clone()
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.shared.ports
    }

    /// Opens a stream of a verified member, or says why not.
    pub(crate) async fn open(
        &self,
        identity: ClusterIdentity,
    ) -> Result<(OpenStream, FrameReceiver), Close> {
        let (cluster, member) = (identity.cluster(), identity.member());
        self.shared.ports.members.admit(cluster, member)?;
        self.pace_start()?;
        let connection = Connection(self.shared.connections.fetch_add(1, Ordering::Relaxed));
        let (outbox, frames) = outbox::channel();
        let handle = self.member(cluster, member);
        let opened = handle.mailbox.send(Input::Opened(connection, outbox));
        opened
            .await
            .map_err(|_| Close::new(CloseReason::GoingAway, "the hub is shutting down", 1_000))?;
        let open = self.shared.metrics.streams.clone();
        open.inc();
        let stream = OpenStream {
            connection,
            mailbox: handle.mailbox,
            closed: false,
            open,
        };
        Ok((stream, frames))
    }

    fn pace_start(&self) -> Result<(), Close> {
        let now = self.shared.now();
        let busy = "many sessions are starting at once";
        let admitted = self.shared.pacer.lock().admit(now);
        admitted.map_err(|wait| Close::new(CloseReason::Busy, busy, wait))
    }

    /// The member's task, started when there is none; one of another `MemberCluster` is retired.
    fn member(&self, cluster: ClusterUid, member: MemberUid) -> MemberHandle {
        let fits = |handle: &MemberHandle| handle.member == member && !handle.mailbox.is_closed();
        let mut start = None;
        let (handle, displaced) = self.shared.registry.get_or_replace(cluster, fits, || {
            let (mailbox, inputs) = mpsc::channel(MAILBOX);
            let handle = MemberHandle {
                member,
                mailbox,
                notices: Arc::default(),
            };
            start = Some(inputs);
            handle
        });
        if let Some(displaced) = displaced {
            let message = "the cluster joined again";
            displaced.retire(Close::new(CloseReason::Revoked, message, 0));
        }
        if let Some(inputs) = start {
            let task =
                member::Task::new(Arc::clone(&self.shared), cluster, &handle, self.shared.pace);
            let _ = self.shared.tasks.spawn(cluster, task.run(inputs));
        }
        handle
    }
}

impl OpenStream {
    /// Hands a frame to the member's task; waits while its mailbox is full. False when the task is gone.
    pub(crate) async fn received(&self, message: ToHub) -> bool {
        self.mailbox
            .send(Input::Message(self.connection, Box::new(message)))
            .await
            .is_ok()
    }

    /// Says that the stream ended.
    pub(crate) async fn close(mut self) {
        self.closed = true;
        // The task is only gone when the process ends.
        let _ = self.mailbox.send(Input::Closed(self.connection)).await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.open.dec();
        if !self.closed {
            // The carrying task was aborted: at shutdown, where the machine is going away as well. With a
            // full mailbox the machine notices the silence instead.
            let _ = self.mailbox.try_send(Input::Closed(self.connection));
        }
    }
}

/// Ends the sessions of members that are no longer admitted.
async fn sweep(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(SWEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shared.sweep.notified() => {}
        }
        for (cluster, handle) in shared.registry.all() {
            let Err(close) = shared.ports.members.admit(cluster, handle.member) else {
                continue;
            };
            if close.reason == CloseReason::Revoked {
                shared.registry.remove(&cluster, &handle);
                handle.retire(close);
            } else {
                handle.notices.tell(|pending| pending.end = Some(close));
            }
        }
    }
}
