//! `stevedore package test`: what the test cases of a package render to, compared with its fixtures.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use stevedore_package::fixtures::{Case, Difference, masked};
use stevedore_package::package::Package;
use stevedore_package::printable::printable;
use stevedore_package::violation::Invalid;

use super::finding::Finding;
use super::fixtures::Orphan;
use super::report::Subject;
use super::{fixtures, folder, report, unified};
use crate::output::{self, Format, counted};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stevedore package test ./lighthouse\n  stevedore package test ./lighthouse --update\n  stevedore package test ./lighthouse --component beam --case dark -o json\n\nFixtures are in .test-fixtures/CASE/, those of a component in components/NAME/.test-fixtures/CASE/. A case that has none fails until --update wrote them; package validate and package build accept one. Fixtures that no case has are named, and --update removes them. Of a Secret it is shown which values differ, never what they are."
)]
pub(crate) struct Test {
    /// Folder with manifest.yaml
    path: PathBuf,
    /// Test this case alone; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Test the cases of this component alone
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// Write what the cases render to as their fixtures, and remove fixtures that they do not render
    #[arg(long)]
    update: bool,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// How a case is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
enum Verdict {
    /// It renders to its fixtures.
    #[default]
    Passed,
    /// Its fixtures were written.
    Updated,
    /// There are fixtures, and no such case any more.
    NoCase,
    /// The fixtures of a case that is no more were removed.
    Removed,
    /// It renders otherwise.
    Differs,
    /// There are no fixtures.
    NoFixtures,
    /// It cannot be rendered, or not to what a cluster takes.
    Invalid,
}

/// A case that was tested, or one that is no more.
#[derive(Default, Serialize)]
struct Tested {
    case: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    /// The folder of its fixtures, as seen from that of the package.
    folder: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Told>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
    /// Of no case, and not all of it may have been rendered.
    #[serde(skip)]
    is_foreign: bool,
    /// What people are shown of it.
    #[serde(skip)]
    shown: String,
}

/// A file that differs.
#[derive(Serialize)]
struct Told {
    /// Its path in the folder of the fixtures.
    file: String,
    difference: &'static str,
    /// A unified diff, with what a terminal would obey as escapes.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

pub(super) fn run(test: &Test) -> anyhow::Result<()> {
    let contents = folder::read(&test.path)?;
    let checked = contents.load();
    let Some(package) = &checked.package else {
        return report::refuse(&contents.files, &checked);
    };
    let subject = Subject::checked(&contents.files, &checked);
    let mut tested = Vec::new();
    for case in chosen(package, test, subject)? {
        tested.push(one(test, subject, &case)?);
    }
    for orphan in orphans(package, test)? {
        tested.push(without_case(test, orphan)?);
    }
    show(test, &tested)?;
    verdict(test, &tested)
}

/// Fixtures of no case, where all cases are asked for.
fn orphans(package: &Package, test: &Test) -> anyhow::Result<Vec<Orphan>> {
    if !test.cases.is_empty() {
        return Ok(Vec::new());
    }
    let mut orphans = fixtures::orphans(&test.path, package)?;
    orphans.retain(|it| test.component.is_none() || it.component == test.component);
    Ok(orphans)
}

fn without_case(test: &Test, orphan: Orphan) -> anyhow::Result<Tested> {
    let (verdict, removed) = match test.update && orphan.is_ours() {
        true => (Verdict::Removed, orphan.remove(&test.path)?),
        false => (Verdict::NoCase, Vec::new()),
    };
    Ok(Tested {
        verdict,
        removed,
        is_foreign: !orphan.is_ours(),
        case: orphan.case,
        component: orphan.component,
        folder: orphan.folder,
        ..Tested::default()
    })
}

/// The cases that are asked for.
fn chosen<'p>(
    package: &'p Package,
    test: &Test,
    subject: Subject<'_>,
) -> anyhow::Result<Vec<Case<'p>>> {
    if let Some(name) = &test.component {
        let refused = |it| subject.refused(&Invalid::from(it), "nothing can be tested", None);
        package.component(name).map_err(refused)?;
    }
    let component = test.component.as_deref();
    let all: Vec<Case<'_>> = package
        .cases()
        .filter(|case| component.is_none() || case.component() == component)
        .collect();
    let unknown = test
        .cases
        .iter()
        .find(|name| all.iter().all(|it| it.name() != *name));
    if let Some(unknown) = unknown {
        let names: Vec<String> = all.iter().map(named).collect();
        match names.as_slice() {
            [] => bail!("there is no test case {unknown:?}, and no other"),
            names => bail!(
                "there is no test case {unknown:?}; there are {}",
                names.join(", ")
            ),
        }
    }
    let is_asked = |case: &Case<'_>| {
        test.cases.is_empty() || test.cases.iter().any(|name| name == case.name())
    };
    Ok(all.into_iter().filter(is_asked).collect())
}

/// A case by its name, and that of its component.
fn named(case: &Case<'_>) -> String {
    match case.component() {
        Some(component) => format!("{component}/{}", case.name()),
        None => case.name().to_owned(),
    }
}

/// Tests one case.
fn one(test: &Test, subject: Subject<'_>, case: &Case<'_>) -> anyhow::Result<Tested> {
    let fixture = match case.check().and_then(|()| case.fixture()) {
        Ok(fixture) => fixture,
        Err(found) => return Ok(invalid(subject, case, &found)),
    };
    let found = fixtures::read(&test.path, &case.folder())?;
    let has_none = found.is_none() && !fixture.is_empty();
    let found = found.unwrap_or_default();
    let differences = fixture.compare(&found);
    if differences.is_empty() {
        return Ok(tested(case, Verdict::Passed));
    }
    if test.update {
        let changes = fixtures::update(&test.path, case, &fixture, &differences)?;
        return Ok(Tested {
            written: changes.written,
            removed: changes.removed,
            ..tested(case, Verdict::Updated)
        });
    }
    if has_none {
        return Ok(tested(case, Verdict::NoFixtures));
    }
    let told: Vec<(Told, String)> = differences.iter().map(|it| told(case, it)).collect();
    let (differences, shown): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    Ok(Tested {
        differences,
        shown: shown.concat(),
        ..tested(case, Verdict::Differs)
    })
}

fn tested(case: &Case<'_>, verdict: Verdict) -> Tested {
    Tested {
        case: case.name().to_owned(),
        component: case.component().map(str::to_owned),
        folder: case.folder(),
        verdict,
        ..Tested::default()
    }
}

fn invalid(subject: Subject<'_>, case: &Case<'_>, invalid: &Invalid) -> Tested {
    let mut excerpts = subject.excerpts();
    let findings = invalid.violations().iter();
    let findings = findings.map(|it| Finding::of_violation(it, &mut excerpts));
    Tested {
        violations: findings.collect(),
        shown: subject.violations(invalid.violations(), invalid.more()),
        ..tested(case, Verdict::Invalid)
    }
}

/// A difference for programs, and as it is shown.
fn told(case: &Case<'_>, difference: &Difference<'_>) -> (Told, String) {
    let file = difference.path().to_owned();
    let place = format!("{}/{file}", case.folder());
    let (word, shown) = match difference {
        Difference::Missing { .. } => (
            "Missing",
            format!("{} is rendered, and is no fixture\n\n", printable(&place)),
        ),
        Difference::Superfluous { .. } => (
            "Superfluous",
            format!(
                "{} is a fixture, and is not rendered\n\n",
                printable(&place)
            ),
        ),
        Difference::Changed {
            fixture, rendered, ..
        } => {
            let rendering = format!("{file} as case {} renders it", named(case));
            let (fixture, rendered) = masked(&String::from_utf8_lossy(fixture), rendered);
            let diff = unified::diff((&place, &fixture), (&rendering, &rendered));
            let plain = anstream::adapter::strip_str(&diff).to_string();
            let told = Told {
                file,
                difference: "Changed",
                diff: Some(plain),
            };
            return (told, format!("{diff}\n"));
        }
    };
    let told = Told {
        file,
        difference: word,
        diff: None,
    };
    (told, shown)
}

/// What became of a case, in words.
fn words(tested: &Tested) -> String {
    match tested.verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::NoFixtures => "no fixtures; write them with --update".to_owned(),
        Verdict::Differs => format!("differs in {}", counted(tested.differences.len(), "file")),
        Verdict::Invalid => counted(tested.violations.len(), "violation"),
        Verdict::NoCase if tested.is_foreign => {
            let folder = printable(&tested.folder);
            format!("no such case, and not all in {folder} was rendered: look at it and remove it")
        }
        Verdict::NoCase => "no such case any more; remove its fixtures with --update".to_owned(),
        Verdict::Updated | Verdict::Removed => {
            let changes = [("wrote", &tested.written), ("removed", &tested.removed)];
            let changes = changes.iter().filter(|(_, files)| !files.is_empty());
            let changes = changes.map(|(word, files)| format!("{word} {}", files.join(", ")));
            printable(&changes.collect::<Vec<_>>().join("; "))
        }
    }
}

fn show(test: &Test, all: &[Tested]) -> anyhow::Result<()> {
    if all.is_empty() && test.output == Format::Table {
        let path = test.path.display();
        eprintln!("{path} has no test cases; they are under test.template of a manifest");
        return Ok(());
    }
    if test.output == Format::Table {
        let shown: String = all.iter().map(|tested| tested.shown.as_str()).collect();
        output::coloured(&shown)?;
    }
    output::rows(
        test.output,
        all,
        &["case", "component", "result"],
        |tested| {
            vec![
                tested.case.clone(),
                tested.component.clone().unwrap_or_else(|| "-".into()),
                words(tested),
            ]
        },
    )
}

/// # Errors
/// When a case is not as its fixtures say.
fn verdict(test: &Test, all: &[Tested]) -> anyhow::Result<()> {
    let count = |verdict| all.iter().filter(|it| it.verdict == verdict).count();
    let without = count(Verdict::NoFixtures);
    let differing = count(Verdict::Differs) + without;
    let failed = differing + count(Verdict::Invalid);
    if failed == 0 {
        return Ok(());
    }
    let orphans = count(Verdict::NoCase) + count(Verdict::Removed);
    let cases = counted(all.len() - orphans, "test case");
    let failed = format!("{failed} of {cases} failed");
    if differing == 0 {
        bail!(failed);
    }
    let path = test.path.display();
    bail!("{failed}; \"stevedore package test {path} --update\" makes these the fixtures")
}

#[cfg(test)]
mod tests;
