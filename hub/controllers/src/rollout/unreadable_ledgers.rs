//! Ledgers that could not be read: their packages are left as they are until they can.

use std::collections::BTreeMap;

use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_proto_core::PackageUid;

/// Objects of ledgers that could not be read when they were loaded, by name.
#[derive(Debug, Default)]
pub(super) struct UnreadableLedgers(BTreeMap<String, Found>);

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
            None => package.is_record(name),
        }
    }
}

impl UnreadableLedgers {
    /// An object cannot be read.
    pub(super) fn note(&mut self, name: String, message: String, package: Option<PackageIdentity>) {
        let known = self.0.get(&name);
        if known.is_none_or(|known| known.message != message) {
            tracing::warn!(
                ledger = name,
                message,
                "a ledger cannot be read: nothing of its package is ordered"
            );
        }
        self.0.insert(name, Found { message, package });
    }

    /// Names of the objects of this package that could not be read.
    pub(super) fn names_of(&self, package: &PackageIdentity) -> Vec<String> {
        let of_it = |(name, found): &(&String, &Found)| found.is_of(package, name);
        let names = self.0.iter().filter(of_it);
        names.map(|(name, _)| name.clone()).collect()
    }

    /// The ledger of this package has been read.
    pub(super) fn forget(&mut self, package: &PackageIdentity) {
        self.0.retain(|name, found| !found.is_of(package, name));
    }

    /// Names of the objects whose package is not known.
    pub(super) fn strays(&self) -> Vec<String> {
        let strays = self.0.iter().filter(|(_, found)| found.package.is_none());
        strays.map(|(name, _)| name.clone()).collect()
    }

    /// The object of this name is gone.
    pub(super) fn forget_stray(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The packages, as far as they are known.
    pub(super) fn packages(&self) -> impl Iterator<Item = &PackageIdentity> {
        self.0.values().filter_map(|found| found.package.as_ref())
    }

    /// The identity of a package of which one could not be read.
    pub(super) fn identity(&self, uid: &PackageUid) -> Option<&PackageIdentity> {
        self.packages().find(|package| package.uid == *uid)
    }

    /// For people: what may still be on any cluster.
    pub(super) fn descriptions(&self) -> Vec<String> {
        let all = self.0.iter();
        all.map(|(name, Found { message, .. })| {
            format!("perhaps what ledger {name} orders, which cannot be read ({message})")
        })
        .collect()
    }
}
