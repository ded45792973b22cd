//! Proofs of a private key apart from a handshake: a value that belongs to one TLS connection, signatures by
//! the key of a certificate, and certificates whose dates are not those of now.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ConnectionCommon, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::error::Error;
use super::identity::Identity;

/// RFC 9266: the channel binding `tls-exporter`.
const BINDING_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
/// The one kind of key that certificates of this project have.
const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;

/// A value that both ends of one TLS 1.3 connection derive from its secrets (RFC 9266), and that nobody who
/// stands between two connections can make equal on both. It is the nonce of what is signed on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelBinding([u8; 32]);

impl ChannelBinding {
    /// The value of a connection whose handshake is complete.
    ///
    /// # Errors
    /// When it is not complete.
    pub fn of<D>(connection: &ConnectionCommon<D>) -> Result<Self, Error> {
        Ok(Self(connection.export_keying_material(
            [0; 32],
            BINDING_LABEL,
            Some(&[]),
        )?))
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Identity {
    /// Signs a message with the private key: ECDSA over P-256 with SHA-256, DER.
    ///
    /// # Errors
    /// When the key is of another kind.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signer = self.0.key.choose_scheme(&[SCHEME]).ok_or(Error::Key)?;
        Ok(signer.sign(message)?)
    }
}

/// Checks a signature that [`Identity::sign`] made with the key of this certificate, DER.
///
/// # Errors
/// [`Error::Certificate`] when the certificate does not parse, [`Error::Signature`] when the signature is of
/// another key or over another message.
pub fn verify_signature(certificate: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(certificate).map_err(|_| Error::Certificate)?;
    let key = certificate.public_key().subject_public_key.data.as_ref();
    aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme == SCHEME)
        .flat_map(|(_, algorithms)| *algorithms)
        .any(|algorithm| algorithm.verify_signature(key, message, signature).is_ok())
        .then_some(())
        .ok_or(Error::Signature)
}

/// Says whether clients' certificates are of certain authorities, at any moment: a handshake asks for now only.
#[derive(Debug, Clone)]
pub struct ClientVerifier(Arc<dyn ClientCertVerifier>);

impl ClientVerifier {
    /// For certificates of these authorities.
    ///
    /// # Errors
    /// When the roots cannot be used.
    pub fn new(roots: RootCertStore) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self(verifier.build()?))
    }

    /// Whether a handshake at that moment (seconds since the Unix epoch) would accept this certificate, DER.
    ///
    /// # Errors
    /// Why it would not.
    pub fn verify_at(&self, certificate: &[u8], unix_seconds: i64) -> Result<(), Error> {
        let seconds = u64::try_from(unix_seconds).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.0
            .verify_client_cert(&CertificateDer::from(certificate), &[], at)?;
        Ok(())
    }
}
