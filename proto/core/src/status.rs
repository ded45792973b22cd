//! What a member says about a deployment.
//!
//! A report names the tuple it speaks about, and is narrow: every list and text has a cap, and
//! [`DeploymentStatus::bounded`] cuts to it, so that a report never exceeds [`limit::STATUS`] and never has
//! to be split or sent again.

use serde::{Deserialize, Serialize};

use crate::id::DeploymentUid;
use crate::limit;
use crate::tuple::Tuple;

/// How far a member is with the order it accepted. Later stages include the earlier ones, except that
/// [`Stage::Deleted`] is the last stage of a tombstone only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Durable on the member.
    Received,
    /// Every object written.
    Applied,
    /// Every probe passed at the current generation.
    Available,
    /// Torn down; nothing of ours is left.
    Deleted,
}

/// Why a member refuses an order. Open: a reason this release does not know arrives as `Other`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NackReason {
    /// The number is lower than what the member holds, or the epoch or term is older than one it has seen.
    HubRegressed,
    /// The same number with another digest, or the same counter under another id.
    HubDiverged,
    /// The deployment does not belong to this cluster.
    WrongCluster,
    /// The tuple does not name the digest of the order, or the content's bytes do not have its digest.
    DigestMismatch,
    /// The order or its content cannot be read.
    Undecodable,
    /// Too big for the member to store.
    TooLarge,
    /// The hub does not give the content the order names.
    ContentUnavailable,
    /// The member stores less than was sent: its CRDs are older than this agent.
    CrdOutdated,
    /// The cluster's owner forbids it.
    Forbidden,
    /// The member could not make the order durable.
    StoreFailed,
    /// The order asks for something this agent cannot do.
    Unsupported,
    /// A reason given by a newer agent.
    Other(String),
}

impl NackReason {
    /// One CamelCase word for conditions, events and metrics.
    pub fn as_str(&self) -> &str {
        match self {
            Self::HubRegressed => "HubRegressed",
            Self::HubDiverged => "HubDiverged",
            Self::WrongCluster => "WrongCluster",
            Self::DigestMismatch => "DigestMismatch",
            Self::Undecodable => "Undecodable",
            Self::TooLarge => "TooLarge",
            Self::ContentUnavailable => "ContentUnavailable",
            Self::CrdOutdated => "CRDOutdated",
            Self::Forbidden => "Forbidden",
            Self::StoreFailed => "StoreFailed",
            Self::Unsupported => "Unsupported",
            Self::Other(reason) => reason,
        }
    }

    /// The reason behind a word of [`Self::as_str`]; unknown words are kept.
    pub fn from_word(word: &str) -> Self {
        [
            Self::HubRegressed,
            Self::HubDiverged,
            Self::WrongCluster,
            Self::DigestMismatch,
            Self::Undecodable,
            Self::TooLarge,
            Self::ContentUnavailable,
            Self::CrdOutdated,
            Self::Forbidden,
            Self::StoreFailed,
            Self::Unsupported,
        ]
        .into_iter()
        .find(|known| known.as_str() == word)
        .unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// Whether the same order may be offered again later without having changed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::StoreFailed | Self::ContentUnavailable)
    }
}

/// Reasons of [`DeploymentStatus::available`] that a hub decides by; every other word is only shown.
pub mod reason {
    /// The order is stored and nothing was looked at yet.
    pub const PREPARING: &str = "Preparing";
    /// A phase is being written.
    pub const APPLYING: &str = "Applying";
    /// Every object of a phase is in place, and a probe does not pass.
    pub const PROBE_FAILURE: &str = "ProbeFailure";
    /// A tombstone is being carried out.
    pub const TEARING_DOWN: &str = "TearingDown";
}

/// A condition's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// A condition's status with why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The status.
    pub status: Truth,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PhaseState {
    /// Not reached yet.
    Pending,
    /// Being applied, or waiting for probes.
    Progressing,
    /// Every object applied and every probe passed.
    Available,
    /// Waits for something a blocker names.
    Blocked,
    /// Being torn down.
    Deleting,
    /// Nothing of it is left.
    Gone,
}

/// One phase of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseStatus {
    /// Name as in the content.
    pub name: String,
    /// Where it stands.
    pub state: PhaseState,
    /// Objects in it.
    pub objects: u32,
    /// Objects that are applied and whose probes pass; while deleting, objects that are gone.
    pub ready: u32,
    /// What it waits for, for people.
    pub message: String,
}

/// Something a deployment waits for, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// One CamelCase word, such as `NoAccount` or `Finalizer`.
    pub reason: String,
    /// `Kind namespace/name`, where it is about an object.
    pub object: String,
    /// For people.
    pub message: String,
}

/// What another writer did to an object of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Interference {
    /// A field of ours was changed or removed, and put back.
    Drift,
    /// Somebody keeps changing it; repairs back off.
    Contention,
}

/// Who changed an object of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    /// What happened.
    pub kind: Interference,
    /// `Kind namespace/name`.
    pub object: String,
    /// Field manager that did it.
    pub manager: String,
}

/// A condition copied from an object by a condition mapping.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MappedCondition {
    /// Destination type.
    pub r#type: String,
    /// Status, reason and message of the source.
    pub verdict: Verdict,
}

/// Everything a member says about one deployment at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// One package on one cluster.
    pub deployment: DeploymentUid,
    /// The order this speaks about.
    pub observed: Tuple,
    /// How far the member is with it.
    pub stage: Stage,
    /// Whether it is available at `observed`.
    pub available: Verdict,
    /// In order of the content. At most [`limit::PHASES`].
    pub phases: Vec<PhaseStatus>,
    /// At most [`cap::BLOCKERS`].
    pub blockers: Vec<Blocker>,
    /// At most [`cap::ATTRIBUTIONS`].
    pub attributions: Vec<Attribution>,
    /// At most [`cap::CONDITIONS`].
    pub conditions: Vec<MappedCondition>,
}

/// Caps of a status; together they stay below [`limit::STATUS`]. Texts in bytes.
pub mod cap {
    /// Named blockers.
    pub const BLOCKERS: usize = 16;
    /// Attributed changes.
    pub const ATTRIBUTIONS: usize = 16;
    /// Mapped conditions.
    pub const CONDITIONS: usize = 16;
    /// A phase's name.
    pub const PHASE_NAME: usize = 63;
    /// A phase's, blocker's or mapped condition's message.
    pub const DETAIL: usize = 320;
    /// The message of `available`.
    pub const MESSAGE: usize = 1024;
    /// `Kind namespace/name`.
    pub const OBJECT: usize = 320;
    /// A field manager.
    pub const MANAGER: usize = 128;
    /// A condition type.
    pub const CONDITION_TYPE: usize = 316;
}

impl DeploymentStatus {
    /// Cuts every list and text to its cap. What is cut off is not announced: the first entries are the
    /// ones that matter, and writers put them first.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let verdict = |verdict: Verdict, message: usize| Verdict {
            status: verdict.status,
            reason: truncate(verdict.reason, limit::REASON),
            message: truncate(verdict.message, message),
        };
        self.available = verdict(self.available, cap::MESSAGE);
        self.phases.truncate(limit::PHASES);
        for phase in &mut self.phases {
            phase.name = truncate(std::mem::take(&mut phase.name), cap::PHASE_NAME);
            phase.message = truncate(std::mem::take(&mut phase.message), cap::DETAIL);
        }
        self.blockers.truncate(cap::BLOCKERS);
        for blocker in &mut self.blockers {
            blocker.reason = truncate(std::mem::take(&mut blocker.reason), limit::REASON);
            blocker.object = truncate(std::mem::take(&mut blocker.object), cap::OBJECT);
            blocker.message = truncate(std::mem::take(&mut blocker.message), cap::DETAIL);
        }
        self.attributions.truncate(cap::ATTRIBUTIONS);
        for attribution in &mut self.attributions {
            attribution.object = truncate(std::mem::take(&mut attribution.object), cap::OBJECT);
            attribution.manager = truncate(std::mem::take(&mut attribution.manager), cap::MANAGER);
        }
        self.conditions.truncate(cap::CONDITIONS);
        for condition in &mut self.conditions {
            condition.r#type = truncate(std::mem::take(&mut condition.r#type), cap::CONDITION_TYPE);
            condition.verdict = verdict(std::mem::take(&mut condition.verdict), cap::DETAIL);
        }
        self
    }
}

/// Cuts a text to at most `max` bytes (at least 3) at a character boundary; what is cut ends in `…`.
pub fn truncate(mut text: String, max: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= max {
        return text;
    }
    let mut end = max.saturating_sub(ELLIPSIS.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(ELLIPSIS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::id::{EpochId, TermId};
    use crate::tuple::{Epoch, Term};

    fn huge() -> DeploymentStatus {
        let text = || "ä".repeat(5_000);
        let verdict = || Verdict {
            status: Truth::False,
            reason: text(),
            message: text(),
        };
        let phase = || PhaseStatus {
            name: text(),
            state: PhaseState::Blocked,
            objects: u32::MAX,
            ready: u32::MAX,
            message: text(),
        };
        DeploymentStatus {
            deployment: DeploymentUid::from_bytes([1; 16]),
            observed: Tuple {
                epoch: Epoch {
                    counter: u64::MAX,
                    id: EpochId::from_bytes([1; 16]),
                },
                term: Term {
                    counter: u64::MAX,
                    id: TermId::from_bytes([1; 16]),
                },
                number: u64::MAX,
                digest: Digest::of(b""),
            },
            stage: Stage::Received,
            available: verdict(),
            phases: (0..200).map(|_| phase()).collect(),
            blockers: (0..200)
                .map(|_| Blocker {
                    reason: text(),
                    object: text(),
                    message: text(),
                })
                .collect(),
            attributions: (0..200)
                .map(|_| Attribution {
                    kind: Interference::Drift,
                    object: text(),
                    manager: text(),
                })
                .collect(),
            conditions: (0..200)
                .map(|_| MappedCondition {
                    r#type: text(),
                    verdict: verdict(),
                })
                .collect(),
        }
    }

    #[test]
    fn the_biggest_bounded_status_stays_below_its_limit_even_as_json() {
        let bounded = huge().bounded();
        let bytes = serde_json::to_vec(&bounded).unwrap();
        assert!(bytes.len() < limit::STATUS, "{} bytes", bytes.len());
        assert_eq!(bounded.clone().bounded(), bounded);
    }

    #[test]
    fn truncation_respects_characters_and_leaves_short_texts_alone() {
        assert_eq!(truncate("äää".into(), 6), "äää");
        assert_eq!(truncate("äääx".into(), 6), "ä…");
        assert_eq!(truncate("abcdefgh".into(), 6), "abc…");
    }

    #[test]
    fn nack_reasons_survive_their_word() {
        for word in [
            "HubRegressed",
            "CRDOutdated",
            "StoreFailed",
            "SomethingNewer",
        ] {
            assert_eq!(NackReason::from_word(word).as_str(), word);
        }
        assert_eq!(NackReason::from_word("X"), NackReason::Other("X".into()));
    }
}
