//! The subject of a list or a watch: a collection, and what of it is wanted.

use crate::Path;

/// The most objects in one page of a list; fewer once a page turned out to be too large.
pub const PAGE: usize = 100;

/// What is watched.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Path of the collection.
    pub path: Path,
    /// Label selector, if any.
    pub labels: Option<&'static str>,
    /// Field selector, if any.
    pub fields: Option<String>,
    /// Only the metadata of the objects is wanted.
    pub metadata_only: bool,
}

impl Subject {
    /// Every object of a collection, whole.
    pub fn all(path: Path) -> Self {
        Self {
            path,
            labels: None,
            fields: None,
            metadata_only: false,
        }
    }

    pub(super) fn selected(&self) -> Path {
        let mut path = self.path.clone();
        if let Some(labels) = self.labels {
            path = path.query("labelSelector", labels);
        }
        if let Some(fields) = &self.fields {
            path = path.query("fieldSelector", fields);
        }
        path
    }
}
