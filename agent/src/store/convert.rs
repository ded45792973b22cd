//! Conversions between the protocol's types and what a set stores of them.

use stevedore_crds::v1alpha1::{Fence, StoredOrder, StoredPackage, StoredTuple, TombstonePolicy};
use stevedore_proto_core::{
    ContentRef, DeletionPolicy, DeploymentUid, Epoch, EpochId, Order, PackageRef, Term, TermId,
    Tuple,
};

/// A stored order that this agent cannot have written, or that was written by another release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} of a stored order cannot be read")]
pub(crate) struct Unreadable(&'static str);

/// The UID of a set is no UUID.
pub(crate) fn unreadable_uid() -> Unreadable {
    Unreadable("the UID")
}

pub(crate) fn stored_tuple(tuple: &Tuple) -> StoredTuple {
    StoredTuple {
        epoch: fence(tuple.epoch.counter, tuple.epoch.id),
        term: fence(tuple.term.counter, tuple.term.id),
        number: signed(tuple.number),
        digest: tuple.digest.to_string(),
    }
}

pub(crate) fn tuple(stored: &StoredTuple) -> Result<Tuple, Unreadable> {
    let epoch = Epoch {
        counter: unsigned(stored.epoch.counter),
        id: id::<EpochId>(&stored.epoch.id).ok_or(Unreadable("the epoch"))?,
    };
    let term = Term {
        counter: unsigned(stored.term.counter),
        id: id::<TermId>(&stored.term.id).ok_or(Unreadable("the term"))?,
    };
    Ok(Tuple {
        epoch,
        term,
        number: unsigned(stored.number),
        digest: stored
            .digest
            .parse()
            .map_err(|_| Unreadable("the digest"))?,
    })
}

pub(crate) fn stored_order(order: &Order) -> StoredOrder {
    let content = order.content();
    StoredOrder {
        deployment: order.deployment.to_string(),
        package: StoredPackage {
            namespace: order.package.namespace.clone(),
            name: order.package.name.clone(),
            uid: order.package.uid.to_string(),
        },
        tuple: stored_tuple(&order.tuple),
        content_digest: content
            .map(|content| content.digest.to_string())
            .unwrap_or_default(),
        content_size: content.map_or(0, |content| signed(content.size)),
        paused: order.settings.paused,
    }
}

pub(crate) fn deployment(stored: &StoredOrder) -> Result<DeploymentUid, Unreadable> {
    stored
        .deployment
        .parse()
        .map_err(|_| Unreadable("the deployment"))
}

/// The content of an order; a tombstone has none.
pub(crate) fn content(stored: &StoredOrder) -> Option<ContentRef> {
    Some(ContentRef {
        digest: stored.content_digest.parse().ok()?,
        size: unsigned(stored.content_size),
    })
}

pub(crate) fn package(
    stored: &StoredPackage,
    revision: Option<i64>,
) -> Result<PackageRef, Unreadable> {
    Ok(PackageRef {
        namespace: stored.namespace.clone(),
        name: stored.name.clone(),
        uid: stored.uid.parse().map_err(|_| Unreadable("the package"))?,
        revision: unsigned(revision.unwrap_or(0)),
    })
}

pub(crate) fn stored_policy(policy: DeletionPolicy) -> TombstonePolicy {
    match policy {
        DeletionPolicy::Delete => TombstonePolicy::Delete,
        DeletionPolicy::Orphan => TombstonePolicy::Orphan,
    }
}

/// How far a tuple got, as one number that marks carry too: first by epoch, for an earlier one may have given
/// higher numbers, then by order number. In the first epoch it is the order number itself.
pub(crate) fn rank(tuple: &Tuple) -> u64 {
    const BITS: u32 = 40;
    let epoch = tuple.epoch.counter.saturating_sub(1).min((1 << 23) - 1);
    (epoch << BITS) | tuple.number.min((1 << BITS) - 1)
}

fn fence(counter: u64, id: impl ToString) -> Fence {
    Fence {
        counter: signed(counter),
        id: id.to_string().replace('-', ""),
    }
}

/// An id from its 32 hex digits.
fn id<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let part = |range: std::ops::Range<usize>| digits.get(range);
    let text = [
        part(0..8)?,
        part(8..12)?,
        part(12..16)?,
        part(16..20)?,
        part(20..32)?,
    ]
    .join("-");
    (digits.len() == 32).then(|| text.parse().ok()).flatten()
}

/// JSON numbers of Kubernetes are signed; a counter never comes near the bound.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_proto_core::Digest;

    #[test]
    fn a_tuple_is_the_same_after_it_was_stored() {
        let original = Tuple {
            epoch: Epoch {
                counter: 3,
                id: EpochId::from_bytes([0xab; 16]),
            },
            term: Term {
                counter: 9,
                id: TermId::from_bytes([1; 16]),
            },
            number: 42,
            digest: Digest::of(b"order"),
        };
        let stored = stored_tuple(&original);
        assert_eq!(stored.epoch.id, "ab".repeat(16));
        assert_eq!(tuple(&stored), Ok(original));
    }

    #[test]
    fn a_later_epoch_goes_before_a_higher_number() {
        let of = |epoch, number| {
            rank(&Tuple {
                epoch: Epoch {
                    counter: epoch,
                    id: EpochId::from_bytes([1; 16]),
                },
                term: Term {
                    counter: 1,
                    id: TermId::from_bytes([1; 16]),
                },
                number,
                digest: Digest::of(b""),
            })
        };
        assert_eq!(of(1, 10), 10);
        assert!(of(2, 3) > of(1, 10) && of(2, 4) > of(2, 3));
        assert!(of(u64::MAX, u64::MAX) > of(3, u64::MAX));
    }

    #[test]
    fn a_stored_tuple_that_is_cut_is_not_read() {
        let stored = StoredTuple::default();
        assert_eq!(tuple(&stored), Err(Unreadable("the epoch")));
    }
}
