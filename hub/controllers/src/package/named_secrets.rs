//! Names of content Secrets that are needed, kept beside the index of `PackageRevision`s and changed along with it.

use std::collections::BTreeMap;

use stevedore_crds::v1alpha1::PackageRevision;

use crate::watch::entry::{Derived, Entry};

/// All content Secrets that an object names, whether or not it counts or can be read: what looks forged may be of a
/// package that cannot be read at the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedSecrets {
    /// How many objects name each.
    names: BTreeMap<String, usize>,
    /// Objects of which it is not known what they name.
    unknown: usize,
}

impl NamedSecrets {
    /// Whether a Secret of this name may be needed.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.unknown > 0 || self.names.contains_key(name)
    }
}

impl Derived<PackageRevision> for NamedSecrets {
    fn put(&mut self, entry: &Entry<PackageRevision>) {
        match names(entry) {
            Some(names) => {
                for name in names {
                    *self.names.entry(name.clone()).or_default() += 1;
                }
            }
            None => self.unknown += 1,
        }
    }

    fn take(&mut self, entry: &Entry<PackageRevision>) {
        let Some(names) = names(entry) else {
            self.unknown -= 1;
            return;
        };
        for name in names {
            if let Some(count) = self.names.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.names.remove(name);
                }
            }
        }
    }
}

fn names(entry: &Entry<PackageRevision>) -> Option<&Vec<String>> {
    match entry {
        Entry::Readable(object) => Some(&object.spec.content_secrets),
        Entry::Unreadable(found) => found.rest.as_ref(),
    }
}
