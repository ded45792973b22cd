//! Proof of the key of an expired certificate: verifies what an exchange request says.
//!
//! Everything in [`verify`] is computed from the request, the connection and the hub's authority: the certificate
//! first, then the proof of its key, and the signing request last, so that a stranger has only a certificate and the
//! chain above it looked at. Whether the member may still take part, whether its certificate is too old and whether it
//! asks too often is decided afterwards, so that only who holds a member's key can take from a quota or have anything
//! shown.

use stevedore_proto::v1;
use stevedore_proto_core::Millis;
use stevedore_proto_core::exchange::{self, ExchangeRefusal};
use stevedore_proto_core::limit;
use stevedore_proto_core::message::Close;
use stevedore_runtime::tls::{self, ChannelBinding, ClientVerifier};
use tonic::{Code, Status};

use crate::identity::ClusterIdentity;
use crate::metrics;
use crate::pki;
use crate::status_code;

/// Most bytes of a P-256 signature in DER, and some.
const SIGNATURE: usize = 128;

/// Why a member that asks for its next certificate gets none.
#[derive(Debug)]
pub(crate) enum NotIssued {
    /// It is no request, or the hub cannot sign.
    Failed(Status),
    /// The expired certificate is not exchanged.
    Refused(ExchangeRefusal),
    /// The member may not take part.
    NotAdmitted(Close),
    /// A quota is used up for so many milliseconds.
    Busy(&'static str, Millis),
}

impl NotIssued {
    /// One word for metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Failed(_) => "InvalidRequest",
            Self::Refused(refusal) => refusal.as_str(),
            Self::NotAdmitted(close) => metrics::word(&close.reason),
            Self::Busy(..) => "Busy",
        }
    }
}

impl From<NotIssued> for Status {
    fn from(not_issued: NotIssued) -> Self {
        match not_issued {
            NotIssued::Failed(status) => status,
            NotIssued::Refused(refusal) => status_code::not_exchanged(refusal),
            NotIssued::NotAdmitted(close) => status_code::closed(&close),
            NotIssued::Busy(message, wait) => status_code::busy(message, wait),
        }
    }
}

/// Whose certificate it is and the request for the next one, when the caller holds the certificate's key.
///
/// # Errors
/// When it is no request, or the certificate or the proof is not good.
pub(crate) fn verify(
    request: &v1::ExchangeRequest,
    binding: &ChannelBinding,
    authority: &ClientVerifier,
    now: i64,
) -> Result<(ClusterIdentity, pki::Request), NotIssued> {
    let too_long = |field: &[u8]| field.len() > limit::ENROLMENT_FIELD;
    if too_long(&request.certificate)
        || too_long(&request.csr)
        || request.signature.len() > SIGNATURE
    {
        let message = "a field of the request is too long";
        let status = status_code::refusal(Code::InvalidArgument, "InvalidRequest", message);
        return Err(NotIssued::Failed(status));
    }
    let identity = ClusterIdentity::from_expired(&request.certificate, authority, now)
        .map_err(NotIssued::Refused)?;
    let signed = exchange::statement(binding.as_bytes(), &request.certificate, &request.csr);
    tls::verify_signature(&request.certificate, signed.as_bytes(), &request.signature)
        .map_err(|_| NotIssued::Refused(ExchangeRefusal::KeyNotProven))?;
    let csr = pki::Request::parse(&request.csr)
        .map_err(|error| NotIssued::Failed(status_code::not_signed(&error)))?;
    Ok((identity, csr))
}
