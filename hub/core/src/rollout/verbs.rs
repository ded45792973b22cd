//! Verbs on a rollout: what people asked for beside the spec. Each speaks about one revision and ends with it.

use std::collections::BTreeSet;

/// The verbs that hold for the revision that is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verbs {
    /// Waves that somebody approved.
    pub approved: BTreeSet<String>,
    /// Waves that the next one need not wait for any longer.
    pub promoted: BTreeSet<String>,
    /// Names of clusters that are left as they are, and that nothing waits for.
    pub skipped: BTreeSet<String>,
    /// Nothing more is ordered.
    pub stop: Option<Stop>,
    /// Counts how often what failed was to be tried again; 0 for never. Each count is carried out once.
    pub retry: u64,
}

/// Why somebody had nothing more ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// For a time.
    Paused,
    /// For as long as the revision is the one that should run.
    Aborted,
    /// Until that is taken back, however often the revision comes to be the one that should run.
    Rejected,
}
