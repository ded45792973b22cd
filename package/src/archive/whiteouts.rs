//! The whiteouts of a layer, as the OCI image format has them: `.wh.NAME` removes `NAME` of the layers below it,
//! `.wh..wh..opq` everything that they have in its directory.

use std::collections::BTreeSet;

use crate::limit;

/// The directory of a package's files.
pub(super) const ROOT: &str = "package/";
const PREFIX: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
/// Bytes of a whiteout's path: a longer one names nothing that a package may have.
const MAX_BYTES: usize = ROOT.len() + limit::PATH_BYTES + OPAQUE.len();

/// What one layer removes of those below it.
#[derive(Debug, Default)]
pub(super) struct Whiteouts {
    /// Files, and directories with what is in them.
    removed: BTreeSet<String>,
    /// Directories whose content is removed. The root is the empty text.
    opaque: BTreeSet<String>,
}

impl Whiteouts {
    /// Notes an entry, if it is a whiteout that may hide something of a package.
    pub(super) fn note(&mut self, path: &str) {
        if path.len() > MAX_BYTES {
            return;
        }
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == OPAQUE {
            self.opaque.insert(directory.to_owned());
        } else if let Some(removed) = name.strip_prefix(PREFIX)
            && !removed.is_empty()
            && !removed.starts_with(PREFIX)
        {
            let path = match directory {
                "" => removed.to_owned(),
                _ => format!("{directory}/{removed}"),
            };
            self.removed.insert(path);
        }
    }

    /// Whether a file of a layer below, given by its path in the package, is removed.
    pub(super) fn hide(&self, inside: &str) -> bool {
        if self.removed.is_empty() && self.opaque.is_empty() {
            return false;
        }
        let path = format!("{ROOT}{inside}");
        let ends = path.char_indices().filter(|(_, it)| *it == '/');
        let mut directories = ends.map(|(end, _)| &path[..end]);
        self.removed.contains(&path)
            || self.opaque.contains("")
            || directories.any(|directory| {
                self.removed.contains(directory) || self.opaque.contains(directory)
            })
    }
}
