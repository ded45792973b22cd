//! The report of a rollout: how far each wave is, and what each cluster waits for.

use std::collections::BTreeMap;

use stevedore_proto_core::ClusterUid;

use super::verbs::Stop;
use crate::moment::UnixMillis;

/// How far a rollout is, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolloutReport {
    /// The waves that have clusters, in their order. None where nothing is rolled out in waves.
    pub waves: Vec<WaveReport>,
    /// Clusters that are to be ordered something, and why they have not been.
    pub waits: BTreeMap<ClusterUid, Wait>,
    /// Why nothing more is ordered, whatever the waves say.
    pub halt: Option<Halt>,
}

/// How far one wave is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaveReport {
    /// What people call it.
    pub name: String,
    /// How many clusters it has.
    pub targeted: usize,
    /// Of those, how many were ordered what they are to run.
    pub updated: usize,
    /// How many are available with it.
    pub available: usize,
    /// How many fail with it.
    pub failed: usize,
    /// How many have no session.
    pub offline: usize,
    /// What it waits for.
    pub gate: Gate,
}

/// What a wave waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing: it is done, and so is what has to come between it and the next one.
    Passed,
    /// An earlier wave.
    EarlierWave,
    /// Its clusters.
    Clusters,
    /// Its clusters have been available for less than the time they have to be; until then.
    Soaking(UnixMillis),
    /// Somebody to approve it: before it begins, or before the next one does.
    Approval,
    /// More of its clusters to be heard: too few say anything.
    TooFewHeard,
    /// The rollout is halted.
    Halted,
}

/// Why a cluster has not been ordered what it is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// The wave before its own has not passed.
    EarlierWave,
    /// Nobody has approved its wave.
    Approval,
    /// As many clusters as may be are unavailable.
    Budget,
    /// As many orders as may be are under way.
    Concurrency,
    /// It has no session.
    Offline,
    /// The rollout is halted.
    Halted,
    /// Somebody had it left as it is.
    Skipped,
    /// It is held.
    Held,
    /// This hub has just begun to lead, and members have yet to say how they are.
    HubStarted,
}

/// Why nothing more is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// More clusters fail than may.
    Failures {
        /// The wave whose limit it is; the rollout's own without one.
        wave: Option<String>,
        /// How many fail.
        failed: usize,
        /// How many may.
        allowed: usize,
    },
    /// Somebody asked for it.
    Stopped(Stop),
}

impl Gate {
    /// One CamelCase word for conditions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::EarlierWave => "EarlierWave",
            Self::Clusters => "Clusters",
            Self::Soaking(_) => "Soaking",
            Self::Approval => "Approval",
            Self::TooFewHeard => "TooFewHeard",
            Self::Halted => "Halted",
        }
    }
}
