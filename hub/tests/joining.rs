//! Joining over gRPC, with the hub's real Kubernetes side on an API server that only counts what it is asked.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests end the test as tests do"
)]

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;
use stevedore_hub_controllers::package::registry;
use stevedore_hub_controllers::{Hub, Settings};
use stevedore_hub_core::session::Pace;
use stevedore_hub_grpc::pki::Authority;
use stevedore_hub_grpc::server::{self, Server};
use stevedore_hub_grpc::session::{Ports, Sessions};
use stevedore_proto::v1;
use stevedore_proto::v1::enrolment_client::EnrolmentClient;
use stevedore_runtime::clock::Clock;
use stevedore_runtime::supervise::Supervisor;
use stevedore_runtime::tls::{self, IdentityCell};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// What the API server was asked, as method and path with query.
type Asked = Arc<Mutex<Vec<String>>>;

/// An API server that has the namespace `kube-system` and nothing else, and takes whatever is created.
fn api_server() -> (Client, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let server = tower::service_fn(move |request: Request<Body>| {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        log.lock().unwrap().push(format!("{method} {path}"));
        async move {
            let (code, body) = if method == Method::POST {
                let sent = request.into_body().collect_bytes().await?;
                (StatusCode::CREATED, sent.to_vec())
            } else if path == "/api/v1/namespaces/kube-system" {
                let uid = "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f";
                let found = json!({"metadata": {"name": "kube-system", "uid": uid}});
                (StatusCode::OK, found.to_string().into_bytes())
            } else {
                let name = path.rsplit('/').next().unwrap_or_default();
                let status = json!({"kind": "Status", "code": 404, "reason": "NotFound",
                    "message": "there is none", "details": {"name": name}});
                (StatusCode::NOT_FOUND, status.to_string().into_bytes())
            };
            let answer = Response::builder().status(code).body(Body::from(body));
            Ok::<_, tower::BoxError>(answer?)
        }
    });
    (Client::new(server, "default"), asked)
}

async fn connect(address: SocketAddr, authority: &Authority) -> Channel {
    let roots = tls::roots(authority.certificate()).unwrap();
    let config = tls::client_config(roots, &IdentityCell::default(), Clock::SYSTEM).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let service = tower::service_fn(move |_| {
        let connector = connector.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            let name = address.ip().to_string().try_into().unwrap();
            Ok::<_, io::Error>(TokioIo::new(connector.connect(name, tcp).await?))
        }
    });
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect_with_connector(service).await.unwrap()
}

fn request(name: &str) -> v1::EnrolRequest {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let csr = CertificateParams::default()
        .serialize_request(&key)
        .unwrap();
    v1::EnrolRequest {
        cluster: name.to_owned(),
        secret: "07".repeat(32),
        cluster_uid: vec![1; 16].into(),
        csr: csr.der().to_vec().into(),
    }
}

/// A hub that leads, an API server, and a client of the hub's enrolment service.
struct World {
    asked: Asked,
    enrolment: EnrolmentClient<Channel>,
    _supervisor: Supervisor,
}

impl World {
    async fn new() -> Self {
        tls::install_provider();
        let (client, asked) = api_server();
        let settings = Settings {
            namespace: "stevedore-system".to_owned(),
            registry: registry::Settings::default(),
            registry_hosts: Default::default(),
            image_prefixes: Default::default(),
            holder: "hub".to_owned(),
            clock: jiff::Timestamp::now,
        };
        let hub = Hub::new(client.clone(), settings).await.unwrap();
        let leads = hub.leader().take(&client, "stevedore-system", "hub").await;
        leads.expect("nobody else wants the Lease");

        let supervisor = Supervisor::new(CancellationToken::new());
        let tasks = supervisor.tasks();
        let ports = Ports {
            members: hub.clone(),
            orders: hub.clone(),
            reports: hub.clone(),
        };
        let sessions = Sessions::start(ports, Pace::default(), &tasks);
        let now = jiff::Timestamp::now().as_second();
        let authority = Arc::new(Authority::create(now).unwrap());
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.address();
        let settings = server::Settings {
            names: vec!["127.0.0.1".to_owned()],
            ..server::Settings::default()
        };
        server
            .serve(&tasks, authority.clone(), hub, sessions, settings)
            .unwrap();
        let channel = connect(address, &authority).await;
        asked.lock().unwrap().clear();
        Self {
            asked,
            enrolment: EnrolmentClient::new(channel),
            _supervisor: supervisor,
        }
    }

    /// Tries to join under a name: how it was refused, and what the API server was asked for that.
    async fn refused(&mut self, name: &str) -> (Status, Vec<String>) {
        let refused = self.enrolment.enrol(request(name)).await.unwrap_err();
        (refused, std::mem::take(&mut *self.asked.lock().unwrap()))
    }
}

#[tokio::test]
async fn a_name_that_is_none_makes_the_hub_ask_its_api_server_for_nothing() {
    let mut world = World::new().await;
    let long = "a".repeat(254);
    for name in [
        "?x",
        "?limit=0",
        "?watch=true",
        "a/b",
        "member-1/../../../../api/v1/namespaces/stevedore-system/secrets/stevedore-ca",
        "..",
        ".",
        "%2e%2e",
        "",
        "East",
        "east\n",
        long.as_str(),
    ] {
        let (refused, asked) = world.refused(name).await;
        assert!(asked.is_empty(), "{name:?} became {asked:?}");
        assert_eq!(refused.code(), Code::InvalidArgument, "{name:?}");
        let quoted = name.len() > 1 && refused.message().contains(name);
        assert!(!quoted, "{name:?} is quoted: {}", refused.message());
    }

    let (refused, asked) = world.refused("east.1").await;
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        asked,
        ["GET /apis/stevedore.dev/v1alpha1/memberclusters/east.1"]
    );
}
