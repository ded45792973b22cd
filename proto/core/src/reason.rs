//! Reasons: the closed vocabulary of why a deployment, an order or an object stands as it does.
//!
//! A reason is decided on as a value and written as text only where it leaves the program: on the wire, in
//! conditions and Events, in logs. Text that comes in is parsed once, where it is decoded. What this release
//! does not know (a newer peer's reason, a workload's own condition) becomes an [`Opaque`] text, which is shown
//! as it is and has nothing that could be decided on.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limit;

/// A reason of somebody else's vocabulary: shown, never decided on. Always a reason that Kubernetes takes in a
/// condition, of at most [`limit::REASON`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(Box<str>);

impl Opaque {
    /// Keeps a text, however hostile: what a condition's reason must not hold is replaced or left out.
    pub fn new(text: &str) -> Self {
        let word: String = text
            .chars()
            .take(limit::REASON)
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ',' | ':' => c,
                _ => '_',
            })
            .collect();
        let word = word
            .trim_start_matches(|c: char| !c.is_ascii_alphabetic())
            .trim_end_matches([',', ':']);
        Self(if word.is_empty() { "Unknown" } else { word }.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An enum of words, each with its text, open for the words of other releases.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A word that this release does not know.
            Other($crate::reason::Opaque),
        }

        impl $name {
            /// Every word that this release knows.
            pub const KNOWN: &[Self] = &[$(Self::$variant,)*];

            /// One CamelCase word, for the wire, conditions, events and metrics.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(word) => word.text(),
                }
            }

            /// The word behind a text of [`Self::as_str`]; unknown ones are kept to be shown.
            pub fn parse(text: &str) -> Self {
                let known = Self::KNOWN.iter().find(|known| known.as_str() == text);
                known.cloned().unwrap_or_else(|| Self::opaque(text))
            }

            /// A text of somebody else's vocabulary, even where it reads like one of ours.
            pub fn opaque(text: &str) -> Self {
                Self::Other($crate::reason::Opaque::new(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl From<&$name> for String {
            fn from(word: &$name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                Self::from(&word)
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Why something stands as it does. Serialised as its text.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    Reason {
        // How far a deployment is.
        /// The order is stored and nothing was read yet.
        #[default]
        Preparing = "Preparing",
        /// A phase is being written.
        Applying = "Applying",
        /// Every object of a phase is in place, and a probe does not pass.
        ProbeFailure = "ProbeFailure",
        /// Probes could not be evaluated yet.
        ProbeWaits = "ProbeWaits",
        /// A CEL probe took too long and is not evaluated again.
        ProbeQuarantined = "ProbeQuarantined",
        /// Every object is in place and passes its probes.
        Available = "Available",
        /// A set that follows this one has taken some of its objects over.
        InTransition = "InTransition",
        /// A tombstone is being carried out.
        TearingDown = "TearingDown",
        /// A person archived the set of the newest order.
        ArchivedByHand = "ArchivedByHand",

        // What stands against an object.
        /// A check before anything was written refuses the content.
        PreflightError = "PreflightError",
        /// The content as a whole is wrong, or names kinds that are not served.
        Refused = "Refused",
        /// The object exists and is somebody else's.
        CollisionDetected = "CollisionDetected",
        /// The object is being deleted.
        Terminating = "Terminating",
        /// A newer order wrote the object.
        NewerOrder = "NewerOrder",
        /// Something in the API server's admission alters what is written.
        Altered = "Altered",
        /// The stored content is not whole.
        ContentMissing = "ContentMissing",
        /// A definition of ours is being deleted: no teardown starts.
        DefinitionsTerminating = "DefinitionsTerminating",
        /// Kinds cannot be listed, so that it is not known what there is to be taken away.
        NotListable = "NotListable",
        /// Kinds that the account may not list were left out of a search.
        NotSearched = "NotSearched",
        /// A kind cannot be watched and is listed from time to time.
        NotWatched = "NotWatched",
        /// Somebody changed an object of ours.
        Drift = "Drift",
        /// Somebody keeps changing an object of ours.
        Contention = "Contention",

        // What an API server refuses.
        /// There is no such object.
        NotFound = "NotFound",
        /// No such kind is served.
        NoSuchKind = "NoSuchKind",
        /// What serves the kind does not answer: nothing is known of its objects.
        KindUnavailable = "KindUnavailable",
        /// Nobody on the member runs phases of the class.
        NoSuchPhaseClass = "NoSuchPhaseClass",
        /// The object exists, or is not the one that was read.
        Conflict = "Conflict",
        /// The account lacks a right; or the cluster's owner forbids an order.
        Forbidden = "Forbidden",
        /// The same request is refused again.
        Invalid = "Invalid",
        /// It does not fit into what the API server stores.
        TooLarge = "TooLarge",
        /// The API server did not answer, or is overloaded.
        Unavailable = "Unavailable",
        /// The API server of the member has not answered its agent for a while: nothing of what runs there is known.
        ApiServerSilent = "APIServerSilent",
        /// The object is there, and cannot be decoded.
        Unreadable = "Unreadable",
        /// The namespace does not exist.
        NamespaceMissing = "NamespaceMissing",
        /// The namespace is being deleted, and takes no new objects.
        NamespaceTerminating = "NamespaceTerminating",

        // Whom a set's objects are written as.
        /// Neither the package nor the policy names an account.
        NoAccount = "NoAccount",
        /// The agent may not act as the account.
        AccountNotAllowed = "AccountNotAllowed",
        /// Whether the agent may act as the account cannot be told now.
        AccountUnknown = "AccountUnknown",

        // Why a member refuses an order.
        /// The number is lower than what the member holds, or the epoch or term is older than one it has seen.
        HubRegressed = "HubRegressed",
        /// The same number with another digest, or the same counter under another id.
        HubDiverged = "HubDiverged",
        /// The deployment does not belong to this cluster.
        WrongCluster = "WrongCluster",
        /// The tuple does not name the digest of the order, or the content's bytes do not have its digest.
        DigestMismatch = "DigestMismatch",
        /// The order or its content cannot be read.
        Undecodable = "Undecodable",
        /// Content that an order names is not to be had.
        ContentUnavailable = "ContentUnavailable",
        /// The member stores less than was sent: its CRDs are older than its agent.
        CrdOutdated = "CRDOutdated",
        /// The member could not make the order durable.
        StoreFailed = "StoreFailed",
        /// The order asks for something this agent cannot do.
        Unsupported = "Unsupported",

        // Why the hub orders nothing.
        /// The package cannot be read.
        LoadError = "LoadError",
        /// `config` is nested too deep.
        ConfigTooDeep = "ConfigTooDeep",
        /// `config` has too many bytes.
        ConfigTooLarge = "ConfigTooLarge",
        /// A template does not run.
        TemplateError = "TemplateError",
        /// A template or a condition needs a label that the cluster does not have.
        ClusterLabelMissing = "ClusterLabelMissing",
        /// The package is for another platform than the cluster's.
        WrongPlatform = "WrongPlatform",
        /// The package is for other versions of the platform than the cluster's.
        WrongPlatformVersion = "WrongPlatformVersion",
        /// The package has to be the only one of its name in its scope, and another one is there first.
        NotUnique = "NotUnique",
        /// Whether the package is for the cluster depends on what is not known of it.
        FactUnknown = "FactUnknown",
        /// The rendered set is larger than a member can store.
        SetTooLarge = "SetTooLarge",
        /// The image is being pulled or unpacked.
        Unpacking = "Unpacking",
        /// The image cannot be pulled; it is tried again.
        ImagePullBackOff = "ImagePullBackOff",
        /// The package is being rendered for further clusters.
        Rendering = "Rendering",
        /// The newest order goes to one cluster after another.
        RollingOut = "RollingOut",
        /// A wave waits for somebody to approve it.
        AwaitingApproval = "AwaitingApproval",
        /// More clusters fail than may: nothing more is ordered.
        RolloutHalted = "RolloutHalted",
        /// Somebody has nothing more ordered for a time.
        RolloutPaused = "RolloutPaused",
        /// Somebody has nothing more ordered of a revision.
        RolloutAborted = "RolloutAborted",
        /// Somebody has a revision ordered nowhere.
        RevisionRejected = "RevisionRejected",
        /// The revision at which the package is pinned is not kept any more.
        RevisionMissing = "RevisionMissing",
        /// What has to be kept is not taken by the hub's API server.
        NotStored = "NotStored",
        /// A stored ledger cannot be read.
        LedgerUnreadable = "LedgerUnreadable",
        /// A ledger's name is taken by an object that is not the hub's.
        LedgerNameTaken = "LedgerNameTaken",
        /// The definition of the package's kind is being deleted.
        DefinitionTerminating = "DefinitionTerminating",
        /// This replica does not lead.
        NotLeader = "NotLeader",
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

/// When to try again what failed for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Within seconds: it should pass by itself.
    Soon,
    /// Within ten seconds, however long it takes: it waits for a namespace, and everything in it waits too.
    Often,
    /// Within a minute: it waits for somebody else.
    Later,
    /// Within minutes: it waits for rights.
    Seldom,
    /// Not before what was asked for changes.
    Never,
}

impl Reason {
    /// Whether it does not go away by waiting: somebody has to change something.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::AccountNotAllowed
                | Self::Altered
                | Self::ArchivedByHand
                | Self::CollisionDetected
                | Self::ContentMissing
                | Self::Forbidden
                | Self::Invalid
                | Self::NoAccount
                | Self::NoSuchPhaseClass
                | Self::Refused
                | Self::TooLarge
                | Self::Unreadable
        )
    }

    /// When to try again what failed for this reason.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unavailable
            | Self::Conflict
            | Self::AccountUnknown
            | Self::StoreFailed
            | Self::ContentUnavailable => Retry::Soon,
            Self::NamespaceMissing | Self::NamespaceTerminating => Retry::Often,
            Self::Forbidden => Retry::Seldom,
            Self::TooLarge => Retry::Never,
            _ => Retry::Later,
        }
    }

    /// Whether it says no more than that work is under way.
    pub fn is_progress(&self) -> bool {
        matches!(self, Self::Preparing | Self::Applying | Self::TearingDown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_text_and_no_two_share_one() {
        let mut texts = std::collections::BTreeSet::new();
        for reason in Reason::KNOWN {
            assert_eq!(Reason::parse(reason.as_str()), *reason);
            assert!(texts.insert(reason.as_str()), "{reason} is there twice");
            assert!(reason.as_str().len() <= limit::REASON);
        }
    }

    #[test]
    fn a_reason_of_a_newer_agent_is_kept_to_be_shown_and_is_none_of_ours() {
        let newer = Reason::parse("SomethingNewer");
        assert_eq!(newer.as_str(), "SomethingNewer");
        assert!(!Reason::KNOWN.contains(&newer));
        assert_eq!((newer.retry(), newer.is_permanent()), (Retry::Later, false));
        let json = serde_json::to_string(&newer).unwrap();
        assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), newer);
    }

    #[test]
    fn a_workloads_own_reason_is_not_taken_for_ours() {
        let theirs = Reason::opaque("ProbeFailure");
        assert_eq!(theirs.as_str(), Reason::ProbeFailure.as_str());
        assert_ne!(theirs, Reason::ProbeFailure);
    }

    #[test]
    fn whatever_text_arrives_is_a_reason_that_a_condition_takes() {
        for (text, shown) in [
            ("", "Unknown"),
            ("\u{1b}[31m", "m"),
            ("5xx Gateway", "xx_Gateway"),
            ("Image:Pull,", "Image:Pull"),
            ("a\nb", "a_b"),
        ] {
            assert_eq!(Reason::parse(text).as_str(), shown, "{text:?}");
        }
        assert_eq!(
            Reason::parse(&"A".repeat(500)).as_str().len(),
            limit::REASON
        );
    }
}
