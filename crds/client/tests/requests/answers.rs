use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::{Body, Bytes, Frame};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Client, Error};
use serde_json::json;
use stevedore_client::{AnswerError, Api, answer_error, await_condition};
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{map, server, status};

/// What no log and no error may have.
const MARKER: &str = "c0nf1dential";
const CHUNK: usize = 1024 * 1024;

/// A body without an end; counts what was taken of it.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.fetch_add(CHUNK, Ordering::Relaxed);
        let chunk = Bytes::from_static(&[b' '; CHUNK]);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

fn endless(announced: Option<u64>) -> (Client, Arc<AtomicUsize>) {
    let taken = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&taken);
    let service = tower::service_fn(move |_: Request<kube::client::Body>| {
        let body = Endless(Arc::clone(&count));
        let mut response = Response::builder();
        if let Some(length) = announced {
            response = response.header("content-length", length);
        }
        async move { response.body(body) }
    });
    (Client::new(service, "default"), taken)
}

fn too_large(error: &Error) -> usize {
    match answer_error(error) {
        Some(AnswerError::TooLarge { limit, request }) => {
            assert!(request.starts_with("GET /api/v1/namespaces/ns/configmaps"));
            *limit
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_over_its_bound_is_refused_without_being_held() {
    let (client, taken) = endless(None);
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let limit = too_large(&api.get("a").await.unwrap_err());
    let of_object = taken.swap(0, Ordering::Relaxed);
    assert!(of_object <= limit + CHUNK, "{of_object} of {limit}");
    let limit = too_large(&api.list(&ListParams::default().limit(1)).await.unwrap_err());
    let of_page = taken.load(Ordering::Relaxed);
    assert!(of_page <= limit + CHUNK && of_page > of_object, "{of_page}");

    let (client, taken) = endless(Some(1 << 40));
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    too_large(&api.get("a").await.unwrap_err());
    assert_eq!(taken.load(Ordering::Relaxed), 0, "its length was announced");
}

#[tokio::test]
async fn a_refusal_keeps_code_reason_and_causes_and_its_texts_end() {
    let long = "é".repeat(10_000);
    let refused = json!({"kind": "Status", "code": 422, "reason": "Invalid", "message": long,
    "details": {"name": "a", "causes": [
        {"reason": "FieldValueInvalid", "message": long, "field": "spec.a"}
    ]}});
    let (client, _) = server(move |_| (422, refused.to_string()));
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let Error::Api(status) = api.get("a").await.unwrap_err() else {
        panic!("no refusal")
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    let cause = &status.details.as_ref().unwrap().causes[0];
    assert_eq!(
        (cause.reason.as_str(), cause.field.as_str()),
        ("FieldValueInvalid", "spec.a")
    );
    for text in [&status.message, &cause.message] {
        assert!(text.len() < 3_000 && text.ends_with('…'), "{}", text.len());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_ends_the_wait_for_it() {
    let service = tower::service_fn(|_: Request<kube::client::Body>| {
        std::future::pending::<Result<Response<kube::client::Body>, io::Error>>()
    });
    let api: Api<ConfigMap> = Api::namespaced(Client::new(service, "default"), "ns");
    let error = api.get("a").await.unwrap_err();
    assert!(matches!(
        answer_error(&error),
        Some(AnswerError::Late { .. })
    ));
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Captured {
    fn has_marker(&self) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(MARKER)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "shows what kube logs of the same answer"
)]
#[tokio::test]
async fn nothing_of_an_answer_that_cannot_be_read_is_logged_or_quoted() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let wrong = json!({"metadata": {"name": "a", "namespace": "ns"}, "data": MARKER}).to_string();
    let list = format!("{{\"items\": [{wrong}]}}");
    let nested = format!(
        "{{\"metadata\": {{}}, \"data\": \"{MARKER}\", \"x\": {}{}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    let bodies = [
        (200, wrong),
        (200, list),
        (200, nested),
        (200, format!("{{\"{MARKER}\"")),
        (200, format!("<html>{MARKER}</html>")),
        (502, format!("<html>{MARKER}</html>")),
        (500, format!("{{\"{MARKER}\": 1}}")),
        (404, format!("no {MARKER} here")),
    ];
    for (code, body) in bodies {
        let (client, _) = server(move |_| (code, body.clone()));
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), "ns");
        let kind = ApiResource::erase::<ConfigMap>(&());
        let dynamic: Api<DynamicObject> = Api::namespaced_with(client, "ns", &kind);
        let (patch, params) = (json!({}), PatchParams::default());
        let errors = [
            dynamic.get("a").await.err(),
            api.get("a").await.err(),
            api.get_opt("a").await.err(),
            api.list(&ListParams::default()).await.err(),
            api.list_metadata(&ListParams::default()).await.err(),
            api.create(&PostParams::default(), &ConfigMap::default())
                .await
                .err(),
            api.patch("a", &params, &Patch::Merge(&patch)).await.err(),
            api.delete("a", &DeleteParams::default()).await.err(),
            await_condition(api.clone(), "a", |_| true).await.err(),
        ];
        for error in errors.iter().flatten() {
            let text = format!("{error} {error:?}");
            assert!(!text.contains(MARKER), "{text}");
        }
        assert!(errors.iter().any(Option::is_some), "it can be read");
    }
    assert!(!captured.has_marker(), "it is logged");

    // That this would be seen: what kube does with the same answer.
    let (client, _) = server(|_| (200, json!({"data": MARKER}).to_string()));
    let raw: kube::Api<ConfigMap> = kube::Api::namespaced(client, "ns");
    let _ = raw.get("a").await;
    assert!(captured.has_marker(), "the log is not seen");
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_said_in_words() {
    let (client, _) = server(|line| match line {
        line if line.ends_with("/gone") => status(404, "NotFound", "gone"),
        _ => (200, json!({"data": 7}).to_string()),
    });
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let error = api.get("a").await.unwrap_err();
    assert_eq!(
        answer_error(&error).unwrap().to_string(),
        "the object in the answer to GET /api/v1/namespaces/ns/configmaps/a cannot be read: the object does not have \
         the form that this release knows"
    );
    assert!(answer_error(&api.get("gone").await.unwrap_err()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_object_is_read_until_it_is_as_it_should_be() {
    let reads = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&reads);
    let (client, _) = server(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => status(404, "NotFound", "a"),
        1 => (200, map("a").to_string()),
        _ => {
            let mut done = map("a");
            done["data"] = json!({"done": "yes"});
            (200, done.to_string())
        }
    });
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let done = |map: Option<&ConfigMap>| map.is_some_and(|map| map.data.is_some());
    let found = await_condition(api, "a", done).await.unwrap();
    assert!(done(found.as_ref()));
    assert_eq!(reads.load(Ordering::Relaxed), 3);
}
