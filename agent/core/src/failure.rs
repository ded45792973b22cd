//! Failed requests to an API server, typed: what kind of refusal, with which code and causes.

use std::fmt;

use stevedore_proto_core::Reason;

use crate::key::Kind;

/// What kind of refusal a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// 404 for an object, or for the namespace it should live in.
    NotFound,
    /// The kind is not served: no such path, or discovery does not know it.
    NoKind,
    /// What serves the kind, an aggregated API, is away: the API server itself does not know of the kind or its objects.
    KindUnavailable,
    /// Not the API server's word: the object is in a namespace and its kind is cluster-scoped, or the other way round.
    WrongScope,
    /// 409: the object exists, or its UID or resourceVersion are not those of the preconditions.
    Conflict,
    /// 403. A condition, never a storm of retries.
    Forbidden,
    /// 403, for the agent may not act as the account: it says nothing about the account's own rights.
    AccountNotAllowed,
    /// 403, for the namespace is being deleted and takes no new objects: it says nothing about rights.
    NamespaceTerminating,
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
    /// The reason of what such a failure blocks.
    pub fn reason(self) -> Reason {
        match self {
            Self::NotFound => Reason::NotFound,
            Self::NoKind => Reason::NoSuchKind,
            Self::KindUnavailable => Reason::KindUnavailable,
            Self::WrongScope => Reason::Refused,
            Self::Conflict => Reason::Conflict,
            Self::Forbidden => Reason::Forbidden,
            Self::AccountNotAllowed => Reason::AccountNotAllowed,
            Self::NamespaceTerminating => Reason::NamespaceTerminating,
            Self::Invalid => Reason::Invalid,
            Self::TooLarge => Reason::TooLarge,
            Self::Expired => Reason::Unavailable,
            Self::Unreadable => Reason::Unreadable,
            Self::ContentMissing => Reason::ContentMissing,
            Self::Unavailable => Reason::Unavailable,
        }
    }
}

/// What an API server names as a cause of its refusal, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The body has a field that the schema does not have; its path, such as `spec.order`.
    UnknownField(String),
    /// The value of a field is refused; its path, such as `spec.template`.
    Field(String),
}

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// What kind of refusal.
    pub kind: FailureKind,
    /// HTTP status code of the answer; absent where there was none.
    pub code: Option<u16>,
    /// What the server names as causes.
    pub causes: Vec<Cause>,
    /// What the server said. May echo values of the object: see [`Failure::about`].
    pub message: String,
    /// Milliseconds the server asked to wait.
    pub retry_after: Option<u64>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.reason(), self.message)
    }
}

impl Failure {
    /// A failure without a wait.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            causes: Vec::new(),
            message: message.into(),
            retry_after: None,
        }
    }

    /// The path of the first field that the server names as a cause; empty where it names none.
    pub fn field(&self) -> &str {
        match self.causes.first() {
            Some(Cause::Field(path) | Cause::UnknownField(path)) => path,
            None => "",
        }
    }

    /// The field as it may be shown for an object of this kind: for a Secret, only which of its own fields it is in.
    pub fn field_about(&self, kind: &Kind) -> &str {
        if !kind.is_secret() {
            return self.field();
        }
        let field = self.field();
        let top = field.split(['.', '[']).next().unwrap_or_default();
        let own = ["data", "immutable", "metadata", "stringData", "type"];
        if own.contains(&top) { top } else { "" }
    }

    /// The message as it may be shown for an object of this kind: API servers quote refused values, so for
    /// a Secret only the kind of refusal is told, and in which field it is.
    pub fn about(&self, kind: &Kind) -> String {
        if kind.is_secret() && self.kind != FailureKind::ContentMissing {
            let field = match self.field_about(kind) {
                "" => String::new(),
                field => format!(", in {field}"),
            };
            format!(
                "the API server refuses it ({}{field}); its words are not shown for a Secret",
                self.kind.reason()
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

    #[test]
    fn of_a_secret_only_its_own_field_is_named() {
        let secret = Kind::new("", "v1", "Secret");
        for (path, shown) in [
            ("data[hunter2]", "data"),
            ("metadata.labels", "metadata"),
            ("hunter2", ""),
            ("", ""),
        ] {
            let mut failure = Failure::new(FailureKind::Invalid, "hunter2");
            failure.causes = vec![Cause::Field(path.into())];
            assert_eq!(failure.field_about(&secret), shown);
            let told = failure.about(&secret);
            assert!(!told.contains("hunter2") && told.contains(shown), "{told}");
            assert_eq!(failure.field_about(&Kind::new("", "v1", "ConfigMap")), path);
        }
    }
}
