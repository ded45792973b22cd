//! `stevedore package init`: a new package, of plain manifests or of nothing.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use stevedore_package::files::PackageFiles;
use stevedore_package::kickstart::{self, Kickstart};
use stevedore_package::limit;
use stevedore_package::violation::Invalid;

use super::preview::{InstalledIn, tell};
use super::report::Subject;
use super::walk::{Found, Links, walk};
use super::{fixtures, folder, input, report};
use crate::output::{self, Format, counted};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Name of the package
    name: String,
    /// Folder to make it in; by default one of the package's name
    folder: Option<PathBuf>,
    /// Plain manifests to make it of: files, folders, or - for standard input; may be repeated
    #[arg(short, long = "from", value_name = "MANIFESTS")]
    from: Vec<PathBuf>,
    /// Where an example package is to be installed; manifests decide it themselves
    #[arg(long, value_enum, default_value = "cluster", conflicts_with = "from")]
    scope: InstalledIn,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    path: PathBuf,
    files: Vec<String>,
    /// Phases with the number of their objects.
    phases: Vec<(String, usize)>,
    without_probe: Vec<String>,
}

pub(super) fn run(init: Init) -> anyhow::Result<()> {
    let path = init.folder.unwrap_or_else(|| PathBuf::from(&init.name));
    let made = if init.from.is_empty() {
        let files = kickstart::example(&init.name, init.scope.into());
        Kickstart {
            files: files.map_err(|invalid| refused(&[], &invalid))?,
            phases: Vec::new(),
            without_probe: Vec::new(),
        }
    } else {
        let manifests = manifests(&init.from)?;
        let made = kickstart::kickstart(&init.name, &manifests);
        made.map_err(|invalid| refused(&manifests, &invalid))?
    };
    // Nothing is written of what would not be a package.
    let checked = folder::check(&made.files);
    report::refuse(&made.files, &checked)?;
    folder::write(&made.files, &path)?;
    if let Some(package) = &checked.package {
        fixtures::write_first(&path, package)?;
    }
    let shown = path.display().to_string();
    let made = Made {
        path,
        files: made.files.iter().map(|(path, _)| path.to_owned()).collect(),
        phases: made.phases,
        without_probe: made.without_probe,
    };
    output::one(init.output, &made, &shown, &words(&made, &shown))
}

/// That no package can be made of these manifests.
fn refused(manifests: &[(String, Vec<u8>)], invalid: &Invalid) -> anyhow::Error {
    let mut files = PackageFiles::new();
    for (path, bytes) in manifests {
        // Of one that is not in this folder or below it, no line is shown.
        let _ = files.insert(path, bytes.clone());
    }
    Subject::files(&files).refused(invalid, "no package can be made of this", None)
}

fn words(made: &Made, path: &str) -> String {
    let files = counted(made.files.len(), "file");
    let mut words = format!("made {path} of {files}\n");
    for (phase, objects) in &made.phases {
        let objects = counted(*objects, "object");
        words.push_str(&format!("  phase {phase}: {objects}\n"));
    }
    if !made.without_probe.is_empty() {
        words.push_str(&format!(
            "no probe is known for {}: say under availabilityProbes in {path}/manifest.yaml when these are ready\n",
            made.without_probe.join(", ")
        ));
    }
    words.push_str(&format!(
        "next: stevedore package tree {path}, stevedore package test {path}"
    ));
    words
}

/// Every manifest with the name that errors call it by.
fn manifests(from: &[PathBuf]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for path in from {
        if path == Path::new("-") {
            found.push(input::standard_input()?);
        } else if path.is_dir() {
            collect(path, &mut found)?;
        } else {
            found.push(input::read(path)?);
        }
    }
    if found.is_empty() {
        bail!("no manifest is there: name files, or folders with .yaml, .yml or .json files");
    }
    Ok(found)
}

/// Manifests below a folder, by name; hidden ones are passed over, and so are links, which are named.
fn collect(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let Found { files, links } = walk(folder, Links::LeftOut)?;
    tell(links.iter().map(|link| {
        let link = folder.join(link);
        format!("{} is a link, and left out", link.display())
    }));
    for (inner, path) in files {
        let is_manifest = [".yaml", ".yml", ".json"]
            .iter()
            .any(|it| inner.ends_with(it));
        if is_manifest {
            // Somebody may name a pipe; one that lies in a folder would never end.
            let bytes = folder::file(&path, limit::UNPACKED_BYTES)?;
            found.push((path.display().to_string(), input::bounded(&*bytes, &inner)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(name: &str, folder: &Path, from: Vec<PathBuf>) -> anyhow::Result<()> {
        run(Init {
            name: name.to_owned(),
            folder: Some(folder.to_owned()),
            from,
            scope: InstalledIn::Namespace,
            output: Format::Name,
        })
    }

    #[test]
    fn what_init_makes_is_valid_and_tested_and_nothing_is_ever_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("lamp");
        init("lamp", &made, vec![]).unwrap();
        let package = folder::read(&made).unwrap().check().package.unwrap();
        let cases: Vec<_> = package.cases().collect();
        assert!(!cases.is_empty());
        for case in cases {
            let there = fixtures::read(&made, &case.folder()).unwrap().unwrap();
            assert_eq!(case.fixture().unwrap().compare(&there), []);
        }
        assert_eq!(folder::read(&made).unwrap().check().violations, []);
        let manifest = std::fs::read(made.join("manifest.yaml")).unwrap();
        let again = init("other", &made, vec![]).unwrap_err().to_string();
        assert!(again.contains("is not empty"), "{again}");
        assert_eq!(std::fs::read(made.join("manifest.yaml")).unwrap(), manifest);
    }

    #[test]
    fn a_folder_of_manifests_becomes_a_package_and_a_fault_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        std::fs::create_dir_all(plain.join("deep")).unwrap();
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n";
        std::fs::write(plain.join("deep/one.yaml"), map).unwrap();
        std::fs::write(plain.join("README.md"), "no manifest").unwrap();
        init("shop", &folder.path().join("shop"), vec![plain.clone()]).unwrap();
        let pipe = plain.join("pipe.yaml");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let waiting = init("shop", &folder.path().join("pipe"), vec![plain.clone()]).unwrap_err();
        assert!(
            waiting.to_string().contains("pipe.yaml is no file"),
            "{waiting}"
        );
        std::fs::remove_file(&pipe).unwrap();
        std::fs::write(plain.join("bad.yml"), "kind: ConfigMap\n").unwrap();
        let bad = init("shop", &folder.path().join("bad"), vec![plain]).unwrap_err();
        let shown = crate::failure::report(&bad);
        assert!(shown.contains("bad.yml"), "{shown}");
    }
}
