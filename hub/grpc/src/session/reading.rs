//! Contents that are read for orders about to be sent, all of one member beside each other.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use stevedore_hub_core::ports::{ContentError, Orders};
use stevedore_hub_core::session::Connection;
use stevedore_proto_core::{Digest, Order};

/// Longest wait for one content; its order is put off then. Below the shortest time after which an order is sent
/// again, so that an order is read for once at a time.
const CONTENT_WITHIN: Duration = Duration::from_secs(10);

/// An order to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) connection: Connection,
    pub(super) order: Arc<Order>,
}

/// An order, and its content or why that could not be read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) outgoing: Outgoing,
    pub(super) content: Result<Arc<[u8]>, ContentError>,
}

/// The reads of one member's session; the session bounds their number by its window.
#[derive(Default)]
pub(super) struct Reads {
    connection: Option<Connection>,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Read> + Send>>>,
}

impl Reads {
    /// Starts to read; gives what came of it where that is known at once, as with what is in memory.
    pub(super) fn start(
        &mut self,
        orders: Arc<dyn Orders>,
        digest: Digest,
        outgoing: Outgoing,
    ) -> Option<Read> {
        if self.connection != Some(outgoing.connection) {
            // Nobody waits for what was read for an earlier session.
            self.running.clear();
            self.connection = Some(outgoing.connection);
        }
        let mut reading: Pin<Box<dyn Future<Output = Read> + Send>> = Box::pin(async move {
            let content = tokio::time::timeout(CONTENT_WITHIN, orders.content(digest)).await;
            Read {
                outgoing,
                content: content.unwrap_or_else(|_| {
                    let message = format!("not within {} s", CONTENT_WITHIN.as_secs());
                    Err(ContentError::Unavailable(message))
                }),
            }
        });
        let known = (&mut reading).now_or_never();
        if known.is_none() {
            self.running.push(reading);
        }
        known
    }

    /// The next that is read; never, while nothing is.
    pub(super) async fn next(&mut self) -> Read {
        match self.running.next().await {
            Some(read) => read,
            None => std::future::pending().await,
        }
    }
}
