use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// One request as the API server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

/// What the API server was asked.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.take().into_iter().map(|asked| asked.line).collect()
    }
}

/// An API server that answers each request, `METHOD PATH?QUERY`, with a code and a body.
pub(crate) fn server(
    answer: impl Fn(&str) -> (u16, String) + Clone + Send + 'static,
) -> (Client, Log) {
    let log = Log::default();
    let seen = log.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let line = format!("{} {}", request.method(), request.uri());
        let (answer, seen) = (answer.clone(), seen.clone());
        async move {
            let content_type = request.headers().get("content-type");
            let content_type = content_type.map_or("", |kind| kind.to_str().unwrap_or(""));
            let content_type = content_type.to_owned();
            let body = request.into_body().collect_bytes().await?;
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let (code, text) = answer(&line);
            seen.0.lock().unwrap().push(Asked {
                line,
                content_type,
                body,
            });
            let response = Response::builder().status(StatusCode::from_u16(code)?);
            Ok::<_, tower::BoxError>(response.body(Body::from(text.into_bytes()))?)
        }
    });
    (Client::new(service, "default"), log)
}

/// A refusal as an API server words it.
pub(crate) fn status(code: u16, reason: &str, name: &str) -> (u16, String) {
    let status = json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason,
        "message": "the API server's words", "details": {"name": name}});
    (code, status.to_string())
}

pub(crate) fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ns", "uid": "u"}})
}
