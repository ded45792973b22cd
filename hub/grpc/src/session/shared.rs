//! The state that all member tasks and the handle of the sessions share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use stevedore_hub_core::ports::{Members, Orders, Reports};
use stevedore_hub_core::session::{Pace, Pacer};
use stevedore_proto_core::Millis;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::registry::Registry;

/// What sessions need from the rest of the hub.
#[derive(Clone)]
pub struct Ports {
    /// Who may talk to this hub.
    pub members: Arc<dyn Members>,
    /// What clusters should run.
    pub orders: Arc<dyn Orders>,
    /// Where reports go.
    pub reports: Arc<dyn Reports>,
}

pub(super) struct Shared {
    pub(super) ports: Ports,
    pub(super) registry: Registry,
    pub(super) pace: Pace,
    pub(super) tasks: Tasks,
    pub(super) connections: AtomicU64,
    pub(super) pacer: Mutex<Pacer>,
    pub(super) started: Instant,
    pub(super) sweep: Notify,
    pub(super) metrics: Metrics,
}

impl Shared {
    /// Milliseconds on this process's monotonic clock.
    pub(super) fn now(&self) -> Millis {
        Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    pub(super) fn instant(&self, at: Millis) -> Instant {
        self.started + Duration::from_millis(at)
    }
}
