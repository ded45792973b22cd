//! A hub on a free port, and a client without any of the agent's own code.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::Stream;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use stevedore_hub_core::session::Pace;
use stevedore_hub_grpc::identity::MemberName;
use stevedore_hub_grpc::memory::MemoryHub;
use stevedore_hub_grpc::pki::{Authority, Request};
use stevedore_hub_grpc::server::{Server, Settings};
use stevedore_hub_grpc::session::{Ports, Sessions};
use stevedore_proto::v1;
use stevedore_proto::v1::hub_client::HubClient;
use stevedore_proto_core::message::{Close, CloseReason, Hello};
use stevedore_proto_core::{
    ClusterUid, Digest, Environment, InstanceId, ToAgent, ToHub, held, join::REASON_METADATA,
};
use stevedore_runtime::clock::Clock;
use stevedore_runtime::supervise::Supervisor;
use stevedore_runtime::tls::{self, ChannelBinding, Identity, IdentityCell};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

/// Longest wait for anything that should happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Hub {
    pub(crate) ports: Arc<MemoryHub>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) address: SocketAddr,
    pub(crate) sessions: Sessions,
    _stop: DropGuard,
    _supervisor: Supervisor,
}

pub(crate) async fn hub() -> Hub {
    hub_with(Settings::default()).await
}

pub(crate) async fn hub_with(settings: Settings) -> Hub {
    tls::install_provider();
    let stop = CancellationToken::new();
    let supervisor = Supervisor::new(stop.clone());
    let tasks = supervisor.tasks();
    let authority = Arc::new(Authority::create(now()).unwrap());
    let memory = Arc::new(MemoryHub::default());
    let ports = Ports {
        members: memory.clone(),
        orders: memory.clone(),
        reports: memory.clone(),
    };
    let sessions = Sessions::start(ports, Pace::default(), &tasks);
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = server.address();
    let settings = Settings {
        names: vec!["127.0.0.1".into()],
        ..settings
    };
    server
        .serve(
            &tasks,
            authority.clone(),
            memory.clone(),
            sessions.clone(),
            settings,
        )
        .unwrap();
    Hub {
        ports: memory,
        authority,
        address,
        sessions,
        _stop: stop.drop_guard(),
        _supervisor: supervisor,
    }
}

pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .try_into()
        .unwrap()
}

pub(crate) fn cluster(id: u8) -> ClusterUid {
    ClusterUid::from_bytes([id; 16])
}

pub(crate) fn key_and_csr() -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let csr = CertificateParams::default()
        .serialize_request(&key)
        .unwrap()
        .der()
        .to_vec();
    (key, csr)
}

/// A member's identity, signed at `at` for `seconds` by any authority.
pub(crate) fn identity(authority: &Authority, name: MemberName, at: i64, seconds: u32) -> Identity {
    let (key, csr) = key_and_csr();
    let issued = authority
        .sign_member(&Request::parse(&csr).unwrap(), name, at, seconds)
        .unwrap();
    Identity::from_der(&[issued.certificate], &key.serialize_der()).unwrap()
}

impl Hub {
    /// Joins a member and connects as it.
    pub(crate) async fn member(&self, name: &str, cluster: ClusterUid) -> (MemberName, Channel) {
        let name = MemberName {
            cluster,
            member: self.ports.join(name, cluster),
        };
        (
            name,
            self.connect(Some(identity(&self.authority, name, now(), 3600)))
                .await
                .unwrap(),
        )
    }

    pub(crate) async fn connect(&self, identity: Option<Identity>) -> Result<Channel, String> {
        self.connect_trusting(identity, &self.authority).await
    }

    /// A connection without a certificate, and what it is known by.
    pub(crate) async fn bare(&self) -> (Channel, ChannelBinding) {
        let stream = self.handshake(&IdentityCell::default()).await;
        let binding = ChannelBinding::of(stream.get_ref().1).unwrap();
        let mut once = Some(TokioIo::new(stream));
        let service = tower::service_fn(move |_| {
            let stream = once.take();
            async move { stream.ok_or(io::Error::from(io::ErrorKind::NotConnected)) }
        });
        let endpoint = Endpoint::from_static("http://hub");
        let channel = endpoint.connect_with_connector(service).await.unwrap();
        (channel, binding)
    }

    /// A connection on which nothing is said.
    pub(crate) async fn stream(&self, identity: Identity) -> TlsStream<TcpStream> {
        self.handshake(&IdentityCell::new(identity)).await
    }

    async fn handshake(&self, identity: &IdentityCell) -> TlsStream<TcpStream> {
        let roots = tls::roots(self.authority.certificate()).unwrap();
        let config = tls::client_config(roots, identity, Clock::SYSTEM).unwrap();
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = self.address.ip().to_string().try_into().unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, tcp).await.unwrap()
    }

    /// One of the hub's counters, by its name and labels.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.sessions.metrics().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |count| count.trim().parse().unwrap())
    }

    pub(crate) async fn connect_trusting(
        &self,
        identity: Option<Identity>,
        authority: &Authority,
    ) -> Result<Channel, String> {
        let cell = IdentityCell::default();
        if let Some(identity) = identity {
            cell.replace(identity);
        }
        let config = tls::client_config(
            tls::roots(authority.certificate()).unwrap(),
            &cell,
            Clock::SYSTEM,
        )
        .unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let address = self.address;
        let service = tower::service_fn(move |_| {
            let connector = connector.clone();
            async move {
                let tcp = TcpStream::connect(address).await?;
                let name = address.ip().to_string().try_into().unwrap();
                Ok::<_, io::Error>(TokioIo::new(connector.connect(name, tcp).await?))
            }
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        endpoint
            .connect_with_connector(service)
            .await
            .map_err(|error| format!("{error:?}"))
    }
}

/// The reason a status carries.
pub(crate) fn reason(status: &Status) -> &str {
    status
        .metadata()
        .get(REASON_METADATA)
        .and_then(|reason| reason.to_str().ok())
        .unwrap_or("none")
}

/// One open control stream.
pub(crate) struct Stream1 {
    pub(crate) to_hub: mpsc::Sender<v1::ToHub>,
    pub(crate) from_hub: Streaming<v1::ToAgent>,
}

fn outgoing(receiver: mpsc::Receiver<v1::ToHub>) -> impl Stream<Item = v1::ToHub> {
    futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|message| (message, receiver))
    })
}

/// Opens a control stream without a word on it.
pub(crate) async fn open(channel: &Channel) -> Result<Stream1, Status> {
    let (to_hub, receiver) = mpsc::channel(8);
    let from_hub = HubClient::new(channel.clone())
        .session(outgoing(receiver))
        .await?
        .into_inner();
    Ok(Stream1 { to_hub, from_hub })
}

pub(crate) fn hello(instance: u8) -> Hello {
    Hello {
        version: 1,
        oldest_version: 1,
        features: vec![],
        instance: InstanceId::from_bytes([instance; 16]),
        incarnation: 0,
        sequence: 0,
        agent_version: "test".into(),
        seen: None,
        root: held::root([]),
        held: 0,
        environment: Environment::default(),
        time: None,
        api_server_silent: None,
    }
}

impl Stream1 {
    pub(crate) async fn send(&self, message: ToHub) {
        self.to_hub.send(message.into()).await.unwrap();
    }

    pub(crate) async fn heartbeat(&self) {
        self.send(ToHub::Heartbeat {
            root: held::root([]),
            sequence: 0,
            api_server_silent: None,
        })
        .await;
    }

    /// The next message; `None` when the stream ended or broke.
    pub(crate) async fn next(&mut self) -> Option<ToAgent> {
        let next = tokio::time::timeout(SOON, self.from_hub.message()).await;
        let message = next.expect("nothing came in time").ok().flatten()?;
        Some(ToAgent::try_from(message).unwrap())
    }

    /// Reads on until the hub closes; what it said.
    pub(crate) async fn closed(&mut self) -> Close {
        loop {
            match self.next().await.expect("the stream ended without a close") {
                ToAgent::Close(close) => return close,
                _ => continue,
            }
        }
    }

    /// Reads on until a message fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&ToAgent) -> bool) -> ToAgent {
        loop {
            let message = self.next().await.expect("the stream ended");
            assert!(
                !matches!(&message, ToAgent::Close(_)) || fits(&message),
                "{message:?}"
            );
            if fits(&message) {
                return message;
            }
        }
    }
}

/// Opens a session and waits until it is open.
pub(crate) async fn session(channel: &Channel, instance: u8) -> Stream1 {
    let mut stream = open(channel).await.unwrap();
    stream.send(ToHub::Hello(Box::new(hello(instance)))).await;
    stream
        .until(|message| matches!(message, ToAgent::Welcome(_)))
        .await;
    stream
}

pub(crate) fn digest(authority: &Authority) -> Digest {
    Digest::from_bytes(*authority.pin().as_bytes())
}

pub(crate) fn is(close: &Close, reason: CloseReason) {
    assert_eq!(close.reason, reason, "{}", close.message);
}
