//! Tallies of targets: how many of a wave, or of a whole rollout, stand where.

use super::standing::{Standing, Target};

/// How many members of a wave stand where.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) all: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) in_flight: usize,
    /// Were ordered something, and have no session: how it went is not known.
    pub(super) unheard: usize,
    /// Were available with what they were ordered, and have no session now.
    pub(super) lost: usize,
    pub(super) waiting: usize,
    /// Wait for an order, and have no session.
    pub(super) offline: usize,
    pub(super) unknown: usize,
}

/// Counts these targets.
pub(super) fn tally<'a>(
    targets: &[Target<'_>],
    members: impl IntoIterator<Item = &'a usize>,
) -> Tally {
    let mut tally = Tally::default();
    for at in members {
        let target = &targets[*at];
        tally.all += 1;
        match target.standing {
            Standing::Done => tally.done += 1,
            Standing::Failed => tally.failed += 1,
            Standing::Lost {
                was_available: true,
            } => tally.lost += 1,
            Standing::Lost { .. } => tally.unheard += 1,
            Standing::InFlight => tally.in_flight += 1,
            Standing::Waiting(_) => {
                tally.waiting += 1;
                tally.offline += usize::from(target.is_offline());
            }
            Standing::Unknown => tally.unknown += 1,
            Standing::LeftOut | Standing::Skipped | Standing::Held => {}
        }
    }
    tally
}
