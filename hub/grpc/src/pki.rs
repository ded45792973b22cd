//! The hub's certificate authority: functions over PEM texts and times, without I/O.
//!
//! What a certificate says is written here alone. Of a signing request only the public key is used (its
//! signature proves that the sender has the private key); subject, names, usages and extensions in it are
//! ignored.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKey, SanType,
};
use stevedore_proto_core::limit;
use stevedore_runtime::tls::{self, SpkiPin};
use time::{Duration, OffsetDateTime};

use crate::identity::MemberName;

/// Days the authority's certificate lasts.
pub const AUTHORITY_DAYS: i64 = 3650;
/// Default lifetime of a member's certificate in seconds, 90 days. It is renewed after a third, so that a hub may
/// be away for two months before a member has to exchange an expired one. Nobody is kept out by its end: every
/// connection and stream is checked against the `MemberCluster`.
pub const MEMBER_SECONDS: u32 = 90 * 24 * 3600;
/// Lifetime of the hub's own server certificate in seconds, 90 days. The hub makes it anew at every start and
/// after a third of its life, so it lasts two months more at any time: an agent whose clock is ahead by less
/// than that can verify it. Its key is in the hub's memory only.
pub const SERVER_SECONDS: u32 = 90 * 24 * 3600;
/// Certificates begin this much before they are made, in seconds: an hour. So they are valid at once for a hub
/// replica whose clock is behind the one that made them. (Agents need no such thing: they take the beginning of
/// a verified certificate for a moment that has passed.)
pub const BACK_DATED_SECONDS: i64 = 3600;

/// What can go wrong when certificates are made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The signing request is not one, or its signature does not fit its key.
    #[error("the certificate signing request is not valid")]
    Request(#[source] rcgen::Error),
    /// The signing request is larger than [`limit::ENROLMENT_FIELD`].
    #[error(
        "the certificate signing request is larger than {} bytes",
        limit::ENROLMENT_FIELD
    )]
    RequestTooLarge,
    /// The key in a signing request is not a P-256 key.
    #[error("the key in the signing request is not a P-256 key")]
    Key,
    /// The stored authority cannot be used.
    #[error("the stored certificate authority cannot be used")]
    Authority(#[source] rcgen::Error),
    /// A certificate could not be made.
    #[error("the certificate could not be made")]
    Sign(#[source] rcgen::Error),
    /// A time is outside what a certificate can say.
    #[error("the time is outside what a certificate can say")]
    Time,
    /// TLS material could not be read back.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// The hub's certificate authority, with its private key.
pub struct Authority {
    certificate: String,
    der: Vec<u8>,
    key: String,
    pin: SpkiPin,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

/// A signing request whose sender has the private key. Only the public key is kept of it.
#[derive(Debug)]
pub struct Request(PublicKey);

impl Request {
    /// Reads a PKCS #10 request in DER and checks its signature.
    ///
    /// # Errors
    /// When it is too large, not a valid request, or not for a P-256 key.
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        if der.len() > limit::ENROLMENT_FIELD {
            return Err(Error::RequestTooLarge);
        }
        let request =
            CertificateSigningRequestParams::from_der(&der.into()).map_err(Error::Request)?;
        if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(Error::Key);
        }
        Ok(Self(request.public_key))
    }
}

/// A certificate for a key that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// When it ends, in seconds since the Unix epoch.
    pub not_after: i64,
}

/// A certificate chain with its key, PEM.
#[derive(Clone)]
pub struct ServerMaterial {
    /// The server's certificate and behind it the authority's, so that a joining agent can find its pin.
    pub chain: String,
    /// The private key.
    pub key: String,
    /// When the certificate ends, in seconds since the Unix epoch.
    pub not_after: i64,
}

impl std::fmt::Debug for ServerMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerMaterial")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority with a P-256 key.
    ///
    /// # Errors
    /// When no key can be made or `now` (seconds since the Unix epoch) is out of range.
    pub fn create(now: i64) -> Result<Self, Error> {
        let key = new_key()?;
        let (mut params, _) = params("Stevedore hub CA", now, AUTHORITY_DAYS * 24 * 3600)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(Error::Sign)?.pem();
        Self::from_pem(certificate, key.serialize_pem())
    }

    /// Takes an authority as it was stored.
    ///
    /// # Errors
    /// When the texts are not a CA certificate and its private key.
    pub fn from_pem(certificate: String, key: String) -> Result<Self, Error> {
        let pin = SpkiPin::of_bundle(&certificate)?;
        // Refuses a key that is not the certificate's.
        let der = tls::Identity::from_pem(&certificate, &key)?.leaf().to_vec();
        let pair = KeyPair::from_pem(&key).map_err(Error::Authority)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, pair).map_err(Error::Authority)?;
        Ok(Self {
            certificate,
            der,
            key,
            pin,
            issuer,
        })
    }

    /// The certificate, PEM: public.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// The private key, PEM: to be kept in a Secret and nowhere else.
    #[must_use]
    pub fn private_key(&self) -> &str {
        &self.key
    }

    /// The hash of the authority's public key, which join tokens carry.
    #[must_use]
    pub fn pin(&self) -> SpkiPin {
        self.pin
    }

    /// Signs a member's certificate: for TLS clients only, and for nobody but `name`.
    ///
    /// # Errors
    /// When the times are out of range.
    pub fn sign_member(
        &self,
        request: &Request,
        name: MemberName,
        now: i64,
        seconds: u32,
    ) -> Result<Issued, Error> {
        let (mut params, not_after) = params("Stevedore member", now, i64::from(seconds))?;
        let uri = name.to_uri().try_into().map_err(Error::Sign)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&request.0, &self.issuer)
            .map_err(Error::Sign)?;
        Ok(Issued {
            certificate: certificate.der().to_vec(),
            not_after,
        })
    }

    /// Makes the hub's own server certificate for these DNS names and IP addresses, with a new key.
    ///
    /// # Errors
    /// When a name is not one.
    pub fn issue_server(
        &self,
        names: &[String],
        now: i64,
        seconds: u32,
    ) -> Result<ServerMaterial, Error> {
        let key = new_key()?;
        let (mut params, not_after) = params("Stevedore hub", now, i64::from(seconds))?;
        params.subject_alt_names = CertificateParams::new(names)
            .map_err(Error::Sign)?
            .subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(Error::Sign)?;
        let chain = format!("{}{}", certificate.pem(), self.certificate);
        Ok(ServerMaterial {
            chain,
            key: key.serialize_pem(),
            not_after,
        })
    }
}

fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Sign)
}

fn params(common_name: &str, now: i64, seconds: i64) -> Result<(CertificateParams, i64), Error> {
    let now = OffsetDateTime::from_unix_timestamp(now).map_err(|_| Error::Time)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = now
        .checked_sub(Duration::seconds(BACK_DATED_SECONDS))
        .ok_or(Error::Time)?;
    params.not_after = now
        .checked_add(Duration::seconds(seconds))
        .ok_or(Error::Time)?;
    let not_after = params.not_after.unix_timestamp();
    Ok((params, not_after))
}

#[cfg(test)]
mod tests;
