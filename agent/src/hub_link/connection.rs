//! One connection: carries frames between the hub and the link, and ends when either side does.

use std::sync::Arc;

use futures::stream;
use stevedore_agent_core::session::{Connection, Event, FetchError};
use stevedore_proto::v1::hub_client::HubClient;
use stevedore_proto::{decode, transfer, v1};
use stevedore_proto_core::join::REASON_METADATA;
use stevedore_proto_core::{ContentRef, ToAgent, ToHub};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tonic::Status;
use tonic::transport::Channel;

use super::dial::{DialError, Dialer};
use crate::chain::chain;

/// What a connection tells the link.
#[derive(Debug)]
pub(super) enum ConnectionEvent {
    /// Something for the session machine.
    Event(Event),
    /// The same for a content that was fetched, and its room, which it needs until it is stored.
    Fetched(Event, Option<OwnedSemaphorePermit>),
    /// The connection is open; contents are fetched over it.
    Open(Connection, HubClient<Channel>),
    /// It could not be opened, or ended, and why.
    Ended(Connection, End),
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum End {
    /// The hub says that this agent's certificate has expired.
    CertificateExpired,
    /// Who answers is not of the authority that was joined; in words.
    ForeignHub(String),
    /// Anything else, in words.
    Broken(String),
}

impl From<DialError> for End {
    fn from(error: DialError) -> Self {
        match error {
            DialError::CertificateExpired => Self::CertificateExpired,
            DialError::ForeignHub { .. } => Self::ForeignHub(chain(&error)),
            _ => Self::Broken(chain(&error)),
        }
    }
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Broken(describe(&status))
    }
}

/// Opens a connection and carries frames until it ends.
pub(super) async fn run(
    connection: Connection,
    dialer: Dialer,
    redirect: Option<String>,
    outbound: mpsc::Receiver<ToHub>,
    events: mpsc::Sender<ConnectionEvent>,
) {
    let ended = carry(connection, dialer, redirect, outbound, &events).await;
    let why = match ended {
        Ok(()) => End::Broken("the hub ended the stream".to_owned()),
        Err(why) => why,
    };
    // The link is gone only when it stops, and then nobody needs to know.
    let _ = events.send(ConnectionEvent::Ended(connection, why)).await;
}

async fn carry(
    connection: Connection,
    dialer: Dialer,
    redirect: Option<String>,
    outbound: mpsc::Receiver<ToHub>,
    events: &mpsc::Sender<ConnectionEvent>,
) -> Result<(), End> {
    let clock = dialer.clock().own();
    let channel = dialer.connect(redirect.as_deref()).await?;
    let mut client = HubClient::new(channel)
        .max_decoding_message_size(stevedore_proto::TO_AGENT_MESSAGE)
        .max_encoding_message_size(stevedore_proto::TO_HUB_MESSAGE);
    let requests = stream::unfold(outbound, move |mut outbound| async move {
        let mut message = outbound.recv().await?;
        if let ToHub::Hello(hello) = &mut message {
            hello.time = Some(clock.unix_millis());
        }
        Some((v1::ToHub::from(message), outbound))
    });
    let mut inbound = client.session(requests).await?.into_inner();
    let gone = |_| End::Broken("the link stopped".to_owned());
    events
        .send(ConnectionEvent::Open(connection, client))
        .await
        .map_err(gone)?;
    while let Some(message) = inbound.message().await? {
        match ToAgent::try_from(message) {
            Ok(message) => {
                let event = Event::Message(connection, message);
                events
                    .send(ConnectionEvent::Event(event))
                    .await
                    .map_err(gone)?;
            }
            Err(decode::Error::UnknownMessage) => {
                tracing::debug!("a message of a newer hub was skipped");
            }
            Err(error) => {
                let why = format!("the hub sent what cannot be read: {error}");
                return Err(End::Broken(why));
            }
        }
    }
    Ok(())
}

/// Fetches a content and checks it against its digest.
pub(super) async fn fetch(
    client: Option<HubClient<Channel>>,
    content: ContentRef,
) -> Result<Arc<[u8]>, FetchError> {
    let failed = |message: String| FetchError { message };
    let mut client =
        client.ok_or_else(|| failed("there is no connection to the hub".to_owned()))?;
    let mut unpacker =
        transfer::Unpacker::new(content).map_err(|error| failed(error.to_string()))?;
    let request = v1::ContentRequest {
        digest: content.digest.as_bytes().to_vec().into(),
    };
    let mut chunks = client
        .content(request)
        .await
        .map_err(|status| failed(describe(&status)))?
        .into_inner();
    while let Some(chunk) = chunks
        .message()
        .await
        .map_err(|status| failed(describe(&status)))?
    {
        unpacker
            .push(&chunk.data)
            .map_err(|error| failed(error.to_string()))?;
    }
    // Decompressing and hashing up to 16 MiB must not hold up the session.
    tokio::task::spawn_blocking(move || unpacker.finish())
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(chain(&error)))
}

/// A status for people: the hub's reason and message, or what failed on the way.
fn describe(status: &Status) -> String {
    match status
        .metadata()
        .get(REASON_METADATA)
        .and_then(|reason| reason.to_str().ok())
    {
        Some(reason) => format!("{reason}: {}", status.message()),
        None => chain(status),
    }
}
