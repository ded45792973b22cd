//! The walk through a folder: what is in it and in the folders below, by name; hidden entries are passed over.

use std::collections::BTreeMap;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use stevedore_package::limit;

/// What becomes of links.
#[derive(Clone, Copy)]
pub(super) enum Links<'f> {
    /// They are left out, and named.
    LeftOut,
    /// They stand for what they lead to, which has to be in this folder. It is given as it is called without links.
    Within(&'f Path),
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All that is no folder, in order: `deep/a.yaml` as seen from the folder, and where it is.
    pub(super) files: Vec<(String, PathBuf)>,
    /// Links that were left out, as seen from the folder.
    pub(super) links: Vec<String>,
}

/// Everything in a folder.
///
/// # Errors
/// When it cannot be read, is larger or deeper than a package may be, or a link leads out of where it has to stay.
pub(super) fn walk(folder: &Path, links: Links<'_>) -> anyhow::Result<Found> {
    let mut walk = Walk {
        links,
        found: Found::default(),
        entries: 0,
    };
    walk.folder(folder, "")?;
    Ok(walk.found)
}

/// Entries of one folder that are not hidden, by name.
///
/// # Errors
/// When it cannot be read, or a name is no text.
pub(super) fn entries(folder: &Path) -> anyhow::Result<BTreeMap<String, FileType>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            bail!("{}: {name:?} is not UTF-8", folder.display());
        };
        if name.starts_with('.') {
            continue;
        }
        if found.len() >= limit::ENTRIES {
            let limit = limit::ENTRIES;
            bail!("{}: more than {limit} files and folders", folder.display());
        }
        found.insert(name.to_owned(), entry.file_type().with_context(cannot)?);
    }
    Ok(found)
}

/// Where a path leads, which has to be in a folder that is given as it is called without links.
///
/// # Errors
/// When it leads to nothing, or out of the folder.
pub(super) fn resolved(path: &Path, within: &Path) -> anyhow::Result<PathBuf> {
    let resolved = path.canonicalize();
    let resolved = resolved.with_context(|| format!("cannot read {}", path.display()))?;
    if !resolved.starts_with(within) {
        bail!(
            "{} leads out of the package; replace it by what it leads to",
            path.display()
        );
    }
    Ok(resolved)
}

struct Walk<'f> {
    links: Links<'f>,
    found: Found,
    entries: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        if prefix.split('/').count() > limit::PATH_SEGMENTS {
            let limit = limit::PATH_SEGMENTS;
            bail!("{} is more than {limit} folders deep", folder.display());
        }
        let entries = entries(folder)?;
        self.entries += entries.len();
        if self.entries > limit::ENTRIES {
            let limit = limit::ENTRIES;
            bail!("{}: more than {limit} files and folders", folder.display());
        }
        for (name, kind) in entries {
            let inner = format!("{prefix}{name}");
            let mut path = folder.join(&name);
            match self.links {
                Links::LeftOut if kind.is_symlink() => {
                    self.found.links.push(inner);
                    continue;
                }
                Links::LeftOut => {}
                Links::Within(within) => path = resolved(&path, within)?,
            }
            match path.is_dir() {
                true => self.folder(&path, &format!("{inner}/"))?,
                false => self.found.files.push((inner, path)),
            }
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_hidden_is_passed_over_and_links_are_named_or_stand_for_what_they_lead_to() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().canonicalize().unwrap();
        fs::create_dir_all(folder.join("b/deep")).unwrap();
        for file in ["b/deep/a", "b/.hidden", "a", "c"] {
            fs::write(folder.join(file), file).unwrap();
        }
        symlink("b/deep", folder.join("d")).unwrap();
        symlink("nowhere", folder.join(".e")).unwrap();
        let names = |links| {
            let found = walk(&folder, links).unwrap();
            let files: Vec<String> = found.files.into_iter().map(|it| it.0).collect();
            (files.join(" "), found.links.join(" "))
        };
        let without = ("a b/deep/a c".to_owned(), "d".to_owned());
        assert_eq!(names(Links::LeftOut), without);
        let with = ("a b/deep/a c d/a".to_owned(), String::new());
        assert_eq!(names(Links::Within(&folder)), with);
        symlink("..", folder.join("out")).unwrap();
        let refused = walk(&folder, Links::Within(&folder)).unwrap_err();
        assert!(refused.to_string().contains("leads out"), "{refused}");
    }
}
