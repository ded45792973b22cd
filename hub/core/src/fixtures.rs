//! Values that tests of several modules are made from.

use stevedore_proto_core::id::{EpochId, TermId};
use stevedore_proto_core::{ClusterUid, Epoch, Leadership, Term};

/// The leadership with these counters; its ids follow from them.
pub(crate) fn leadership(epoch: u64, term: u64) -> Leadership {
    Leadership {
        epoch: Epoch {
            counter: epoch,
            id: EpochId::from_bytes([epoch as u8; 16]),
        },
        term: Term {
            counter: term,
            id: TermId::from_bytes([(epoch * 16 + term) as u8; 16]),
        },
    }
}

/// A cluster's UID.
pub(crate) fn cluster(seed: u8) -> ClusterUid {
    ClusterUid::from_bytes([seed; 16])
}
