use crate::Path;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream;
use http::{Response, StatusCode};
use http_body_util::StreamBody;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;

use super::*;
use crate::decode::{Identity, decode};

/// Planted in what cannot be decoded.
const MARKER: &str = "marker-7f3a";
const EMPTY: &str = r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#;

/// A request's query.
type Query<'a> = &'a str;

/// An API server that answers as the function says; the requests that it got are counted.
fn server(
    answer: impl Fn(usize, Query<'_>) -> (u16, String) + Clone + Send + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let at = count.fetch_add(1, Ordering::Relaxed);
        let query = request.uri().query().unwrap_or_default();
        let (code, body) = answer(at, query);
        let code = StatusCode::from_u16(code).unwrap();
        let answer = Response::builder()
            .status(code)
            .body(Body::from(body.into_bytes()));
        std::future::ready(answer)
    });
    (Client::new(service, "default"), asked)
}

fn is_watch(query: Query<'_>) -> bool {
    query.contains("watch=true")
}

fn status(code: u16, reason: &str) -> String {
    format!(
        r#"{{"kind":"Status","status":"Failure","code":{code},"reason":"{reason}","message":"too old resource version"}}"#
    )
}

fn object(name: &str, version: u64, number: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"{version}"}},"spec":{{"number":{number}}}}}"#
    )
}

fn event(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

/// What the kind is for whoever watches: objects whose number is none cannot be decoded.
#[derive(Debug, Deserialize)]
struct Numbered {
    spec: Number,
}

#[derive(Debug, Deserialize)]
struct Number {
    number: u64,
}

/// Writes down what it is told, and says when that was enough.
#[derive(Clone, Default)]
struct Recorder {
    told: Arc<Mutex<Vec<String>>>,
    wrote: Arc<tokio::sync::Notify>,
}

impl Recorder {
    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn of(object: &RawValue) -> String {
        let name = Identity::of(object).unwrap().name;
        match decode::<Numbered>(object) {
            Ok(numbered) => format!("{name}={}", numbered.spec.number),
            Err(why) => format!("{name}: {why}"),
        }
    }
}

impl Handler<kube::Error> for Recorder {
    async fn take(&mut self, notice: Notice<kube::Error>) {
        let line = match notice {
            Notice::Restarted => "restarted".to_owned(),
            Notice::Seen(object) => format!("seen {}", Self::of(&object)),
            Notice::Removed(object) => format!("removed {}", Self::of(&object)),
            Notice::Synced => "synced".to_owned(),
            Notice::Failed(kube::Error::Api(status)) => format!("failed {}", status.code),
            Notice::Failed(failure) => format!("failed {failure}"),
        };
        self.told.lock().unwrap().push(line);
        self.wrote.notify_one();
    }
}

fn subject() -> Subject {
    Subject::all(Path::root("/api/v1/things"))
}

fn never() -> Circumstances {
    tokio::sync::watch::channel(0).1
}

/// What a watch told up to the line with this number.
async fn watched(client: &Client, lines: usize) -> Vec<String> {
    let recorder = Recorder::default();
    let mut handler = recorder.clone();
    let subject = subject();
    let enough = async {
        while recorder.told().len() < lines {
            recorder.wrote.notified().await;
        }
    };
    tokio::select! {
        () = run(client, &subject, never(), &mut handler) => {}
        () = enough => {}
        () = sleep(Duration::from_secs(600)) => {}
    }
    recorder.told()
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_decoded_stops_none_beside_it_in_a_list_and_in_a_watch() {
    let deep = format!("{}\"{MARKER}\"{}", "[".repeat(200), "]".repeat(200));
    let bad = format!("\"{MARKER}\"");
    let list = format!(
        r#"{{"metadata":{{"resourceVersion":"5"}},"items":[{},{},{}]}}"#,
        object("a", 1, "1"),
        object("b", 2, &deep),
        object("c", 3, "3")
    );
    let events = [
        event("ADDED", &object("d", 6, "6")),
        event("MODIFIED", &object("a", 7, &bad)),
        event("DELETED", &object("b", 8, &deep)),
        event("MODIFIED", &object("c", 9, "9")),
    ]
    .concat();
    let (client, _) = server(move |at, query| match (at, is_watch(query)) {
        (0, false) => (200, list.clone()),
        (1, true) => (200, events.clone()),
        _ => (503, String::new()),
    });
    let told = watched(&client, 9).await;
    let deep = "spec.number is nested 202 levels deep, of which at most 127 can be read";
    assert_eq!(
        told[..9],
        [
            "restarted".to_owned(),
            "seen a=1".to_owned(),
            format!("seen b: {deep}"),
            "seen c=3".to_owned(),
            "synced".to_owned(),
            "seen d=6".to_owned(),
            "seen a: spec.number does not have the form that this release knows".to_owned(),
            format!("removed b: {deep}"),
            "seen c=9".to_owned(),
        ],
    );
    assert!(!format!("{told:?}").contains(MARKER));
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_again_and_again_is_asked_for_less_and_less_often() {
    type Answer = fn(usize, Query<'_>) -> (u16, String);
    let failing: [(&str, Answer); 7] = [
        ("a list that is refused", |_, _| (503, String::new())),
        ("a list that is none", |_, _| (200, "[]".to_owned())),
        ("a list that is cut", |_, _| {
            (200, r#"{"items":[{"#.to_owned())
        }),
        ("a watch that ends at once", |_, query| {
            let body = if is_watch(query) { "" } else { EMPTY };
            (200, body.to_owned())
        }),
        ("a watch whose place is gone", |_, query| {
            if is_watch(query) {
                (410, status(410, "Expired"))
            } else {
                (200, EMPTY.to_owned())
            }
        }),
        ("a watch that is told so", |_, query| {
            let gone = event("ERROR", &status(410, "Gone"));
            let body = if is_watch(query) { &gone } else { EMPTY };
            (200, body.to_owned())
        }),
        ("an event without a version", |_, query| {
            let bad = event("ADDED", r#"{"metadata":{"name":"a"}}"#);
            let body = if is_watch(query) { &bad } else { EMPTY };
            (200, body.to_owned())
        }),
    ];
    for (what, answer) in failing {
        let (client, asked) = server(answer);
        let subject = subject();
        let mut handler = Recorder::default();
        let mut count = async |seconds: u64| {
            let before = asked.load(Ordering::Relaxed);
            tokio::select! {
                () = run(&client, &subject, never(), &mut handler) => {}
                () = sleep(Duration::from_secs(seconds)) => {}
            }
            asked.load(Ordering::Relaxed) - before
        };
        // Lists and watches: at most two requests an attempt, and an attempt every 200 ms at the most.
        let first = count(10).await;
        assert!((2..=60).contains(&first), "{what}: {first} in ten seconds");
        // At full height a minute passes between two attempts, thirty seconds with the smallest jitter on average.
        let long = count(3600).await;
        assert!((60..=600).contains(&long), "{what}: {long} in an hour");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_broke_goes_on_from_its_place_and_says_that_it_works_again() {
    let asked = Arc::new(Mutex::new(vec![]));
    let queries = Arc::clone(&asked);
    let (client, _) = server(move |at, query| {
        queries.lock().unwrap().push(query.to_owned());
        match at {
            0 => (200, EMPTY.to_owned()),
            1 => (
                200,
                event("BOOKMARK", r#"{"metadata":{"resourceVersion":"6"}}"#),
            ),
            2 => (503, String::new()),
            _ => (200, event("ADDED", &object("a", 7, "1"))),
        }
    });
    let told = watched(&client, 5).await;
    let refused = "failed 503";
    assert_eq!(
        told[..5],
        ["restarted", "synced", refused, "synced", "seen a=1"]
    );
    let asked = asked.lock().unwrap();
    assert!(asked[1].contains("resourceVersion=5"), "{}", asked[1]);
    for query in &asked[2..4] {
        assert!(query.contains("resourceVersion=6"), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_the_server_no_longer_has_is_known_by_its_code_and_everything_is_listed_again()
{
    for gone in [
        (410, status(410, "Expired")),
        (200, event("ERROR", &status(410, "Gone"))),
    ] {
        let (client, _) = server(move |at, query| match (at, is_watch(query)) {
            (1, true) => gone.clone(),
            (_, false) => (200, EMPTY.to_owned()),
            _ => (503, String::new()),
        });
        let told = watched(&client, 4).await;
        assert_eq!(told[..4], ["restarted", "synced", "restarted", "synced"]);
    }
    // The same words under another code are a failure like any other.
    let (client, _) = server(|at, _| match at {
        0 => (200, EMPTY.to_owned()),
        _ => (400, status(400, "BadRequest")),
    });
    let told = watched(&client, 4).await;
    let failed = "failed 400";
    assert_eq!(told[..4], ["restarted", "synced", failed, failed]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_large_is_asked_for_from_the_same_place_with_fewer_objects() {
    let asked = Arc::new(Mutex::new(vec![]));
    let queries = Arc::clone(&asked);
    let (client, _) = server(move |at, query| {
        queries.lock().unwrap().push(query.to_owned());
        let (next, item) = match at {
            0 => ("two", object("a", 1, "1")),
            1 | 2 => return (200, " ".repeat(MAX_ANSWER + 1)),
            3 => ("", object("b", 2, "2")),
            _ => return (503, String::new()),
        };
        let body = format!(
            r#"{{"metadata":{{"resourceVersion":"5","continue":"{next}"}},"items":[{item}]}}"#
        );
        (200, body)
    });
    let told = watched(&client, 4).await;
    assert_eq!(told[..4], ["restarted", "seen a=1", "seen b=2", "synced"]);
    assert_eq!(
        asked.lock().unwrap()[..4],
        [
            "limit=100",
            "limit=100&continue=two",
            "limit=25&continue=two",
            "limit=6&continue=two"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_is_read_page_by_page() {
    let (client, _) = server(|_, query| {
        if is_watch(query) {
            return (503, String::new());
        }
        let (next, item) = match query {
            query if query.contains("continue=two") => ("", object("b", 2, "2")),
            _ => ("two", object("a", 1, "1")),
        };
        let body = format!(
            r#"{{"metadata":{{"resourceVersion":"5","continue":"{next}"}},"items":[{item}]}}"#
        );
        (200, body)
    });
    let told = watched(&client, 4).await;
    assert_eq!(told[..4], ["restarted", "seen a=1", "seen b=2", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_watch_and_it_is_taken_up_at_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let service = tower::service_fn(move |_: http::Request<Body>| {
        let list = count.fetch_add(1, Ordering::Relaxed) == 0;
        let first = Bytes::from_static(if list { EMPTY.as_bytes() } else { b"" });
        let frames = stream::iter([Ok::<_, io::Error>(hyper::body::Frame::data(first))]);
        let body = if list {
            frames.boxed()
        } else {
            frames.chain(stream::pending()).boxed()
        };
        std::future::ready(Response::builder().body(StreamBody::new(body)))
    });
    let client = Client::new(service, "default");
    let subject = subject();
    let mut handler = Recorder::default();
    tokio::select! {
        () = run(&client, &subject, never(), &mut handler) => {}
        () = sleep((WATCH + SLACK) * 3 + BRIEF) => {}
    }
    assert_eq!(asked.load(Ordering::Relaxed), 5);
    assert_eq!(handler.told(), ["restarted", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_takes_long_to_be_refused_was_never_open() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let service = tower::service_fn(move |_: http::Request<Body>| {
        let list = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if list {
                return Response::builder().body(Body::from(EMPTY.as_bytes().to_vec()));
            }
            sleep(BRIEF + Duration::from_secs(1)).await;
            Response::builder().status(503).body(Body::empty())
        }
    });
    let (client, subject) = (Client::new(service, "default"), subject());
    let mut handler = Recorder::default();
    tokio::select! {
        () = run(&client, &subject, never(), &mut handler) => {}
        () = sleep(Duration::from_secs(3600)) => {}
    }
    // A minute between two attempts, half of it on average, and six seconds each.
    let asked = asked.load(Ordering::Relaxed);
    assert!((40..=250).contains(&asked), "{asked} in an hour");
}
