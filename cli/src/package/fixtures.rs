//! Fixture folders: the files beside a package that say what its test cases render to.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use stevedore_package::files::PackageFiles;
use stevedore_package::fixtures::{Case, Difference, Fixture};
use stevedore_package::limit;
use stevedore_package::package::Package;
use stevedore_package::violation::Violation;

use super::folder::{self, Checked};

/// A walk through a fixture folder.
struct Walk {
    /// The folder of the package, without links on the way to it: nothing outside of it is read.
    package: PathBuf,
    files: PackageFiles,
    entries: usize,
}

/// The files in a folder of a package, or nothing if there is no such folder. Hidden ones are passed over. A link that
/// leads to something in the package stands for that.
///
/// # Errors
/// When something in it cannot be read, leads out of the package, or is no file; or all of it is larger than a package
/// may be.
pub(super) fn read(package: &Path, folder: &str) -> anyhow::Result<Option<PackageFiles>> {
    let cannot = || format!("cannot read {}", package.display());
    let mut walk = Walk {
        package: package.canonicalize().with_context(cannot)?,
        files: PackageFiles::new(),
        entries: 0,
    };
    let path = package.join(folder);
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let folder = walk.resolved(&path)?;
    if !folder.is_dir() {
        bail!("{} is no folder; remove it", path.display());
    }
    walk.folder(&folder, "")?;
    Ok(Some(walk.files))
}

impl Walk {
    /// Where a path leads.
    fn resolved(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let resolved = path.canonicalize();
        let resolved = resolved.with_context(|| format!("cannot read {}", path.display()))?;
        if !resolved.starts_with(&self.package) {
            bail!(
                "{} leads out of the package; replace it by what it leads to",
                path.display()
            );
        }
        Ok(resolved)
    }

    fn folder(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        if prefix.split('/').count() > limit::PATH_SEGMENTS {
            let limit = limit::PATH_SEGMENTS;
            bail!("{} is more than {limit} folders deep", folder.display());
        }
        let cannot = || format!("cannot read {}", folder.display());
        for entry in fs::read_dir(folder).with_context(cannot)? {
            self.entries += 1;
            if self.entries > limit::ENTRIES {
                let limit = limit::ENTRIES;
                bail!("{}: more than {limit} fixtures", folder.display());
            }
            let entry = entry.with_context(cannot)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                bail!("{}: {name:?} is not UTF-8", folder.display());
            };
            if name.starts_with('.') {
                continue;
            }
            let path = self.resolved(&entry.path())?;
            let inner = format!("{prefix}{name}");
            if path.is_dir() {
                self.folder(&path, &format!("{inner}/"))?;
            } else {
                self.file(&path, &inner)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, inner: &str) -> anyhow::Result<()> {
        let content = folder::file(path, limit::UNPACKED_BYTES - self.files.bytes())?;
        let inserted = self.files.insert(inner, content);
        inserted.with_context(|| format!("{} cannot be a fixture", path.display()))?;
        Ok(())
    }
}

/// Adds to what was checked of a package the fixtures that differ from what its cases render to. A case without
/// fixtures is passed over. Where something is wrong already nothing is compared: that is to be mended first.
///
/// # Errors
/// Those of [`read`].
pub(super) fn check(path: &Path, checked: &mut Checked) -> anyhow::Result<()> {
    let Some(package) = &checked.package else {
        return Ok(());
    };
    if !checked.violations.is_empty() {
        return Ok(());
    }
    let mut violations: Vec<Violation> = Vec::new();
    for case in package.cases() {
        let Some(found) = read(path, &case.folder())? else {
            continue;
        };
        match case.fixture() {
            Ok(fixture) => {
                let differences = fixture.compare(&found);
                violations.extend(differences.iter().map(|it| case.violation(it)));
            }
            // A warning says it: no cluster is given.
            Err(invalid) if invalid.lacks_label() => {}
            Err(invalid) => violations.extend(invalid),
        }
    }
    let kept = limit::VIOLATIONS.saturating_sub(checked.violations.len());
    checked.more_violations += violations.len().saturating_sub(kept);
    checked.violations.extend(violations.into_iter().take(kept));
    Ok(())
}

/// The files of a folder that were written and removed, as seen from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) written: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// Makes the fixtures of a case what it renders to. What is so already is left alone.
///
/// # Errors
/// When a file cannot be written or removed. Nothing is done through a link: one that is in the way is an error, and
/// then nothing was changed.
pub(super) fn update(
    package: &Path,
    case: &Case<'_>,
    fixture: &Fixture,
    differences: &[Difference<'_>],
) -> anyhow::Result<Changes> {
    let folder = case.folder();
    for difference in differences {
        refuse_links(package, &format!("{folder}/{}", difference.path()))?;
    }
    let folder = package.join(folder);
    let mut changes = Changes::default();
    let is_superfluous = |it: &&Difference<'_>| matches!(it, Difference::Superfluous { .. });
    // First of all: where a folder was there may be a file now.
    for difference in differences.iter().filter(is_superfluous) {
        remove(&folder, &folder.join(difference.path()))?;
        changes.removed.push(difference.path().to_owned());
    }
    for difference in differences.iter().filter(|it| !is_superfluous(it)) {
        let path = difference.path();
        let file = folder.join(path);
        let cannot = || format!("cannot write {}", file.display());
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(cannot)?;
        }
        fs::write(&file, fixture.text(path).unwrap_or_default()).with_context(cannot)?;
        changes.written.push(path.to_owned());
    }
    Ok(changes)
}

/// Writes the fixtures of every case of a package that has none.
///
/// # Errors
/// When a case cannot be rendered, or a file cannot be written.
pub(super) fn write_first(path: &Path, package: &Package) -> anyhow::Result<()> {
    for case in package.cases() {
        let fixture = case.fixture()?;
        update(
            path,
            &case,
            &fixture,
            &fixture.compare(&PackageFiles::new()),
        )?;
    }
    Ok(())
}

/// Refuses a file, given as seen from the package, that is a link or behind one.
fn refuse_links(package: &Path, file: &str) -> anyhow::Result<()> {
    let mut path = package.to_owned();
    for segment in file.split('/') {
        path.push(segment);
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => bail!(
                "{} is a link, and nothing is written through one; mend what it leads to, or remove it",
                path.display()
            ),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
    }
    Ok(())
}

/// Removes a file, and the folders that are empty without it, up to that of the case.
fn remove(folder: &Path, file: &Path) -> anyhow::Result<()> {
    fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    for parent in file
        .ancestors()
        .skip(1)
        .take_while(|it| it.starts_with(folder))
    {
        let cannot = || format!("cannot remove {}", parent.display());
        if fs::read_dir(parent).with_context(cannot)?.next().is_some() {
            break;
        }
        fs::remove_dir(parent).with_context(cannot)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
