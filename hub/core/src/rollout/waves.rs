//! Members of waves: which targets each wave takes, and in which order they are ordered.

use std::collections::BTreeMap;

use stevedore_proto_core::ClusterUid;

use super::policy::{Place, Wave, WaveMembers};
use super::standing::{Runs, Standing, Target};

/// The targets of each wave, as indexes into `targets`. One that `is_part` leaves out is in no wave.
pub(super) fn members(
    waves: &[Wave],
    targets: &[Target<'_>],
    places: &BTreeMap<ClusterUid, Place<'_>>,
    is_part: impl Fn(&Target<'_>) -> bool,
) -> Vec<Vec<usize>> {
    let place = |at: usize| places.get(&targets[at].cluster);
    let name = |at: usize| place(at).map_or("", |place| place.name);
    let mut left: Vec<usize> = (0..targets.len())
        .filter(|at| is_part(&targets[*at]))
        .collect();
    left.sort_by_cached_key(|at| (name(*at), targets[*at].cluster));
    let all = left.len();
    let take = |wave: &Wave| {
        let taken: Vec<usize> = match &wave.members {
            WaveMembers::Rest => std::mem::take(&mut left),
            WaveMembers::Selector(selector) => left
                .extract_if(.., |at| {
                    place(*at).is_some_and(|it| selector.matches(it.labels))
                })
                .collect(),
            WaveMembers::Names(names) => left
                .extract_if(.., |at| names.contains(name(*at)))
                .collect(),
            WaveMembers::Number(amount) => {
                // Stable: the sort keeps the order of names among equals.
                left.sort_by_key(|at| preference(&targets[*at]));
                let count = amount.at_least_one_of(all).min(left.len());
                let taken = left.drain(..count).collect();
                left.sort_by_cached_key(|at| (name(*at), targets[*at].cluster));
                taken
            }
        };
        taken
    };
    waves.iter().map(take).collect()
}

/// Whom a wave of a number of clusters takes first: those it took before, in the order in which they were ordered, so
/// that it keeps them; then what an earlier order broke, what is available, what is not, and what cannot answer.
fn preference(target: &Target<'_>) -> (u8, u64) {
    let rank = match target.standing {
        Standing::Waiting(_) if target.is_broken() => 1,
        Standing::Waiting(_) if target.is_offline() => 4,
        Standing::Waiting(Runs::Unavailable | Runs::Failing | Runs::Nothing) => 3,
        Standing::Waiting(_) => 2,
        Standing::Unknown | Standing::LeftOut | Standing::Skipped | Standing::Held => 5,
        _ => return (0, target.number()),
    };
    (rank, 0)
}
