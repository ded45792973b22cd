//! The service that carries sessions and contents. Every call needs a member's certificate.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use stevedore_hub_core::ports::ContentError;
use stevedore_hub_core::session::Bucket;
use stevedore_proto::{decode, v1};
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{Digest, Millis, ToAgent, ToHub};
use stevedore_runtime::clock::Clock;
use stevedore_runtime::retry;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::content::{Chunks, Packed};
use crate::identity::ClusterIdentity;
use crate::peer::Peer;
use crate::session::{Frame, FrameReceiver, OpenStream, Sessions};
use crate::status_code;

/// Messages of one agent that are read per second.
const MESSAGES_PER_SECOND: u64 = 500;
/// Milliseconds' worth of messages that are read at once: a member with very many deployments starts with them.
const MESSAGES_BURST: Millis = 10_000;

/// The service behind `stevedore.agent.v1.Hub`.
pub(crate) struct HubService {
    sessions: Sessions,
    packed: Arc<Packed>,
    tasks: Tasks,
    stream_age: Duration,
    clock: Clock,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl HubService {
    pub(crate) fn new(
        sessions: Sessions,
        tasks: Tasks,
        stream_age: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            sessions,
            packed: Arc::default(),
            tasks: tasks.owner("session"),
            stream_age,
            clock,
        }
    }

    /// When a stream of this member must end.
    fn deadline(&self, identity: &ClusterIdentity) -> Instant {
        let age = retry::spread(self.stream_age, 10, rand::random());
        Instant::now() + age.min(self.clock.until(identity.not_after()))
    }

    /// Starts to carry an opened stream; what comes back is written to the agent.
    fn carry(
        &self,
        identity: &ClusterIdentity,
        inbound: Streaming<v1::ToHub>,
        stream: OpenStream,
        frames: FrameReceiver,
    ) -> Answers<v1::ToAgent> {
        // One place for the close that ends the stream from this side.
        let (close_now, closing) = mpsc::channel(1);
        let (gone_guard, gone) = oneshot::channel::<()>();
        let deadline = self.deadline(identity);
        let _ = self.tasks.spawn(identity.cluster(), async move {
            tokio::select! {
                broken = receive(inbound, &stream) => {
                    if let Some(close) = broken {
                        let _ = close_now.send(close).await;
                    }
                }
                () = tokio::time::sleep_until(deadline) => {
                    let old = Close::new(CloseReason::GoingAway, "the connection is as old as it may get", 0);
                    let _ = close_now.send(old).await;
                }
                // The other direction ended or was dropped: so does this one.
                _ = gone => {}
            }
            stream.close().await;
        });
        Box::pin(answers(frames, closing, gone_guard, self.clock))
    }
}

/// Hands frames to the member's task until the agent ends its side; a close is what the agent is told when
/// it broke the protocol.
async fn receive(mut inbound: Streaming<v1::ToHub>, stream: &OpenStream) -> Option<Close> {
    let (mut bucket, opened) = (
        Bucket::new(MESSAGES_PER_SECOND, MESSAGES_BURST),
        Instant::now(),
    );
    loop {
        // Messages beyond this rate wait in the flow-control window of their own stream.
        let now = Millis::try_from(opened.elapsed().as_millis()).unwrap_or(Millis::MAX);
        if let Err(wait) = bucket.take(now) {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            continue;
        }
        let message = match inbound.message().await {
            Ok(Some(message)) => message,
            Ok(None) => return None,
            Err(status) => {
                let too_large =
                    status.code() == Code::OutOfRange || status.code() == Code::ResourceExhausted;
                let broken = || Close::new(CloseReason::ProtocolError, status.message(), 0);
                return too_large.then(broken);
            }
        };
        match ToHub::try_from(message) {
            Ok(message) => {
                if !stream.received(message).await {
                    return None;
                }
            }
            Err(decode::Error::UnknownMessage) => {
                tracing::debug!("a message of a newer agent was skipped");
            }
            Err(error) => {
                tracing::warn!(%error, "a member sent what cannot be read");
                return Some(Close::new(CloseReason::ProtocolError, error.to_string(), 0));
            }
        }
    }
}

/// What is written to the agent: the member task's frames, or one close. Nothing follows a close.
fn answers(
    frames: FrameReceiver,
    closing: mpsc::Receiver<Close>,
    gone_guard: oneshot::Sender<()>,
    clock: Clock,
) -> impl Stream<Item = Result<v1::ToAgent, Status>> + Send {
    struct State {
        frames: FrameReceiver,
        closing: mpsc::Receiver<Close>,
        ended: bool,
        /// Dropped with the stream: tells the receiving side.
        _gone: oneshot::Sender<()>,
    }
    let state = State {
        frames,
        closing,
        ended: false,
        _gone: gone_guard,
    };
    stream::unfold(state, move |mut state| async move {
        if state.ended {
            return None;
        }
        let mut message = tokio::select! {
            biased;
            frame = state.frames.recv() => frame.map(Frame::into_message)?,
            Some(close) = state.closing.recv() => ToAgent::Close(close),
        };
        state.ended = matches!(message, ToAgent::Close(_));
        if let ToAgent::Welcome(welcome) = &mut message {
            welcome.time = Some(clock.unix_millis());
        }
        Some((Ok(v1::ToAgent::from(message)), state))
    })
}

fn chunks(packed: Chunks) -> impl Stream<Item = Result<v1::ContentChunk, Status>> + Send {
    stream::iter(0..packed.len()).map(move |at| {
        Ok(v1::ContentChunk {
            data: packed[at].clone(),
        })
    })
}

#[tonic::async_trait]
impl v1::hub_server::Hub for HubService {
    type SessionStream = Answers<v1::ToAgent>;
    type ContentStream = Answers<v1::ContentChunk>;

    async fn session(
        &self,
        request: Request<Streaming<v1::ToHub>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let identity = Peer::of(&request)?;
        let answers: Self::SessionStream = match self.sessions.open(identity).await {
            Ok((stream, frames)) => self.carry(&identity, request.into_inner(), stream, frames),
            Err(close) => {
                self.sessions.metrics().refused(&close.reason);
                tracing::info!(cluster = %identity.cluster(), reason = close.reason.as_str(), "session refused");
                Box::pin(stream::iter([Ok(v1::ToAgent::from(ToAgent::Close(close)))]))
            }
        };
        Ok(Response::new(answers))
    }

    async fn content(
        &self,
        request: Request<v1::ContentRequest>,
    ) -> Result<Response<Self::ContentStream>, Status> {
        let identity = Peer::of(&request)?;
        let ports = self.sessions.ports();
        ports
            .members
            .admit(identity.cluster(), identity.member())
            .map_err(|close| status_code::closed(&close))?;
        let digest: [u8; 32] = request.get_ref().digest.as_ref().try_into().map_err(|_| {
            status_code::refusal(
                Code::InvalidArgument,
                "InvalidRequest",
                "the digest is not 32 bytes",
            )
        })?;
        let digest = Digest::from_bytes(digest);
        // The same answer for what does not exist and for what is another cluster's.
        let named = ports
            .orders
            .of(identity.cluster())
            .is_some_and(|orders| orders.may_fetch(&digest));
        if !named {
            self.sessions.metrics().contents_refused.inc();
            tracing::warn!(cluster = %identity.cluster(), %digest, "a cluster asked for content that no order of it names");
            let message = "no order of this cluster names this content";
            return Err(status_code::refusal(
                Code::NotFound,
                "ContentMissing",
                message,
            ));
        }
        let packed = self
            .packed
            .get(digest, ports.orders.as_ref())
            .await
            .map_err(|error| {
                if error == ContentError::Missing {
                    self.sessions.content_gone(identity.cluster(), digest);
                }
                status_code::no_content(&error)
            })?;
        self.sessions.metrics().contents.inc();
        Ok(Response::new(Box::pin(chunks(packed))))
    }
}
