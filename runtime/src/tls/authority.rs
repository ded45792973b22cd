//! The verifier of a hub's certificate, which trusts pinned authorities also on a machine whose clock is wrong.
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
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::error::Error;
use super::pin::SpkiPin;

/// Accepts a server whose chain ends in a trusted authority: name, usage and end are verified as always.
#[derive(Debug)]
pub(super) struct AuthorityVerifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trust {
    /// These authorities.
    Roots(Arc<WebPkiServerVerifier>),
    /// The one whose public key this is; the server has to send its certificate.
    Pin(SpkiPin),
}

/// What a person reads who has a token of another hub, or whose hub was set up anew.
#[derive(Debug, thiserror::Error)]
#[error(
    "the certificate is of another authority than the one pinned: the join token is of another hub, or somebody answers in its place"
)]
struct Foreign;

impl AuthorityVerifier {
    /// Trusts these roots.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn of_roots(roots: RootCertStore) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let trust = Trust::Roots(webpki(roots, &provider)?);
        Ok(Self { trust, provider })
    }

    /// Trusts the authority with this pin.
    pub(super) fn of_pin(pin: SpkiPin) -> Self {
        Self {
            trust: Trust::Pin(pin),
            provider: Arc::new(aws_lc_rs::default_provider()),
        }
    }

    /// What verifies a chain that was sent with these certificates behind its leaf.
    fn verifier(
        &self,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let pin = match &self.trust {
            Trust::Roots(verifier) => return Ok(Arc::clone(verifier)),
            Trust::Pin(pin) => pin,
        };
        let root = intermediates
            .iter()
            .find(|der| SpkiPin::of_certificate(der).is_ok_and(|of| of == *pin))
            .ok_or_else(|| rustls::Error::Other(OtherError(Arc::new(Foreign))))?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        webpki(roots, &self.provider)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }
}

fn webpki(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let provider = Arc::clone(provider);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    Ok(verifier.build()?)
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
        self.verifier(intermediates)?.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
