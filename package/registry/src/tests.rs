use std::collections::BTreeMap;
use std::future::{IntoFuture as _, ready};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::stream;
use stevedore_package::credentials::Credentials;
use stevedore_package::limit;
use stevedore_proto_core::Digest;
use tokio::net::TcpListener;

use super::*;
use crate::client::TOKEN_BYTES;

mod answers;
mod digests;
mod images;

/// Asks a registry on loopback that answers like this, by its address.
async fn with_registry<T>(
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ask: impl AsyncFnOnce(String) -> T,
) -> T {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    let service = axum::Router::new().fallback(move |request: Request| {
        let response = answer(&request);
        async move { response }
    });
    tokio::select! {
        ended = axum::serve(listener, service).into_future() => panic!("{ended:?}"),
        result = ask(address.to_string()) => result,
    }
}

/// Pulls an image (`demo:1`, `demo@sha256:…`) from a registry on loopback that answers like this; gives its digest
/// and number of files.
async fn pull_as(
    image: &str,
    settings: &Settings,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> String {
    let pulled = with_registry(answer, async |address| {
        pulled(format!("{address}/{image}"), settings).await
    });
    pulled.await.unwrap_or_else(|error| error.to_string())
}

async fn pulled(image: String, settings: &Settings) -> Result<String, Error> {
    let reference = parse(&image)?;
    let credentials = || {
        let reader = Credentials {
            user: "reader".into(),
            password: "canary".into(),
        };
        ready(Ok(Some(reader))).boxed()
    };
    let connections = Connections::default();
    let repository = Repository::new(&connections, settings, &reference, &credentials).await?;
    let resolved = repository.resolve(None).await?.unwrap();
    let layers = repository.layers(&resolved.manifest.layers).await?;
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let files = resolved.manifest.unpack(&layers);
    let files = files.map_err(Error::invalid)?;
    Ok(format!("{} with {} files", resolved.digest, files.len()))
}

async fn pull(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> String {
    pull_as("demo:1", &Settings::default(), answer).await
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response {
    let response = Response::builder().status(status);
    response.body(body.into()).unwrap()
}

/// Everything that a registry has, by path below `/v2/demo/`.
type Stored = BTreeMap<String, Vec<u8>>;

fn stored(all: Stored) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |request| {
        let path = request.uri().path().trim_start_matches("/v2/demo/");
        match all.get(path) {
            Some(bytes) => answer(StatusCode::OK, bytes.clone()),
            None => answer(StatusCode::NOT_FOUND, Body::empty()),
        }
    }
}
