//! The planner's input: a package's intent, beside its ledger and what the fleet says of every member.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::{ClusterUid, ContentRef, Digest, Features, Leadership};

use crate::fleet::MemberState;
use crate::history::ActiveRevision;
use crate::ledger::Ledger;
use crate::moment::UnixMillis;

use super::policy::{Place, Policy};
use super::verbs::Verbs;

/// Everything a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What was ordered, as it is stored.
    pub ledger: &'a Ledger,
    /// Who orders now.
    pub leadership: Leadership,
    /// Numbers up to this one are held by members, whatever the ledger says; from the census of a raise.
    pub floor: u64,
    /// What the package asks for.
    pub intent: &'a Intent,
    /// Every joined member. A row of a cluster that is not in here is dropped: it was forgotten.
    pub members: &'a BTreeMap<ClusterUid, MemberState>,
    /// In which order, and how many at a time.
    pub pacing: Pacing<'a>,
    /// When this is planned.
    pub now: UnixMillis,
}

/// What decides when each cluster is ordered what it is to run.
#[derive(Debug, Clone, Copy)]
pub struct Pacing<'a> {
    /// What the package asks for.
    pub policy: &'a Policy,
    /// Names and labels of members.
    pub places: &'a BTreeMap<ClusterUid, Place<'a>>,
    /// What people asked for, of the active revision.
    pub verbs: &'a Verbs,
    /// Until then members may have yet to say how they are: this hub began to lead not long ago.
    pub settled_at: UnixMillis,
}

/// What a package asks for: its desired state, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// To run on these clusters.
    Present {
        /// What they should run.
        revision: ActiveRevision,
        /// Nothing new is ordered and nothing is torn down; what runs is only watched.
        paused: bool,
        /// Account that writes the objects.
        account: Option<String>,
        /// What each selected cluster should run.
        targets: BTreeMap<ClusterUid, Rendering>,
    },
    /// To stay on these clusters as it was ordered, since the content that should follow is not there. Nothing that
    /// could be ordered is known: neither content nor an account. Other clusters get their tombstones.
    Keep {
        /// As in [`Intent::Present`]; only holds back, so it need not wait for content.
        paused: bool,
        /// The selected clusters.
        targets: BTreeSet<ClusterUid>,
    },
    /// To be torn down everywhere.
    Removed,
    /// Not known: its object cannot be read, or is gone although nobody saw it being deleted, as after a restore.
    /// What runs is left alone, tombstones go on, and only a cluster that is being emptied gets a new one.
    Vanished,
}

/// What one cluster should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    /// This content.
    Content {
        /// Digest of everything the renderer read.
        input: Digest,
        /// The rendered bytes.
        content: ContentRef,
        /// What an agent has to know to carry them out.
        needs: Features,
    },
    /// There is no usable content: what runs is left alone.
    Unusable,
    /// The cluster does not meet the package's constraints: it gets nothing, and what runs is left alone.
    Ineligible,
    /// It is not known yet: not even settings change meanwhile, the content may be another one.
    Pending,
}
