//! A TLS connection that knows who is at the other end and when it must end.
//!
//! A member's connection outlives neither its certificate nor its membership, which is checked at intervals while it
//! is open, also when no call is made on it.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use stevedore_hub_core::ports::Members;
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_runtime::tls::ChannelBinding;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;
use tonic::{Request, Status};

use crate::identity::{self, ClusterIdentity};
use crate::status_code;

/// Who made a connection, and what the connection is known by; in the extensions of every request on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) identity: Result<ClusterIdentity, identity::Error>,
    pub(crate) binding: ChannelBinding,
}

/// How long a connection may last.
pub(crate) struct Life {
    /// When it ends whatever happens.
    pub(crate) until: Instant,
    /// While this holds it goes on; asked again after its interval. Absent without a member.
    pub(crate) membership: Option<Membership>,
}

/// Whether a member may still take part.
pub(crate) struct Membership {
    pub(crate) identity: ClusterIdentity,
    pub(crate) members: Arc<dyn Members>,
    /// Time between two questions.
    pub(crate) interval: Duration,
}

/// A connection that fails when its life is over.
pub(crate) struct PeerStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    life: Life,
    /// When to check again whether it is over.
    check: Pin<Box<Sleep>>,
    /// Its place among those without a certificate.
    _room: Option<OwnedSemaphorePermit>,
}

impl PeerStream {
    pub(crate) fn new(
        stream: TlsStream<TcpStream>,
        peer: Peer,
        life: Life,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let check = tokio::time::sleep_until(life.next_check(Instant::now()));
        Self {
            _room: room,
            stream,
            peer,
            life,
            check: Box::pin(check),
        }
    }

    /// Whether its life is over now; otherwise this task is woken when that is to be asked again.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.check.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if self.life.is_over(now) {
                return true;
            }
            self.check.as_mut().reset(self.life.next_check(now));
        }
        false
    }
}

impl Life {
    fn next_check(&self, now: Instant) -> Instant {
        match &self.membership {
            Some(membership) => self.until.min(now + membership.interval),
            None => self.until,
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        let is_member = |membership: &Membership| membership.holds();
        now >= self.until || !self.membership.as_ref().is_none_or(is_member)
    }
}

impl Membership {
    /// False when only a person can change it: a hub that is starting, or does not lead, refuses each call by
    /// itself.
    pub(crate) fn holds(&self) -> bool {
        let (cluster, member) = (self.identity.cluster(), self.identity.member());
        !matches!(
            self.members.admit(cluster, member),
            Err(Close {
                reason: CloseReason::Revoked | CloseReason::NotAccepted,
                ..
            })
        )
    }
}

impl Connected for PeerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Peer {
    /// The member behind a request.
    ///
    /// # Errors
    /// `Unauthenticated` when the connection has no member's certificate.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<ClusterIdentity, Status> {
        let peer = request.extensions().get::<Peer>();
        peer.map_or(Err(identity::Error::Missing), |peer| peer.identity)
            .map_err(status_code::unidentified)
    }

    /// What the connection behind a request is known by.
    ///
    /// # Errors
    /// `Internal` for a request that did not come over TLS; there is none.
    pub(crate) fn binding<T>(request: &Request<T>) -> Result<ChannelBinding, Status> {
        let peer = request.extensions().get::<Peer>();
        peer.map(|peer| peer.binding)
            .ok_or_else(|| Status::internal("the connection is not known"))
    }
}
