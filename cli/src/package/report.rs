//! The report of what was found in a package, for people: with file, line, a mark under the column, and how to mend it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::anyhow;
use stevedore_package::excerpt::{Excerpt, Excerpts};
use stevedore_package::files::PackageFiles;
use stevedore_package::printable::printable;
use stevedore_package::violation::Violation;
use stevedore_package::warning::Warning;

use super::folder::Checked;
use crate::output;

/// Columns that the number of a line takes, with what is around it and around the line.
const BESIDE: usize = 12;
/// Columns of a line that are shown on the narrowest terminal.
const LEAST: usize = 40;

/// One thing that is reported.
struct Item {
    level: Level<'static>,
    word: String,
    /// The rule, or what is warned of.
    what: String,
    details: String,
    file: Option<String>,
    excerpt: Option<Excerpt>,
    notes: Vec<String>,
    mend: Option<String>,
}

/// Reports what is wrong with a package, and what its author should look at, and refuses it if something is wrong.
///
/// # Errors
/// When something is wrong.
pub(super) fn refuse(files: &PackageFiles, checked: &Checked) -> anyhow::Result<()> {
    if checked.violations.is_empty() {
        return Ok(());
    }
    Err(refused(files, checked))
}

/// Reports a package in which something is wrong; the error says how much.
pub(super) fn refused(files: &PackageFiles, checked: &Checked) -> anyhow::Error {
    let mut report = violations(files, checked, &checked.violations);
    report.push_str(&warnings(files, checked));
    output::tell(&report);
    anyhow!("the package is not valid: {}", counted(checked))
}

/// How much was found.
pub(super) fn counted(checked: &Checked) -> String {
    let violations = checked.violations.len() + checked.more_violations;
    match warnings_counted(checked) {
        None => count(violations, "violation"),
        Some(warnings) => format!("{}, {warnings}", count(violations, "violation")),
    }
}

/// How many warnings there are, if there are some.
pub(super) fn warnings_counted(checked: &Checked) -> Option<String> {
    let warnings = checked.warnings.list().len() + checked.warnings.more();
    (warnings > 0).then(|| count(warnings, "warning"))
}

/// A number of things.
pub(super) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// Excerpts of a package, as wide as there is room beside the numbers of lines.
pub(super) fn excerpts<'p>(files: &'p PackageFiles, checked: &'p Checked) -> Excerpts<'p> {
    let width = output::width().saturating_sub(BESIDE).max(LEAST);
    Excerpts::new(files, checked.package.as_ref(), width)
}

/// The report of these violations of a package, with the colours of a terminal.
pub(super) fn violations(files: &PackageFiles, checked: &Checked, found: &[Violation]) -> String {
    let mut excerpts = excerpts(files, checked);
    let items = found.iter().map(|it| violation(it, &mut excerpts));
    let mut report = text(items, &uncut(Renderer::styled()));
    if checked.more_violations > 0 {
        report.push_str(&format!(
            "and {} more violations\n\n",
            checked.more_violations
        ));
    }
    report
}

/// The report of all warnings of a package, with the colours of a terminal.
pub(super) fn warnings(files: &PackageFiles, checked: &Checked) -> String {
    let mut excerpts = excerpts(files, checked);
    let found = checked.warnings.list().iter();
    let mut report = text(
        found.map(|it| warning(it, &mut excerpts)),
        &uncut(Renderer::styled()),
    );
    if checked.warnings.more() > 0 {
        report.push_str(&format!(
            "and {} more warnings\n\n",
            checked.warnings.more()
        ));
    }
    report
}

fn violation(violation: &Violation, excerpts: &mut Excerpts<'_>) -> Item {
    let excerpt = excerpts.of_violation(violation);
    let case = violation
        .case()
        .map(|case| format!("in test case {case:?}"));
    let number = violation.index.filter(|_| excerpt.is_none());
    let document = number.map(|number| format!("document {number} of the file, counted from 0"));
    Item {
        level: Level::ERROR,
        word: violation.reason.word(),
        what: violation.reason.to_string(),
        details: violation.details.clone(),
        file: violation.path.clone(),
        excerpt,
        notes: case.into_iter().chain(document).collect(),
        mend: violation.reason.mend().map(str::to_owned),
    }
}

fn warning(warning: &Warning, excerpts: &mut Excerpts<'_>) -> Item {
    Item {
        level: Level::WARNING,
        word: warning.reason.word(),
        what: warning.reason.to_string(),
        details: warning.details.clone(),
        file: warning.path.clone(),
        excerpt: excerpts.of_warning(warning),
        notes: Vec::new(),
        mend: Some(warning.mend.clone()),
    }
}

/// A renderer that cuts no line: excerpts are as long as they may be.
const fn uncut(renderer: Renderer) -> Renderer {
    renderer.term_width(100_000)
}

/// Items one after the other, with a blank line after each.
fn text(items: impl Iterator<Item = Item>, renderer: &Renderer) -> String {
    items.fold(String::new(), |mut text, item| {
        text.push_str(&renderer.render(&[group(item)]));
        text.push_str("\n\n");
        text
    })
}

fn group(item: Item) -> Group<'static> {
    let title = item.level.clone().primary_title(printable(&item.title()));
    let mut group = Group::with_title(title.id(item.word));
    let mut notes = item.notes;
    if let Some(excerpt) = item.excerpt {
        match excerpt.line {
            Some(line) => {
                let mark = AnnotationKind::Primary.span(line.marked);
                let snippet = Snippet::source(line.text).line_start(excerpt.position.line);
                group = group.element(snippet.annotation(mark));
            }
            None if excerpt.is_secret => {
                notes.push("the line is not shown: its document may be a Secret".to_owned());
            }
            None => {}
        }
        if excerpt.is_written {
            notes.push(format!("the line is of what {} wrote", excerpt.path));
        }
    }
    for note in notes {
        group = group.element(Level::NOTE.message(printable(&note)));
    }
    group.elements(item.mend.map(|mend| Level::HELP.message(printable(&mend))))
}

impl Item {
    /// What is wrong, and where.
    fn title(&self) -> String {
        let mut title = self.what.clone();
        if let Some(file) = &self.file {
            title.push_str(&format!(" in {file}"));
        }
        let position = self.excerpt.as_ref().map(|it| it.position);
        let column = position.and_then(|it| it.column);
        for number in [position.map(|it| it.line), column].into_iter().flatten() {
            title.push_str(&format!(":{number}"));
        }
        format!("{title}: {}", self.details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::folder::check;

    const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: demo}
spec:
  scopes: [Cluster]
  phases: [{name: only}]
";

    fn files(entries: &[(&str, &str)]) -> PackageFiles {
        let mut files = PackageFiles::new();
        for (path, text) in entries {
            files.insert(path, text.as_bytes().to_vec()).unwrap();
        }
        files
    }

    /// The report of a package with this file besides its manifest.
    fn report(path: &str, content: &str) -> String {
        let files = files(&[("manifest.yaml", MANIFEST), (path, content)]);
        let checked = check(&files);
        let mut excerpts = excerpts(&files, &checked);
        let violations = checked.violations.iter();
        let mut items: Vec<_> = violations.map(|it| violation(it, &mut excerpts)).collect();
        let warnings = checked.warnings.list().iter();
        items.extend(warnings.map(|it| warning(it, &mut excerpts)));
        text(items.into_iter(), &uncut(Renderer::plain()))
    }

    #[test]
    fn a_violation_is_shown_with_its_line_a_mark_and_how_to_mend_it() {
        let shown = report("deep/a.yaml", "kind: ConfigMap\ndata: [\n");
        let expected = "error[InvalidYaml]: invalid YAML in deep/a.yaml:2:7: unclosed bracket '['
  |
2 | data: [
  |       ^
  |
  = help: correct the YAML; of a template, what it writes

";
        assert_eq!(shown, expected);
    }

    /// The line that is shown of a file, and the line with the mark.
    fn marked(path: &str, content: &str) -> (String, String) {
        let shown = report(path, content);
        let mut lines = shown.lines();
        let line = lines.find(|line| line.contains(" | ")).unwrap().to_owned();
        (line, lines.next().unwrap_or_default().to_owned())
    }

    #[test]
    fn the_mark_is_under_the_character_that_is_meant() {
        let of = |line: &str| marked("a.yaml", &format!("kind: ConfigMap\ndata:\n{line}\n"));
        for (line, shown, mark) in [
            ("  a: \t&b [", "3 |   a:     &b [", "  |             ^"),
            ("  größe: [", "3 |   größe: [", "  |          ^"),
            ("  日本: [", "3 |   日本: [", "  |         ^"),
        ] {
            assert_eq!(of(line), (shown.to_owned(), mark.to_owned()));
        }
        let (shown, mark) = of(&format!("{}größe: [", " ".repeat(60)));
        let start = shown.chars().count() - 2;
        assert_eq!(mark.chars().count() - 1, start + 1, "{shown}\n{mark}");
        let template = format!("kind: ConfigMap\n{}{{{{ .config.no }}}}\n", "\t".repeat(9));
        let (shown, mark) = marked("a.yaml.gotmpl", &template);
        let start = shown.find(".config").unwrap();
        assert_eq!(mark.find('^'), Some(start), "{shown}\n{mark}");
        let template = "kind: ConfigMap\n\t\t{{ .config.no }}\n";
        let (shown, mark) = marked("a.yaml.gotmpl", template);
        assert_eq!(shown, "2 |         {{ .config.no }}");
        assert_eq!(mark, "  |            ^");
    }

    #[test]
    fn a_long_line_is_as_wide_as_a_terminal_and_the_mark_stays_in_it() {
        let line = format!("  {}: [", "a".repeat(1_000));
        let (shown, mark) = marked("a.yaml", &format!("kind: ConfigMap\ndata:\n{line}\n"));
        assert!(
            shown.ends_with(": [") && shown.chars().count() <= 100,
            "{shown}"
        );
        assert_eq!(
            shown.chars().count(),
            mark.chars().count(),
            "{shown}\n{mark}"
        );
    }

    #[test]
    fn neither_values_of_a_secret_nor_control_characters_are_shown() {
        let secret = report("a.yaml", "kind: Secret\nstringData: {a: hunter2, [\n");
        assert!(!secret.contains("hunter2"), "{secret}");
        assert!(
            secret.contains("a.yaml:2:") && secret.contains("may be a Secret"),
            "{secret}"
        );
        let escaped = report("a.yaml", "kind: ConfigMap\ndata: \u{1b}[2J [\n");
        assert!(escaped.contains("data: \\u{1b}[2J ["), "{escaped}");
        assert!(!escaped.contains('\u{1b}'), "{escaped}");
    }

    #[test]
    fn what_no_file_or_no_place_is_known_of_is_told_all_the_same() {
        let files = files(&[("manifest.yaml", MANIFEST), ("manifest.yml", MANIFEST)]);
        let checked = check(&files);
        let mut excerpts = excerpts(&files, &checked);
        let item = violation(&checked.violations[0], &mut excerpts);
        let shown = text(std::iter::once(item), &uncut(Renderer::plain()));
        let expected = "error[ManifestDuplicated]: manifest present multiple times: both manifest.yaml and manifest.yml exist
 |
 = help: remove one of the two files

";
        assert_eq!(shown, expected);
    }
}
