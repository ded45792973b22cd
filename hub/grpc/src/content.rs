//! Contents ready to be sent: compressed once, shared by everyone who fetches them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use stevedore_hub_core::ports::{ContentError, Orders};
use stevedore_proto::transfer;
use stevedore_proto_core::Digest;

/// Compressed bytes kept for the next fetch; a content larger than this is packed each time.
const KEPT: usize = 32 * 1024 * 1024;

/// A content's chunks, as they go over the wire.
pub(crate) type Chunks = Arc<[Bytes]>;

/// Packed contents, the most recently used first.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    kept: Mutex<VecDeque<(Digest, Chunks)>>,
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
        let bytes = orders.content(digest).await?;
        let packing = tokio::task::spawn_blocking(move || transfer::pack(&bytes));
        let chunks: Chunks = match packing.await {
            Ok(Ok(chunks)) => chunks.into(),
            Ok(Err(error)) => return Err(ContentError::Unavailable(error.to_string())),
            Err(error) => return Err(ContentError::Unavailable(error.to_string())),
        };
        self.keep(digest, &chunks);
        Ok(chunks)
    }

    fn kept(&self, digest: &Digest) -> Option<Chunks> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(other, _)| other == digest)?;
        let found = kept.remove(at)?;
        let chunks = Arc::clone(&found.1);
        kept.push_front(found);
        Some(chunks)
    }

    fn keep(&self, digest: Digest, chunks: &Chunks) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != digest);
        kept.push_front((digest, Arc::clone(chunks)));
        let mut bytes = 0;
        kept.retain(|(_, chunks)| {
            bytes += chunks.iter().map(Bytes::len).sum::<usize>();
            bytes <= KEPT
        });
    }
}
