//! The reason why a document has no value, and its place.

use granit_parser::{ErrorKind, Marker};

use crate::limit;

/// Why there is no value. The message quotes no value of the document.
pub(super) struct Failure {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    /// What the parser does not take, and at which byte.
    pub(super) refused: Option<(ErrorKind, usize)>,
}

pub(super) type Read<T> = Result<T, Failure>;

impl Failure {
    pub(super) fn at_start(message: String) -> Self {
        Self {
            line: 1,
            column: 1,
            message,
            refused: None,
        }
    }
}

pub(super) fn fail<T>(mark: &Marker, message: impl Into<String>) -> Read<T> {
    Err(Failure {
        line: mark.line(),
        column: mark.col() + 1,
        message: message.into(),
        refused: None,
    })
}

pub(super) fn deep() -> String {
    format!("nests deeper than {}", limit::YAML_DEPTH)
}

/// What the parser does not take, in the words of this format.
pub(super) fn message(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::RecursionLimitExceeded => deep(),
        ErrorKind::UnknownAnchor => "the alias has no anchor before it".to_owned(),
        other => other.to_string(),
    }
}
