//! Errors of TLS material.

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
