//! Fixture folders: the files beside a package that say what its test cases render to.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use stevedore_package::files::PackageFiles;
use stevedore_package::fixtures::{Case, Difference, Fixture, folder_of_all, may_be_rendered};
use stevedore_package::limit;
use stevedore_package::package::Package;
use stevedore_package::violation::Violation;
use stevedore_package::warning::{Warning, WarningReason};

use super::folder::{self, Checked};
use super::replacement::{Replacement, refuse_links};
use super::walk::{Found, Links, entries, resolved, walk};

/// The files in a folder of a package, or nothing if there is no such folder. Hidden ones are passed over. A link that
/// leads to something in the package stands for that.
///
/// # Errors
/// When something in it cannot be read, leads out of the package, or is no file; or all of it is larger than a package
/// may be.
pub(super) fn read(package: &Path, folder: &str) -> anyhow::Result<Option<PackageFiles>> {
    let Some((package, path)) = place(package, folder)? else {
        return Ok(None);
    };
    let found = walk(&path, Links::Within(&package))?;
    Ok(Some(folder::files(found.files, "fixtures")?))
}

/// The folder of a package as it is called without links, and where one in it is; nothing if there is none.
fn place(package: &Path, folder: &str) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    let cannot = || format!("cannot read {}", package.display());
    let whole = package.canonicalize().with_context(cannot)?;
    let path = package.join(folder);
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let place = resolved(&path, &whole)?;
    if !place.is_dir() {
        bail!("{} is no folder; remove it", path.display());
    }
    Ok(Some((whole, place)))
}

/// A folder of fixtures that no test case has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Orphan {
    /// The name that its case had.
    pub(super) case: String,
    pub(super) component: Option<String>,
    /// The folder, as seen from that of the package.
    pub(super) folder: String,
    /// The files in it, as seen from it, if all of them may have been rendered from a package.
    rendered: Option<Vec<String>>,
}

impl Orphan {
    /// Looks at a folder of the package; nothing if there is nothing in it.
    fn find(package: &Path, component: Option<&str>, case: String) -> anyhow::Result<Option<Self>> {
        let folder = format!("{}/{case}", folder_of_all(component));
        let mut rendered = None;
        if refuse_links(package, &folder).is_ok() {
            let Found { files, links } = walk(&package.join(&folder), Links::LeftOut)?;
            if files.is_empty() && links.is_empty() {
                return Ok(None);
            }
            let names = files.iter().map(|(inner, _)| inner.clone()).collect();
            let is_ours = links.is_empty() && may_be_rendered(&folder::files(files, "fixtures")?);
            rendered = is_ours.then_some(names);
        }
        Ok(Some(Self {
            case,
            component: component.map(str::to_owned),
            folder,
            rendered,
        }))
    }

    /// Whether it is removed when that is asked for.
    pub(super) fn is_ours(&self) -> bool {
        self.rendered.is_some()
    }

    /// What an author is told of it.
    fn warning(&self) -> Warning {
        let details = "no test case has this name, so nobody looks at them";
        let mend = match self.is_ours() {
            true => "give the case back, or let \"stevedore package test --update\" remove them",
            false => "not all of it was rendered: look at it, and remove it",
        };
        Warning::new(WarningReason::FixtureWithoutCase, details, mend).in_file(&self.folder)
    }

    /// Removes its files, and gives them.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub(super) fn remove(&self, package: &Path) -> anyhow::Result<Vec<String>> {
        let folder = package.join(&self.folder);
        let files = self.rendered.clone().unwrap_or_default();
        for file in &files {
            remove(&folder, &folder.join(file))?;
        }
        Ok(files)
    }
}

/// Folders of fixtures that no test case of a package has, but for empty ones.
///
/// # Errors
/// Those of [`read`].
pub(super) fn orphans(path: &Path, package: &Package) -> anyhow::Result<Vec<Orphan>> {
    let components = package.components().map(|(name, _)| Some(name));
    let mut orphans = Vec::new();
    for component in std::iter::once(None).chain(components) {
        let all = folder_of_all(component);
        let Some((_, place)) = place(path, &all)? else {
            continue;
        };
        let mut found = entries(&place)?;
        found.retain(|_, kind| kind.is_dir() || kind.is_symlink());
        for case in package.cases().filter(|it| it.component() == component) {
            found.remove(case.name());
        }
        for case in found.into_keys() {
            orphans.extend(Orphan::find(path, component, case)?);
        }
    }
    Ok(orphans)
}

/// Adds to what was checked of a package the fixtures that differ from what its cases render to, and a warning of those
/// that no case has. A case without fixtures is passed over. Where something is wrong already nothing is compared: that is to be mended first.
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
    let orphans = orphans(path, package)?;
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
    for orphan in orphans {
        checked.warnings.add(orphan.warning());
    }
    Ok(())
}

/// The files of a folder that were written and removed, as seen from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) written: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// Makes the fixtures of a case what it renders to. What is so already is left alone. Each file is the old one or the new
/// one at any moment, and none is touched before all new ones are on the disk.
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
    let is_superfluous = |it: &&Difference<'_>| matches!(it, Difference::Superfluous { .. });
    let mut ready = Vec::new();
    for difference in differences.iter().filter(|it| !is_superfluous(it)) {
        let (all, path) = (package.join(case.folder_of_all()), difference.path());
        create_folder(&all)?;
        let text = fixture.text(path).unwrap_or_default();
        let new = Replacement::write(&folder.join(path), &all, text.as_bytes())?;
        ready.push((path, new));
    }
    let mut changes = Changes::default();
    // First of all: where a folder was there may be a file now.
    for difference in differences.iter().filter(is_superfluous) {
        remove(&folder, &folder.join(difference.path()))?;
        changes.removed.push(difference.path().to_owned());
    }
    for (path, new) in ready {
        if let Some(parent) = folder.join(path).parent() {
            create_folder(parent)?;
        }
        new.put()?;
        changes.written.push(path.to_owned());
    }
    Ok(changes)
}

fn create_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))
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
