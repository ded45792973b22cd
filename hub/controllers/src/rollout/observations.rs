//! Observations of members, as the status of a ledger's shard keeps them for the next hub process.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{self, DRAINED, Update};
use stevedore_crds::v1alpha1::{DeploymentDetail, PackageLedgerStatus};
use stevedore_hub_core::fleet::Deployment;
use stevedore_hub_core::ledger::Shard;
use stevedore_hub_core::status::Names as _;
use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::ledger::{self, ObservedRow};
use stevedore_proto_core::status::shorten;

use crate::fleet_view::PackageSnapshot;
use crate::member::members::Members;
use crate::rollout::stored_ledger::LedgerObject;

/// Most bytes of a phase's name and of a failure's message that are kept.
const PHASE_BYTES: usize = stevedore_proto_core::content::bounds::PHASE_NAME;
const MESSAGE_BYTES: usize = 512;

/// Whether a package comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    None,
    Removed,
    /// Its object is gone, and nobody asked for that.
    Vanished,
}

/// What is known of one package.
pub(super) struct Observations {
    pub(super) fleet: PackageSnapshot,
    pub(super) members: Arc<Members>,
    pub(super) end: End,
}

/// The status of one shard.
pub(super) fn status(
    observations: &Observations,
    shard: &Shard,
    object: &LedgerObject,
    now: Timestamp,
) -> PackageLedgerStatus {
    let mut observed = remembered(object);
    observed.retain(|cluster, _| shard.rows.contains_key(cluster));
    for row in observations.fleet.rows.observed() {
        if shard.rows.contains_key(&row.cluster) {
            observed.insert(row.cluster, row);
        }
    }
    let mut conditions = object.status.conditions.clone();
    condition::remove_unreadable(&mut conditions);
    match observations.end {
        End::None => {
            condition::remove(&mut conditions, DRAINED);
        }
        End::Removed => {
            drained(observations, shard).apply(&mut conditions, object.generation, now);
        }
        End::Vanished => {
            vanished().apply(&mut conditions, object.generation, now);
        }
    }
    PackageLedgerStatus {
        observed_generation: Some(object.generation),
        conditions,
        observed: STANDARD.encode(ledger::encode_observed(observed.values())),
        details: details(observations, shard, object, now),
    }
}

/// Failures that members report, each since it was first seen.
fn details(
    observations: &Observations,
    shard: &Shard,
    object: &LedgerObject,
    now: Timestamp,
) -> Vec<DeploymentDetail> {
    let known = object.status.details.iter();
    let known = known.map(|detail| ((&*detail.cluster, &*detail.reason), &detail.since));
    let since: BTreeMap<(&str, &str), &Option<Time>> = known.collect();
    let deployments = observations.fleet.rows.deployments();
    let deployments = deployments.filter(|(cluster, _)| shard.rows.contains_key(cluster));
    let detail = |(cluster, deployment): (ClusterUid, &Deployment)| {
        let reported = deployment.details();
        let failure = reported.failure()?;
        let name = observations.members.name_of(&cluster)?;
        let reason = failure.reason.to_string();
        let since = since.get(&(name, &*reason)).copied().cloned().flatten();
        Some(DeploymentDetail {
            cluster: name.to_owned(),
            phase: reported.phase().map(|phase| cut(phase, PHASE_BYTES)),
            message: shorten(failure.message, MESSAGE_BYTES),
            since: since.or_else(|| Some(Time(seconds(now)))),
            reason,
        })
    };
    deployments.filter_map(detail).collect()
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// What was remembered before; a hub that just started knows nothing better of members it has not heard.
pub(super) fn remembered(object: &LedgerObject) -> BTreeMap<ClusterUid, ObservedRow> {
    let bytes = STANDARD.decode(&object.status.observed).unwrap_or_default();
    let rows = ledger::decode_observed(&bytes).unwrap_or_default();
    rows.into_iter().map(|row| (row.cluster, row)).collect()
}

fn vanished() -> Update {
    Update::new(
        DRAINED,
        false,
        "PackageVanished",
        "the package's object is gone without having been deleted through the hub; what runs is left alone until its clusters leave or are forgotten",
    )
}

/// Which clusters a removed package still waits for.
fn drained(observations: &Observations, shard: &Shard) -> Update {
    let (mut offline, mut busy) = (Vec::new(), Vec::new());
    for cluster in shard.rows.keys() {
        let name = observations.members.name_of(cluster);
        let name = name.map_or_else(|| cluster.to_string(), str::to_owned);
        match observations.fleet.contact_of(cluster).connected {
            true => busy.push(name),
            false => offline.push(name),
        }
    }
    if offline.is_empty() && busy.is_empty() {
        let message = "every cluster has torn the package down";
        return Update::new(DRAINED, true, "Drained", message);
    }
    let reason = match busy.is_empty() {
        true => "MembersOffline",
        false => "TearingDown",
    };
    let mut parts = Vec::new();
    if !busy.is_empty() {
        parts.push(format!("tearing down on {}", busy.join(", ")));
    }
    if !offline.is_empty() {
        parts.push(format!("waiting for offline {}", offline.join(", ")));
    }
    Update::new(DRAINED, false, reason, parts.join("; "))
}
