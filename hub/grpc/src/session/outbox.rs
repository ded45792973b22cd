//! Frames on their way to one stream.

use std::sync::Arc;

use stevedore_proto_core::message::OrderMessage;
use stevedore_proto_core::{Order, ToAgent};
use tokio::sync::mpsc;

/// Frames that wait for the stream; one more is an overflow.
const OUTBOX: usize = 64;

/// One frame for a stream. Orders share their parts until they are written.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A message as it is.
    Message(Box<ToAgent>),
    /// An order.
    Order {
        /// The order.
        order: Arc<Order>,
        /// Its content, when it travels inline.
        content: Option<Arc<[u8]>>,
    },
}

/// The sending side, held by the member's task. Dropping it ends the stream after what was queued.
#[derive(Debug)]
pub(crate) struct Outbox(mpsc::Sender<Frame>);

/// The receiving side, held by the stream.
pub(crate) type FrameReceiver = mpsc::Receiver<Frame>;

pub(crate) fn channel() -> (Outbox, FrameReceiver) {
    let (sender, receiver) = mpsc::channel(OUTBOX);
    (Outbox(sender), receiver)
}

impl Outbox {
    /// Queues a frame; false when there is no room. A stream that is gone takes everything: its end is on
    /// the way to the task.
    pub(crate) fn push(&self, frame: Frame) -> bool {
        !matches!(
            self.0.try_send(frame),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }
}

impl Frame {
    /// The message to be written.
    pub(crate) fn into_message(self) -> ToAgent {
        match self {
            Frame::Message(message) => *message,
            Frame::Order { order, content } => ToAgent::Order(Box::new(OrderMessage {
                traceparent: Some(order.traceparent()),
                order: Arc::unwrap_or_clone(order),
                content,
            })),
        }
    }
}
