//! Errors of getting a certificate, and what they mean for the one that the agent has.

use std::fmt;
use std::time::Duration;

use stevedore_proto_core::exchange::ExchangeRefusal;
use stevedore_proto_core::join::{REASON_METADATA, RETRY_METADATA};
use stevedore_proto_core::message::CloseReason;
use stevedore_runtime::tls;

use super::credentials::{InvalidCredentials, StoreFailure};
use super::dial::DialError;

/// The longest that the hub's wish to be left alone is followed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// The hub's word for a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A certificate is not exchanged.
    Exchange(ExchangeRefusal),
    /// A reason that a session may be closed for, or a word that decides nothing here, such as `TokenExpired`.
    Session(CloseReason),
}

impl Refusal {
    fn parse(word: &str) -> Self {
        ExchangeRefusal::from_word(word)
            .map_or_else(|| Self::Session(CloseReason::parse(word)), Self::Exchange)
    }

    /// One CamelCase word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exchange(refusal) => refusal.as_str(),
            Self::Session(reason) => reason.as_str(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why this member has no identity.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Neither a stored identity that can be used nor a token.
    #[error(
        "this cluster has not joined a hub and there is no join token; make one on the hub with `stevedore cluster join NAME` and name its file with --join-token-file, or say --standalone"
    )]
    NoToken,
    /// The hub refused the token or the request.
    #[error("the hub refused ({reason}): {message}")]
    Refused {
        /// Why.
        reason: Refusal,
        /// What the hub says to do.
        message: String,
        /// How long the hub asks to be left alone; zero when it says nothing.
        retry_after: Duration,
    },
    /// The hub's authority is not the one the token names.
    #[error("the hub's certificate authority is not the one the join token names")]
    WrongAuthority,
    /// The hub could not be reached.
    #[error("the hub cannot be reached")]
    Dial(#[from] DialError),
    /// The call failed on the way.
    #[error("the hub did not answer")]
    Call(#[source] tonic::Status),
    /// There was no answer in time.
    #[error("the hub did not answer in time")]
    Late,
    /// The answer cannot be used.
    #[error("the hub's answer cannot be used")]
    Answer(#[from] InvalidCredentials),
    /// A key or request could not be made.
    #[error("no key could be made")]
    Key(#[source] rcgen::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The identity could not be read or saved.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

impl JoinError {
    /// The hub's word for a refusal.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused { reason, .. } => Some(reason.as_str()),
            _ => None,
        }
    }

    /// How long the hub asks to be left alone; zero when it says nothing.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => Duration::ZERO,
        }
    }

    /// Whether the hub says that the member behind the certificate is gone, or is another one.
    pub(super) fn is_revoked(&self) -> bool {
        let revoked = Refusal::Session(CloseReason::Revoked);
        matches!(self, Self::Refused { reason, .. } if *reason == revoked)
    }

    /// Whether an expired certificate will never be exchanged, however often it is tried. A hub of a release
    /// before exchanges is one that does not.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Self::Refused {
                reason: Refusal::Exchange(reason),
                ..
            } => reason.is_permanent(),
            Self::Call(status) => status.code() == tonic::Code::Unimplemented,
            _ => false,
        }
    }
}

/// A refusal with its reason, or a call that failed on the way.
impl From<tonic::Status> for JoinError {
    fn from(status: tonic::Status) -> Self {
        let reason = status
            .metadata()
            .get(REASON_METADATA)
            .and_then(|reason| reason.to_str().ok());
        let retry_after = status
            .metadata()
            .get(RETRY_METADATA)
            .and_then(|wait| wait.to_str().ok()?.parse().ok())
            .map_or(Duration::ZERO, Duration::from_millis);
        match reason {
            Some(reason) => Self::Refused {
                reason: Refusal::parse(reason),
                message: status.message().to_owned(),
                retry_after: retry_after.min(MAX_RETRY_AFTER),
            },
            None => Self::Call(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &str) -> tonic::Status {
        let mut status = tonic::Status::permission_denied("no");
        let metadata = status.metadata_mut();
        metadata.insert(REASON_METADATA, reason.parse().unwrap());
        status
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_no_wish_is_followed_for_ever() {
        let mut status = refused("Busy");
        assert_eq!(
            JoinError::from(status.clone()).retry_after(),
            Duration::ZERO
        );
        for (asked, followed) in [
            (1_500, Duration::from_millis(1_500)),
            (u64::MAX, MAX_RETRY_AFTER),
        ] {
            status.metadata_mut().insert(RETRY_METADATA, asked.into());
            let error = JoinError::from(status.clone());
            assert_eq!(
                (error.reason(), error.retry_after()),
                (Some("Busy"), followed)
            );
        }
    }

    #[test]
    fn only_what_no_attempt_can_change_is_permanent() {
        let of = |reason| JoinError::from(refused(reason));
        assert!(of("CertificateTooOld").is_permanent() && of("KeyNotProven").is_permanent());
        assert!(JoinError::from(tonic::Status::unimplemented("older")).is_permanent());
        for passing in ["Busy", "NotLeader", "NotAccepted", "CertificateNotYetValid"] {
            assert!(!of(passing).is_permanent(), "{passing}");
        }
        assert!(of("Revoked").is_revoked() && !of("Busy").is_revoked());
    }
}
