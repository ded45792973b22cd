//! Surprises: what a document means to Kubernetes' tools that its author may not have meant.

use std::fmt;

/// What may surprise. None quotes a value of the document, which may be a secret; keys are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surprise {
    /// A key that a map has already.
    RepeatedKey(String),
    /// A key that is no text as it is written, and which text it becomes.
    KeyRead(String),
    /// A word of the older YAML for true or false, and which one.
    Word(bool),
    /// A number that is written as a text might be: with an exponent alone, or with underscores.
    Number,
    /// An integer of more than 64 bits, signed, of which only the leading digits are kept.
    InexactNumber,
    /// A merge key that replaces a key before it.
    MergeReplaces(String),
    /// A tag that means nothing here.
    TagIgnored,
    /// Bytes that are no UTF-8, where only text can be.
    Binary,
    /// A line of dashes within a text of several lines.
    DashesInText,
    /// A document that is separated in a way that Package Operator does not know.
    Separator,
    /// Text after the end of a document, which nobody reads.
    AfterEnd,
    /// Dashes at the end of a file, which Package Operator cuts off.
    DashesAtEnd,
    /// More than three dashes at the beginning of a file, which kubectl refuses.
    DashesAtStart,
    /// A line break of the older YAML that is none in the newer one.
    LineBreak,
}

impl fmt::Display for Surprise {
    /// What is read, and what else would be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::RepeatedKey(key) => {
                return write!(f, "key {key:?} is there before; only the last one counts");
            }
            Self::KeyRead(key) => return write!(f, "this key is read as {key:?}"),
            Self::Word(truth) => {
                return write!(f, "this word is read as {truth}, and not as text");
            }
            Self::MergeReplaces(key) => {
                return write!(
                    f,
                    "key {key:?} stands before this merge key, which replaces its value"
                );
            }
            Self::Number => "this is read as a number, and not as text",
            Self::InexactNumber => {
                "an integer that does not fit 64 bits is read as a float, which has 17 digits at most"
            }
            Self::TagIgnored => "this tag means nothing to Kubernetes and is passed over",
            Self::Binary => "these bytes are no UTF-8, and what is none becomes U+FFFD",
            Self::DashesInText => {
                "an indented line of three dashes separates nothing, it is part of a text"
            }
            Self::Separator => {
                "Package Operator separates documents at lines of exactly three dashes, and does not read this one at all"
            }
            Self::AfterEnd => "what follows the end of the document is not read",
            Self::DashesAtEnd => {
                "Package Operator cuts off the dashes that a file ends with; here they are kept"
            }
            Self::DashesAtStart => {
                "kubectl refuses a file that begins with more than three dashes; they are passed over, as Package \
                 Operator does it"
            }
            Self::LineBreak => {
                "U+0085, U+2028 and U+2029 are read as characters; to Package Operator and kubectl they are line breaks"
            }
        };
        f.write_str(words)
    }
}

impl Surprise {
    /// How to write what is meant, so that every tool reads it alike.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::RepeatedKey(_) => "remove all but one",
            Self::KeyRead(_) => "quote the key, or write it as it is read",
            Self::Word(_) => "write true or false, or quote it",
            Self::Number => "quote it, or write it in digits",
            Self::InexactNumber => "quote it",
            Self::MergeReplaces(_) => "put the merge key first",
            Self::TagIgnored => "remove the tag",
            Self::Binary => "write a Secret's data as base64 text, without the tag",
            Self::DashesInText => "begin the line with the dashes, or quote the text",
            Self::Separator => {
                "leave nothing but three dashes on the line, no spaces, comments or carriage returns"
            }
            Self::AfterEnd => "separate documents with a line of three dashes",
            Self::DashesAtEnd => "end the file with a comment",
            Self::DashesAtStart => "begin the file with three dashes, or with none",
            Self::LineBreak => "write it as an escape in double quotes, or leave it out",
        }
    }
}

/// A surprise, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub surprise: Surprise,
    /// Line of the file, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
}

/// The first line break of the older YAML that is none here.
pub(super) fn older_break(text: &str) -> Option<Found> {
    let breaks = ['\u{85}', '\u{2028}', '\u{2029}'];
    let at = breaks
        .iter()
        .filter_map(|letter| text.find(*letter))
        .min()?;
    let before = &text[..at];
    let last = before.rsplit('\n').next().unwrap_or_default();
    Some(Found {
        surprise: Surprise::LineBreak,
        line: before.matches('\n').count() + 1,
        column: last.chars().count() + 1,
    })
}
