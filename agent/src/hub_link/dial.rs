//! Connections to the hub: TCP, TLS 1.3 with pinned trust, HTTP/2.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use stevedore_runtime::clock::Clock;
use stevedore_runtime::tls::{self, Identity, IdentityCell};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::credentials::Credentials;

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
    /// The connection failed.
    #[error("{address} cannot be reached")]
    Connect {
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
    replaced: Notify,
}

impl Dialer {
    /// A dialer for these credentials.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self(Arc::new(Shared {
            credentials: RwLock::new(credentials),
            replaced: Notify::new(),
        }))
    }

    /// The present credentials.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.0
            .credentials
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Uses other credentials from the next connection on.
    pub fn replace(&self, credentials: Credentials) {
        let present = self.0.credentials.write();
        *present.unwrap_or_else(PoisonError::into_inner) = credentials;
        self.0.replaced.notify_one();
    }

    /// Ends when other credentials are used than the last time that this ended. For one who waits.
    pub(super) async fn replaced(&self) {
        self.0.replaced.notified().await;
    }

    /// Opens a connection as this member: to the redirect, or to the first address that answers.
    ///
    /// # Errors
    /// The failure of the last address tried.
    pub async fn connect(&self, redirect: Option<&str>) -> Result<Channel, DialError> {
        let credentials = self.credentials();
        let identity = Identity::from_der(&credentials.chain, &credentials.key)?;
        let roots = tls::roots_from_der(&credentials.authorities)?;
        let config = tls::client_config(roots, &IdentityCell::new(identity), Clock::SYSTEM)?;
        let addresses =
            redirect.map_or(credentials.addresses, |redirect| vec![redirect.to_owned()]);
        connect_any(&addresses, config).await
    }
}

/// The first address that answers.
pub(super) async fn connect_any(
    addresses: &[String],
    config: ClientConfig,
) -> Result<Channel, DialError> {
    let config = Arc::new(config);
    let mut failed = DialError::NoAddress;
    for address in addresses {
        match connect(address, Arc::clone(&config)).await {
            Ok(channel) => return Ok(channel),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect(address: &str, config: Arc<ClientConfig>) -> Result<Channel, DialError> {
    let malformed = || DialError::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    port.parse::<u16>().map_err(|_| malformed())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| malformed())?;
    // TLS is made by the connector below; the scheme only names what runs inside.
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|_| malformed())?
        .connect_timeout(CONNECT_WITHIN)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true);
    let connector = TlsConnector::from(config);
    let target = address.to_owned();
    let service = tower::service_fn(move |_| {
        let (connector, name, target) = (connector.clone(), name.clone(), target.clone());
        async move {
            let tcp = TcpStream::connect(target).await?;
            tcp.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(connector.connect(name, tcp).await?))
        }
    });
    endpoint
        .connect_with_connector(service)
        .await
        .map_err(|source| DialError::Connect {
            address: address.to_owned(),
            source,
        })
}
