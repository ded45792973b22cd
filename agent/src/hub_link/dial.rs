//! Connections to the hub: TCP, TLS 1.3 with pinned trust, HTTP/2.
//!
//! A connection counts as open when the hub has spoken on it. In TLS 1.3 a client only learns with the first bytes
//! it reads whether its certificate was accepted; that the hub calls it expired is an answer of its own here,
//! because the agent can do something about it. Only a hub that TLS has verified can say so.
//!
//! A connection that ends is not made again behind the caller's back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use parking_lot::{Mutex, RwLock};
use rustls::{AlertDescription, CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use stevedore_runtime::tls::{self, ChannelBinding, Identity, IdentityCell};
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use super::credentials::Credentials;
use super::hub_clock::HubClock;

/// Time for TCP and TLS together, for each address.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// Why the hub could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// An address is not `host:port`.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String),
    /// There is no address.
    #[error("no address of the hub is known")]
    NoAddress,
    /// The identity or the trusted authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The hub says that this agent's certificate has expired, or is not valid yet: both by the hub's clock.
    #[error("the hub does not take this agent's certificate any more: it has expired")]
    CertificateExpired,
    /// Who answers is not of the authority that this agent trusts.
    #[error(
        "the hub at {address} is not of the authority that this cluster has joined: it was set up anew, or somebody answers in its place"
    )]
    ForeignHub {
        /// The address tried.
        address: String,
        /// What TLS says.
        source: io::Error,
    },
    /// The hub's certificate has expired by this member's clock.
    #[error(
        "the certificate of the hub at {address} has expired by the clock of this member; if the clock is wrong, set it"
    )]
    HubExpired {
        /// The address tried.
        address: String,
        /// What TLS says.
        source: io::Error,
    },
    /// The connection failed.
    #[error("{address} cannot be reached")]
    Connect {
        /// The address tried.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It is a connection, but not one for HTTP/2.
    #[error("{address} does not speak as a hub does")]
    Http {
        /// The address tried.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
}

/// Dials the hub with the present credentials. Clones share them, so that a renewal reaches all.
#[derive(Debug, Clone)]
pub struct Dialer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    credentials: RwLock<Credentials>,
    clock: HubClock,
    replaced: Notify,
}

impl Dialer {
    /// A dialer for these credentials.
    #[must_use]
    pub fn new(credentials: Credentials, clock: HubClock) -> Self {
        Self(Arc::new(Shared {
            credentials: RwLock::new(credentials),
            clock,
            replaced: Notify::new(),
        }))
    }

    /// The present credentials.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.0.credentials.read().clone()
    }

    /// The clocks of this agent and its hub.
    pub(super) fn clock(&self) -> &HubClock {
        &self.0.clock
    }

    /// Uses other credentials from the next connection on.
    pub fn replace(&self, credentials: Credentials) {
        *self.0.credentials.write() = credentials;
        self.0.replaced.notify_one();
    }

    /// Ends when other credentials are used than the last time that this ended. For one who waits.
    pub(super) async fn replaced(&self) {
        self.0.replaced.notified().await;
    }

    /// Opens a connection as this member: to the redirect, or to the first address that answers.
    ///
    /// # Errors
    /// The failure of the last address tried; an expired certificate is not tried a second time.
    pub async fn connect(&self, redirect: Option<&str>) -> Result<Channel, DialError> {
        let credentials = self.credentials();
        let identity = Identity::from_der(&credentials.chain, &credentials.key)?;
        let config = self.config(&credentials, &IdentityCell::new(identity))?;
        let addresses =
            redirect.map_or(credentials.addresses, |redirect| vec![redirect.to_owned()]);
        let (channel, _) = connect_any(&addresses, config).await?;
        Ok(channel)
    }

    /// Opens a connection to the hub that this cluster has joined, without a certificate; and what it is known by.
    pub(super) async fn connect_bare(&self) -> Result<(Channel, ChannelBinding), DialError> {
        let credentials = self.credentials();
        let config = self.config(&credentials, &IdentityCell::default())?;
        connect_any(&credentials.addresses, config).await
    }

    /// The beginning of the own certificate has passed, whatever the clock shows.
    fn config(
        &self,
        credentials: &Credentials,
        identity: &IdentityCell,
    ) -> Result<ClientConfig, DialError> {
        let roots = tls::roots_from_der(&credentials.authorities)?;
        let begun = credentials
            .validity()
            .map_or(0, |validity| validity.not_before);
        let clock = self.0.clock.own().at_least(begun);
        Ok(tls::client_config(roots, identity, clock)?)
    }
}

/// A connection to the first address that answers, and what it is known by.
pub(super) async fn connect_any(
    addresses: &[String],
    config: ClientConfig,
) -> Result<(Channel, ChannelBinding), DialError> {
    let config = Arc::new(config);
    let mut failed = DialError::NoAddress;
    for address in addresses {
        match connect(address, Arc::clone(&config)).await {
            Ok(connection) => return Ok(connection),
            Err(DialError::CertificateExpired) => return Err(DialError::CertificateExpired),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect(
    address: &str,
    config: Arc<ClientConfig>,
) -> Result<(Channel, ChannelBinding), DialError> {
    let malformed = || DialError::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    port.parse::<u16>().map_err(|_| malformed())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| malformed())?;
    // TLS is made before; the scheme only names what runs inside.
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| malformed())?;
    let stream = timeout(CONNECT_WITHIN, open(address, name, config))
        .await
        .unwrap_or_else(|_| Err(failed(address, io::ErrorKind::TimedOut.into())))?;
    let binding = ChannelBinding::of(stream.get_ref().1)?;
    let channel = http2(endpoint, stream)
        .await
        .map_err(|source| DialError::Http {
            address: address.to_owned(),
            source,
        })?;
    Ok((channel, binding))
}

/// TCP and TLS, until the hub has said the first thing: that it takes the certificate.
async fn open(
    address: &str,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, DialError> {
    let failed = |source| failed(address, source);
    let tcp = TcpStream::connect(address).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    let mut stream = handshake.await.map_err(failed)?;
    // Who speaks from here on has proven to be the hub. An alert before that may be anybody's.
    let spoken = stream.fill_buf().await.map(|bytes| !bytes.is_empty());
    match spoken {
        Ok(true) => Ok(stream),
        Ok(false) => Err(failed(io::ErrorKind::UnexpectedEof.into())),
        Err(error) if is_expiry(&error) => Err(DialError::CertificateExpired),
        Err(error) => Err(failed(error)),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn is_expiry(error: &io::Error) -> bool {
    let expired = rustls::Error::AlertReceived(AlertDescription::CertificateExpired);
    tls_error(error) == Some(&expired)
}

/// What it means that TCP or TLS failed.
fn failed(address: &str, source: io::Error) -> DialError {
    let address = address.to_owned();
    match tls_error(&source) {
        // All hubs' authorities have one name, so another one's signature is what does not fit.
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => DialError::ForeignHub { address, source },
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => DialError::HubExpired { address, source },
        _ => DialError::Connect { address, source },
    }
}

/// HTTP/2 over this one connection.
async fn http2(
    endpoint: Endpoint,
    stream: TlsStream<TcpStream>,
) -> Result<Channel, tonic::transport::Error> {
    let once = Arc::new(Mutex::new(Some(TokioIo::new(stream))));
    let service = tower::service_fn(move |_| {
        let stream = once.lock().take();
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    endpoint
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector(service)
        .await
}
