//! Revisions of packages: the index of the `PackageRevision`s that are the hub's own, by package.
//!
//! Whoever may create such objects in some namespace could order with them, so an object counts only when
//! [`provenance`] finds that everything it says fits together. It is asked once, when an object enters the index; a
//! lookup is by the whole identity of a package or ledger that the hub knows, so what names an unknown package is
//! found by nobody. [`foreign_revisions`](super::foreign_revisions) shows what does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::history::Revision;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::provenance::{Mismatch, Place, RevisionClaim};

use crate::package::any_package::claimed;
use crate::package::named_secrets::NamedSecrets;
use crate::watch::entry::Watched as _;
use crate::watch::index::Index;
use crate::watch::uid::RevisionUid;

/// Keeps a revision until the hub itself lets it go.
pub(crate) const FINALIZER: &str = "stevedore.dev/history";

/// The revisions that count, by package. Everything else is kept only to be shown, and so that its Secrets stay.
#[derive(Debug)]
pub(crate) struct Revisions {
    system_namespace: String,
    objects: Arc<Index<PackageRevision>>,
    state: Mutex<State>,
    /// Read while content Secrets are written and named by a revision, written while some are removed: no revision
    /// names one that is going.
    pub(crate) secrets: tokio::sync::RwLock<()>,
}

#[derive(Debug, Default)]
struct State {
    /// UIDs of objects by the package that they are of.
    by_package: BTreeMap<PackageIdentity, BTreeSet<RevisionUid>>,
    /// UIDs of objects that do not count, once an Event says so.
    shown: BTreeSet<RevisionUid>,
    /// UIDs of objects with a content Secret that was not there.
    incomplete: BTreeSet<RevisionUid>,
}

impl Revisions {
    /// Nothing yet. `system_namespace` is the hub's.
    pub(crate) fn new(system_namespace: &str) -> Self {
        Self {
            system_namespace: system_namespace.to_owned(),
            objects: Arc::default(),
            state: Mutex::default(),
            secrets: tokio::sync::RwLock::default(),
        }
    }

    /// What the watch fills; [`note`](Self::note) has to be told of every change.
    pub(crate) fn objects(&self) -> &Arc<Index<PackageRevision>> {
        &self.objects
    }

    /// Whether an object is the hub's own by what it says.
    pub(crate) fn verify(&self, object: &PackageRevision) -> Result<PackageIdentity, Mismatch> {
        let spec = &object.spec;
        let claim = RevisionClaim {
            place: Place {
                namespace: object.metadata.namespace.as_deref().unwrap_or_default(),
                name: object.metadata.name.as_deref().unwrap_or_default(),
            },
            package: claimed(&spec.package),
            number: spec.number,
            image_digest: &spec.image_digest,
            content_digest: &spec.content_digest,
            content_secrets: &spec.content_secrets,
        };
        claim.verify(&self.system_namespace)
    }

    /// Takes a revision as our own write left it.
    pub(crate) fn apply(&self, object: PackageRevision) {
        self.objects.apply(object.clone());
        self.note(&object).ok();
    }

    /// Lets a revision go that our own write removed.
    pub(crate) fn delete(&self, object: &PackageRevision) {
        if let Some(uid) = object.uid_of() {
            self.objects.delete(&uid);
        }
        self.note(object).ok();
    }

    /// Takes note of an object that is in the index now, or no longer; says of which package it is. The spec of an
    /// object never changes, so neither does the package.
    pub(crate) fn note(&self, object: &PackageRevision) -> Result<PackageIdentity, Mismatch> {
        let package = self.verify(object);
        let Some(uid) = object.uid_of() else {
            return package;
        };
        let is_there = self.objects.get(&uid).is_some();
        let mut state = self.state.lock();
        if !is_there {
            state.shown.remove(&uid);
            state.incomplete.remove(&uid);
        }
        if let Ok(package) = &package {
            if is_there {
                let uids = state.by_package.entry(package.clone()).or_default();
                uids.insert(uid);
            } else if let Some(uids) = state.by_package.get_mut(package) {
                uids.remove(&uid);
                if uids.is_empty() {
                    state.by_package.remove(package);
                }
            }
        }
        package
    }

    /// The kept revisions of a package as objects. `package` is one that the hub knows, from its object or ledger.
    pub(crate) fn of(&self, package: &PackageIdentity) -> Vec<Arc<PackageRevision>> {
        let uids = self.state.lock().by_package.get(package).cloned();
        let uids = uids.unwrap_or_default();
        uids.iter()
            .filter_map(|uid| self.objects.get(uid))
            .collect()
    }

    /// The kept revisions of a package, as history sees them. One that somebody deleted counts until it is let go:
    /// what runs must not become another because its record is asked to go.
    pub(crate) fn history(&self, package: &PackageIdentity) -> Vec<Revision> {
        let objects = self.of(package);
        let revision = |object: &Arc<PackageRevision>| Revision {
            number: number(object),
            image: object.spec.image.clone(),
            config: object.spec.config.clone(),
        };
        objects.iter().map(revision).collect()
    }

    /// Whether the object with this UID is there, and can be read.
    pub(crate) fn contains(&self, uid: &RevisionUid) -> bool {
        self.objects.get(uid).is_some()
    }

    /// Whether an Event says of the object with this UID that it does not count.
    pub(crate) fn is_shown(&self, uid: &RevisionUid) -> bool {
        self.state.lock().shown.contains(uid)
    }

    /// An Event says of the object with this UID that it does not count.
    pub(crate) fn set_shown(&self, uid: RevisionUid) {
        self.state.lock().shown.insert(uid);
    }

    /// Whether a content Secret of the object with this UID was not there.
    pub(crate) fn is_incomplete(&self, uid: &RevisionUid) -> bool {
        self.state.lock().incomplete.contains(uid)
    }

    /// A content Secret of the object with this UID was not there, or all are there again.
    pub(crate) fn set_incomplete(&self, uid: &RevisionUid, is_incomplete: bool) {
        let incomplete = &mut self.state.lock().incomplete;
        match is_incomplete {
            true => incomplete.insert(uid.clone()),
            false => incomplete.remove(uid),
        };
    }

    /// All content Secrets that an object names, as they are now.
    pub(crate) fn content_secrets(&self) -> Arc<NamedSecrets> {
        self.objects.derived()
    }
}

/// The number of a revision that counts.
pub(crate) fn number(revision: &PackageRevision) -> u64 {
    u64::try_from(revision.spec.number).unwrap_or_default()
}

#[cfg(test)]
mod tests;
