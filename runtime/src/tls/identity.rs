//! Identities: certificate chains with their keys, and cells in which a running process replaces its own.

use std::sync::Arc;

use parking_lot::RwLock;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificates::certificates;
use super::error::Error;

/// A certificate chain with its private key.
#[derive(Debug, Clone)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

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
        *self.0.write() = Some(identity);
    }

    /// What is presented now.
    #[must_use]
    pub fn current(&self) -> Option<Identity> {
        self.0.read().clone()
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
