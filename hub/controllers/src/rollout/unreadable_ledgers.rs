//! Ledgers that could not be read: their packages are left as they are until they can.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::value::RawValue;
use stevedore_client::decode::{Undecodable, part};
use stevedore_crds::v1alpha1::PackageLedger;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::provenance::{LedgerClaim, Place};
use stevedore_proto_core::PackageUid;

use crate::hub::{Hub, lock};
use crate::package::any_package::claimed;
use crate::package::unreadable::is_record_of;
use crate::watch::entry::Unreadable;
use crate::watch::unreadable;
use crate::write;

/// Objects of ledgers that could not be read when they were loaded, by name.
#[derive(Debug, Default)]
pub(crate) struct UnreadableLedgers(Mutex<BTreeMap<String, Found>>);

#[derive(Debug)]
struct Found {
    /// Why.
    message: String,
    /// The package that it is about, where that can be read.
    package: Option<PackageIdentity>,
}

impl Found {
    fn is_of(&self, package: &PackageIdentity, name: &str) -> bool {
        match &self.package {
            Some(known) => known == package,
            None => is_record_of(package, name),
        }
    }
}

impl UnreadableLedgers {
    /// An object cannot be read.
    pub(crate) fn note(&self, name: String, message: String, package: Option<PackageIdentity>) {
        let mut all = lock(&self.0);
        if all.get(&name).is_none_or(|known| known.message != message) {
            tracing::warn!(
                ledger = name,
                message,
                "a ledger cannot be read: nothing of its package is ordered"
            );
        }
        all.insert(name, Found { message, package });
    }

    /// Whether a ledger of this package could not be read.
    pub(crate) fn has(&self, package: &PackageIdentity) -> bool {
        let all = lock(&self.0);
        all.iter().any(|(name, found)| found.is_of(package, name))
    }

    /// The objects of this package that could not be read.
    pub(crate) fn names_of(&self, package: &PackageIdentity) -> Vec<String> {
        let all = lock(&self.0);
        let names = all
            .iter()
            .filter(|(name, found)| found.is_of(package, name));
        names.map(|(name, _)| name.clone()).collect()
    }

    /// The ledger of this package has been read.
    pub(crate) fn forget(&self, package: &PackageIdentity) {
        lock(&self.0).retain(|name, found| !found.is_of(package, name));
    }

    /// The packages, as far as they are known.
    pub(crate) fn packages(&self) -> Vec<PackageIdentity> {
        let all = lock(&self.0);
        all.values()
            .filter_map(|found| found.package.clone())
            .collect()
    }

    /// The identity of a package of which one could not be read.
    pub(crate) fn identity(&self, uid: &PackageUid) -> Option<PackageIdentity> {
        let packages = self.packages();
        packages.into_iter().find(|package| package.uid == *uid)
    }

    /// For people: what may still be on any cluster.
    pub(crate) fn descriptions(&self) -> Vec<String> {
        let all = lock(&self.0);
        let names = all.iter().map(|(name, Found { message, .. })| {
            format!("perhaps what ledger {name} orders, which cannot be read ({message})")
        });
        names.collect()
    }
}

/// Notes an object that cannot be decoded, and says so on it.
pub(super) async fn found(hub: &Hub, object: &RawValue, why: Undecodable) {
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
        claim.verify(&hub.settings.namespace).ok()
    });
    let (name, message) = (found.identity.name.clone(), found.why.to_string());
    hub.unreadable_ledgers.note(name, message, package);
    if let Err(error) = unreadable::show(hub, &found).await {
        let (ledger, error) = (&found.identity.name, write::words(&error));
        tracing::warn!(ledger, error, "a condition could not be written");
    }
}
