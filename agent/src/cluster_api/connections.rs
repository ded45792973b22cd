//! Connections to the API server: how many streams each carries, and whose requests wait for whom.
//!
//! An API server takes a bounded number of streams on one connection, and every watch is a stream that stays:
//! what comes on top waits in the connection, for as long as the watches last. So requests are bounded to leave
//! room, watches beyond that room get connections of their own, the agent's own requests never wait for those of
//! packages, and up to three deployments whose requests hang leave room for the others.

use std::sync::Arc;

use kube::Client;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Streams that an API server takes on one connection, unless it is told otherwise.
const STREAMS: usize = 100;
/// Requests of the agent's own under way at once: orders, statuses, events.
const OWN: usize = 16;
/// Requests as packages' accounts under way at once. Several times what one deployment may have, so that one
/// whose requests hang (in an admission webhook, say) leaves room for the others.
const IMPERSONATED: usize = 64;
/// The one that asks whether the API server answers at all.
const ASKING: usize = 1;

/// The connections of the process.
pub(super) struct Connections {
    first: Client,
    /// Makes a further connection.
    another: Box<dyn Fn() -> Option<Client> + Send + Sync>,
    own: Semaphore,
    impersonated: Semaphore,
    /// Room for watches on the first connection, then on each further one.
    watches: Mutex<Vec<(Client, Arc<Semaphore>)>>,
}

impl Connections {
    pub(super) fn new(
        first: Client,
        another: impl Fn() -> Option<Client> + Send + Sync + 'static,
    ) -> Self {
        let beside_requests = Arc::new(Semaphore::new(STREAMS - OWN - IMPERSONATED - ASKING));
        Self {
            own: Semaphore::new(OWN),
            impersonated: Semaphore::new(IMPERSONATED),
            watches: Mutex::new(vec![(first.clone(), beside_requests)]),
            first,
            another: Box::new(another),
        }
    }

    /// Where a request goes, and its turn.
    pub(super) async fn for_request(&self, impersonated: bool) -> (Client, SemaphorePermit<'_>) {
        let turns = if impersonated {
            &self.impersonated
        } else {
            &self.own
        };
        let turn = turns.acquire().await.expect("never closed");
        (self.first.clone(), turn)
    }

    /// Where the one request goes that waits for nobody.
    pub(super) fn without_turn(&self) -> Client {
        self.first.clone()
    }

    /// Where a watch goes, and its room there: to be held while it is open. Absent where no further connection
    /// can be made; then it has to share.
    pub(super) fn for_watch(&self) -> (Client, Option<OwnedSemaphorePermit>) {
        let mut all = self.watches.lock();
        let room = all.iter().find_map(|(client, room)| {
            let room = Arc::clone(room).try_acquire_owned().ok()?;
            Some((client.clone(), Some(room)))
        });
        if let Some(found) = room {
            return found;
        }
        let Some(client) = (self.another)() else {
            return (self.first.clone(), None);
        };
        let room = Arc::new(Semaphore::new(STREAMS));
        let taken = Arc::clone(&room).try_acquire_owned().ok();
        all.push((client.clone(), room));
        (client, taken)
    }
}
