//! Errors of expressions: those that Go has too, and those of this engine alone.

use crate::limit;

/// Why an expression has no compiled form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Go refuses it too, and says this.
    Invalid(String),
    /// Go accepts it and this engine does not: it lacks the form, or would need more memory than allowed.
    Unsupported(String),
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Refused::Unsupported(message)
    }
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(message) => format!("error parsing regexp: {message}"),
            Refused::Unsupported(message) => message,
        }
    }
}

impl Refused {
    /// An expression that takes more memory than one may.
    pub(super) fn too_large() -> Self {
        let most = limit::REGEX_COMPILED_BYTES;
        Self::Unsupported(format!("the regexp needs more than {most} bytes compiled"))
    }
}

/// An error of the pattern, in Go's words.
pub(super) fn invalid<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Invalid(message.into()))
}
