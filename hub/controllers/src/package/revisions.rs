//! Revisions of packages: the index of `PackageRevision`s, and those of them that are the hub's own by package.
//!
//! Whoever may create such objects in some namespace could order with them, so an object counts only when
//! [`provenance`] finds that everything it says fits together. It is asked once, when an object enters the index; a
//! lookup is by the whole identity of a package or ledger that the hub knows, so an object that names an unknown
//! package is never used. [`foreign_revisions`](super::foreign_revisions) shows what does not count.
//!
//! The index and the marks of single objects have a lock each; none is taken while the other is held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use stevedore_client::decode::part;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::history::Revision;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::provenance::{Mismatch, Place, RevisionClaim};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::package::any_package::claimed;
use crate::package::named_secrets::NamedSecrets;
use crate::watch::entry::{Derived, Entry, Watched};
use crate::watch::index::Index;
use crate::watch::uid::RevisionUid;

/// Keeps a revision until the hub itself lets it go.
pub(crate) const FINALIZER: &str = "stevedore.dev/history";

/// The revisions that count, by package. Everything else is kept only to be shown, and so that its Secrets stay.
#[derive(Debug)]
pub(crate) struct Revisions {
    system_namespace: String,
    objects: Arc<Index<PackageRevision>>,
    marks: Mutex<Marks>,
    /// Read while content Secrets are written and named by a revision, written while some are removed.
    secrets: RwLock<()>,
}

/// UIDs of objects of which more is known than they say.
#[derive(Debug, Default)]
struct Marks {
    /// Those that do not count, once an Event says so.
    shown: BTreeSet<RevisionUid>,
    /// Those with a content Secret that was not there.
    incomplete: BTreeSet<RevisionUid>,
}

impl Revisions {
    /// An empty index. `system_namespace` is the hub's.
    pub(crate) fn new(system_namespace: &str) -> Self {
        Self {
            system_namespace: system_namespace.to_owned(),
            objects: Arc::default(),
            marks: Mutex::default(),
            secrets: RwLock::default(),
        }
    }

    /// What the watch fills.
    pub(crate) fn objects(&self) -> &Arc<Index<PackageRevision>> {
        &self.objects
    }

    /// Held while content Secrets are written and named by a revision: none of them is removed meanwhile.
    pub(crate) async fn storing(&self) -> RwLockReadGuard<'_, ()> {
        self.secrets.read().await
    }

    /// Held while content Secrets are removed: no revision comes to name one of them meanwhile.
    pub(crate) async fn removing(&self) -> RwLockWriteGuard<'_, ()> {
        self.secrets.write().await
    }

    /// Whether an object is the hub's own by what it says.
    pub(crate) fn verify(&self, object: &PackageRevision) -> Result<PackageIdentity, Mismatch> {
        verify(object, &self.system_namespace)
    }

    /// Takes a revision as our own write left it.
    pub(crate) fn apply(&self, object: PackageRevision) {
        self.objects.apply(object);
    }

    /// Lets a revision go that our own write removed.
    pub(crate) fn delete(&self, object: &PackageRevision) {
        if let Some(uid) = object.uid_of() {
            self.objects.delete(&uid);
            self.forget_gone(&uid);
        }
    }

    /// Lets go of what is known of the object with this UID, if it is gone.
    pub(crate) fn forget_gone(&self, uid: &RevisionUid) {
        if !self.objects.contains(uid) {
            let mut marks = self.marks.lock();
            marks.shown.remove(uid);
            marks.incomplete.remove(uid);
        }
    }

    /// The kept revisions of a package as objects. `package` is one that the hub knows, from its object or ledger.
    pub(crate) fn of(&self, package: &PackageIdentity) -> Vec<Arc<PackageRevision>> {
        let namespace = package.record_namespace(&self.system_namespace);
        let derived = self.objects.derived();
        let (by_package, _) = &*derived;
        let found = by_package.0.get(&(namespace.to_owned(), package.clone()));
        found
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
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
            component: object.spec.component.clone(),
        };
        objects.iter().map(revision).collect()
    }

    /// Whether the object with this UID is there, and can be read.
    pub(crate) fn contains(&self, uid: &RevisionUid) -> bool {
        self.objects.get(uid).is_some()
    }

    /// Whether an Event says of the object with this UID that it does not count.
    pub(crate) fn is_shown(&self, uid: &RevisionUid) -> bool {
        self.marks.lock().shown.contains(uid)
    }

    /// An Event says of the object with this UID that it does not count.
    pub(crate) fn set_shown(&self, uid: RevisionUid) {
        self.marks.lock().shown.insert(uid.clone());
        // It may have gone while the Event was written.
        self.forget_gone(&uid);
    }

    /// Whether a content Secret of the object with this UID was not there.
    pub(crate) fn is_incomplete(&self, uid: &RevisionUid) -> bool {
        self.marks.lock().incomplete.contains(uid)
    }

    /// A content Secret of the object with this UID was not there, or all are there again.
    pub(crate) fn set_incomplete(&self, uid: &RevisionUid, is_incomplete: bool) {
        match is_incomplete {
            true => self.marks.lock().incomplete.insert(uid.clone()),
            false => self.marks.lock().incomplete.remove(uid),
        };
        // It may have gone while its content was read.
        self.forget_gone(uid);
    }

    /// All content Secrets that an object names, as they are now.
    pub(crate) fn content_secrets(&self) -> Arc<NamedSecrets> {
        Arc::clone(&self.objects.derived().1)
    }
}

fn verify(object: &PackageRevision, system_namespace: &str) -> Result<PackageIdentity, Mismatch> {
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
    claim.verify(system_namespace)
}

type Objects = BTreeMap<RevisionUid, Arc<PackageRevision>>;

/// Objects of which everything fits together, by their namespace and the package that they are of. The namespace
/// decides whether one counts: a revision of a cluster package only in the hub's, which is not known here.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByPackage(BTreeMap<(String, PackageIdentity), Objects>);

impl ByPackage {
    fn key(object: &PackageRevision) -> Option<(String, PackageIdentity)> {
        let namespace = object.metadata.namespace.as_deref()?;
        let package = verify(object, namespace).ok()?;
        Some((namespace.to_owned(), package))
    }
}

impl Derived<PackageRevision> for ByPackage {
    fn put(&mut self, entry: &Entry<PackageRevision>) {
        if let Entry::Readable(object) = entry
            && let Some((uid, key)) = object.uid_of().zip(Self::key(object))
        {
            let objects = self.0.entry(key).or_default();
            objects.insert(uid, Arc::clone(object));
        }
    }

    fn take(&mut self, entry: &Entry<PackageRevision>) {
        if let Entry::Readable(object) = entry
            && let Some((uid, key)) = object.uid_of().zip(Self::key(object))
            && let Some(objects) = self.0.get_mut(&key)
        {
            objects.remove(&uid);
            if objects.is_empty() {
                self.0.remove(&key);
            }
        }
    }
}

impl Watched for PackageRevision {
    type Uid = RevisionUid;
    /// Names of its content Secrets.
    type Rest = Option<Vec<String>>;
    type Derived = (Arc<ByPackage>, Arc<NamedSecrets>);
    const CONDITIONS: &'static [(&'static str, bool)] = &[];

    fn rest(object: &RawValue) -> Self::Rest {
        part(object, &["spec", "contentSecrets"])
    }
}

/// The number of a revision that counts.
pub(crate) fn number(revision: &PackageRevision) -> u64 {
    u64::try_from(revision.spec.number).unwrap_or_default()
}

#[cfg(test)]
mod tests;
