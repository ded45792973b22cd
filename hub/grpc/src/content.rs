//! Contents ready to be sent: read and compressed once, also while many ask, and shared by everyone who fetches.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use stevedore_hub_core::ports::{ContentError, Orders};
use stevedore_proto::transfer;
use stevedore_proto_core::Digest;
use stevedore_runtime::keyed::Keyed;
use tokio::sync::OnceCell;

/// Compressed bytes kept for the next fetch: room for several contents of the largest size.
const KEPT: usize = 32 * 1024 * 1024;

/// A content's chunks, as they go over the wire.
pub(crate) type Chunks = Arc<[Bytes]>;

/// Packed contents, the most recently used first.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    kept: Mutex<VecDeque<(Digest, Chunks)>>,
    /// What is being packed; everyone who asks meanwhile waits for the same.
    packing: Keyed<Digest, OnceCell<Chunks>>,
}

impl Packed {
    /// The chunks of a content; read and compressed when they are not kept.
    pub(crate) async fn get(
        &self,
        digest: Digest,
        orders: &dyn Orders,
    ) -> Result<Chunks, ContentError> {
        if let Some(chunks) = self.kept(&digest) {
            return Ok(chunks);
        }
        let cell = self.packing.get(digest, OnceCell::new);
        let chunks = cell
            .get_or_try_init(|| async {
                let chunks = pack(digest, orders).await?;
                self.keep(digest, &chunks);
                Ok(chunks)
            })
            .await?;
        Ok(Arc::clone(chunks))
    }

    fn kept(&self, digest: &Digest) -> Option<Chunks> {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|(other, _)| other == digest)?;
        let found = kept.remove(at)?;
        let chunks = Arc::clone(&found.1);
        kept.push_front(found);
        Some(chunks)
    }

    fn keep(&self, digest: Digest, chunks: &Chunks) {
        let mut kept = self.kept.lock();
        kept.retain(|(other, _)| *other != digest);
        kept.push_front((digest, Arc::clone(chunks)));
        let mut bytes = 0;
        kept.retain(|(_, chunks)| {
            bytes += chunks.iter().map(Bytes::len).sum::<usize>();
            bytes <= KEPT
        });
    }
}

async fn pack(digest: Digest, orders: &dyn Orders) -> Result<Chunks, ContentError> {
    let bytes = orders.content(digest).await?;
    let packing = tokio::task::spawn_blocking(move || transfer::pack(&bytes));
    match packing.await {
        Ok(Ok(chunks)) => Ok(chunks.into()),
        Ok(Err(error)) => Err(ContentError::Unavailable(error.to_string())),
        Err(error) => Err(ContentError::Unavailable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use stevedore_hub_core::ports::Pending;
    use stevedore_hub_core::session::ClusterOrders;
    use stevedore_proto_core::{ClusterUid, Leadership};

    use super::*;

    /// Has one content, whose first reads fail.
    struct Source {
        fails: usize,
        reads: AtomicUsize,
    }

    impl Orders for Source {
        fn of(&self, _: ClusterUid) -> Option<Arc<ClusterOrders>> {
            None
        }

        fn leadership(&self) -> Option<Leadership> {
            None
        }

        fn content(&self, _: Digest) -> Pending<'_, Result<Arc<[u8]>, ContentError>> {
            let read = self.reads.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                tokio::task::yield_now().await;
                if read < self.fails {
                    return Err(ContentError::Unavailable("simulated".into()));
                }
                Ok(Arc::from(vec![7; 1_000_000]))
            })
        }
    }

    async fn fetches(source: &Source, packed: &Packed) -> (usize, usize) {
        let digest = Digest::of(b"content");
        let all = join_all((0..50).map(|_| packed.get(digest, source))).await;
        let good = all.iter().filter(|fetched| fetched.is_ok()).count();
        (good, source.reads.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_content_that_many_fetch_at_once_is_read_and_compressed_once() {
        let (fails, reads) = (0, AtomicUsize::new(0));
        let (source, packed) = (Source { fails, reads }, Packed::default());
        assert_eq!(fetches(&source, &packed).await, (50, 1));
        assert_eq!(fetches(&source, &packed).await, (50, 1), "it is kept");
        assert_eq!(
            packed
                .packing
                .get(Digest::of(b"content"), OnceCell::new)
                .get(),
            None
        );
    }

    #[tokio::test]
    async fn a_read_that_failed_is_the_failure_of_one_and_the_next_tries_again() {
        let (fails, reads) = (1, AtomicUsize::new(0));
        let (source, packed) = (Source { fails, reads }, Packed::default());
        assert_eq!(fetches(&source, &packed).await, (49, 2));
    }
}
