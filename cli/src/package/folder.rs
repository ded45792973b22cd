//! A package as a folder on disk.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use stevedore_package::files::PackageFiles;
use stevedore_package::limit;
use stevedore_package::package::Package;
use stevedore_package::violation::{Invalid, Violation};
use stevedore_package::warning::{Warning, WarningReason, Warnings};

use super::walk::{Links, walk};

/// What is in the folder of a package.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) files: PackageFiles,
    /// Links in it, which the image leaves out as well.
    pub(super) links: Vec<String>,
}

/// Reads every file of the folder; hidden files and folders, and links, are left out, as the
/// image leaves them out.
///
/// # Errors
/// When a file cannot be read, has a name that no package may have, or the whole is too large.
pub(super) fn read(path: &Path) -> anyhow::Result<Contents> {
    if !path.is_dir() {
        bail!(
            "{} is not a folder; name the folder that holds manifest.yaml",
            path.display()
        );
    }
    let found = walk(path, Links::LeftOut)?;
    let files = files(found.files, "a package")?;
    let links = found.links;
    Ok(Contents { files, links })
}

/// Reads files that together may be as large as a package.
///
/// # Errors
/// As those of [`read`]; what they cannot be is said.
pub(super) fn files(found: Vec<(String, PathBuf)>, what: &str) -> anyhow::Result<PackageFiles> {
    let mut files = PackageFiles::new();
    for (inner, path) in found {
        let content = file(&path, limit::UNPACKED_BYTES - files.bytes())?;
        let inserted = files.insert(&inner, content);
        inserted.with_context(|| format!("{} cannot be in {what}", path.display()))?;
    }
    Ok(files)
}

/// The bytes of a file, of which one more than `most` is enough to see that it is too large.
///
/// # Errors
/// When it cannot be read, or is no file.
pub(super) fn file(path: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    // Asked before it is opened: a pipe would never end.
    if !path.metadata().with_context(cannot)?.is_file() {
        bail!("{} is no file; remove it", path.display());
    }
    let file = std::fs::File::open(path).with_context(cannot)?;
    let mut content = Vec::new();
    let mut file = file.take(most as u64 + 1);
    file.read_to_end(&mut content).with_context(cannot)?;
    Ok(content)
}

/// Writes the files of a package into a folder that is not there yet, or empty: nothing is overwritten.
///
/// # Errors
/// When the folder has something in it, or a file cannot be written.
pub(super) fn write(files: &PackageFiles, folder: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", folder.display());
    std::fs::create_dir_all(folder).with_context(cannot)?;
    if std::fs::read_dir(folder)
        .with_context(cannot)?
        .next()
        .is_some()
    {
        bail!(
            "{} is not empty; name a folder that is, or that does not exist",
            folder.display()
        );
    }
    for (path, content) in files.iter() {
        // The paths of a package are relative, and have neither `..` nor links on their way.
        let file = folder.join(path);
        let cannot = || format!("cannot write {}", file.display());
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).with_context(cannot)?;
        }
        let new = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&file);
        new.and_then(|mut file| file.write_all(content))
            .with_context(cannot)?;
    }
    Ok(())
}

/// What is known of a package before anybody installs it.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The package, if it could be loaded.
    pub(super) package: Option<Package>,
    /// Everything that is wrong; nothing if it is valid.
    pub(super) violations: Vec<Violation>,
    /// How many more violations there are.
    pub(super) more_violations: usize,
    /// What could not be looked at, and why.
    pub(super) not_rendered: Vec<String>,
    /// What its author should look at.
    pub(super) warnings: Warnings,
}

/// Reads a package, and renders nothing.
pub(super) fn load(files: &PackageFiles) -> Checked {
    let mut checked = Checked::default();
    match Package::load(files.clone()) {
        Ok(package) => {
            checked.warnings = package.warnings().clone();
            checked.package = Some(package);
        }
        Err(invalid) => checked = Checked::of(invalid),
    }
    checked
}

/// Reads, checks and renders the package's test cases.
pub(super) fn check(files: &PackageFiles) -> Checked {
    let mut checked = load(files);
    let Some(package) = &checked.package else {
        return checked;
    };
    let validated = package.check();
    match validated {
        Ok(validated) => {
            let not_rendered = validated.not_rendered.iter();
            checked.not_rendered = not_rendered.map(ToString::to_string).collect();
            checked.warnings = validated.warnings;
        }
        Err(invalid) => checked.refuse(invalid),
    }
    checked
}

impl Contents {
    /// Reads the package, and renders nothing.
    pub(super) fn load(&self) -> Checked {
        self.with_links(load(&self.files))
    }

    /// Reads, checks and renders the package's test cases.
    pub(super) fn check(&self) -> Checked {
        self.with_links(check(&self.files))
    }

    fn with_links(&self, mut checked: Checked) -> Checked {
        for link in &self.links {
            let details = "the package is read, and its image built, without it";
            let mend = "replace it by what it leads to";
            let warning = Warning::new(WarningReason::LinkLeftOut, details, mend);
            checked.warnings.add(warning.in_file(link));
        }
        checked
    }
}

impl Checked {
    /// What is known of a package that is not valid.
    pub(super) fn of(invalid: Invalid) -> Self {
        let mut checked = Self::default();
        checked.refuse(invalid);
        checked
    }

    fn refuse(&mut self, invalid: Invalid) {
        self.more_violations = invalid.more();
        self.warnings = invalid.warnings().clone();
        self.violations = invalid.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: demo}
spec:
  scopes: [Cluster]
  phases: [{name: only}]
  config:
    openAPIV3Schema:
      type: object
      required: [replicas]
      properties: {replicas: {type: integer}}
";

    #[test]
    fn a_package_that_nobody_rendered_is_not_called_checked() {
        let mut files = PackageFiles::new();
        files.insert("manifest.yaml", MANIFEST.into()).unwrap();
        let template = "a: {{ nosuchfunction }}\n";
        files.insert("a.yaml.gotmpl", template.into()).unwrap();
        let found = check(&files);
        assert!(
            !found.violations.is_empty(),
            "an unknown function is seen unrendered"
        );
        let mut files = PackageFiles::new();
        files.insert("manifest.yaml", MANIFEST.into()).unwrap();
        let found = check(&files);
        assert_eq!(found.violations, []);
        assert!(found.not_rendered[0].contains("replicas"), "{found:?}");
    }

    #[test]
    fn what_is_wrong_hides_no_warning() {
        let mut files = PackageFiles::new();
        let manifest = MANIFEST.replace("[Cluster]", "[Planet]\n  frobnicate: 1");
        files.insert("manifest.yaml", manifest.into()).unwrap();
        let found = check(&files);
        assert_eq!(found.violations.len(), 1, "{found:?}");
        assert_eq!(found.warnings.list().len(), 1, "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_of_a_folder_but_names_and_bytes_is_in_the_image() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        use std::time::{Duration, SystemTime};

        let all = [
            ("manifest.yaml", MANIFEST),
            ("b/deep/a.yaml", "a: 1\n"),
            ("Ä.yaml", "ä\n"),
        ];
        let image = |mode: u32, age: u64, reversed: bool| {
            let place = tempfile::tempdir().unwrap();
            let folder = place.path();
            let mut entries = all.to_vec();
            if reversed {
                entries.reverse();
                symlink("/etc/passwd", folder.join("link.yaml")).unwrap();
                std::fs::write(folder.join(".hidden"), "x").unwrap();
            }
            for (path, content) in entries {
                let path = folder.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, content).unwrap();
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(age))
                    .unwrap();
                std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            }
            let labels = std::collections::BTreeMap::new();
            let files = read(folder).unwrap().files;
            stevedore_package::image::build(&files, &labels).unwrap()
        };
        let first = image(0o644, 1, false);
        assert_eq!(image(0o755, 2_000_000_000, true), first);
        assert_eq!(image(0o400, 5, true), first);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_package_is_told_also_where_the_package_is_none_without_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        std::fs::write(folder.join("real.yaml"), MANIFEST).unwrap();
        for link in ["manifest.yaml", "shared"] {
            std::os::unix::fs::symlink("real.yaml", folder.join(link)).unwrap();
        }
        let contents = read(folder).unwrap();
        for checked in [contents.load(), contents.check()] {
            assert_eq!(checked.violations.len(), 1, "{checked:?}");
            let warnings = checked.warnings.list().iter();
            let told: Vec<_> = warnings.map(|it| (it.reason, it.path.as_deref())).collect();
            let link = |name| (WarningReason::LinkLeftOut, Some(name));
            assert_eq!(told, [link("manifest.yaml"), link("shared")]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_a_package_is_an_error_and_nothing_waits_for_it() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe.yaml");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let error = read(place.path()).unwrap_err().to_string();
        assert!(error.contains("pipe.yaml is no file"), "{error}");
    }

    #[test]
    fn of_a_file_no_more_is_read_than_shows_that_it_is_too_large() {
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), "123456").unwrap();
        assert_eq!(file(place.path(), 6).unwrap(), b"123456");
        assert_eq!(file(place.path(), 3).unwrap(), b"1234");
    }

    fn files(entries: &[&str]) -> PackageFiles {
        let mut files = PackageFiles::new();
        for path in entries {
            files.insert(path, path.as_bytes().to_vec()).unwrap();
        }
        files
    }

    #[test]
    fn files_are_written_below_a_new_or_empty_folder_and_read_back_the_same() {
        let place = tempfile::tempdir().unwrap();
        let all = files(&["manifest.yaml", "deep/er/a.yaml", "deep/b"]);
        for folder in [place.path().join("new/one"), place.path().join("empty")] {
            if folder.ends_with("empty") {
                std::fs::create_dir(&folder).unwrap();
            }
            write(&all, &folder).unwrap();
            assert_eq!(read(&folder).unwrap().files, all);
        }
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("mine"), "mine").unwrap();
        let error = write(&files(&["mine"]), place.path()).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
        let mine = std::fs::read(place.path().join("mine")).unwrap();
        assert_eq!(mine, b"mine");
        // A file and a folder of one name.
        let folder = place.path().join("new");
        assert!(write(&files(&["a", "a/b"]), &folder).is_err());
    }
}
