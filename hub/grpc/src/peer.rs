//! A TLS connection that knows who is at the other end and when it must end.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;
use tonic::{Request, Status};

use crate::identity::{self, ClusterIdentity};
use crate::status_code;

/// Who made a connection; in the extensions of every request on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) identity: Result<ClusterIdentity, identity::Error>,
}

/// A connection that fails from its deadline on.
pub(crate) struct PeerStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    deadline: Pin<Box<Sleep>>,
    /// Its place among those without a certificate.
    _room: Option<OwnedSemaphorePermit>,
}

impl PeerStream {
    pub(crate) fn new(
        stream: TlsStream<TcpStream>,
        peer: Peer,
        deadline: Instant,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            _room: room,
            stream,
            peer,
            deadline: Box::pin(tokio::time::sleep_until(deadline)),
        }
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
        if self.deadline.as_mut().poll(cx).is_ready() {
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
}
