//! Epoch, term and order number: what an agent compares before it accepts anything.
//!
//! None of these types is `Ord`: a number without its epoch, or a counter without its id, must not be
//! compared by accident.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::id::{EpochId, TermId};

/// One history of the hub. Only an operator raises it; two epochs with the same counter and different ids
/// are different histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// Rises with every raise.
    pub counter: u64,
    /// Drawn at the raise.
    pub id: EpochId,
}

/// One hub leadership within an epoch, taken by compare-and-swap before its first order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Term {
    /// Rises with every leadership of one epoch.
    pub counter: u64,
    /// Drawn when the leadership starts.
    pub id: TermId,
}

/// Who speaks: the epoch and term of the hub process at the other end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leadership {
    /// The hub's history.
    pub epoch: Epoch,
    /// The leadership within it.
    pub term: Term,
}

/// How one leadership stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// Neither older nor of another history.
    Current,
    /// A lower epoch, or a lower term of the same epoch.
    Older,
    /// The same counter under another id: another history.
    Foreign,
}

impl Leadership {
    /// How `self` stands to one seen before. Terms are compared within one epoch only.
    pub fn compared_to(&self, seen: &Self) -> Precedence {
        let order = |mine: (u64, bool), theirs: u64| match mine {
            (counter, _) if counter < theirs => Some(Precedence::Older),
            (counter, _) if counter > theirs => Some(Precedence::Current),
            (_, false) => Some(Precedence::Foreign),
            _ => None,
        };
        order(
            (self.epoch.counter, self.epoch.id == seen.epoch.id),
            seen.epoch.counter,
        )
        .or_else(|| {
            order(
                (self.term.counter, self.term.id == seen.term.id),
                seen.term.counter,
            )
        })
        .unwrap_or(Precedence::Current)
    }
}

/// What an agent compares: which history and leadership gave which number to which digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tuple {
    /// The hub's history.
    pub epoch: Epoch,
    /// The leadership that gave `number`.
    pub term: Term,
    /// The order number: rises with every order of one deployment within an epoch, starts at 1.
    pub number: u64,
    /// [`crate::Order::digest`].
    pub digest: Digest,
}

impl Tuple {
    /// Epoch and term of this tuple.
    pub fn leadership(&self) -> Leadership {
        Leadership {
            epoch: self.epoch,
            term: self.term,
        }
    }

    /// Adds every field to a hash.
    #[must_use]
    pub fn hash_into(&self, hasher: Hasher) -> Hasher {
        hasher
            .number(self.epoch.counter)
            .field(self.epoch.id.as_bytes())
            .number(self.term.counter)
            .field(self.term.id.as_bytes())
            .number(self.number)
            .field(self.digest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leadership(epoch: u64, epoch_id: u8, term: u64, term_id: u8) -> Leadership {
        Leadership {
            epoch: Epoch {
                counter: epoch,
                id: EpochId::from_bytes([epoch_id; 16]),
            },
            term: Term {
                counter: term,
                id: TermId::from_bytes([term_id; 16]),
            },
        }
    }

    #[test]
    fn terms_are_compared_within_one_epoch_only() {
        let seen = leadership(2, 2, 5, 5);
        for (offered, precedence) in [
            (leadership(2, 2, 5, 5), Precedence::Current),
            (leadership(2, 2, 6, 6), Precedence::Current),
            (leadership(3, 3, 1, 1), Precedence::Current),
            (leadership(2, 2, 4, 4), Precedence::Older),
            (leadership(1, 1, 9, 9), Precedence::Older),
            (leadership(2, 2, 5, 6), Precedence::Foreign),
            (leadership(2, 3, 9, 9), Precedence::Foreign),
        ] {
            assert_eq!(offered.compared_to(&seen), precedence, "{offered:?}");
        }
    }
}
