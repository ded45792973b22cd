//! The documents of a file: where one ends and the next one begins, as kubectl sees it, and which of them Package
//! Operator would pass over.

use super::surprise::{Found, Surprise};

/// The text of a document.
pub(super) struct Part<'t> {
    /// Its text, without space around it.
    pub(super) text: &'t str,
    /// Line and character at which that begins, from 1.
    pub(super) line: usize,
    pub(super) column: usize,
    /// Bytes of the file that it takes, with what separates it.
    pub(super) bytes: usize,
    /// Said only if there is a document.
    pub(super) separator: Option<Found>,
}

/// What Package Operator has taken of what it takes for one document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Nothing was there.
    Nothing,
    /// Comments were there, at most: what follows is the document.
    Comments,
    /// A document: what follows is lost.
    Document,
}

/// The documents of a file, empty ones among them.
pub(super) struct Parts<'t> {
    rest: Option<&'t str>,
    line: usize,
    taken: Taken,
    /// The line that began what is next, if it is not one of three dashes alone.
    begun_by: Option<Found>,
}

impl<'t> Parts<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let passed = decoration(text);
        Self {
            rest: Some(&text[passed..]),
            line: 1 + text[..passed].matches('\n').count(),
            taken: Taken::Nothing,
            begun_by: None,
        }
    }

    /// Whether the last one was given.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_none()
    }

    fn part(&mut self, text: &'t str, bytes: usize, line: usize) -> Part<'t> {
        let content = text.trim_start();
        let before = &text[..text.len() - content.len()];
        let last = before.rsplit('\n').next().unwrap_or_default();
        let separator = self.begun_by.take();
        let is_lost = self.taken == Taken::Document;
        self.taken = match (self.taken, is_blank(text)) {
            (Taken::Nothing, true) => Taken::Comments,
            _ => Taken::Document,
        };
        Part {
            text: content.trim_end(),
            line: line + before.matches('\n').count(),
            column: last.chars().count() + 1,
            bytes,
            separator: separator.filter(|_| is_lost),
        }
    }

    /// Notes how what follows is separated.
    fn separate(&mut self, line: &str) {
        if line.strip_suffix('\n').unwrap_or(line) == "---" {
            self.taken = Taken::Nothing;
            return;
        }
        self.begun_by = Some(Found {
            surprise: Surprise::Separator,
            line: self.line,
            column: 1,
        });
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        let text = self.rest?;
        let (first, mut at) = (self.line, 0);
        for line in text.split_inclusive('\n') {
            // A line that goes on after the dashes begins the document that it separates.
            let is_begun = at == 0 && self.begun_by.as_ref().is_some_and(|it| it.line == first);
            if !is_begun && let Some(separated) = separator(line) {
                let part = self.part(&text[..at], at + line.len(), first);
                self.separate(line);
                let skipped = if separated.is_empty() { line.len() } else { 0 };
                self.line += usize::from(skipped > 0);
                self.rest = Some(&text[at + skipped..]);
                return Some(part);
            }
            self.line += 1;
            at += line.len();
        }
        self.rest = None;
        Some(self.part(text, text.len(), first))
    }
}

/// The documents of a text as they are written, empty ones among them: the line on which each begins, from 1, and its
/// text without the space around it.
pub fn texts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    Parts::new(text).map(|part| (part.line, part.text))
}

/// What follows the dashes of a line that separates documents; nothing if that is a comment.
fn separator(line: &str) -> Option<&str> {
    let after = line.strip_prefix("---")?;
    let content = after.trim();
    if content.is_empty() || content.starts_with('#') {
        return Some("");
    }
    after.starts_with(char::is_whitespace).then_some(content)
}

/// Whether there are only comments.
pub(super) fn is_blank(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().all(|line| {
        let content = line.trim_start();
        content.is_empty() || content.starts_with('#')
    })
}

/// Bytes of what a file begins with if that is a line of more than three dashes, and of what follows of that kind. It is
/// no text and no list, and nothing else that could be an object.
fn decoration(text: &str) -> usize {
    let is_dashes = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte == b'-');
    let start = text.len() - text.trim_start_matches('\n').len();
    let first = text[start..].lines().next().unwrap_or_default();
    if first.len() <= 3 || !is_dashes(first) {
        return 0;
    }
    let lines = text[start..].split_inclusive('\n');
    let passed = lines.take_while(|line| {
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.is_empty() || is_dashes(line)
    });
    start + passed.map(str::len).sum::<usize>()
}

/// The dashes at the beginning of a file that kubectl refuses.
pub(super) fn dashes_at_start(text: &str) -> Option<Found> {
    let line = text.len() - text.trim_start_matches('\n').len() + 1;
    (decoration(text) > 0).then_some(Found {
        surprise: Surprise::DashesAtStart,
        line,
        column: 1,
    })
}

/// The dashes at the end of a file that Package Operator would cut off.
pub(super) fn dashes_at_end(text: &str) -> Option<Found> {
    let kept = text.trim_end_matches('\n');
    let last = kept.rsplit('\n').next().unwrap_or(kept);
    let is_cut = last.ends_with('-') && separator(last).is_none() && !is_blank(last);
    is_cut.then(|| Found {
        surprise: Surprise::DashesAtEnd,
        line: kept.matches('\n').count() + 1,
        column: last.trim_end_matches('-').chars().count() + 1,
    })
}

/// Content after a document's end.
pub(super) fn after_end(text: &str, end: usize) -> Option<Found> {
    let marker = |line: &str| {
        let after = line
            .strip_prefix("...")
            .or_else(|| line.strip_prefix("---"));
        after.is_some_and(is_blank)
    };
    let rest = text.get(end..)?;
    let is_content = |line: &str| !is_blank(line) && !marker(line);
    let after = rest.lines().position(is_content)?;
    let first = text[..end].matches('\n').count() + 1;
    Some(Found {
        surprise: Surprise::AfterEnd,
        line: first + after,
        column: 1,
    })
}
