//! A package as a folder on disk.

use std::path::Path;

use anyhow::{Context as _, bail};
use stevedore_package::files::PackageFiles;
use stevedore_package::package::Package;

/// Reads every file of the folder; hidden files and folders, and links, are left out, as the
/// image leaves them out.
///
/// # Errors
/// When a file cannot be read, has a name that no package may have, or the whole is too large.
pub(super) fn read(path: &Path) -> anyhow::Result<PackageFiles> {
    if !path.is_dir() {
        bail!(
            "{} is not a folder; name the folder that holds manifest.yaml",
            path.display()
        );
    }
    let mut files = PackageFiles::new();
    collect(path, "", &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut PackageFiles) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| anyhow::anyhow!("{}: {name:?} is not UTF-8", folder.display()))?;
        let kind = entry.file_type().with_context(cannot)?;
        if name.starts_with('.') || kind.is_symlink() {
            continue;
        }
        let inner = format!("{prefix}{name}");
        if kind.is_dir() {
            collect(&entry.path(), &format!("{inner}/"), files)?;
        } else {
            let content = std::fs::read(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            files
                .insert(&inner, content)
                .with_context(|| format!("{inner} cannot be in a package"))?;
        }
    }
    Ok(())
}

/// Reads, checks and renders the package's test cases; everything that is wrong, nothing if it is valid.
pub(super) fn violations(files: &PackageFiles) -> Vec<String> {
    let checked = Package::load(files.clone()).and_then(|package| package.check());
    let Err(invalid) = checked else {
        return vec![];
    };
    invalid
        .violations()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Refuses a package that is not valid.
///
/// # Errors
/// With everything that is wrong at once.
pub(super) fn refuse(violations: &[String]) -> anyhow::Result<()> {
    if violations.is_empty() {
        return Ok(());
    }
    bail!(
        "the package is not valid:\n  - {}",
        violations.join("\n  - ")
    )
}
