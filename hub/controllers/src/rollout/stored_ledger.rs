//! One package's ledger as it is stored: its shards, and the objects that hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::{Client, ResourceExt as _};
use stevedore_client::Api;
use stevedore_crds::v1alpha1::{PackageLedger, PackageLedgerStatus};
use stevedore_hub_core::ledger::{Ledger, PackageIdentity, Shard};
use stevedore_hub_core::provenance::{LedgerClaim, Mismatch, Place};

use crate::package::any_package::claimed;
use crate::rollout::ledger_object::{self, Error};
use crate::write;

/// Keeps a ledger until the hub itself lets it go.
const FINALIZER: &str = "stevedore.dev/ledger";

/// One package's ledger as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredLedger {
    /// Shared with whoever reads it: a status that is written copies no rows.
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) objects: Vec<LedgerObject>,
}

/// The object of one shard.
#[derive(Debug, Clone)]
pub(crate) struct LedgerObject {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    resource_version: Option<String>,
    /// Labels, annotations and finalizers: what others put there stays when the hub replaces the object.
    others: Others,
    pub(crate) status: PackageLedgerStatus,
}

/// Metadata that the hub keeps as it is.
#[derive(Debug, Clone)]
struct Others {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Vec<String>,
}

impl Others {
    fn of(object: &PackageLedger) -> Self {
        Self {
            labels: object.metadata.labels.clone(),
            annotations: object.metadata.annotations.clone(),
            finalizers: object.finalizers().to_vec(),
        }
    }
}

impl StoredLedger {
    pub(crate) fn new(package: PackageIdentity) -> Self {
        Self {
            ledger: Arc::new(Ledger::new(package)),
            objects: Vec::new(),
        }
    }

    /// Whether both were read at the same version of every object.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        let versions = |stored: &Self| -> Vec<_> {
            let objects = stored.objects.iter();
            objects
                .map(|object| (object.uid.clone(), object.resource_version.clone()))
                .collect()
        };
        versions(self) == versions(other)
    }

    /// Takes over what one shard's object says. Shards come in order.
    pub(super) fn put(&mut self, at: usize, object: &PackageLedger) -> Result<(), Error> {
        let shard = ledger_object::read(object)?;
        let entry = LedgerObject {
            name: object.name_any(),
            uid: write::uid(object).to_owned(),
            generation: object.metadata.generation.unwrap_or_default(),
            resource_version: object.metadata.resource_version.clone(),
            others: Others::of(object),
            status: object.status.clone().unwrap_or_default(),
        };
        if at < self.objects.len() {
            Arc::make_mut(&mut self.ledger).shards[at] = shard;
            self.objects[at] = entry;
        } else {
            Arc::make_mut(&mut self.ledger).shards.push(shard);
            self.objects.push(entry);
        }
        Ok(())
    }

    /// Stores one shard; what is in memory changes only when it is stored.
    pub(crate) async fn store(
        &mut self,
        client: &Client,
        namespace: &str,
        at: usize,
        shard: &Shard,
    ) -> Result<(), Error> {
        let api: Api<PackageLedger> = Api::namespaced(client.clone(), namespace);
        let package = &self.ledger.package;
        let name = package.record_name(at as u64);
        let mut object = PackageLedger::new(&name, ledger_object::spec(package, at, shard));
        object.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        let parameters = write::creation();
        let stored = match self.objects.get(at) {
            Some(known) => {
                object
                    .metadata
                    .resource_version
                    .clone_from(&known.resource_version);
                object.metadata.uid = Some(known.uid.clone());
                object.metadata.labels.clone_from(&known.others.labels);
                object
                    .metadata
                    .annotations
                    .clone_from(&known.others.annotations);
                let finalizers = object.finalizers_mut();
                let others = known.others.finalizers.iter();
                finalizers.extend(others.filter(|it| *it != FINALIZER).cloned());
                api.replace(&name, &parameters, &object).await?
            }
            None => match api.create(&parameters, &object).await {
                Err(error) if write::is_taken(&error) => {
                    let found = api.get_opt(&name).await?;
                    let why = found.and_then(|found| mismatch(&found, namespace, package));
                    if let Some(why) = why {
                        return Err(Error::Foreign { name, why });
                    }
                    return Err(error.into());
                }
                created => created?,
            },
        };
        self.put(at, &stored)
    }

    /// Takes over what `now` knows of all objects but those of these shards.
    pub(super) fn keep_objects(&mut self, now: &Self, but: &[usize]) {
        let objects = self.objects.iter_mut().zip(&now.objects).enumerate();
        for (_, (object, now)) in objects.filter(|(at, _)| !but.contains(at)) {
            object.clone_from(now);
        }
    }

    /// Notes a status that was written to one shard. `written`, where it is given, is the object whose version the
    /// next write of the shard must find.
    pub(crate) fn wrote_status(
        &mut self,
        at: usize,
        status: PackageLedgerStatus,
        written: Option<&PackageLedger>,
    ) {
        let Some(object) = self.objects.get_mut(at) else {
            return;
        };
        object.status = status;
        if let Some(written) = written {
            object
                .resource_version
                .clone_from(&written.metadata.resource_version);
            object.others = Others::of(written);
        }
    }

    /// Removes every object of a ledger without rows; other finalizers on it are left to whoever set them. The
    /// last shard goes first: what is left, should the hub end in between, is a ledger that can be read.
    pub(crate) async fn remove(&self, client: &Client, namespace: &str) -> Result<(), kube::Error> {
        let api: Api<PackageLedger> = Api::namespaced(client.clone(), namespace);
        for LedgerObject { name, uid, .. } in self.objects.iter().rev() {
            let found = api.get_opt(name).await?;
            let Some(found) = found.filter(|found| write::uid(found) == uid) else {
                continue;
            };
            let present = found.finalizers();
            write::remove_finalizer(&api, name, uid, present, FINALIZER).await?;
            write::ignore_missing(write::delete(&api, name, uid).await)?;
        }
        Ok(())
    }
}

/// A ledger as it is stored with this shard.
#[cfg(test)]
pub(crate) fn stored(package: &PackageIdentity, shard: &Shard) -> (StoredLedger, PackageLedger) {
    let mut object = PackageLedger::new(
        &package.record_name(0),
        ledger_object::spec(package, 0, shard),
    );
    object.metadata.uid = Some("ledger".to_owned());
    object.metadata.resource_version = Some("1".to_owned());
    let mut stored = StoredLedger::new(package.clone());
    stored.put(0, &object).expect("what was just written");
    (stored, object)
}

/// The package of a ledger, if everything that the object says fits together.
pub(super) fn package_of(
    object: &PackageLedger,
    namespace: &str,
) -> Result<PackageIdentity, Mismatch> {
    let claim = LedgerClaim {
        place: Place {
            namespace: object.metadata.namespace.as_deref().unwrap_or_default(),
            name: object.metadata.name.as_deref().unwrap_or_default(),
        },
        package: claimed(&object.spec.package),
        shard: object.spec.shard,
    };
    claim.verify(namespace)
}

/// Why an object is not a ledger of this package, if so.
pub(super) fn mismatch(
    object: &PackageLedger,
    namespace: &str,
    package: &PackageIdentity,
) -> Option<Mismatch> {
    match package_of(object, namespace) {
        Ok(found) => Mismatch::owner(&found, Some(package)),
        Err(mismatch) => Some(mismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock_api::fleet;

    #[test]
    fn what_others_set_before_a_status_was_written_is_not_taken_away_by_the_next_write() {
        let (mut stored, mut written) = stored(&fleet(None), &Shard::default());
        let labels = BTreeMap::from([("owner.example".to_owned(), "ops".to_owned())]);
        written.metadata.labels = Some(labels.clone());
        written.metadata.resource_version = Some("2".to_owned());
        stored.wrote_status(0, PackageLedgerStatus::default(), Some(&written));
        assert_eq!(stored.objects[0].others.labels, Some(labels));
    }
}
