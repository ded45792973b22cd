//! Heads of stored sets, with what their statuses say of objects.

use std::collections::BTreeMap;

use serde_json::json;
use stevedore_agent_core::desired::{PhaseSet, Setting};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::mark::ShortHash;
use stevedore_agent_core::rollout::{Progress, Record};
use stevedore_agent_core::set::SetHead;
use stevedore_crds::condition::{self, ARCHIVED, SUCCEEDED};
use stevedore_crds::v1alpha1::{ObjectSetStatus, PhaseState};
use stevedore_proto_core::DeploymentUid;

use crate::ports::object_reference;

/// A head with what this status of its set says.
pub(super) fn with_status(head: SetHead, status: &ObjectSetStatus) -> SetHead {
    SetHead {
        archived: condition::is_true(&status.conditions, ARCHIVED),
        inventory: inventory(status).into(),
        progress: progress(status),
        begun: !(status.phases.is_empty() && status.controller_of.is_empty()),
        ..head
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
    let phases = status.phases.iter().enumerate();
    let reached = phases.filter(|(_, phase)| phase.state != PhaseState::Pending);
    Progress {
        reached: PhaseSet::of(reached.map(|(at, _)| at)),
        succeeded: condition::is_true(&status.conditions, SUCCEEDED),
    }
}

/// For whom a set's content is prepared.
pub(super) fn setting(
    head: &SetHead,
    deployment: DeploymentUid,
    order: u64,
    digest_key: [u8; 32],
) -> Setting {
    Setting {
        deployment,
        order,
        confined_to: head.confined_to.clone(),
        digest_key,
        owner: head.is_standalone().then(|| {
            let mut owner = object_reference(&head.set);
            owner["controller"] = json!(true);
            owner["blockOwnerDeletion"] = json!(false);
            owner
        }),
    }
}
