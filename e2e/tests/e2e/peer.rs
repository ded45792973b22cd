//! A client with a member's own certificate that is no agent: it asks for what an agent would not.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use stevedore_agent::hub_link::{Credentials, Dialer, HubClock};
use stevedore_fleet::ControlPlane;
use stevedore_proto::v1;
use stevedore_proto::v1::hub_client::HubClient;
use stevedore_proto_core::join::REASON_METADATA;
use stevedore_proto_core::message::Hello;
use stevedore_proto_core::{Digest, Environment, InstanceId, ToAgent, ToHub, held};
use stevedore_runtime::clock::Clock;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use stevedore_e2e::api::{core, get};

/// Longest wait for a message that should come.
const SOON: Duration = Duration::from_secs(30);

/// What a member's agent proves itself with.
pub(crate) async fn credentials(member: &ControlPlane) -> Credentials {
    let path = core("stevedore-system", "secrets", "stevedore-agent-identity");
    let secret = get(&member.client(), &path).await.expect("it has joined");
    let data = secret["data"].as_object().expect("data");
    let data: BTreeMap<_, _> = data
        .iter()
        .map(|(key, value)| {
            let text = value.as_str().expect("text");
            (key.clone(), STANDARD.decode(text).expect("base64"))
        })
        .collect();
    Credentials::from_data(&data).expect("an identity")
}

/// A connection to the hub as a member.
pub(crate) async fn connect(credentials: Credentials) -> Channel {
    Dialer::new(credentials, HubClock::new(Clock::SYSTEM))
        .connect(None)
        .await
        .expect("the hub's TLS takes a certificate of its own authority")
}

/// Fetches a content; code and reason of a refusal.
pub(crate) async fn content(
    channel: &Channel,
    digest: &Digest,
) -> Result<usize, (Code, String, String)> {
    let request = v1::ContentRequest {
        digest: digest.as_bytes().to_vec().into(),
    };
    let mut chunks = HubClient::new(channel.clone())
        .content(request)
        .await
        .map_err(|status| refusal(&status))?
        .into_inner();
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await.map_err(|status| refusal(&status))? {
        bytes += chunk.data.len();
    }
    Ok(bytes)
}

fn refusal(status: &Status) -> (Code, String, String) {
    let reason = status.metadata().get(REASON_METADATA);
    let reason = reason.and_then(|reason| reason.to_str().ok());
    (
        status.code(),
        reason.unwrap_or_default().to_owned(),
        status.message().to_owned(),
    )
}

/// A control stream of somebody who holds nothing.
pub(crate) struct Session(Streaming<v1::ToAgent>);

impl Session {
    /// Opens it with these facts.
    pub(crate) async fn open(channel: &Channel, environment: Environment) -> Self {
        let hello = Hello {
            version: 1,
            oldest_version: 1,
            features: vec![],
            instance: InstanceId::from_bytes([0x5e; 16]),
            incarnation: 0,
            sequence: 0,
            agent_version: "a test".into(),
            seen: None,
            root: held::root([]),
            held: 0,
            environment,
            time: None,
            api_server_silent: None,
        };
        let hello = v1::ToHub::from(ToHub::Hello(Box::new(hello)));
        let outgoing = futures::stream::iter([hello]).chain(futures::stream::pending());
        let answers = HubClient::new(channel.clone()).session(outgoing).await;
        Self(answers.expect("the hub takes a stream").into_inner())
    }

    /// Reads on until a message fits.
    pub(crate) async fn until<T>(&mut self, what: &str, fits: impl Fn(&ToAgent) -> Option<T>) -> T {
        let read = async {
            loop {
                let message = self.0.message().await.expect("the stream goes on");
                let message = ToAgent::try_from(message.expect("the stream goes on"));
                let message = message.expect("a message of this release");
                if let Some(found) = fits(&message) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(SOON, read).await;
        found.unwrap_or_else(|_| panic!("the hub does not say {what}"))
    }
}
