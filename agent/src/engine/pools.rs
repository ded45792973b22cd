//! Pools that all workers share: permits for requests, and threads for CEL.

use tokio::sync::Semaphore;

use super::cel::CelPool;

/// Requests for package objects of all deployments that wait for their turn on the transport or are in flight.
const REQUESTS: usize = 64;

/// The pools. One per process.
pub(super) struct Pools {
    pub(super) requests: Semaphore,
    pub(super) cel: CelPool,
}

impl Pools {
    pub(super) fn new() -> Self {
        Self {
            requests: Semaphore::new(REQUESTS),
            cel: CelPool::new(),
        }
    }
}
