use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{ready, select_all};
use futures::stream;
use tokio::net::TcpListener;

use super::client::TOKEN_BYTES;
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
        let pulls = (0..times).map(|_| Box::pin(puller.pull(&self.reference, &credentials)));
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

/// Pulls `demo:1` from a registry on loopback that answers like this.
async fn pull(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> String {
    Registry::new(answer).await.pull(&puller(), 1).await
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response {
    let response = Response::builder().status(status);
    response.body(body.into()).unwrap()
}

/// A body that never ends and does not say how long it is.
fn endless() -> Body {
    let chunk = Bytes::from_static(&[b' '; 64 * 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, std::convert::Infallible>(chunk.clone())
    }))
}

/// A manifest without layers, in so many bytes.
fn padded(bytes: usize) -> Vec<u8> {
    let mut manifest = format!(
        r#"{{"config":{{"mediaType":"","digest":"{}","size":0}}}}"#,
        Digest::of(b"")
    );
    manifest.push_str(&" ".repeat(bytes.saturating_sub(manifest.len())));
    manifest.into_bytes()
}

#[tokio::test]
async fn a_manifest_is_read_up_to_its_limit_and_not_a_byte_further() {
    const LIMIT: usize = limit::IMAGE_JSON_BYTES;
    let of = |bytes: Vec<u8>| pull(move |_| answer(StatusCode::OK, bytes.clone()));
    let whole = of(padded(LIMIT)).await;
    // It was read whole, and is a manifest without layers.
    assert_eq!(whole, "the image contains no package files");
    let over = of(padded(LIMIT + 1)).await;
    assert!(over.contains(&format!("more than {LIMIT} bytes")), "{over}");
    let never_ends = pull(|_| answer(StatusCode::OK, endless())).await;
    assert!(
        never_ends.contains(&format!("more than {LIMIT} bytes")),
        "{never_ends}"
    );
}

#[tokio::test]
async fn an_error_that_never_ends_is_an_error() {
    let said = pull(|_| answer(StatusCode::INTERNAL_SERVER_ERROR, endless())).await;
    assert!(said.contains("500"), "{said}");
    let body =
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"see https://a.example/?sig=canary"}]}"#;
    let said = pull(move |_| answer(StatusCode::NOT_FOUND, body)).await;
    assert!(said.contains("MANIFEST_UNKNOWN") && !said.contains("canary"));
}

/// A registry whose manifests need a token, which `/token` gives.
fn guarded(request: &Request, token: Body) -> Response {
    let headers = request.headers();
    let host = headers["host"].to_str().unwrap();
    let given = headers.get("authorization");
    match (request.uri().path(), given.map(|value| value.as_bytes())) {
        ("/token", Some(b"Basic cmVhZGVyOmNhbmFyeQ==")) => answer(StatusCode::OK, token),
        ("/v2/demo/manifests/1", Some(b"Bearer good")) => answer(StatusCode::OK, padded(1)),
        (_, _) => Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header(
                "www-authenticate",
                format!(r#"Bearer realm="http://{host}/token",service="s""#),
            )
            .body(Body::empty())
            .unwrap(),
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_with_the_credentials_and_is_bounded() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let said = pull(move |request| {
        log.lock().unwrap().push(request.uri().to_string());
        guarded(request, Body::from(r#"{"access_token":"good"}"#))
    })
    .await;
    assert!(!said.contains("cannot pull"), "{said}");
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "/v2/demo/manifests/1",
            "/token?scope=repository%3Ademo%3Apull&service=s",
            "/v2/demo/manifests/1"
        ]
    );
    let said = pull(|request| guarded(request, endless())).await;
    assert!(
        said.contains(&format!("more than {TOKEN_BYTES} bytes")),
        "{said}"
    );
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

#[tokio::test]
async fn a_layer_larger_than_its_manifest_says_is_refused() {
    let said = pull(|request| match request.uri().path() {
        "/v2/demo/manifests/1" => {
            let layer = format!(
                r#"{{"mediaType":"","digest":"{}","size":3}}"#,
                Digest::of(b"four")
            );
            let manifest = format!(r#"{{"config":{layer},"layers":[{layer}]}}"#);
            answer(StatusCode::OK, manifest)
        }
        _ => answer(StatusCode::OK, "four"),
    })
    .await;
    assert!(said.contains("more than 3 bytes"), "{said}");
}
