//! TLS 1.3 as both daemons use it: one provider, pinned roots, certificates that are replaced while running.
//!
//! # Guarantees
//! * TLS 1.3 only, with aws-lc-rs; HTTP/2 by ALPN.
//! * No session is resumed: a resumed one could outlive a revocation or a change of the CA.
//! * A replaced certificate is used from the next handshake on; open connections are not touched.
//! * A client trusts the given CA certificates and nothing of the operating system's. Its clock may be behind,
//!   see [`authority`].

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

mod authority;
mod pin;
mod proof;

pub use pin::SpkiPin;
pub use proof::{ChannelBinding, ClientVerifier, verify_signature};

use crate::clock::Clock;

/// What can be wrong with TLS material.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A PEM text does not hold what it should.
    #[error("{what} is not valid PEM")]
    Pem {
        /// Which text.
        what: &'static str,
        /// Why it was refused.
        source: rustls_pki_types::pem::Error,
    },
    /// A PEM text holds no certificate.
    #[error("{0} holds no certificate")]
    Empty(&'static str),
    /// A certificate does not parse.
    #[error("certificate cannot be read")]
    Certificate,
    /// A text is not a pin.
    #[error("not a SHA-256 public key pin")]
    Pin,
    /// A key is of a kind that nothing is signed with.
    #[error("the private key is not a P-256 key")]
    Key,
    /// A signature is not one of the certificate's key over the message.
    #[error("the signature is not one of the certificate's key")]
    Signature,
    /// Key and certificate do not belong together, or rustls refuses one of them.
    #[error("TLS material was refused")]
    Rustls(#[from] rustls::Error),
    /// A verifier cannot be built from the given roots.
    #[error("trust roots were refused")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// Makes aws-lc-rs the process's provider. To be called first in every `main` and test; later calls do nothing.
pub fn install_provider() {
    // An error only says that a provider is installed already.
    let _ = aws_lc_rs::default_provider().install_default();
}

/// A certificate chain with its private key.
#[derive(Debug, Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads a chain (leaf first) and its key, and checks that they belong together.
    ///
    /// # Errors
    /// When either text is not PEM, the chain is empty, or the key is not the leaf's.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, Error> {
        let chain = certificates("certificate chain", chain)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|source| Error::Pem {
            what: "private key",
            source,
        })?;
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?;
        Ok(Self(Arc::new(certified)))
    }

    /// As [`from_pem`](Self::from_pem), with certificates (leaf first) and a PKCS #8 key in DER.
    ///
    /// # Errors
    /// When the chain is empty, or the key cannot be read or is not the leaf's.
    pub fn from_der(chain: &[Vec<u8>], key: &[u8]) -> Result<Self, Error> {
        if chain.is_empty() {
            return Err(Error::Empty("certificate chain"));
        }
        let chain = chain
            .iter()
            .map(|der| CertificateDer::from(der.clone()))
            .collect();
        let key = PrivateKeyDer::Pkcs8(key.to_vec().into());
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?;
        Ok(Self(Arc::new(certified)))
    }

    /// The leaf certificate, DER.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.0.cert.first().map_or(&[], |leaf| leaf.as_ref())
    }
}

/// Holds the identity of a server or a client and lets it be replaced while in use. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct IdentityCell(Arc<RwLock<Option<Identity>>>);

impl IdentityCell {
    /// A cell that presents this identity until it is replaced.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self(Arc::new(RwLock::new(Some(identity))))
    }

    /// Presents another identity from the next handshake on.
    pub fn replace(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// What is presented now.
    #[must_use]
    pub fn current(&self) -> Option<Identity> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ResolvesServerCert for IdentityCell {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current().map(|identity| identity.0)
    }
}

impl ResolvesClientCert for IdentityCell {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current().map(|identity| identity.0)
    }

    fn has_certs(&self) -> bool {
        self.current().is_some()
    }
}

/// The certificates of a PEM bundle as trust roots.
///
/// # Errors
/// When the text is not PEM, holds no certificate, or one that cannot be a root.
pub fn roots(bundle: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("CA bundle", bundle)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// Certificates in DER as trust roots.
///
/// # Errors
/// When there is none, or one cannot be a root.
pub fn roots_from_der(authorities: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    if authorities.is_empty() {
        return Err(Error::Empty("CA bundle"));
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.clone()))?;
    }
    Ok(roots)
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| Error::Pem { what, source })?;
    if certificates.is_empty() {
        Err(Error::Empty(what))
    } else {
        Ok(certificates)
    }
}

/// A server that presents `identity` and verifies client certificates against `client_roots`.
///
/// A client may present none (it has none before it has joined); what it may call then is the service's
/// decision. One that is expired by `clock`, unknown or not for client use fails the handshake.
///
/// # Errors
/// When the roots cannot be used.
pub fn server_config(
    identity: &IdentityCell,
    client_roots: RootCertStore,
    clock: Clock,
) -> Result<ServerConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(client_roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(identity.clone()));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// A client that trusts exactly `roots` and presents `identity` (nothing while the cell is empty). `clock` may
/// be behind, and tells by [`Clock::at_least`] what the caller knows to have passed.
///
/// # Errors
/// When there is no root, or rustls refuses the configuration.
pub fn client_config(
    roots: RootCertStore,
    identity: &IdentityCell,
    clock: Clock,
) -> Result<ClientConfig, Error> {
    let verifier = Arc::new(authority::AuthorityVerifier::new(roots)?);
    client(verifier, identity, clock)
}

/// A client without a certificate that trusts the one CA whose public key has the given pin: for joining,
/// when the CA's certificate is not known yet. The server must send that CA in its chain.
///
/// # Errors
/// When rustls refuses the configuration.
pub fn pinned_client_config(pin: SpkiPin, clock: Clock) -> Result<ClientConfig, Error> {
    let verifier = Arc::new(pin::PinnedVerifier::new(pin));
    client(verifier, &IdentityCell::default(), clock)
}

fn client(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: &IdentityCell,
    clock: Clock,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(identity.clone()));
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
