//! The identity of a peer: read from its verified certificate, and from nothing else.

use rustls_pki_types::CertificateDer;
use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::exchange::ExchangeRefusal;
use stevedore_runtime::tls::{self, ClientVerifier};
use x509_parser::extensions::GeneralName;

const CLUSTER: &str = "spiffe://stevedore.dev/cluster/";
const MEMBER: &str = "/member/";

/// What a member's certificate says: the cluster, and the `MemberCluster` object it joined as. A cluster that
/// is forgotten and joins again is the same cluster with another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemberName {
    /// UID of the cluster's `kube-system` namespace.
    pub cluster: ClusterUid,
    /// UID of its `MemberCluster`.
    pub member: MemberUid,
}

/// The certificate is valid TLS-wise, but not one of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The client presented none.
    #[error("no client certificate was presented")]
    Missing,
    /// It does not name exactly one member in exactly the form this hub writes.
    #[error("the client certificate does not name a member")]
    Foreign,
}

/// A member, named by its certificate. There is no other way to make one than from a certificate of this hub's
/// authority: one that the TLS acceptor has verified, or an expired one that is to be exchanged. Nothing here can
/// be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterIdentity {
    name: MemberName,
    not_after: i64,
}

impl MemberName {
    /// The URI written into the certificate.
    #[must_use]
    pub fn to_uri(self) -> String {
        format!("{CLUSTER}{}{MEMBER}{}", self.cluster, self.member)
    }

    /// Reads exactly what [`to_uri`](Self::to_uri) writes: one spelling per member.
    fn from_uri(uri: &str) -> Option<Self> {
        let (cluster, member) = uri.strip_prefix(CLUSTER)?.split_once(MEMBER)?;
        let name = Self {
            cluster: cluster.parse().ok()?,
            member: member.parse().ok()?,
        };
        (name.to_uri() == uri).then_some(name)
    }
}

impl ClusterIdentity {
    /// Reads a verified leaf certificate, DER.
    pub(crate) fn from_certificate(leaf: &[u8]) -> Result<Self, Error> {
        let (_, certificate) =
            x509_parser::parse_x509_certificate(leaf).map_err(|_| Error::Foreign)?;
        let names = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .ok_or(Error::Foreign)?;
        let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
            return Err(Error::Foreign);
        };
        let name = MemberName::from_uri(uri).ok_or(Error::Foreign)?;
        Ok(Self {
            name,
            not_after: certificate.validity().not_after.timestamp(),
        })
    }

    /// Reads the certificates of a TLS connection that rustls has verified.
    pub(crate) fn from_peer(peer: Option<&[CertificateDer<'_>]>) -> Result<Self, Error> {
        let peer = peer.ok_or(Error::Missing)?;
        Self::from_certificate(peer.first().ok_or(Error::Missing)?)
    }

    /// Reads a leaf certificate, DER, after verifying that `authority` signed it for a member and that it is, or
    /// was, valid: only its end is not checked. Says nothing about who presents it.
    pub(crate) fn from_expired(
        leaf: &[u8],
        authority: &ClientVerifier,
        now: i64,
    ) -> Result<Self, ExchangeRefusal> {
        use rustls::CertificateError::{NotValidYet, NotValidYetContext};
        let named =
            Self::from_certificate(leaf).map_err(|_| ExchangeRefusal::CertificateForeign)?;
        match authority.verify_at(leaf, now.min(named.not_after)) {
            Ok(()) => Ok(named),
            Err(tls::Error::Rustls(rustls::Error::InvalidCertificate(
                NotValidYet | NotValidYetContext { .. },
            ))) => Err(ExchangeRefusal::CertificateNotYetValid),
            Err(_) => Err(ExchangeRefusal::CertificateForeign),
        }
    }

    /// UID of the cluster.
    #[must_use]
    pub fn cluster(&self) -> ClusterUid {
        self.name.cluster
    }

    /// UID of its `MemberCluster`.
    #[must_use]
    pub fn member(&self) -> MemberUid {
        self.name.member
    }

    /// Both.
    #[must_use]
    pub fn name(&self) -> MemberName {
        self.name
    }

    /// When the certificate ends, in seconds since the Unix epoch.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_exactly_one_spelling() {
        let name = MemberName {
            cluster: ClusterUid::from_bytes([0xab; 16]),
            member: MemberUid::from_bytes([0x12; 16]),
        };
        let uri = name.to_uri();
        assert_eq!(MemberName::from_uri(&uri), Some(name));
        let member = name.member.to_string();
        for other in [
            uri.to_uppercase(),
            uri.replace("abab", "ABAB"),
            uri.replace("spiffe", "https"),
            format!("{uri}/"),
            format!("{uri}/member/{member}"),
            format!("{CLUSTER}{}", name.cluster),
            format!("{CLUSTER}{}{MEMBER}", name.cluster),
            format!(" {uri}"),
            uri.replace("/member/", "/Member/"),
        ] {
            assert_eq!(MemberName::from_uri(&other), None, "{other}");
        }
    }
}
