//! The daemons' only plain HTTP port: `/healthz`, `/readyz` and `/metrics`, nothing else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use parking_lot::RwLock;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::supervise::Tasks;

/// What must be true before the process takes work. Handles are given out at wiring, one per component.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    parts: Arc<RwLock<Vec<Part>>>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    /// `None` when ready, else what is missing.
    missing: Option<String>,
}

/// One component's say in the process's readiness. It starts as not ready.
#[derive(Debug, Clone)]
pub struct ReadyHandle {
    index: usize,
    parts: Arc<RwLock<Vec<Part>>>,
}

impl Readiness {
    /// Readiness without a part yet: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part that is not ready until its handle says so.
    #[must_use]
    pub fn handle(&self, name: &'static str) -> ReadyHandle {
        let mut parts = self.parts.write();
        parts.push(Part {
            name,
            missing: Some("starting".to_owned()),
        });
        ReadyHandle {
            index: parts.len() - 1,
            parts: Arc::clone(&self.parts),
        }
    }

    /// `name: what is missing` of every part that is not ready.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let parts = self.parts.read();
        parts
            .iter()
            .filter_map(|part| {
                part.missing
                    .as_ref()
                    .map(|what| format!("{}: {what}", part.name))
            })
            .collect()
    }
}

impl ReadyHandle {
    /// This part is ready.
    pub fn ready(&self) {
        self.set(None);
    }

    /// This part is not ready; `what` says what is missing.
    pub fn not_ready(&self, what: impl Into<String>) {
        self.set(Some(what.into()));
    }

    fn set(&self, missing: Option<String>) {
        let mut parts = self.parts.write();
        parts[self.index].missing = missing;
    }
}

/// The admin server, bound but not yet serving.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Served {
    readiness: Readiness,
    registry: Arc<Registry>,
}

impl Admin {
    /// Takes the port, so that a busy one fails the start and not a task later.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The bound address (with the port that was picked when 0 was asked for).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until shutdown, as an essential task named `admin`.
    pub fn serve(self, tasks: &Tasks, readiness: Readiness, registry: Registry) {
        let served = Served {
            readiness,
            registry: Arc::new(registry),
        };
        let router = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(served);
        let stop = tasks.shutdown();
        tasks.essential("admin", async move {
            let serve = axum::serve(self.listener, router).into_future();
            tokio::select! {
                result = serve => result,
                // Nothing served here is worth a drain.
                () = stop.cancelled() => Ok(()),
            }
        });
    }
}

async fn readyz(State(served): State<Served>) -> impl IntoResponse {
    let missing = served.readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
    }
}

async fn metrics(State(served): State<Served>) -> impl IntoResponse {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &served.registry) {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, TYPE)], text),
        Err(error) => {
            tracing::error!(%error, "metrics could not be encoded");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                [(header::CONTENT_TYPE, TYPE)],
                String::new(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::supervise::Supervisor;

    async fn request(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn health_readiness_and_metrics_are_served_and_nothing_else() {
        let supervisor = Supervisor::new(CancellationToken::new());
        let readiness = Readiness::new();
        let store = readiness.handle("store");
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        registry.register("sessions", "Sessions accepted", counter.clone());
        counter.inc();

        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = admin.address();
        admin.serve(&supervisor.tasks(), readiness, registry);

        assert!(
            request(address, "/healthz")
                .await
                .starts_with("HTTP/1.1 200")
        );
        let answer = request(address, "/readyz").await;
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.ends_with("store: starting\n"),
            "{answer}"
        );
        store.ready();
        assert!(
            request(address, "/readyz")
                .await
                .starts_with("HTTP/1.1 200")
        );
        store.not_ready("watch lost");
        assert!(
            request(address, "/readyz")
                .await
                .ends_with("store: watch lost\n")
        );
        assert!(
            request(address, "/metrics")
                .await
                .contains("sessions_total 1")
        );
        assert!(request(address, "/debug").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn a_busy_port_fails_the_start() {
        let first = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert!(Admin::bind(first.address()).await.is_err());
    }
}
