//! `stevedore package validate`: what is wrong with a package, and what its author should look at.

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;
use stevedore_package::files::PackageFiles;

use super::finding::Finding;
use super::folder::Checked;
use super::report::Subject;
use super::source::Source;
use super::{fixtures, report};
use crate::output::{self, Format, counted};

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
    let contents = source.contents().await?;
    let mut checked = contents.check();
    if !source.pull {
        fixtures::check(&source.path, &mut checked)?;
    }
    validate(source.path, &contents.files, &checked, strict, format)
}

/// Tells what was found of the files of a package.
///
/// # Errors
/// When it is not valid; with `strict` also where there are warnings of something else than what was not looked at.
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
    let warnings = report::strict_counted(&checked.warnings);
    if is_for_people && (format == Format::Table || !found.valid) {
        let subject = Subject::checked(files, checked);
        output::tell(&subject.warnings(&checked.warnings));
    }
    let verdict = || match &warnings {
        _ if !checked.violations.is_empty() => bail!(report::not_valid(checked)),
        Some(warnings) if strict => bail!("--strict takes warnings for errors: {warnings}"),
        _ => Ok(()),
    };
    if is_for_people {
        verdict()?;
    }
    let name = found.path.display().to_string();
    let files = counted(found.files, "file");
    let mut words = match found.not_rendered {
        [] => format!("{name} is a valid package of {files}"),
        not_rendered => format!(
            "{name} has {files}, and no fault in what could be looked at:\n  - {}",
            not_rendered.join("\n  - ")
        ),
    };
    if let Some(warnings) = report::warnings_counted(&checked.warnings) {
        words.push_str(&format!("\n{warnings}"));
    }
    if let Some(warnings) = &warnings {
        words.push_str(&format!("\n--strict makes errors of {warnings}"));
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
    let is_strict_about = strict && report::strict_counted(&checked.warnings).is_some();
    let mut excerpts = Subject::checked(files, checked).excerpts();
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

    use super::super::folder;
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

    fn checked(folder: &Path) -> (PackageFiles, Checked) {
        let contents = folder::read(folder).unwrap();
        let mut checked = contents.check();
        fixtures::check(folder, &mut checked).unwrap();
        (contents.files, checked)
    }

    /// What is said of the package in a folder.
    fn validated_in(folder: &Path, strict: bool, format: Format) -> Result<(), String> {
        let (files, checked) = checked(folder);
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
    fn a_label_that_only_a_test_case_can_give_is_told_and_no_error_with_strict_either() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let manifest = MANIFEST.replace("  bright: true\n", "");
        std::fs::write(folder.join("manifest.yaml"), &manifest).unwrap();
        let object = OBJECT.replace("name: demo", "name: {{ .cluster.labels.region }}");
        std::fs::write(folder.join("a.yaml.gotmpl"), object).unwrap();
        for format in [Format::Table, Format::Json, Format::Name] {
            validated_in(folder, true, format).unwrap();
        }
        let (files, known) = checked(folder);
        let found = validated(folder.to_owned(), &files, &known, true);
        assert!(found.valid);
        let warning = &found.warnings[0];
        assert_eq!((&*warning.reason, warning.line), ("NotRendered", Some(3)));
        assert!(
            warning.details.contains("no label \"region\""),
            "{warning:?}"
        );
        let with_case = CASE.replace("demo}}", "demo}}, cluster: {labels: {region: north}}");
        std::fs::write(folder.join("manifest.yaml"), manifest + &with_case).unwrap();
        assert_eq!(checked(folder).1.warnings.list(), []);
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
        let (files, checked) = checked(folder);
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
