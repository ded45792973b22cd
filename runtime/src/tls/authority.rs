//! Verification of a server's certificate against pinned authorities, also by a machine whose clock is wrong.
//!
//! The authority of a hub signs for nobody but its own hub and members, and dates nothing ahead of its own
//! clock. So the moment from which a verified certificate is valid has passed, whatever this machine's clock
//! says, and a certificate is verified at the latest moment that is known to have passed: what the clock shows,
//! what the caller knows ([`Clock::at_least`](crate::clock::Clock::at_least)), or the beginning of the
//! certificate itself. A clock that is behind, even in 1970, refuses no server for a certificate that is "not
//! yet" valid. The end of a certificate is always checked, at that moment.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{aws_lc_rs, verify_tls13_signature};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::error::Error;

/// Accepts a server whose chain ends in one of its roots: name, usage and end are verified as always.
#[derive(Debug)]
pub(super) struct AuthorityVerifier(Arc<WebPkiServerVerifier>);

impl AuthorityVerifier {
    /// Trusts these roots.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn new(roots: RootCertStore) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self(verifier.build()?))
    }
}

/// The later of `now` and the moment from which the certificate is valid. One that cannot be read is refused
/// by the verification that follows.
fn latest_known(now: UnixTime, certificate: &CertificateDer<'_>) -> UnixTime {
    let begins = x509_parser::parse_x509_certificate(certificate)
        .ok()
        .and_then(|(_, read)| u64::try_from(read.validity().not_before.timestamp()).ok())
        .unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().max(begins)))
}

impl ServerCertVerifier for AuthorityVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let now = latest_known(now, end_entity);
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        refuse_tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_handshake(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        supported_schemes()
    }
}

pub(super) fn refuse_tls12(
    _message: &[u8],
    _certificate: &CertificateDer<'_>,
    _signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    Err(rustls::Error::General("TLS 1.2 is not spoken".to_owned()))
}

pub(super) fn verify_handshake(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    verify_tls13_signature(message, certificate, signed, &algorithms)
}

pub(super) fn supported_schemes() -> Vec<SignatureScheme> {
    aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .supported_schemes()
}
