//! Ledgers as objects: reading all of them, and storing what a plan changed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{ListParams, ObjectMeta};
use kube::{Api, Client, ResourceExt as _};
use stevedore_crds::v1alpha1::{
    Fence, LedgerContent, LedgerTerm, PackageKind, PackageLedger, PackageLedgerSpec,
    PackageLedgerStatus, PackageReference,
};
use stevedore_hub_core::ledger::{
    self, Ledger, Ordered, PackageIdentity, Shard, Stored, TermRecord,
};
use stevedore_hub_core::provenance::{LedgerClaim, Mismatch, Place};
use stevedore_proto_core::id::{EpochId, TermId};
use stevedore_proto_core::{Epoch, Leadership, PackageUid, Term};

use crate::hub::Hub;
use crate::package::any_package::claimed;
use crate::write;

/// Keeps a ledger until the hub itself lets it go.
const FINALIZER: &str = "stevedore.dev/ledger";

/// A ledger that cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object holds what this release cannot read; nothing may be ordered from it.
    #[error("ledger {name} cannot be read: {message}")]
    Unreadable {
        /// Name of the object.
        name: String,
        /// Why.
        message: String,
    },
    /// An object that is not of this package has the name of its ledger.
    #[error("{name} is taken by an object that is not this package's ledger, {why}; delete it")]
    Foreign {
        /// Name of the object.
        name: String,
        /// What is wrong with it.
        why: Mismatch,
    },
    /// The API server.
    #[error(transparent)]
    Api(#[from] kube::Error),
}

/// One package's ledger as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredLedger {
    pub(crate) ledger: Ledger,
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

impl StoredLedger {
    pub(crate) fn new(package: PackageIdentity) -> Self {
        Self {
            ledger: Ledger::new(package),
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
    fn put(&mut self, at: usize, object: &PackageLedger) -> Result<(), Error> {
        let shard = read(object)?;
        let entry = LedgerObject {
            name: object.name_any(),
            uid: write::uid(object).to_owned(),
            generation: object.metadata.generation.unwrap_or_default(),
            resource_version: object.metadata.resource_version.clone(),
            others: Others {
                labels: object.metadata.labels.clone(),
                annotations: object.metadata.annotations.clone(),
                finalizers: object.finalizers().to_vec(),
            },
            status: object.status.clone().unwrap_or_default(),
        };
        if at < self.objects.len() {
            self.ledger.shards[at] = shard;
            self.objects[at] = entry;
        } else {
            self.ledger.shards.push(shard);
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
        let mut object = PackageLedger::new(&name, spec(package, at, shard));
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
            if present.iter().any(|finalizer| finalizer == FINALIZER) {
                let removed = write::remove_finalizer(&api, name, uid, present, FINALIZER);
                write::ignore_missing(removed.await)?;
            }
            write::ignore_missing(write::delete(&api, name, uid).await)?;
        }
        Ok(())
    }
}

/// Reads every ledger. One that cannot be read fails all: the hub must not order from half of the truth. What the
/// hub did not make is none of it: it is shown by an Event and left out.
pub(crate) async fn load(hub: &Hub) -> Result<BTreeMap<PackageUid, StoredLedger>, Error> {
    let api: Api<PackageLedger> = Api::namespaced(hub.client.clone(), &hub.settings.namespace);
    let mut objects = Vec::new();
    let mut parameters = ListParams::default().limit(50);
    loop {
        let page = api.list(&parameters).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
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
        let uid = package.uid;
        let stored = ledgers
            .entry(uid)
            .or_insert_with(|| StoredLedger::new(package));
        let at = stored.objects.len();
        if usize::try_from(object.spec.shard) != Ok(at) {
            return Err(unreadable(
                object,
                format!("shard {at} is missing before it"),
            ));
        }
        stored.put(at, object)?;
    }
    Ok(ledgers)
}

/// Reads one package's ledger again, after a write was refused.
pub(crate) async fn reload(
    client: &Client,
    namespace: &str,
    package: &PackageIdentity,
) -> Result<StoredLedger, Error> {
    let api: Api<PackageLedger> = Api::namespaced(client.clone(), namespace);
    let mut stored = StoredLedger::new(package.clone());
    loop {
        let at = stored.objects.len();
        let name = package.record_name(at as u64);
        let Some(object) = api.get_opt(&name).await? else {
            return Ok(stored);
        };
        if let Some(why) = mismatch(&object, namespace, package) {
            return Err(Error::Foreign { name, why });
        }
        stored.put(at, &object)?;
    }
}

/// The package of a ledger that is the hub's own. A package that is gone has left its ledger behind; one that is
/// there has to be the very one that the ledger is about.
fn owner(hub: &Hub, object: &PackageLedger) -> Result<PackageIdentity, Mismatch> {
    let package = package_of(object, &hub.settings.namespace)?;
    let known = hub.package(&package.uid).map(|known| known.identity());
    match known.and_then(|known| Mismatch::owner(&package, Some(&known))) {
        Some(mismatch) => Err(mismatch),
        None => Ok(package),
    }
}

/// The package of a ledger, if everything that the object says fits together.
fn package_of(object: &PackageLedger, namespace: &str) -> Result<PackageIdentity, Mismatch> {
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
fn mismatch(
    object: &PackageLedger,
    namespace: &str,
    package: &PackageIdentity,
) -> Option<Mismatch> {
    match package_of(object, namespace) {
        Ok(found) => Mismatch::owner(&found, Some(package)),
        Err(mismatch) => Some(mismatch),
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
    hub.event(object, true, reason, note).await;
}

fn unreadable(object: &PackageLedger, message: String) -> Error {
    Error::Unreadable {
        name: object.name_any(),
        message,
    }
}

fn read(object: &PackageLedger) -> Result<Shard, Error> {
    let refuse = |message: String| unreadable(object, message);
    let spec = &object.spec;
    let number = |value: i64| u64::try_from(value).map_err(|error| refuse(error.to_string()));
    let content = |content: &LedgerContent| {
        let digest = |text: &str| {
            text.parse()
                .map_err(|_| refuse(format!("{text:?} is not a digest")))
        };
        Ok::<_, Error>(Ordered {
            revision: number(content.revision)?,
            input: digest(&content.input)?,
            content: digest(&content.content)?,
            size: number(content.size)?,
            account: content.account.clone(),
            paused: content.paused,
        })
    };
    let term = |term: &LedgerTerm| {
        let id = |text: &str| {
            text.parse::<EpochId>()
                .map_err(|_| refuse(format!("{text:?} is not a UUID")))
        };
        Ok::<_, Error>(TermRecord {
            leadership: Leadership {
                epoch: Epoch {
                    counter: number(term.epoch.counter)?,
                    id: id(&term.epoch.id)?,
                },
                term: Term {
                    counter: number(term.term.counter)?,
                    id: TermId::from_bytes(*id(&term.term.id)?.as_bytes()),
                },
            },
            first: number(term.first_number)?,
        })
    };
    let stored = Stored {
        highest: number(spec.highest_number)?,
        terms: spec.terms.iter().map(term).collect::<Result<_, _>>()?,
        contents: spec
            .contents
            .iter()
            .map(content)
            .collect::<Result<_, _>>()?,
        rows: STANDARD
            .decode(&spec.rows)
            .map_err(|error| refuse(error.to_string()))?,
    };
    stored
        .decode()
        .map_err(|error: ledger::Error| refuse(error.to_string()))
}

fn spec(package: &PackageIdentity, at: usize, shard: &Shard) -> PackageLedgerSpec {
    let stored = shard.encode();
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    PackageLedgerSpec {
        package: PackageReference {
            kind: match package.namespace {
                Some(_) => PackageKind::Package,
                None => PackageKind::ClusterPackage,
            },
            namespace: package.namespace.clone(),
            name: package.name.clone(),
            uid: package.uid.to_string(),
        },
        shard: i32::try_from(at).unwrap_or(i32::MAX),
        highest_number: number(stored.highest),
        terms: stored
            .terms
            .iter()
            .map(|record| LedgerTerm {
                epoch: Fence {
                    counter: number(record.leadership.epoch.counter),
                    id: record.leadership.epoch.id.to_string(),
                },
                term: Fence {
                    counter: number(record.leadership.term.counter),
                    id: record.leadership.term.id.to_string(),
                },
                first_number: number(record.first),
            })
            .collect(),
        contents: stored
            .contents
            .iter()
            .map(|content| LedgerContent {
                revision: number(content.revision),
                input: content.input.to_string(),
                content: content.content.to_string(),
                size: number(content.size),
                account: content.account.clone(),
                paused: content.paused,
            })
            .collect(),
        rows: STANDARD.encode(&stored.rows),
    }
}

/// An object's metadata with a name only.
pub(crate) fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests;
