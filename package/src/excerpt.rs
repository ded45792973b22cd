//! Excerpts: the line of a file that a violation or a warning is about, as far as it may be shown.
//!
//! No value of a Secret is in one. Of a document that is a Secret, or of which that cannot be seen (it has no line
//! `kind: NAME`), no line is shown; of a template that writes such a document, the actions alone, which the messages of
//! the engine quote too.

use std::collections::BTreeMap;
use std::ops::Range;

use stevedore_template::budget::Budget;
use stevedore_template::yaml::{self, Fields};

use crate::field::Field;
use crate::files::{PackageFiles, is_readable, is_template, template_path, whole_path};
use crate::limit;
use crate::package::Package;
use crate::printable;
use crate::render::Context;
use crate::violation::{Position, Rendering, Violation};
use crate::warning::Warning;

/// What stands for what is not shown.
const CUT: char = '…';

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file; of what a template wrote, the template.
    pub path: String,
    /// Where; of what a template wrote, in that.
    pub position: Position,
    /// Whether it is about what the template wrote.
    pub is_written: bool,
    /// The line, if it is known and may be shown.
    pub line: Option<Line>,
    /// Whether the line is not shown since its document is a Secret, or may be one.
    pub is_secret: bool,
}

/// A line as it is shown: cut around the place that is meant, and without characters that a terminal obeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text; it may have tabs.
    pub text: String,
    /// The bytes of it that are meant: one character, or all of it where no column is known.
    pub marked: Range<usize>,
}

/// A document: its file, its number in there, and the rendering that wrote it, if one did.
type Place = (String, usize, Option<Rendering>);

/// The source of excerpts of one package. What reading takes is bounded, for all of them together.
pub struct Excerpts<'p> {
    files: &'p PackageFiles,
    package: Option<&'p Package>,
    /// What templates saw where no rendering of a check is named.
    context: Option<&'p Context>,
    /// What was written in one rendering: violations of one come one after the other.
    written: Option<(Option<Rendering>, BTreeMap<String, String>)>,
    /// Where the fields of one document are.
    located: Option<(Place, Option<Fields>)>,
    budget: Budget,
    width: usize,
}

impl<'p> Excerpts<'p> {
    /// Those of a package's files, of at most this many characters. What its templates write can be shown of a package
    /// that could be loaded.
    pub fn new(files: &'p PackageFiles, package: Option<&'p Package>, width: usize) -> Self {
        Self {
            width,
            files,
            package,
            context: None,
            written: None,
            located: None,
            budget: limit::render_budget(),
        }
    }

    /// The same for what was found in a rendering from this context, and in none of a check.
    #[must_use]
    pub fn of_context(self, context: Option<&'p Context>) -> Self {
        Self { context, ..self }
    }

    /// What a violation is about.
    pub fn of_violation(&mut self, violation: &Violation) -> Option<Excerpt> {
        let path = violation.path.as_deref()?;
        let rendering = violation.rendering.as_deref();
        let (text, is_written) = self.text(path, rendering)?;
        let position = violation.position.or_else(|| {
            let rendering = rendering.filter(|_| is_written).cloned();
            let place = (path.to_owned(), violation.index? as usize, rendering);
            self.locate(text.as_deref()?, place, violation.field.as_deref())
        });
        self.excerpt(path, text, is_written, position?)
    }

    /// What a warning is about.
    pub fn of_warning(&mut self, warning: &Warning) -> Option<Excerpt> {
        let path = warning.path.as_deref()?;
        let (text, is_written) = self.text(path, None)?;
        let position = warning.position.or_else(|| {
            let place = (path.to_owned(), warning.index?, None);
            self.locate(text.as_deref()?, place, None)
        });
        self.excerpt(path, text, is_written, position?)
    }

    fn excerpt(
        &self,
        path: &str,
        text: Option<String>,
        is_written: bool,
        position: Position,
    ) -> Option<Excerpt> {
        let shown = text.map_or(Ok(None), |text| line(path, &text, position, self.width));
        Some(Excerpt {
            path: match is_written {
                true => template_path(path),
                false => path.to_owned(),
            },
            position,
            is_written,
            is_secret: shown.is_err(),
            line: shown.unwrap_or_default(),
        })
    }

    /// The text of a file, if it can be known, and whether a template wrote it. Nothing if there is no such file.
    fn text(
        &mut self,
        path: &str,
        rendering: Option<&Rendering>,
    ) -> Option<(Option<String>, bool)> {
        if self.files.get(&template_path(path)).is_some() {
            return Some((self.written_text(path, rendering), true));
        }
        let text = std::str::from_utf8(self.files.get(path)?).ok();
        Some((text.map(str::to_owned), false))
    }

    /// What the template of a file wrote.
    fn written_text(&mut self, path: &str, rendering: Option<&Rendering>) -> Option<String> {
        let package = self.package?;
        let component = match rendering {
            Some(rendering) => rendering.component.as_deref(),
            None => self.context?.component(),
        };
        let path = path.strip_prefix(&whole_path(component, ""))?;
        if !matches!(&self.written, Some((of, _)) if of.as_ref() == rendering) {
            let texts = match rendering {
                Some(rendering) => package.texts_in(rendering, &mut self.budget),
                None => package.texts_of(self.context?, &mut self.budget),
            };
            self.written = Some((rendering.cloned(), texts));
        }
        let (_, texts) = self.written.as_ref()?;
        texts.get(path).cloned()
    }

    /// Where a field of a document is, or else the nearest thing that it would be in: that may be the whole document.
    fn locate(&mut self, text: &str, place: Place, field: Option<&Field>) -> Option<Position> {
        let index = place.1;
        if !matches!(&self.located, Some((known, _)) if *known == place) {
            let fields = yaml::fields(text, index, &mut self.budget);
            self.located = Some((place, fields));
        }
        let fields = self.located.as_ref()?.1.as_ref()?;
        let mut paths = field.into_iter().flat_map(Field::paths);
        if let Some((line, column)) = paths.find_map(|path| fields.place(&path)) {
            return Some(Position {
                line,
                column: Some(column),
            });
        }
        let lines = text.lines().enumerate().skip(fields.line() - 1);
        let mut lines = lines.skip_while(|(_, line)| is_comment(line));
        let (number, _) = lines.next()?;
        Some(Position {
            line: number + 1,
            column: None,
        })
    }
}

fn is_comment(line: &str) -> bool {
    let content = line.trim_start();
    content.is_empty() || content.starts_with('#')
}

/// A document of which no line may be shown.
struct Secret;

/// A line of a text, if there is such a line.
fn line(path: &str, text: &str, position: Position, width: usize) -> Result<Option<Line>, Secret> {
    let Some(line) = text.lines().nth(position.line.saturating_sub(1)) else {
        return Ok(None);
    };
    let is_open = !is_readable(path) || !may_be_secret(document(text, position.line));
    let letters = match is_open {
        true => line.chars().enumerate().collect(),
        false if is_template(path) => actions(line),
        false => return Err(Secret),
    };
    Ok(Some(shown(&letters, position.column, width)))
}

/// The document in which a line is.
fn document(text: &str, line: usize) -> &str {
    let before = yaml::texts(text).take_while(|(first, _)| *first <= line);
    before.last().map_or(text, |(_, text)| text)
}

/// Whether a document may be a Secret: every line that says its kind has to say another.
pub(crate) fn may_be_secret(document: &str) -> bool {
    let mut is_known = false;
    for line in document.lines() {
        if line.starts_with("\"kind\"") || line.starts_with("'kind'") {
            return true;
        }
        let Some(kind) = line.strip_prefix("kind:") else {
            continue;
        };
        let kind = kind.split(" #").next().unwrap_or_default().trim();
        let is_word = !kind.is_empty() && kind.chars().all(|it| it.is_ascii_alphanumeric());
        if !is_word || kind.contains("Secret") || kind.ends_with("List") {
            return true;
        }
        is_known = true;
    }
    !is_known
}

/// The characters of a template's line with their columns, from 0; of what is no action only the space before it.
fn actions(line: &str) -> Vec<(usize, char)> {
    let mut kept = Vec::new();
    let (mut is_inside, mut is_before) = (false, true);
    for (column, (at, letter)) in line.char_indices().enumerate() {
        is_inside |= line[at..].starts_with("{{");
        is_before &= letter.is_whitespace();
        if is_inside || is_before {
            kept.push((column, letter));
        } else if kept.last().is_none_or(|(_, last)| *last != CUT) {
            kept.push((column, CUT));
        }
        is_inside &= !line[..at + letter.len_utf8()].ends_with("}}");
    }
    kept
}

/// The part of a line that has a column, from 1.
fn shown(letters: &[(usize, char)], column: Option<usize>, width: usize) -> Line {
    let place = column.map(|column| {
        let meant = column.saturating_sub(1);
        letters
            .iter()
            .position(|(at, _)| *at >= meant)
            .unwrap_or(letters.len())
    });
    let start = match place {
        // More of what is before it: that is what one knows the line by.
        Some(place) if letters.len() > width => place.saturating_sub(width / 4 * 3),
        _ => 0,
    };
    let end = letters.len().min(start + width);
    let mut text = String::new();
    if start > 0 {
        text.push(CUT);
    }
    let mut marked = 0..0;
    for (number, (_, letter)) in letters.iter().enumerate().take(end).skip(start) {
        let before = text.len();
        printable::push(&mut text, *letter);
        if place == Some(number) {
            marked = before..text.len();
        }
    }
    if place == Some(end) {
        marked = text.len()..text.len();
    }
    if end < letters.len() {
        text.push(CUT);
    }
    if place.is_none() {
        let blank = text.len() - text.trim_start().len();
        marked = blank..text.trim_end().len().max(blank);
    }
    Line { text, marked }
}

#[cfg(test)]
mod tests;
