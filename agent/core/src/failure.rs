//! Refusals of an API server, as far as decisions depend on them.

use std::fmt;

use crate::key::Kind;

/// What kind of refusal a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// 404 for an object, or for the namespace it should live in.
    NotFound,
    /// The kind is not served: no such path, or discovery does not know it.
    NoKind,
    /// 409: the object exists, or its UID or resourceVersion are not those of the preconditions.
    Conflict,
    /// 403. A condition, never a storm of retries.
    Forbidden,
    /// 403, for the agent may not act as the account: it says nothing about the account's own rights.
    AccountNotAllowed,
    /// 400, 405, 406, 415 or 422: the same request will be refused again.
    Invalid,
    /// The stored object would be too large, which is permanent for this content; or an answer is larger than is
    /// read.
    TooLarge,
    /// 410: the place from which a list or a watch was to go on is no longer kept.
    Expired,
    /// Not the API server's word: the object is there, and cannot be decoded. Permanent until somebody changes it.
    Unreadable,
    /// Not the API server's word: the content to be written is no longer stored whole.
    ContentMissing,
    /// 429, 5xx, a timeout or a broken connection: the same request may pass later.
    Unavailable,
}

impl FailureKind {
    /// One CamelCase word for blockers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::NoKind => "NoSuchKind",
            Self::Conflict => "Conflict",
            Self::Forbidden => "Forbidden",
            Self::AccountNotAllowed => "AccountNotAllowed",
            Self::Invalid => "Invalid",
            Self::TooLarge => "TooLarge",
            Self::Expired => "Expired",
            Self::Unreadable => "Unreadable",
            Self::ContentMissing => "ContentMissing",
            Self::Unavailable => "Unavailable",
        }
    }
}

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// What kind of refusal.
    pub kind: FailureKind,
    /// What the server said. May echo values of the object: see [`Failure::about`].
    pub message: String,
    /// Milliseconds the server asked to wait.
    pub retry_after: Option<u64>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

impl Failure {
    /// A failure without a wait.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The message as it may be shown for an object of this kind: API servers quote refused values, so for
    /// a Secret only the kind of refusal is told.
    pub fn about(&self, kind: &Kind) -> String {
        if kind.is_secret() && self.kind != FailureKind::ContentMissing {
            format!(
                "the API server refuses it ({}); its words are not shown for a Secret",
                self.kind.as_str()
            )
        } else {
            self.message.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_about_a_secret_is_not_shown() {
        let failure = Failure::new(
            FailureKind::Invalid,
            "data[key]: Invalid value: \"hunter2\"",
        );
        assert!(
            !failure
                .about(&Kind::new("", "v1", "Secret"))
                .contains("hunter2")
        );
        assert!(
            failure
                .about(&Kind::new("", "v1", "ConfigMap"))
                .contains("hunter2")
        );
    }
}
