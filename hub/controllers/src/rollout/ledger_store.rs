//! The store of ledgers: reads all of them when the hub starts, and one of them again where that is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::value::RawValue;
use stevedore_client::Api;
use stevedore_client::decode::{Undecodable, decode_unmanaged, part};
use stevedore_crds::v1alpha1::PackageLedger;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::provenance::{LedgerClaim, Mismatch, Place};
use stevedore_proto_core::PackageUid;
use stevedore_runtime::retry;

use crate::hub::Hub;
use crate::package::any_package::claimed;
use crate::rollout::ledger_object::{Error, unreadable};
use crate::rollout::stored_ledger::{StoredLedger, mismatch, package_of};
use crate::watch::entry::Unreadable;
use crate::{watch, write};

/// How often unreadable ledgers of unknown packages are looked for.
const RECHECK: Duration = Duration::from_secs(60);

/// Reads every ledger. A package with one that cannot be read is left out, and noted: the hub must not order from half
/// of the truth, and orders nothing of that package until [`reload`] works. What the hub did not make is no part of
/// the truth: it is shown by an Event and left out.
pub(crate) async fn load(hub: &Hub) -> Result<BTreeMap<PackageUid, StoredLedger>, kube::Error> {
    let api: Api<PackageLedger> = hub.api.system();
    let mut objects = Vec::new();
    for object in api.list_raw(&ListParams::default()).await? {
        match decode_unmanaged::<PackageLedger>(&object) {
            Ok(ledger) => objects.push(ledger),
            Err(why) => found(hub, &object, why).await,
        }
    }
    objects.sort_by_key(|object| object.spec.shard);
    let mut ledgers = BTreeMap::new();
    for object in &objects {
        let package = match owner(hub, object) {
            Ok(package) => package,
            Err(mismatch) => {
                show(hub, object, mismatch).await;
                continue;
            }
        };
        if let Err(error) = put(&mut ledgers, &package, object) {
            let (name, message) = (object.name_any(), error.to_string());
            hub.orders.note_unreadable(name, message, Some(package));
        }
    }
    let is_whole = |stored: &StoredLedger| !hub.orders.is_unreadable(&stored.ledger.package);
    ledgers.retain(|_, stored| is_whole(stored));
    Ok(ledgers)
}

fn put(
    ledgers: &mut BTreeMap<PackageUid, StoredLedger>,
    package: &PackageIdentity,
    object: &PackageLedger,
) -> Result<(), Error> {
    let stored = ledgers
        .entry(package.uid)
        .or_insert_with(|| StoredLedger::new(package.clone()));
    let at = stored.objects.len();
    if usize::try_from(object.spec.shard) != Ok(at) {
        let message = format!("shard {at} is missing before it");
        return Err(unreadable(object, message));
    }
    stored.put(at, object)
}

/// Reads one package's ledger again, after a write was refused, or after it could not be read. One that cannot is noted.
pub(crate) async fn reload(hub: &Hub, package: &PackageIdentity) -> Result<StoredLedger, Error> {
    let api: Api<PackageLedger> = hub.api.system();
    let mut stored = StoredLedger::new(package.clone());
    loop {
        let at = stored.objects.len();
        let name = package.record_name(at as u64);
        let Some(object) = api.get_raw(&name).await? else {
            ends_here(hub, &api, &stored).await?;
            return Ok(stored);
        };
        let object: PackageLedger = match decode_unmanaged(&object) {
            Ok(object) => object,
            Err(why) => {
                let message = why.to_string();
                found(hub, &object, why).await;
                return Err(Error::Unreadable { name, message });
            }
        };
        if let Some(why) = mismatch(&object, hub.api.namespace(), package) {
            return Err(Error::Foreign { name, why });
        }
        if let Err(error) = stored.put(at, &object) {
            let message = error.to_string();
            hub.orders
                .note_unreadable(name, message, Some(package.clone()));
            return Err(error);
        }
    }
}

/// Makes sure that no shard is left after the one that is not there: what a ledger with a gap has given is not known.
async fn ends_here(
    hub: &Hub,
    api: &Api<PackageLedger>,
    stored: &StoredLedger,
) -> Result<(), Error> {
    let package = &stored.ledger.package;
    let at = stored.objects.len();
    let known = hub.orders.ledger(&package.uid);
    let later = known.iter().flat_map(|known| known.objects.iter().skip(at));
    let mut names: BTreeSet<_> = later.map(|object| object.name.clone()).collect();
    names.extend(hub.orders.unreadable_names_of(package));
    for read in &stored.objects {
        names.remove(&read.name);
    }
    for name in names {
        if api.get_raw(&name).await?.is_some() {
            let message = format!("shard {at} is missing before it");
            return Err(Error::Unreadable { name, message });
        }
    }
    Ok(())
}

/// Looks from time to time whether ledgers that could not be read, and whose package is not known, are still there: no
/// plan of a package reads those again.
pub(crate) async fn recheck(hub: Arc<Hub>) {
    loop {
        tokio::time::sleep(retry::spread(RECHECK, 20, rand::random())).await;
        let api: Api<PackageLedger> = hub.api.system();
        for name in hub.orders.unreadable_strays() {
            match api.get_raw(&name).await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    hub.orders.forget_stray(&name);
                    hub.show_leaving();
                }
                Err(error) => {
                    let error = write::words(&error);
                    tracing::warn!(
                        ledger = name,
                        error,
                        "an unreadable ledger cannot be asked for"
                    );
                }
            }
        }
    }
}

/// The package of a ledger that is the hub's own. A package that is gone has left its ledger behind; one that is
/// there has to be the very one that the ledger is about.
fn owner(hub: &Hub, object: &PackageLedger) -> Result<PackageIdentity, Mismatch> {
    let package = package_of(object, &hub.api.settings.namespace)?;
    let known = hub.packages.get(&package.uid).map(|known| known.identity());
    match known.and_then(|known| Mismatch::owner(&package, Some(&known))) {
        Some(mismatch) => Err(mismatch),
        None => Ok(package),
    }
}

/// Notes an object that cannot be decoded, and says so on it.
async fn found(hub: &Hub, object: &RawValue, why: Undecodable) {
    let Some(found) = Unreadable::<PackageLedger>::new(object, why) else {
        return;
    };
    let package = found.rest.as_ref().and_then(|package| {
        let claim = LedgerClaim {
            place: Place {
                namespace: found.identity.namespace.as_deref().unwrap_or_default(),
                name: &found.identity.name,
            },
            package: claimed(package),
            shard: part(object, &["spec", "shard"])?,
        };
        claim.verify(&hub.api.settings.namespace).ok()
    });
    let (name, message) = (found.identity.name.clone(), found.why.to_string());
    hub.orders.note_unreadable(name, message, package);
    if let Err(error) = watch::unreadable::show(&hub.api, &found).await {
        let (ledger, error) = (&found.identity.name, write::words(&error));
        tracing::warn!(ledger, error, "a condition could not be written");
    }
}

/// Shows that an object is not the hub's own.
async fn show(hub: &Hub, object: &PackageLedger, mismatch: Mismatch) {
    let (name, reason) = (object.name_any(), mismatch.reason());
    tracing::warn!(
        ledger = name,
        reason,
        "a PackageLedger is not the hub's own and is ignored"
    );
    let note = format!("not made by the hub, and ignored: {mismatch}");
    hub.api.event(object, true, reason, note).await;
}

#[cfg(test)]
mod tests;
