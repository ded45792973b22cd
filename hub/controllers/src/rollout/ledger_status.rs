//! The controller of ledgers' statuses: remembers what members reported, batched, on change only, within a global limit.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stevedore_crds::v1alpha1::PackageLedger;
use stevedore_proto_core::PackageUid;

use crate::hub::Hub;
use crate::package::packages::Lookup;
use crate::rollout::observations::{End, Observations, status};

/// For how long changes of one ledger's status are gathered.
const BATCH: Duration = Duration::from_secs(10);
/// The same of a package that comes to its end: somebody looks at what it waits for.
const BATCH_ENDING: Duration = Duration::from_secs(1);
/// Fifty writes a second at most.
const PACE: Duration = Duration::from_millis(20);
/// Bytes a second at most.
const BYTES_PER_SECOND: u64 = 200_000;

/// Queues a package whose ledger's status may be another one.
pub(crate) fn queue(hub: &Hub, uid: PackageUid) {
    let delay = delay(hub, &uid);
    hub.queues.ledger_status.add_after(uid, delay);
}

fn delay(hub: &Hub, uid: &PackageUid) -> Duration {
    match hub.packages.is_ending(uid) {
        true => BATCH_ENDING,
        false => BATCH,
    }
}

/// Works on one package; says when to try again. One at a time: the pauses between writes are the hub's, not a
/// package's.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: PackageUid) -> Option<Duration> {
    match write(&hub, uid).await {
        Ok(()) => None,
        Err(error) => {
            tracing::info!(package = %uid, %error, "observations wait for the next batch");
            Some(delay(&hub, &uid))
        }
    }
}

async fn write(hub: &Hub, uid: PackageUid) -> Result<(), kube::Error> {
    let Some(stored) = hub.orders.ledger(&uid) else {
        return Ok(());
    };
    let end = match hub.packages.lookup(&uid) {
        Lookup::Readable(package) | Lookup::Unreadable(package) if !package.deleting => End::None,
        Lookup::Absent if stored.ledger.rows().any(|(_, row)| !row.tombstone) => End::Vanished,
        Lookup::Readable(_) | Lookup::Unreadable(_) | Lookup::Absent => End::Removed,
    };
    let observations = Observations {
        fleet: hub.fleet.package(uid),
        members: hub.members.snapshot(),
        end,
    };
    let shards = stored.ledger.shards.iter().zip(&stored.objects);
    let shards =
        shards.map(|(shard, object)| status(&observations, shard, object, Timestamp::now()));
    let statuses: Vec<_> = shards.collect();
    // Not held while it is written: the next report would copy what it has.
    drop(observations);
    let api = hub.api.system::<PackageLedger>();
    for (at, (status, object)) in statuses.into_iter().zip(&stored.objects).enumerate() {
        if status == object.status {
            continue;
        }
        let (name, uid) = (&object.name, &object.uid);
        let written = hub.api.write_status(&api, name, uid, &status).await?;
        hub.orders.wrote_status(&stored, at, &written, status);
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
