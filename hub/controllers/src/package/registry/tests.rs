use std::future::IntoFuture as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{ready, select_all};
use futures::stream;
use tokio::net::TcpListener;

use super::*;

type Answer = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// A registry on loopback that answers like this.
struct Registry {
    listener: TcpListener,
    reference: Reference,
    answer: Answer,
}

impl Registry {
    async fn new(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self {
            listener,
            reference: parse(&format!("{address}/demo:1")).unwrap(),
            answer: Arc::new(answer),
        }
    }

    /// Pulls `demo:1` so often at once, and gives the first end.
    async fn pull(self, puller: &Puller, times: usize) -> String {
        let answer = self.answer;
        let service = axum::Router::new().fallback(move |request: Request| {
            let response = answer(&request);
            async move { response }
        });
        let credentials = || {
            let reader = Credentials {
                user: "reader".into(),
                password: "canary".into(),
            };
            ready(Ok(Some(reader))).boxed()
        };
        let pulls = (0..times).map(|_| Box::pin(puller.pull(&self.reference, None, &credentials)));
        let result = tokio::select! {
            ended = axum::serve(self.listener, service).into_future() => panic!("{ended:?}"),
            (result, ..) = select_all(pulls) => result,
        };
        match result {
            Ok(pulled) => pulled.digest.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

fn puller() -> Puller {
    stevedore_runtime::tls::install_provider();
    Puller::new(Settings::default())
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response {
    let response = Response::builder().status(status);
    response.body(body.into()).unwrap()
}

/// A manifest with one layer of so many bytes.
fn layered(size: usize) -> String {
    let of = |size: usize| {
        let digest = Digest::of(b"layer");
        format!(r#"{{"mediaType":"","digest":"{digest}","size":{size}}}"#)
    };
    format!(r#"{{"config":{},"layers":[{}]}}"#, of(1), of(size))
}

#[tokio::test]
async fn a_registry_that_is_slow_leaves_memory_for_others() {
    let manifest = |request: &Request| request.uri().path().contains("/manifests/");
    let slow = Registry::new(move |request| match manifest(request) {
        true => answer(StatusCode::OK, layered(limit::PACKED_BYTES)),
        false => answer(
            StatusCode::OK,
            Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()),
        ),
    });
    let quick = Registry::new(move |request| match manifest(request) {
        true => answer(StatusCode::OK, layered(limit::PACKED_BYTES)),
        false => answer(StatusCode::NOT_FOUND, Body::empty()),
    });
    let (slow, quick, puller) = (slow.await, quick.await, puller());
    let quick = async {
        // The slow registry has all that it gets.
        let taken = async {
            while puller.room.all.available_permits() > PACKED - PACKED_OF_ONE {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), taken)
            .await
            .unwrap();
        quick.pull(&puller, 1).await
    };
    let said = tokio::select! {
        said = slow.pull(&puller, 64) => panic!("the slow registry came to an end: {said}"),
        said = quick => said,
    };
    assert!(said.contains("404"), "{said}");
}
