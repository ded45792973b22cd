//! The report of what was found in a package, for people: with file, line, a mark under the column, and how to mend it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use stevedore_package::excerpt::{Excerpt, Excerpts};
use stevedore_package::files::PackageFiles;
use stevedore_package::package::Package;
use stevedore_package::printable::printable;
use stevedore_package::render::Context;
use stevedore_package::violation::{Invalid, Position, Violation};
use stevedore_package::warning::{Warning, WarningReason, Warnings};

use super::folder::Checked;
use crate::failure::Reported;
use crate::output::{self, counted};

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
    position: Option<Position>,
    excerpt: Option<Excerpt>,
    notes: Vec<String>,
    mend: Option<String>,
}

/// What a report is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'p> {
    pub(super) files: &'p PackageFiles,
    /// The package that they are, where they are one.
    pub(super) package: Option<&'p Package>,
    /// What templates saw, where they were not executed by a check.
    pub(super) context: Option<&'p Context>,
}

impl<'p> Subject<'p> {
    /// A package that was checked.
    pub(super) fn checked(files: &'p PackageFiles, checked: &'p Checked) -> Self {
        Self {
            package: checked.package.as_ref(),
            ..Self::files(files)
        }
    }

    /// Files of which no more is known.
    pub(super) fn files(files: &'p PackageFiles) -> Self {
        Self {
            files,
            package: None,
            context: None,
        }
    }

    /// Its excerpts, as wide as there is room beside the numbers of lines.
    pub(super) fn excerpts(self) -> Excerpts<'p> {
        let width = output::width().saturating_sub(BESIDE).max(LEAST);
        Excerpts::new(self.files, self.package, width).of_context(self.context)
    }

    /// The report of these violations, with the colours of a terminal.
    pub(super) fn violations(self, found: &[Violation], more: usize) -> String {
        let mut excerpts = self.excerpts();
        let items = found.iter().map(|it| violation(it, &mut excerpts));
        text(items, &uncut(Renderer::styled())) + &rest(more, "violation")
    }

    /// The report of these warnings, with the colours of a terminal.
    pub(super) fn warnings(self, found: &Warnings) -> String {
        let mut excerpts = self.excerpts();
        let items = found.list().iter().map(|it| warning(it, &mut excerpts));
        text(items, &uncut(Renderer::styled())) + &rest(found.more(), "warning")
    }

    /// The error of what is wrong, with a report of it: what cannot be done, and what to do.
    pub(super) fn refused(
        self,
        invalid: &Invalid,
        what: &str,
        mend: Option<&str>,
    ) -> anyhow::Error {
        let (found, more) = (invalid.violations(), invalid.more());
        let count = counted(found.len() + more, "violation");
        let mut message = format!("{what}: {count}");
        if let Some(mend) = mend {
            message.push_str(&format!("; {mend}"));
        }
        let report = self.violations(found, more);
        Reported { report, message }.into()
    }
}

/// Refuses a package in which something is wrong, with a report of that and of what its author should look at.
///
/// # Errors
/// When something is wrong.
pub(super) fn refuse(files: &PackageFiles, checked: &Checked) -> anyhow::Result<()> {
    if checked.violations.is_empty() {
        return Ok(());
    }
    let subject = Subject::checked(files, checked);
    let mut report = subject.violations(&checked.violations, checked.more_violations);
    report.push_str(&subject.warnings(&checked.warnings));
    let error = Reported {
        report,
        message: not_valid(checked),
    };
    Err(error.into())
}

/// That a package is not valid, with how much was found.
pub(super) fn not_valid(checked: &Checked) -> String {
    let violations = checked.violations.len() + checked.more_violations;
    let mut found = vec![counted(violations, "violation")];
    found.extend(warnings_counted(&checked.warnings));
    format!("the package is not valid: {}", found.join(", "))
}

/// How many warnings there are, if there are some.
pub(super) fn warnings_counted(warnings: &Warnings) -> Option<String> {
    let count = warnings.list().len() + warnings.more();
    (count > 0).then(|| counted(count, "warning"))
}

/// How many of them `--strict` takes for errors, if some: not those of what could not be looked at.
pub(super) fn strict_counted(warnings: &Warnings) -> Option<String> {
    let is_strict = |it: &&Warning| it.reason != WarningReason::NotRendered;
    let count = warnings.list().iter().filter(is_strict).count() + warnings.more();
    (count > 0).then(|| counted(count, "warning"))
}

/// What is not reported one by one.
fn rest(more: usize, what: &str) -> String {
    match more {
        0 => String::new(),
        more => format!("and {}\n\n", counted(more, &format!("more {what}"))),
    }
}

fn violation(violation: &Violation, excerpts: &mut Excerpts<'_>) -> Item {
    let excerpt = excerpts.of_violation(violation);
    let case = violation
        .case()
        .map(|case| format!("in test case {case:?}"));
    let number = violation
        .index
        .filter(|_| excerpt.is_none() && violation.position.is_none());
    let document = number.map(|number| format!("document {number} of the file, counted from 0"));
    Item {
        level: Level::ERROR,
        word: violation.reason.word(),
        what: violation.reason.to_string(),
        details: violation.details.clone(),
        file: violation.path.clone(),
        position: violation.position,
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
        position: warning.position,
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
        let excerpt = self.excerpt.as_ref();
        let position = excerpt.map(|it| it.position).or(self.position);
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
        let mut excerpts = Subject::checked(&files, &checked).excerpts();
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
        let mut excerpts = Subject::checked(&files, &checked).excerpts();
        let item = violation(&checked.violations[0], &mut excerpts);
        let shown = text(std::iter::once(item), &uncut(Renderer::plain()));
        let expected = "error[ManifestDuplicated]: manifest present multiple times: both manifest.yaml and manifest.yml exist
 |
 = help: remove one of the two files

";
        assert_eq!(shown, expected);
    }
}
