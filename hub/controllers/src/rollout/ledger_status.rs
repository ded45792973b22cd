//! What members reported, remembered in ledgers' statuses: batched, on change only, within a global limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_client::Api;
use stevedore_crds::condition::{DRAINED, Update};
use stevedore_crds::v1alpha1::{DeploymentDetail, PackageLedger, PackageLedgerStatus};
use stevedore_hub_core::fleet::Fleet;
use stevedore_hub_core::ledger::Shard;
use stevedore_proto_core::ledger::{self, ObservedRow};
use stevedore_proto_core::{ClusterUid, PackageUid};

use crate::hub::{Hub, lock};
use crate::package::unreadable::Lookup;
use crate::rollout::ledger_store::LedgerObject;
use crate::write;

/// How often observations are written.
const BATCH: Duration = Duration::from_secs(10);
/// How often what a removed package waits for is written: people look at it.
const REMOVED: Duration = Duration::from_secs(1);
/// Fifty writes a second at most.
const PACE: Duration = Duration::from_millis(20);
/// Bytes a second at most.
const BYTES_PER_SECOND: u64 = 200_000;

/// Whether a package comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    Removed,
    /// Its object is gone, and nobody asked for that.
    Vanished,
}

/// Writes for ever.
///
/// # Errors
/// Never returns one.
pub(crate) async fn run(hub: Arc<Hub>) -> Result<(), std::convert::Infallible> {
    let mut waited = Duration::ZERO;
    loop {
        tokio::time::sleep(REMOVED).await;
        waited += REMOVED;
        if hub.leader.current().is_none() {
            continue;
        }
        let all = waited >= BATCH;
        if all {
            waited = Duration::ZERO;
        }
        let waiting: Vec<PackageUid> = lock(&hub.to_observe).iter().copied().collect();
        let due = waiting.into_iter().filter(|uid| all || ends(&hub, uid));
        for uid in due.collect::<Vec<_>>() {
            lock(&hub.to_observe).remove(&uid);
            if let Err(error) = package(&hub, uid).await {
                tracing::info!(package = %uid, %error, "observations wait for the next batch");
                lock(&hub.to_observe).insert(uid);
            }
        }
    }
}

/// Whether a package comes to its end: somebody looks at what it waits for.
fn ends(hub: &Hub, uid: &PackageUid) -> bool {
    match hub.lookup(uid) {
        Lookup::Readable(package) | Lookup::Unreadable(package) => package.deleting,
        Lookup::Absent => true,
    }
}

async fn package(hub: &Hub, uid: PackageUid) -> Result<(), kube::Error> {
    let Some(stored) = hub.orders.ledger(&uid) else {
        return Ok(());
    };
    let end = match hub.lookup(&uid) {
        Lookup::Readable(package) | Lookup::Unreadable(package) if !package.deleting => End::None,
        Lookup::Absent if stored.ledger.rows().any(|(_, row)| !row.tombstone) => End::Vanished,
        Lookup::Readable(_) | Lookup::Unreadable(_) | Lookup::Absent => End::Removed,
    };
    let names: BTreeMap<ClusterUid, String> = hub
        .joined()
        .into_iter()
        .map(|(member, _)| (member.cluster, member.name))
        .collect();
    let api: Api<PackageLedger> = Api::namespaced(hub.client.clone(), &hub.settings.namespace);
    for at in 0..stored.objects.len() {
        let (shard, object) = (&stored.ledger.shards[at], &stored.objects[at]);
        let wanted = {
            let fleet = lock(&hub.fleet);
            status(&fleet, uid, shard, object, &names, end)
        };
        if wanted == object.status {
            continue;
        }
        let written = write::status(&api, &object.name, &object.uid, &wanted).await?;
        hub.metrics.status_writes.inc();
        hub.orders.wrote_status(&stored, at, &written, wanted);
        tokio::time::sleep(pause(&written.status)).await;
    }
    Ok(())
}

/// How long the next write waits for one of this status.
fn pause(written: &impl serde::Serialize) -> Duration {
    let bytes = serde_json::to_vec(written).map_or(0, |json| json.len());
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    PACE.max(Duration::from_micros(
        bytes.saturating_mul(1_000_000 / BYTES_PER_SECOND),
    ))
}

fn status(
    fleet: &Fleet,
    uid: PackageUid,
    shard: &Shard,
    object: &LedgerObject,
    names: &BTreeMap<ClusterUid, String>,
    end: End,
) -> PackageLedgerStatus {
    let mut observed = remembered(object);
    observed.retain(|cluster, _| shard.rows.contains_key(cluster));
    let mut details = Vec::new();
    let mut since: BTreeMap<(&str, &str), &Option<Time>> = BTreeMap::new();
    for detail in &object.status.details {
        since.insert((&detail.cluster, &detail.reason), &detail.since);
    }
    if let Some(rows) = fleet.package(uid.into()) {
        for row in rows.observed() {
            if shard.rows.contains_key(&row.cluster) {
                observed.insert(row.cluster, row);
            }
        }
        for (cluster, deployment) in rows
            .deployments()
            .filter(|(cluster, _)| shard.rows.contains_key(cluster))
        {
            let reported = deployment.details();
            let (Some(failure), Some(name)) = (reported.failure(), names.get(&cluster)) else {
                continue;
            };
            let cut = |text: &str, most: usize| text[..text.floor_char_boundary(most)].to_owned();
            let reason = failure.reason.to_string();
            let known = since
                .get(&(name.as_str(), reason.as_str()))
                .and_then(|time| (*time).clone());
            details.push(DeploymentDetail {
                cluster: name.clone(),
                phase: reported.phase().map(|phase| cut(phase, 63)),
                message: cut(&failure.message, 512),
                since: known.or_else(|| Some(Time(seconds(Timestamp::now())))),
                reason,
            });
        }
    }
    let mut conditions = object.status.conditions.clone();
    stevedore_crds::condition::remove_unreadable(&mut conditions);
    let now = Timestamp::now();
    match end {
        End::None => {
            stevedore_crds::condition::remove(&mut conditions, DRAINED);
        }
        End::Removed => {
            drained(fleet, shard, names).apply(&mut conditions, object.generation, now);
        }
        End::Vanished => {
            vanished().apply(&mut conditions, object.generation, now);
        }
    }
    PackageLedgerStatus {
        observed_generation: Some(object.generation),
        conditions,
        observed: STANDARD.encode(ledger::encode_observed(observed.values())),
        details,
    }
}

fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// What was remembered before; a hub that just started knows nothing better of members it has not heard.
fn remembered(object: &LedgerObject) -> BTreeMap<ClusterUid, ObservedRow> {
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
fn drained(fleet: &Fleet, shard: &Shard, names: &BTreeMap<ClusterUid, String>) -> Update {
    let (mut offline, mut busy) = (Vec::new(), Vec::new());
    for cluster in shard.rows.keys() {
        let name = names
            .get(cluster)
            .cloned()
            .unwrap_or_else(|| cluster.to_string());
        if fleet.contact_of(cluster).connected {
            busy.push(name);
        } else {
            offline.push(name);
        }
    }
    if offline.is_empty() && busy.is_empty() {
        return Update::new(
            DRAINED,
            true,
            "Drained",
            "every cluster has torn the package down",
        );
    }
    let mut parts = Vec::new();
    if !busy.is_empty() {
        parts.push(format!("tearing down on {}", busy.join(", ")));
    }
    if !offline.is_empty() {
        parts.push(format!("waiting for offline {}", offline.join(", ")));
    }
    let reason = if busy.is_empty() {
        "MembersOffline"
    } else {
        "TearingDown"
    };
    Update::new(DRAINED, false, reason, parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_keep_to_fifty_writes_and_two_hundred_kilobytes_a_second() {
        assert_eq!(pause(&""), Duration::from_millis(20));
        // With the two quotation marks.
        assert_eq!(pause(&"x".repeat(199_998)), Duration::from_secs(1));
    }
}
