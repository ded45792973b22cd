//! The exchange of an expired certificate for a new one: what is signed, how long it may be, why it is refused.
//!
//! A member that was away until its certificate expired proves that it is still itself with the certificate's
//! private key. Over a TLS connection without a client certificate it sends the expired certificate, a request
//! for a new one, and its signature over [`statement`], which holds the channel binding of that very
//! connection: what somebody recorded elsewhere is of no use.

use crate::digest::{Digest, Hasher};

/// Seconds after its end in which a certificate can be exchanged: a year. Long enough for a ship, a seasonal
/// site or a cluster in a drawer; a key that has not been used for longer is not one whose keeping anybody
/// vouches for.
pub const EXCHANGEABLE_SECONDS: i64 = 365 * 24 * 3600;

/// What the key of the expired certificate signs. All three are of the same connection and request.
#[must_use]
pub fn statement(channel_binding: &[u8; 32], certificate: &[u8], csr: &[u8]) -> Digest {
    Hasher::new("stevedore.exchange.v1")
        .field(channel_binding)
        .field(certificate)
        .field(csr)
        .finish()
}

/// Whether a certificate that ends at `not_after` can still be exchanged at `now`, both in seconds since the
/// Unix epoch. One that has not ended can be: the agent may be mistaken about that, and loses nothing.
#[must_use]
pub fn is_exchangeable(not_after: i64, now: i64) -> bool {
    now.saturating_sub(not_after) <= EXCHANGEABLE_SECONDS
}

/// Why a certificate is not exchanged. What is refused for the sake of the `MemberCluster` has the reasons of a
/// session's [`Close`](crate::message::Close).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ExchangeRefusal {
    /// It is not of this hub's authority, or not one of a member.
    #[error("the certificate is not one that this hub has given to a member")]
    CertificateForeign,
    /// It begins later than now.
    #[error(
        "the certificate is not valid yet: the hub's clock is behind the one of the hub that gave it"
    )]
    CertificateNotYetValid,
    /// It ended more than [`EXCHANGEABLE_SECONDS`] ago.
    #[error(
        "the certificate expired more than a year ago; make a join token for this cluster with `stevedore cluster join NAME`"
    )]
    CertificateTooOld,
    /// The signature is not the key's over this connection and request.
    #[error("the signature is not one of the certificate's key over this connection")]
    KeyNotProven,
}

impl ExchangeRefusal {
    const ALL: [Self; 4] = [
        Self::CertificateForeign,
        Self::CertificateNotYetValid,
        Self::CertificateTooOld,
        Self::KeyNotProven,
    ];

    /// One CamelCase word for the wire, conditions and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CertificateForeign => "CertificateForeign",
            Self::CertificateNotYetValid => "CertificateNotYetValid",
            Self::CertificateTooOld => "CertificateTooOld",
            Self::KeyNotProven => "KeyNotProven",
        }
    }

    /// The refusal behind a word of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// Whether the same certificate will never be exchanged: only a join token helps.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        self != Self::CertificateNotYetValid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_depends_on_the_connection_the_certificate_and_the_request() {
        let of = statement(&[1; 32], b"certificate", b"csr");
        assert_eq!(statement(&[1; 32], b"certificate", b"csr"), of);
        for other in [
            statement(&[2; 32], b"certificate", b"csr"),
            statement(&[1; 32], b"another", b"csr"),
            statement(&[1; 32], b"certificate", b"another"),
            statement(&[1; 32], b"certificatec", b"sr"),
        ] {
            assert_ne!(other, of);
        }
    }

    #[test]
    fn a_certificate_can_be_exchanged_for_a_year_to_the_second() {
        let end = 1_800_000_000;
        assert!(
            is_exchangeable(end, end - 100) && is_exchangeable(end, end + EXCHANGEABLE_SECONDS)
        );
        assert!(!is_exchangeable(end, end + EXCHANGEABLE_SECONDS + 1));
        assert!(!is_exchangeable(i64::MIN, i64::MAX));
    }

    #[test]
    fn every_refusal_is_read_back_from_its_word() {
        for refusal in ExchangeRefusal::ALL {
            assert_eq!(ExchangeRefusal::from_word(refusal.as_str()), Some(refusal));
        }
        assert_eq!(ExchangeRefusal::from_word("Busy"), None);
    }
}
