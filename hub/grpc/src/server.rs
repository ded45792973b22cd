//! The hub's port for agents: one TLS 1.3 listener for joining, sessions and content.
//!
//! # Limits
//! | What | Limit |
//! |---|---|
//! | handshakes at once, time for one | [`HANDSHAKES`], [`HANDSHAKE_WITHIN`] |
//! | connections without a certificate at once, life of one | [`ANONYMOUS`], [`ANONYMOUS_FOR`] |
//! | connection of a member | its certificate's end and [`GRACE`], and its membership, asked every [`RECHECK`] |
//! | connections of members that are not admitted | as those without a certificate |
//! | streams of a connection, header list | [`STREAMS`], [`HEADERS`] |
//! | message of an agent | 256 KiB; of a joining one [`ENROLMENT_MESSAGE`] |

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use stevedore_hub_core::ports::{Enrolments, Members};
use stevedore_proto::v1::enrolment_server::EnrolmentServer;
use stevedore_proto::v1::hub_server::HubServer;
use stevedore_runtime::clock::Clock;
use stevedore_runtime::retry;
use stevedore_runtime::supervise::Tasks;
use stevedore_runtime::tls::{self, ChannelBinding, Identity, IdentityCell};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tonic::transport::server::Router;

use crate::enrolment::Enrolment;
use crate::hub_service::HubService;
use crate::identity::ClusterIdentity;
use crate::metrics::Metrics;
use crate::peer::{Life, Membership, Peer, PeerStream};
use crate::pki::{self, Authority};
use crate::session::Sessions;

/// Handshakes at once; more wait in the listener's queue.
pub const HANDSHAKES: usize = 256;
/// Time for one handshake.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Life of a connection without a certificate: enough to join.
pub const ANONYMOUS_FOR: Duration = Duration::from_secs(60);
/// Time between two checks whether the member of an open connection is still admitted. Sessions end sooner and every
/// call is checked; this is for connections that stay open without calls.
pub const RECHECK: Duration = Duration::from_secs(60);
/// Connections without a certificate at once; more are cut.
pub const ANONYMOUS: usize = 512;
/// Time for streams to end after their certificate did, before the connection is cut.
pub const GRACE: Duration = Duration::from_secs(5);
/// Streams of one connection at once.
pub const STREAMS: u32 = 8;
/// Bytes of a request's headers.
pub const HEADERS: u32 = 16 * 1024;
/// Most bytes of a message on the enrolment service.
pub const ENROLMENT_MESSAGE: usize = 32 * 1024;

const KEEPALIVE: Duration = Duration::from_secs(20);
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// DNS names and IP addresses agents reach this hub by; they are in its certificate.
    pub names: Vec<String>,
    /// Lifetime of members' certificates in seconds.
    pub member_seconds: u32,
    /// Longest life of a session's stream; spread by 10 %.
    pub stream_age: Duration,
    /// Time between two checks whether the member of an open connection is still admitted.
    pub recheck: Duration,
    /// What certificates are dated and verified by.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            member_seconds: pki::MEMBER_SECONDS,
            stream_age: Duration::from_secs(3600),
            recheck: RECHECK,
            clock: Clock::SYSTEM,
        }
    }
}

/// The server could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server's certificate cannot be made.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// The server, bound but not yet serving.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the port, so that a busy one fails the start and not a task later.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let fail = |source| Error::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Self { listener, address })
    }

    /// The bound address (with the port that was picked when 0 was asked for).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until shutdown, as essential tasks. The server's own certificate is made by `authority` and made
    /// anew after a third of its life.
    ///
    /// # Errors
    /// When the certificate cannot be made for the names in `settings`.
    pub fn serve(
        self,
        tasks: &Tasks,
        authority: Arc<Authority>,
        enrolments: Arc<dyn Enrolments>,
        sessions: Sessions,
        settings: Settings,
    ) -> Result<(), Error> {
        let tasks = tasks.owner("grpc");
        let clock = settings.clock;
        let identity = IdentityCell::new(server_identity(&authority, &settings)?);
        let roots = tls::roots(authority.certificate())?;
        let config = tls::server_config(&identity, roots, clock)?;
        let (accepted, connections) = mpsc::channel(HANDSHAKES);
        let handshakes = Handshakes {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            accepted,
            anonymous: Arc::new(Semaphore::new(ANONYMOUS)),
            members: Arc::clone(&sessions.ports().members),
            recheck: settings.recheck,
            clock,
            metrics: sessions.metrics(),
        };
        let enrolment = Enrolment::new(
            Arc::clone(&authority),
            enrolments,
            sessions.ports(),
            settings.member_seconds,
            clock,
            sessions.metrics(),
        )?;
        let hub = HubService::new(sessions, tasks.clone(), settings.stream_age, clock);

        let certificate = keep_certificate(identity, authority, settings);
        tasks.try_until_shutdown("certificate", certificate);
        let accept = accept(self.listener, handshakes, tasks.owner("handshake"));
        tasks.run_until_shutdown("accept", accept);
        let serve = services(enrolment, hub).serve_with_incoming_shutdown(
            incoming(connections),
            tasks.shutdown().cancelled_owned(),
        );
        tasks.essential("serve", serve);
        Ok(())
    }
}

/// The services of this port, and what a connection to them may cost.
fn services(enrolment: Enrolment, hub: HubService) -> Router {
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .http2_max_header_list_size(HEADERS)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(
            EnrolmentServer::new(enrolment)
                .max_decoding_message_size(ENROLMENT_MESSAGE)
                .max_encoding_message_size(stevedore_proto::TO_AGENT_MESSAGE),
        )
        .add_service(
            HubServer::new(hub)
                .max_decoding_message_size(stevedore_proto::TO_HUB_MESSAGE)
                .max_encoding_message_size(stevedore_proto::TO_AGENT_MESSAGE),
        )
}

/// Connections whose handshake succeeded.
fn incoming(
    mut connections: mpsc::Receiver<PeerStream>,
) -> impl Stream<Item = io::Result<PeerStream>> {
    stream::poll_fn(move |cx| connections.poll_recv(cx)).map(Ok)
}

fn server_identity(authority: &Authority, settings: &Settings) -> Result<Identity, Error> {
    let now = settings.clock.unix();
    let material = authority.issue_server(&settings.names, now, pki::SERVER_SECONDS)?;
    Ok(Identity::from_pem(&material.chain, &material.key)?)
}

/// Makes the server's certificate anew whenever a third of its life has passed on the monotonic clock.
async fn keep_certificate(
    identity: IdentityCell,
    authority: Arc<Authority>,
    settings: Settings,
) -> Result<(), Error> {
    let third = Duration::from_secs(u64::from(pki::SERVER_SECONDS) / 3);
    loop {
        tokio::time::sleep(third).await;
        identity.replace(server_identity(&authority, &settings)?);
        tracing::info!("the hub's server certificate was renewed");
    }
}

/// What a handshake needs.
#[derive(Clone)]
struct Handshakes {
    acceptor: TlsAcceptor,
    accepted: mpsc::Sender<PeerStream>,
    anonymous: Arc<Semaphore>,
    members: Arc<dyn Members>,
    recheck: Duration,
    clock: Clock,
    metrics: Metrics,
}

/// Takes connections and shakes hands, at most [`HANDSHAKES`] at once.
async fn accept(listener: TcpListener, handshakes: Handshakes, tasks: Tasks) {
    let room = Arc::new(Semaphore::new(HANDSHAKES));
    let mut failures = retry::Delays::new(retry::Schedule::OPERATION);
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        let permit = permit.expect("nobody closes this semaphore");
        match listener.accept().await {
            Ok((tcp, address)) => {
                failures.reset();
                let _ = tasks.spawn(address, handshakes.clone().shake(tcp, permit));
            }
            // Out of file descriptors, or the peer is gone already: the listener itself stays good.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(failures.next(rand::random())).await;
            }
        }
    }
}

impl Handshakes {
    async fn shake(self, tcp: TcpStream, permit: OwnedSemaphorePermit) {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before its handshake");
            return;
        }
        let shaken = tokio::time::timeout(HANDSHAKE_WITHIN, self.acceptor.accept(tcp)).await;
        let stream = match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => stream,
            Err(error) => {
                self.metrics.handshakes_failed.inc();
                tracing::info!(%error, "a TLS handshake failed");
                return;
            }
        };
        let connection = stream.get_ref().1;
        let Ok(binding) = ChannelBinding::of(connection) else {
            self.metrics.handshakes_failed.inc();
            return;
        };
        let identity = ClusterIdentity::from_peer(connection.peer_certificates());
        let peer = Peer { identity, binding };
        let membership = identity.ok().map(|identity| Membership {
            identity,
            members: self.members,
            interval: self.recheck,
        });
        let (membership, room) = match membership.filter(Membership::holds) {
            Some(membership) => (Some(membership), None),
            // Its first call tells it why. Until then it takes room as a connection without a certificate does.
            None => {
                let Ok(room) = self.anonymous.try_acquire_owned() else {
                    self.metrics.anonymous_cut.inc();
                    return;
                };
                (None, Some(room))
            }
        };
        let life = match &membership {
            Some(member) => {
                let left = self.clock.until(member.identity.not_after());
                left.saturating_add(GRACE)
            }
            None => ANONYMOUS_FOR,
        };
        let until = Instant::now() + life;
        drop(permit);
        let stream = PeerStream::new(stream, peer, Life { until, membership }, room);
        // The receiver is gone only at shutdown.
        let _ = self.accepted.send(stream).await;
    }
}
