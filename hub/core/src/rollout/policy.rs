//! The policy of a rollout: in which order clusters are changed, how many at a time, and what stops that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stevedore_proto_core::content::LabelSelector;

/// For how long an order may be under way before its cluster counts as failed, where nothing else is said. As of a
/// Deployment of Kubernetes.
pub const PROGRESS_DEADLINE: Duration = Duration::from_secs(600);

/// How a package is rolled out. The default is one canary, then the rest while at most a tenth is unavailable, and a
/// halt at the first failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Waves in their order; what none of them takes comes last. `None` is one canary, which installs need not wait for.
    pub waves: Option<Vec<Wave>>,
    /// Most clusters that an order is under way on.
    pub max_concurrent: Option<Amount>,
    /// Most clusters that may be taken from available at a time; at least one, and never all of two or more.
    pub max_unavailable: Amount,
    /// How many clusters may fail before nothing more is ordered.
    pub max_failures: Amount,
    /// For how long a wave stays available before the next one begins.
    pub min_ready: Duration,
    /// For how long an order may be under way before its cluster counts as failed.
    pub progress_deadline: Duration,
    /// What a cluster without a session means to its wave.
    pub offline: Offline,
}

/// A number of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// This many.
    Count(u32),
    /// This part of all, in percent.
    Percent(u8),
}

/// What a cluster that was without a session before it was ordered something new means to its wave. It is ordered
/// when it is back, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offline {
    /// The wave does not wait for it.
    #[default]
    Skip,
    /// The wave waits for it.
    Wait,
    /// It counts as failed.
    Count,
}

/// One wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// What people call it.
    pub name: String,
    /// Whom it takes of those that no earlier wave took.
    pub members: WaveMembers,
    /// As of the policy, for this wave.
    pub max_concurrent: Option<Amount>,
    /// As of the policy, for this wave.
    pub max_failures: Option<Amount>,
    /// In place of the policy's.
    pub min_ready: Option<Duration>,
    /// Whether somebody has to approve it.
    pub approval: Option<Approval>,
}

/// When a wave has to be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// Before anything of it is ordered.
    Before,
    /// When it is done, before the next one begins.
    After,
}

/// Whom a wave takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaveMembers {
    /// All that are left.
    Rest,
    /// Clusters with these labels.
    Selector(LabelSelector),
    /// Clusters with these names.
    Names(BTreeSet<String>),
    /// So many of all: those that have been ordered it before others, connected ones before others, then by name.
    Number(Amount),
}

/// Name and labels of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Name of its `MemberCluster`.
    pub name: &'a str,
    /// Labels of its `MemberCluster`.
    pub labels: &'a BTreeMap<String, String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            waves: None,
            max_concurrent: None,
            max_unavailable: Amount::Percent(10),
            max_failures: Amount::Count(0),
            min_ready: Duration::ZERO,
            progress_deadline: PROGRESS_DEADLINE,
            offline: Offline::Skip,
        }
    }
}

impl Policy {
    /// No wave waits for an approval.
    pub fn approve_everything(&mut self) {
        for wave in self.waves.iter_mut().flatten() {
            wave.approval = None;
        }
    }

    /// The waves, with the one that takes what is left at the end.
    pub(super) fn all_waves(&self) -> Vec<Wave> {
        let mut waves = match &self.waves {
            Some(waves) => waves.clone(),
            None => vec![Wave::new("canary", WaveMembers::Number(Amount::Count(1)))],
        };
        if waves.last().map(|last| &last.members) != Some(&WaveMembers::Rest) {
            let is_taken = waves.iter().any(|wave| wave.name == "rest");
            // No wave of a spec may have brackets in its name.
            let name = if is_taken { "(rest)" } else { "rest" };
            waves.push(Wave::new(name, WaveMembers::Rest));
        }
        waves
    }

    /// How many of `all` clusters may be unavailable, of which `up` are available or were before the rollout.
    pub(super) fn budget(&self, all: usize, up: usize) -> usize {
        let most = up.saturating_sub(1).max(1);
        self.max_unavailable.of(all).clamp(1, most)
    }
}

impl Wave {
    /// A wave with the policy's own limits.
    pub fn new(name: &str, members: WaveMembers) -> Self {
        Self {
            name: name.to_owned(),
            members,
            max_concurrent: None,
            max_failures: None,
            min_ready: None,
            approval: None,
        }
    }
}

impl Amount {
    /// How many of `all` that is; a part of one is rounded down.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => all * usize::from(percent) / 100,
        }
    }

    /// As [`of`](Self::of), but of something that has to go on: at least one.
    pub(super) fn at_least_one_of(self, all: usize) -> usize {
        self.of(all).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_at_least_one_cluster_and_never_all_of_them() {
        let budget = |max_unavailable, all| {
            let policy = Policy {
                max_unavailable,
                ..Policy::default()
            };
            policy.budget(all, all)
        };
        let percent = |percent| [1, 2, 9, 10, 25, 100].map(|all| budget(percent, all));
        assert_eq!(percent(Amount::Percent(10)), [1, 1, 1, 1, 2, 10]);
        assert_eq!(percent(Amount::Percent(100)), [1, 1, 8, 9, 24, 99]);
        assert_eq!(percent(Amount::Count(0)), [1; 6]);
        assert_eq!(percent(Amount::Count(500)), [1, 1, 8, 9, 24, 99]);
    }
}
