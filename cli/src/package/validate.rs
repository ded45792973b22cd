//! `stevedore package validate`: what is wrong with a package, and what its author should look at.

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;
use stevedore_package::files::PackageFiles;

use super::finding::Finding;
use super::folder::Checked;
use super::source::Source;
use super::{fixtures, folder, report};
use crate::output::{self, Format};

/// What was found of a package.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validated<'c> {
    path: PathBuf,
    files: usize,
    valid: bool,
    violations: Vec<Finding>,
    /// How many more there are.
    more_violations: usize,
    not_rendered: &'c [String],
    warnings: Vec<Finding>,
    /// How many more there are.
    more_warnings: usize,
}

/// Checks a folder or an image, and tells what was found. A folder may have fixtures.
///
/// # Errors
/// Those of [`validate`], and when it cannot be read or pulled.
pub(super) async fn run(source: Source, strict: bool, format: Format) -> anyhow::Result<()> {
    let files = source.files().await?;
    let mut checked = folder::check(&files);
    if !source.pull {
        fixtures::check(&source.path, &mut checked)?;
    }
    validate(source.path, &files, &checked, strict, format)
}

/// Tells what was found of the files of a package.
///
/// # Errors
/// When it is not valid; with `strict` also where there are warnings.
fn validate(
    path: PathBuf,
    files: &PackageFiles,
    checked: &Checked,
    strict: bool,
    format: Format,
) -> anyhow::Result<()> {
    let is_for_people = matches!(format, Format::Table | Format::Name);
    if is_for_people && !checked.violations.is_empty() {
        return report::refuse(files, checked);
    }
    let found = validated(path, files, checked, strict);
    let warnings = report::warnings_counted(checked);
    if is_for_people && (format == Format::Table || !found.valid) {
        output::tell(&report::warnings(files, checked));
    }
    let verdict = || match &warnings {
        _ if !checked.violations.is_empty() => {
            bail!("the package is not valid: {}", report::counted(checked))
        }
        Some(warnings) if strict => bail!("--strict takes warnings for errors: {warnings}"),
        _ => Ok(()),
    };
    if is_for_people {
        verdict()?;
    }
    let name = found.path.display().to_string();
    let mut words = match found.not_rendered {
        [] => format!("{name} is a valid package of {} files", found.files),
        not_rendered => format!(
            "{name} has {} files, and no fault in what could be looked at:\n  - {}",
            found.files,
            not_rendered.join("\n  - ")
        ),
    };
    if let Some(warnings) = &warnings {
        words.push_str(&format!("\n{warnings}, --strict makes them errors"));
    }
    output::one(format, &found, &name, &words)?;
    verdict()
}

fn validated<'c>(
    path: PathBuf,
    files: &PackageFiles,
    checked: &'c Checked,
    strict: bool,
) -> Validated<'c> {
    let is_strict_about = strict && !checked.warnings.is_empty();
    let mut excerpts = report::excerpts(files, checked);
    let violations = checked.violations.iter();
    let violations = violations.map(|it| Finding::of_violation(it, &mut excerpts));
    Validated {
        path,
        files: files.len(),
        valid: checked.violations.is_empty() && !is_strict_about,
        violations: violations.collect(),
        more_violations: checked.more_violations,
        not_rendered: &checked.not_rendered,
        warnings: checked.warnings.list().iter().map(Finding::from).collect(),
        more_warnings: checked.warnings.more(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use stevedore_package::violation::Reason;

    use super::*;

    const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: demo}
spec:
  scopes: [Cluster]
  phases: [{name: only}]
  bright: true
";
    const CASE: &str = "test:
  template:
  - name: one
    context: {package: {metadata: {name: demo}}}
";
    const OBJECT: &str = "apiVersion: v1
kind: Namespace
metadata: {name: demo, annotations: {package-operator.run/phase: only}}
";

    /// What is said of the package in a folder.
    fn validated_in(folder: &Path, strict: bool, format: Format) -> Result<(), String> {
        let files = folder::read(folder).unwrap();
        let mut checked = folder::check(&files);
        fixtures::check(folder, &mut checked).unwrap();
        let said = validate(folder.to_owned(), &files, &checked, strict, format);
        said.map_err(|error| error.to_string())
    }

    #[test]
    fn warnings_are_told_and_with_strict_they_are_errors() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        std::fs::write(folder.join("manifest.yaml"), MANIFEST).unwrap();
        std::fs::write(folder.join("a.yaml"), OBJECT).unwrap();
        for format in [Format::Table, Format::Json, Format::Name] {
            validated_in(folder, false, format).unwrap();
            let refused = validated_in(folder, true, format).expect_err("a warning");
            assert_eq!(refused, "--strict takes warnings for errors: 1 warning");
        }
        std::fs::write(folder.join("b.yaml"), "a: [").unwrap();
        std::fs::write(folder.join("c.yaml"), "a: [").unwrap();
        for format in [Format::Table, Format::Json, Format::Name] {
            let broken = validated_in(folder, false, format).expect_err("no YAML");
            assert_eq!(broken, "the package is not valid: 2 violations, 1 warning");
        }
    }

    #[test]
    fn fixtures_that_differ_are_violations_and_missing_ones_are_none() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let manifest = MANIFEST.replace("  bright: true\n", CASE);
        std::fs::write(folder.join("manifest.yaml"), manifest).unwrap();
        std::fs::write(folder.join("a.yaml"), OBJECT).unwrap();
        validated_in(folder, true, Format::Name).unwrap();
        let fixtures = folder.join(".test-fixtures/one");
        std::fs::create_dir_all(&fixtures).unwrap();
        std::fs::write(fixtures.join("a.yaml"), OBJECT).unwrap();
        validated_in(folder, true, Format::Name).unwrap();
        std::fs::write(fixtures.join("a.yaml"), "a: 1\n").unwrap();
        std::fs::write(fixtures.join("b.yaml"), OBJECT).unwrap();
        let files = folder::read(folder).unwrap();
        let mut checked = folder::check(&files);
        fixtures::check(folder, &mut checked).unwrap();
        let found = validated(folder.to_owned(), &files, &checked, false);
        let found = serde_json::to_value(&found.violations).unwrap();
        let mend = "\"stevedore package test\" shows the difference, and with --update writes the fixtures anew";
        let violation = |file, details| {
            serde_json::json!({
                "reason": "FixtureDiffers", "case": "one", "details": details, "mend": mend,
                "file": format!(".test-fixtures/one/{file}"),
            })
        };
        let expected = [
            violation("a.yaml", "the case renders this file otherwise"),
            violation("b.yaml", "the case does not render this file"),
        ];
        assert_eq!(found, serde_json::Value::from(expected.to_vec()));
        let refused = validated_in(folder, false, Format::Table).unwrap_err();
        assert_eq!(refused, "the package is not valid: 2 violations");
    }

    #[test]
    fn what_was_found_has_its_parts_for_programs() {
        let mut files = PackageFiles::new();
        files.insert("manifest.yaml", MANIFEST.into()).unwrap();
        let two = format!("{OBJECT}---\nkind: ConfigMap\n");
        files.insert("a.yaml", two.into()).unwrap();
        let checked = folder::check(&files);
        let found = validated("demo".into(), &files, &checked, false);
        assert!(!found.valid);
        let violation = serde_json::to_value(&found.violations[0]).unwrap();
        let mend = Reason::GvkNotSet.mend();
        assert_eq!(
            violation,
            serde_json::json!({
                "reason": "GvkNotSet", "file": "a.yaml", "document": 1, "line": 5,
                "details": checked.violations[0].details, "mend": mend,
            })
        );
        assert_eq!(
            serde_json::to_value(&found.warnings).unwrap(),
            serde_json::json!([{
                "reason": "UnknownField", "file": "manifest.yaml", "line": 7, "column": 3,
                "details": "spec.bright: Package Operator passes over it, and so is it done here",
                "mend": "correct its name, or remove it",
            }])
        );
    }
}
