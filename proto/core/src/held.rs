//! Orders that a member holds, and the root digest over them.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::id::DeploymentUid;
use crate::order::{ContentRef, PackageRef};
use crate::status::Stage;
use crate::tuple::Tuple;

/// One deployment as the member has it stored: the accepted order without settings and content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// One package on one cluster.
    pub deployment: DeploymentUid,
    /// The package, so that a census can name what the hub does not know.
    pub package: PackageRef,
    /// The tuple of the accepted order.
    pub tuple: Tuple,
    /// The accepted content; absent for a tombstone.
    pub content: Option<ContentRef>,
    /// How far the member got with it.
    pub stage: Stage,
}

impl Held {
    /// A tombstone that is done: the tuple is kept as high-water mark, nothing of it is left on the member.
    pub fn is_finished(&self) -> bool {
        self.stage == Stage::Deleted
    }
}

/// The root digest over tuples. The order of the entries does not matter; a deployment occurs once.
///
/// Finished tombstones are left out by both sides: a member keeps them for months, a hub does not.
pub fn root(entries: impl IntoIterator<Item = (DeploymentUid, Tuple)>) -> Digest {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_unstable_by_key(|(deployment, _)| *deployment);
    entries
        .iter()
        .fold(
            Hasher::new("stevedore.held.v1"),
            |hasher, (deployment, tuple)| tuple.hash_into(hasher.field(deployment.as_bytes())),
        )
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EpochId, TermId};
    use crate::tuple::{Epoch, Term};

    fn tuple(number: u64) -> Tuple {
        Tuple {
            epoch: Epoch {
                counter: 1,
                id: EpochId::from_bytes([1; 16]),
            },
            term: Term {
                counter: 1,
                id: TermId::from_bytes([1; 16]),
            },
            number,
            digest: Digest::of(b"x"),
        }
    }

    #[test]
    fn root_ignores_the_order_of_entries_and_nothing_else() {
        let (a, b) = (
            DeploymentUid::from_bytes([1; 16]),
            DeploymentUid::from_bytes([2; 16]),
        );
        let base = root([(a, tuple(1)), (b, tuple(2))]);
        assert_eq!(base, root([(b, tuple(2)), (a, tuple(1))]));
        assert_ne!(base, root([(a, tuple(2)), (b, tuple(1))]));
        assert_ne!(base, root([(a, tuple(1))]));
        let mut other_term = tuple(1);
        other_term.term.id = TermId::from_bytes([9; 16]);
        assert_ne!(base, root([(a, other_term), (b, tuple(2))]));
        assert_eq!(root([]), root([]));
    }
}
