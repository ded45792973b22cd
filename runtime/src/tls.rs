//! TLS 1.3 as both daemons use it: one provider, pinned roots, certificates that are replaced while running.
//!
//! # Guarantees
//! * TLS 1.3 only, with aws-lc-rs; HTTP/2 by ALPN.
//! * No session is resumed: a resumed one could outlive a revocation or a change of the CA.
//! * A replaced certificate is used from the next handshake on; open connections are not touched.
//! * A client trusts the given CA certificates and nothing of the operating system's. Its clock may be behind,
//!   see `authority`.

mod authority;
mod certificates;
mod error;
mod identity;
mod pin;
mod proof;

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};

use crate::clock::Clock;
use authority::AuthorityVerifier;

pub use certificates::{roots, roots_from_der};
pub use error::Error;
pub use identity::{Identity, IdentityCell};
pub use pin::SpkiPin;
pub use proof::{ChannelBinding, ClientVerifier, verify_signature};

/// Makes aws-lc-rs the process's provider. To be called first in every `main` and test; later calls do nothing.
pub fn install_provider() {
    // An error only says that a provider is installed already.
    let _ = aws_lc_rs::default_provider().install_default();
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
    client(AuthorityVerifier::of_roots(roots)?, identity, clock)
}

/// A client without a certificate that trusts the one CA whose public key has the given pin: for joining,
/// when the CA's certificate is not known yet. The server must send that CA in its chain.
///
/// # Errors
/// When rustls refuses the configuration.
pub fn pinned_client_config(pin: SpkiPin, clock: Clock) -> Result<ClientConfig, Error> {
    client(
        AuthorityVerifier::of_pin(pin),
        &IdentityCell::default(),
        clock,
    )
}

fn client(
    verifier: AuthorityVerifier,
    identity: &IdentityCell,
    clock: Clock,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(identity.clone()));
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
