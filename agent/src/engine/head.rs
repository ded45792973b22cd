//! Stored sets as the pure engine sees them.

use std::collections::BTreeMap;

use stevedore_agent_core::desired::Setting;
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::mark::ShortHash;
use stevedore_agent_core::order::{Ending, Lifecycle, SetHead};
use stevedore_agent_core::rollout::{Progress, Record};
use stevedore_crds::condition::{self, ARCHIVED, SUCCEEDED};
use stevedore_crds::v1alpha1::{LifecycleState, ObjectSetStatus, PhaseState};
use stevedore_proto_core::{DeletionPolicy, DeploymentUid};

use crate::ports::{Origin, StoredSet};

/// A set, with the status that we wrote last where a cache may not have it yet.
pub(super) fn head(set: &StoredSet, written: Option<&ObjectSetStatus>) -> SetHead {
    let status = written.unwrap_or(&set.status);
    SetHead {
        uid: set.reference.uid.as_str().into(),
        number: set.number,
        lifecycle: match set.lifecycle {
            LifecycleState::Active => Lifecycle::Active,
            LifecycleState::Paused => Lifecycle::Paused,
            LifecycleState::Archived => Lifecycle::Archived,
        },
        ending: match &set.origin {
            Origin::Hub {
                tombstone: Some(_),
                deletion_policy,
                ..
            } => Ending::Tombstone {
                orphan: *deletion_policy == DeletionPolicy::Orphan,
            },
            Origin::Standalone {
                deleting: true,
                orphaning: true,
                ..
            } => Ending::Orphaning,
            Origin::Standalone { deleting: true, .. } => Ending::Deleting,
            Origin::Hub { .. } | Origin::Standalone { .. } => Ending::No,
        },
        standalone: matches!(set.origin, Origin::Standalone { .. }),
        has_content: set.has_content,
        archived: condition::is_true(&status.conditions, ARCHIVED),
        inventory: inventory(status),
        progress: progress(status),
        begun: !(status.phases.is_empty() && status.controller_of.is_empty()),
    }
}

pub(super) fn inventory(status: &ObjectSetStatus) -> Vec<(ObjectKey, Record)> {
    let mut kinds: BTreeMap<(&str, &str, &str), Kind> = BTreeMap::new();
    status
        .controller_of
        .iter()
        .map(|object| {
            let kind = kinds
                .entry((&object.group, &object.version, &object.kind))
                .or_insert_with(|| Kind::new(&object.group, &object.version, &object.kind))
                .clone();
            let record = Record {
                uid: object.uid.as_str().into(),
                fingerprint: ShortHash::parse(&object.fingerprint),
            };
            let key = ObjectKey::new(kind, object.namespace.as_deref(), &object.name);
            (key, record)
        })
        .collect()
}

fn progress(status: &ObjectSetStatus) -> Progress {
    Progress {
        reached: status
            .phases
            .iter()
            .rposition(|phase| phase.state != PhaseState::Pending)
            .unwrap_or_default(),
        succeeded: condition::is_true(&status.conditions, SUCCEEDED),
    }
}

/// Deployments whose objects any of the staying sets may take over.
pub(super) fn predecessors(sets: &[StoredSet]) -> Vec<DeploymentUid> {
    let mut all: Vec<DeploymentUid> = sets
        .iter()
        .filter_map(|set| match &set.origin {
            Origin::Standalone { predecessors, .. } => Some(predecessors.iter().copied()),
            Origin::Hub { .. } => None,
        })
        .flatten()
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// For whom a set's content is prepared.
pub(super) fn setting(
    set: &StoredSet,
    deployment: DeploymentUid,
    order: u64,
    digest_key: [u8; 32],
) -> Setting {
    Setting {
        deployment,
        order,
        confined_to: set.confined_to.clone(),
        digest_key,
        owner: match &set.origin {
            Origin::Standalone { owner, .. } => Some(owner.clone()),
            Origin::Hub { .. } => None,
        },
    }
}
