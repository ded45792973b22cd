//! Warnings: what a package means that its author may not have meant, and what other tools make of it. What is
//! installed is the same with and without them.

use std::fmt;

use stevedore_template::yaml::{Document, Found, Surprise};
use thiserror::Error as ThisError;

use crate::files::whole_path;
use crate::limit;
use crate::rest::{Mark, Rest};
use crate::violation::Position;

/// Kinds of warnings by the name that machines read, and the words that people read.
macro_rules! reasons {
    ($($name:ident: $words:literal,)*) => {
        /// What a warning is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ThisError)]
        #[non_exhaustive]
        pub enum WarningReason {$(
            #[doc = $words]
            #[error($words)]
            $name,
        )*}
    };
}

reasons! {
    UnknownField: "unknown field",
    NotRendered: "not rendered",
    LinkLeftOut: "link left out",
    FixtureWithoutCase: "fixtures of no test case",
    FieldCase: "field in another case",
    FieldNotText: "field that is no text",
    RepeatedKey: "repeated key",
    KeyRead: "key read as another text",
    Word: "word read as a boolean",
    Number: "text read as a number",
    InexactNumber: "number that loses digits",
    MergeReplaces: "merge key that replaces another",
    TagIgnored: "tag without meaning",
    Binary: "bytes that are no text",
    DashesInText: "dashes that separate nothing",
    Separator: "separator that Package Operator does not know",
    AfterEnd: "text after the end of a document",
    DashesAtEnd: "dashes at the end of a file",
    DashesAtStart: "dashes at the start of a file",
    LineBreak: "line break that is none",
}

impl WarningReason {
    /// One CamelCase word, for machine-readable output.
    pub fn word(self) -> String {
        format!("{self:?}")
    }
}

/// One thing to look at. It quotes no value of a document: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Warning {
    /// What it is about.
    pub reason: WarningReason,
    /// The file; for what a template wrote, the path without the template's suffix.
    pub path: Option<String>,
    /// Number of the document in the file, from 0.
    pub index: Option<usize>,
    /// Where in the file, when that is known.
    pub position: Option<Position>,
    /// What is read here, and what Package Operator does where that differs.
    pub details: String,
    /// How to say it so that nobody has to wonder.
    pub mend: String,
}

impl Warning {
    /// A warning about the package as a whole.
    pub fn new(reason: WarningReason, details: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            reason,
            path: None,
            index: None,
            position: None,
            details: details.into(),
            mend: mend.into(),
        }
    }

    /// What was found in a document of YAML.
    pub(crate) fn found(found: &Found) -> Self {
        use WarningReason as Reason;
        let reason = match &found.surprise {
            Surprise::RepeatedKey(_) => Reason::RepeatedKey,
            Surprise::KeyRead(_) => Reason::KeyRead,
            Surprise::Word(_) => Reason::Word,
            Surprise::Number => Reason::Number,
            Surprise::InexactNumber => Reason::InexactNumber,
            Surprise::MergeReplaces(_) => Reason::MergeReplaces,
            Surprise::TagIgnored => Reason::TagIgnored,
            Surprise::Binary => Reason::Binary,
            Surprise::DashesInText => Reason::DashesInText,
            Surprise::Separator => Reason::Separator,
            Surprise::AfterEnd => Reason::AfterEnd,
            Surprise::DashesAtEnd => Reason::DashesAtEnd,
            Surprise::DashesAtStart => Reason::DashesAtStart,
            Surprise::LineBreak => Reason::LineBreak,
        };
        let position = Position {
            line: found.line,
            column: Some(found.column),
        };
        Warning::new(reason, found.surprise.to_string(), found.surprise.mend()).on(position)
    }

    /// The same, in a file.
    #[must_use]
    pub fn in_file(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The same, in a document of a file.
    #[must_use]
    pub fn at(mut self, path: &str, index: usize) -> Self {
        self.index = Some(index);
        self.in_file(path)
    }

    /// The same, at a place of its file.
    #[must_use]
    pub fn on(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// What tells it from others.
    fn mark(&self) -> Mark {
        let Warning {
            reason,
            path,
            index,
            position,
            details,
            mend,
        } = self;
        Mark::of(path.as_deref(), (reason, index, position, details, mend))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(path) = &self.path {
            write!(f, " in {path}")?;
        }
        if let Some(index) = self.index {
            write!(f, " idx {index}")?;
        }
        if let Some(position) = self.position {
            write!(f, ": {position}")?;
        }
        write!(f, ": {}; {}", self.details, self.mend)
    }
}

/// Warnings in the order they were found, each once. At most [`limit::WARNINGS`] are kept, and the others counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Warnings {
    kept: Vec<Warning>,
    more: Rest,
}

impl Warnings {
    /// Adds one that is not among them.
    pub fn add(&mut self, warning: Warning) {
        if self.kept.contains(&warning) {
            return;
        }
        if self.kept.len() == limit::WARNINGS {
            self.more.add(warning.mark());
        } else {
            self.kept.push(warning);
        }
    }

    /// Adds what was found in a document, which then has it no more.
    pub(crate) fn add_found(&mut self, path: &str, document: &mut Document) {
        for found in std::mem::take(&mut document.found) {
            self.add(Warning::found(&found).at(path, document.index));
        }
    }

    /// Adds those of another list.
    pub fn extend(&mut self, others: &Warnings) {
        others.kept.iter().for_each(|it| self.add(it.clone()));
        for mark in others.more.marks() {
            if !self.kept.iter().any(|it| it.mark() == mark) {
                self.more.add(mark);
            }
        }
    }

    /// The same, in a component: until now the paths were the component's own.
    pub(crate) fn in_component(&self, component: &str) -> Warnings {
        let mut warnings = self.clone();
        warnings.more = self.more.in_component(component);
        for warning in &mut warnings.kept {
            let path = warning.path.take();
            warning.path = path.map(|path| whole_path(Some(component), &path));
        }
        warnings
    }

    /// Those that were kept.
    pub fn list(&self) -> &[Warning] {
        &self.kept
    }

    /// How many were found besides.
    pub fn more(&self) -> usize {
        self.more.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: usize) -> Warning {
        let details = format!("spec.a{number}: it is ignored");
        let position = Position {
            line: 3,
            column: Some(5),
        };
        Warning::new(WarningReason::UnknownField, details, "remove it")
            .in_file("manifest.yaml")
            .on(position)
    }

    #[test]
    fn a_warning_says_where_what_and_how_to_mend_it() {
        assert_eq!(
            numbered(1).to_string(),
            "unknown field in manifest.yaml: line 3, column 5: spec.a1: it is ignored; remove it"
        );
        assert_eq!(WarningReason::UnknownField.word(), "UnknownField");
    }

    #[test]
    fn each_warning_is_kept_once_and_beyond_the_limit_they_are_counted() {
        let mut warnings = Warnings::default();
        for number in (0..limit::WARNINGS + 3).chain(0..10) {
            warnings.add(numbered(number));
        }
        assert_eq!(
            (warnings.list().len(), warnings.more()),
            (limit::WARNINGS, 3)
        );
        let mut twice = warnings.clone();
        twice.extend(&warnings);
        assert_eq!((twice.list(), twice.more()), (warnings.list(), 3));
        let mut within = warnings.in_component("bulb");
        within.extend(&warnings.in_component("bulb"));
        within.extend(&warnings.in_component("wick"));
        assert_eq!(within.more(), 3 + limit::WARNINGS + 3);
    }
}
