//! Refusals as gRPC statuses: the one place that decides a code.
//!
//! Every refusal carries its CamelCase reason in the metadata [`REASON_METADATA`], for programs, and a message
//! that says what to do, for people.

use stevedore_hub_core::ports::{ContentError, JoinRefusal};
use stevedore_proto_core::Millis;
use stevedore_proto_core::exchange::ExchangeRefusal;
use stevedore_proto_core::join::{REASON_METADATA, RETRY_METADATA};
use stevedore_proto_core::message::{Close, CloseReason};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::{identity, pki};

/// A status with its reason.
pub(crate) fn refusal(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    if let Ok(value) = MetadataValue::try_from(reason) {
        status.metadata_mut().insert(REASON_METADATA, value);
    }
    status
}

/// There are too many calls of this kind now; come back after so many milliseconds.
pub(crate) fn busy(message: &str, retry_after: Millis) -> Status {
    let mut status = refusal(Code::ResourceExhausted, "Busy", message);
    let wait = MetadataValue::from(retry_after);
    status.metadata_mut().insert(RETRY_METADATA, wait);
    status
}

/// The call was made without a member's certificate.
pub(crate) fn unidentified(error: identity::Error) -> Status {
    let reason = match error {
        identity::Error::Missing => "NoCertificate",
        identity::Error::Foreign => "ForeignCertificate",
    };
    refusal(Code::Unauthenticated, reason, error.to_string())
}

/// The member may not talk to this hub now.
pub(crate) fn closed(close: &Close) -> Status {
    let code = match close.reason {
        CloseReason::Revoked | CloseReason::NotAccepted | CloseReason::DuplicateIdentity => {
            Code::PermissionDenied
        }
        _ => Code::Unavailable,
    };
    refusal(code, close.reason.as_str(), close.message.clone())
}

/// The cluster may not join.
pub(crate) fn not_joined(refused: JoinRefusal) -> Status {
    let code = match refused {
        JoinRefusal::AlreadyJoined => Code::AlreadyExists,
        JoinRefusal::NotLoaded | JoinRefusal::NotLeader => Code::Unavailable,
        _ => Code::PermissionDenied,
    };
    refusal(code, refused.as_str(), refused.to_string())
}

/// A certificate is not exchanged.
pub(crate) fn not_exchanged(refused: ExchangeRefusal) -> Status {
    let code = match refused {
        ExchangeRefusal::CertificateForeign | ExchangeRefusal::KeyNotProven => {
            Code::Unauthenticated
        }
        ExchangeRefusal::CertificateNotYetValid | ExchangeRefusal::CertificateTooOld => {
            Code::PermissionDenied
        }
    };
    refusal(code, refused.as_str(), refused.to_string())
}

/// A certificate could not be made. What is wrong on the hub's side is logged and not told.
pub(crate) fn not_signed(error: &pki::Error) -> Status {
    match error {
        pki::Error::Request(_) | pki::Error::RequestTooLarge | pki::Error::Key => {
            refusal(Code::InvalidArgument, "InvalidRequest", error.to_string())
        }
        _ => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a certificate could not be made"
            );
            refusal(
                Code::Internal,
                "Internal",
                "the hub could not make the certificate",
            )
        }
    }
}

/// A content that is not given.
pub(crate) fn no_content(error: &ContentError) -> Status {
    match error {
        ContentError::Missing => refusal(Code::NotFound, "ContentMissing", error.to_string()),
        ContentError::Unavailable(_) => {
            refusal(Code::Unavailable, "ContentUnavailable", error.to_string())
        }
    }
}
