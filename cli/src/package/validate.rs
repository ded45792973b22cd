//! `stevedore package validate`: what is wrong with a package, and what its author should look at.

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;
use stevedore_package::files::PackageFiles;
use stevedore_package::warning::Warning;

use super::folder::{self, Checked};
use crate::output::{self, Format};

/// What was found of a package folder.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validated {
    path: PathBuf,
    files: usize,
    valid: bool,
    violations: Vec<String>,
    not_rendered: Vec<String>,
    warnings: Vec<Told>,
    /// How many more there are.
    more_warnings: usize,
}

/// A warning.
#[derive(Serialize)]
struct Told {
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Number of the document in the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    details: String,
    mend: String,
}

impl From<&Warning> for Told {
    fn from(warning: &Warning) -> Self {
        Self {
            reason: warning.reason.word(),
            file: warning.path.clone(),
            document: warning.index,
            line: warning.position.map(|it| it.line),
            column: warning.position.and_then(|it| it.column),
            details: warning.details.clone(),
            mend: warning.mend.clone(),
        }
    }
}

/// Checks the files of a package, and tells what was found.
///
/// # Errors
/// When it is not valid; with `strict` also where there are warnings.
pub(super) fn validate(
    path: PathBuf,
    files: &PackageFiles,
    strict: bool,
    format: Format,
) -> anyhow::Result<()> {
    let Checked {
        violations,
        not_rendered,
        warnings,
    } = folder::check(files);
    let told = folder::warnings(&warnings);
    let is_strict_about = strict && !warnings.is_empty();
    let found = Validated {
        path,
        files: files.len(),
        valid: violations.is_empty() && !is_strict_about,
        violations,
        not_rendered,
        warnings: warnings.list().iter().map(Told::from).collect(),
        more_warnings: warnings.more(),
    };
    let verdict = || {
        folder::refuse(&found.violations, &told)?;
        match is_strict_about {
            true => bail!("--strict takes warnings for errors:{told}"),
            false => Ok(()),
        }
    };
    if !found.valid && matches!(format, Format::Table | Format::Name) {
        return verdict();
    }
    let name = found.path.display().to_string();
    let words = match found.not_rendered.is_empty() {
        true => format!("{name} is a valid package of {} files", found.files),
        false => format!(
            "{name} has {} files, and no fault in what could be looked at:\n  - {}",
            found.files,
            found.not_rendered.join("\n  - ")
        ),
    };
    let words = match told.is_empty() {
        true => words,
        false => format!("{words}\nWarnings, --strict makes them errors:{told}"),
    };
    output::one(format, &found, &name, &words)?;
    verdict()
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
  bright: true
";
    const OBJECT: &str = "apiVersion: v1
kind: Namespace
metadata: {name: demo, annotations: {package-operator.run/phase: only}}
";

    #[test]
    fn warnings_are_told_and_with_strict_they_are_errors() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().to_owned();
        std::fs::write(folder.join("manifest.yaml"), MANIFEST).unwrap();
        std::fs::write(folder.join("a.yaml"), OBJECT).unwrap();
        let strict = |strict, format| {
            let files = folder::read(&folder)?;
            validate(folder.clone(), &files, strict, format)
        };
        for format in [Format::Table, Format::Json, Format::Name] {
            strict(false, format).unwrap();
            let refused = strict(true, format).expect_err("a warning").to_string();
            assert!(
                refused.contains("manifest.yaml: line 7, column 3: spec.bright"),
                "{refused}"
            );
        }
        std::fs::write(folder.join("b.yaml"), "a: [").unwrap();
        let broken = strict(false, Format::Table)
            .expect_err("no YAML")
            .to_string();
        assert!(
            broken.contains("b.yaml idx 0: line 1, column 4"),
            "{broken}"
        );
    }

    #[test]
    fn a_warning_for_programs_has_its_parts() {
        let mut files = stevedore_package::files::PackageFiles::new();
        files.insert("manifest.yaml", MANIFEST.into()).unwrap();
        files.insert("a.yaml", OBJECT.into()).unwrap();
        let found = folder::check(&files);
        let told: Vec<_> = found.warnings.list().iter().map(Told::from).collect();
        assert_eq!(
            serde_json::to_value(&told).unwrap(),
            serde_json::json!([{
                "reason": "UnknownField", "file": "manifest.yaml", "line": 7, "column": 3,
                "details": "spec.bright: Package Operator passes over it, and so is it done here",
                "mend": "correct its name, or remove it",
            }])
        );
    }
}
