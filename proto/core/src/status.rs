//! The status of a deployment, as its member reports it.
//!
//! A report names the tuple it speaks about, and is narrow: every list and text has a cap, and
//! [`DeploymentStatus::bounded`] cuts to it, so that a report never exceeds [`limit::STATUS`] and never has
//! to be split or sent again.

use serde::{Deserialize, Serialize};

use crate::id::DeploymentUid;
use crate::limit;
use crate::reason::Reason;
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
    /// Why.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

impl Verdict {
    /// A status with its reason and words for people.
    pub fn new(status: Truth, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            message: message.into(),
        }
    }
}

/// The state of a phase.
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
    /// Why it waits.
    pub reason: Reason,
    /// `Kind namespace/name`, where it is about an object.
    pub object: String,
    /// For people.
    pub message: String,
    /// The field that it is about, where the API server named one: the path, as it says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
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
    /// Status, reason and message of the source; the reason is the source's own, [`Reason::opaque`].
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
    pub const PHASE_NAME: usize = crate::content::bounds::PHASE_NAME;
    /// A phase's, blocker's or mapped condition's message.
    pub const DETAIL: usize = 320;
    /// The message of `available`.
    pub const MESSAGE: usize = 1024;
    /// `Kind namespace/name`.
    pub const OBJECT: usize = 320;
    /// The path of a field.
    pub const FIELD: usize = 128;
    /// A field manager.
    pub const MANAGER: usize = 128;
    /// A condition type.
    pub const CONDITION_TYPE: usize = crate::content::bounds::CONDITION_TYPE;
}

impl DeploymentStatus {
    /// Cuts every list and text to its cap. What is cut off is not announced: the first entries are the
    /// ones that matter, and writers put them first.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let cut = |text: &mut String, max: usize| *text = truncate(std::mem::take(text), max);
        let shorten = |text: &mut String, max: usize| *text = shorten(std::mem::take(text), max);
        shorten(&mut self.available.message, cap::MESSAGE);
        self.phases.truncate(limit::PHASES);
        for phase in &mut self.phases {
            cut(&mut phase.name, cap::PHASE_NAME);
            shorten(&mut phase.message, cap::DETAIL);
        }
        self.blockers.truncate(cap::BLOCKERS);
        for blocker in &mut self.blockers {
            cut(&mut blocker.object, cap::OBJECT);
            shorten(&mut blocker.message, cap::DETAIL);
            cut(&mut blocker.field, cap::FIELD);
        }
        self.attributions.truncate(cap::ATTRIBUTIONS);
        for attribution in &mut self.attributions {
            cut(&mut attribution.object, cap::OBJECT);
            cut(&mut attribution.manager, cap::MANAGER);
        }
        self.conditions.truncate(cap::CONDITIONS);
        for condition in &mut self.conditions {
            cut(&mut condition.r#type, cap::CONDITION_TYPE);
            shorten(&mut condition.verdict.message, cap::DETAIL);
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

/// Cuts a text to at most `max` bytes (at least 3) by taking out its middle, at character boundaries; `…` stands
/// there instead. For what people are told: an API server begins with the field and ends with what is wrong with it,
/// and quotes the value in between.
pub fn shorten(mut text: String, max: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= max {
        return text;
    }
    let room = max.saturating_sub(ELLIPSIS.len());
    let head = text.floor_char_boundary(room - room / 2);
    let tail = text.ceil_char_boundary(text.len() - room / 2);
    text.replace_range(head..tail, ELLIPSIS);
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
            reason: Reason::opaque(&"A".repeat(5_000)),
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
                    reason: Reason::opaque(&"A".repeat(5_000)),
                    object: text(),
                    message: text(),
                    field: text(),
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
    fn what_an_api_server_says_first_and_last_survives_a_cut() {
        let dump = "PodTemplateSpec{ä}, ".repeat(500);
        let message = format!("spec.template: Invalid value: {dump}: field is immutable");
        for max in [cap::DETAIL, cap::DETAIL + 1, cap::MESSAGE] {
            let short = shorten(message.clone(), max);
            assert!((max - 4..=max).contains(&short.len()), "{}", short.len());
            assert!(
                short.starts_with("spec.template: Invalid value: "),
                "{short}"
            );
            assert!(short.ends_with(": field is immutable"), "{short}");
            assert_eq!(shorten(short.clone(), max), short);
        }
        assert_eq!(shorten("ää".into(), 4), "ää");
        assert_eq!(shorten("äääää".into(), 3), "…");
    }
}
