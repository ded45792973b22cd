//! Requests to the API server: bounded in number, time and size; every refusal typed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::Path;
use stevedore_client::decode::{Undecodable, decode};
use stevedore_client::watch::MAX_ANSWER;
use stevedore_proto_core::name;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::answers::Answers;
use super::connections::Connections;
use super::refusal;
use crate::chain::chain;
use crate::ports::{Account, Answer};

/// The time that one request may take, its answer included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Media type of what is sent, and of what is asked for if nothing else is said.
pub(crate) const JSON: &str = "application/json";

/// Shared by every client of the process. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    connections: Arc<Connections>,
    counters: Arc<Counters>,
    answers: Arc<Answers>,
}

/// What went over the transport since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests sent, watches included.
    pub requests: AtomicU64,
    /// Requests among them that write and are no dry-run.
    pub writes: AtomicU64,
    /// Answers other than success, and missing answers.
    pub failures: AtomicU64,
}

/// One request.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: Path,
    pub(crate) accept: &'static str,
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    /// Whom the agent acts as; absent for the agent itself.
    pub(crate) account: Option<&'a Account>,
    pub(crate) dry_run: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: Path) -> Self {
        Self {
            method: Method::GET,
            path,
            accept: JSON,
            body: None,
            account: None,
            dry_run: false,
        }
    }

    pub(crate) fn with_body(method: Method, path: Path, kind: &'static str, body: Vec<u8>) -> Self {
        Self {
            method,
            body: Some((kind, body)),
            ..Self::get(path)
        }
    }

    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    pub(crate) fn account(mut self, account: Option<&'a Account>) -> Self {
        self.account = account;
        self
    }

    pub(crate) fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    fn into_request(self) -> Answer<Request<Body>> {
        let broken = |error: http::Error| Failure::new(FailureKind::Invalid, error.to_string());
        let path = if self.dry_run {
            self.path.query("dryRun", "All")
        } else {
            self.path
        };
        let mut request = Request::builder()
            .method(self.method)
            .uri(path.as_str())
            .header(ACCEPT, HeaderValue::from_static(self.accept));
        if let Some(account) = self.account {
            request = request.header("impersonate-user", user(account)?);
        }
        let body = match self.body {
            Some((kind, body)) => {
                request = request.header(CONTENT_TYPE, HeaderValue::from_static(kind));
                Body::from(body)
            }
            None => Body::empty(),
        };
        request.body(body).map_err(broken)
    }
}

/// The user name of an account. One whose parts are no names is nobody, and never means "no header".
fn user(account: &Account) -> Answer<HeaderValue> {
    let no_account = || {
        Failure::new(
            FailureKind::Invalid,
            format!(
                "{:?}/{:?} names no service account",
                account.namespace, account.name
            ),
        )
    };
    if name::namespace(&account.namespace).is_err() || name::object(&account.name, "it").is_err() {
        return Err(no_account());
    }
    let user = format!(
        "system:serviceaccount:{}:{}",
        account.namespace, account.name
    );
    HeaderValue::from_str(&user).map_err(|_| no_account())
}

/// A successful answer.
pub(crate) struct Reply {
    pub(crate) body: Bytes,
}

/// A stream that is open.
pub(crate) struct Opened {
    pub(crate) body: Body,
    /// Its place on the connection; held as long as the body is read.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

impl Reply {
    /// The object that was answered with.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Answer<T> {
        let text: &RawValue = serde_json::from_slice(&self.body).map_err(|_| {
            let what = "the API server's answer is no JSON";
            Failure::new(FailureKind::Unavailable, what)
        })?;
        decode(text).map_err(|why| unreadable(&why))
    }
}

impl Transport {
    /// Requests go through this client, however many watches there are.
    pub fn new(client: Client) -> Self {
        Self::with(client, || None)
    }

    /// As [`Self::new`], with a way to make further connections once watches fill the first one.
    pub fn with(
        client: Client,
        another: impl Fn() -> Option<Client> + Send + Sync + 'static,
    ) -> Self {
        Self {
            connections: Arc::new(Connections::new(client, another)),
            counters: Arc::default(),
            answers: Arc::default(),
        }
    }

    /// What went over this transport.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// When the server answered last, and whether it is silent.
    pub fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    /// Asks the server for a word that costs it nothing, not even a look at its store. Waits for no turn: those may all
    /// be taken by requests that hang.
    pub(super) async fn ask(&self) -> Answer<()> {
        let call = Call::get(Path::root("/version"));
        self.count(&call);
        let client = self.connections.without_turn();
        self.in_time(send(&client, call)).await.map(drop)
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn call(&self, call: Call<'_>) -> Answer<Reply> {
        let (client, _turn) = self.connections.for_request(call.account.is_some()).await;
        self.count(&call);
        self.in_time(async {
            let response = send(&client, call).await?;
            let body = read(response.into_body()).await?;
            Ok(Reply { body })
        })
        .await
    }

    /// Opens a stream: waits for the head of the answer only.
    pub(crate) async fn open(&self, call: Call<'_>) -> Answer<Opened> {
        self.count(&call);
        let (client, room) = self.connections.for_watch();
        let response = self.in_time(send(&client, call)).await?;
        let body = response.into_body();
        Ok(Opened { body, room })
    }

    async fn in_time<T>(&self, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
        let answer = timeout(REQUEST_TIMEOUT, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(timed_out()));
        let code = answer.as_ref().err().map(|failure| failure.code);
        if code.is_some() {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
        }
        // That it fails may also be said by a proxy before it.
        if code.is_none_or(|code| code.is_some_and(|code| code < 500)) {
            self.answers.note();
        }
        answer
    }

    fn count(&self, call: &Call<'_>) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        if call.method != Method::GET && !call.dry_run {
            self.counters.writes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends a request and waits for the head of a successful answer.
async fn send(client: &Client, call: Call<'_>) -> Answer<Response<Body>> {
    let account = call.account;
    let response = client
        .send(call.into_request()?)
        .await
        .map_err(unreachable)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let (asked, body) = (retry_after(&head.headers), read(body).await?);
    Err(refusal::failure(account, head.status, asked, &body))
}

async fn read(body: Body) -> Answer<Bytes> {
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| broken_off(&*error))?.to_bytes())
}

fn retry_after(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn unreachable(error: kube::Error) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format!("the API server cannot be reached: {}", chain(&error)),
    )
}

fn broken_off(error: &(dyn std::error::Error + 'static)) -> Failure {
    if error.is::<LengthLimitError>() {
        let message = format!("an answer of more than {MAX_ANSWER} bytes");
        return Failure::new(FailureKind::TooLarge, message);
    }
    Failure::new(
        FailureKind::Unavailable,
        format!("the API server's answer broke off: {}", chain(error)),
    )
}

/// An object is there, and cannot be decoded.
pub(crate) fn unreadable(why: &Undecodable) -> Failure {
    Failure::new(FailureKind::Unreadable, why.to_string())
}

fn timed_out() -> Failure {
    let seconds = REQUEST_TIMEOUT.as_secs();
    Failure::new(
        FailureKind::Unavailable,
        format!("no answer within {seconds} s; whether it was done is not known"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(namespace: &str, name: &str) -> Account {
        Account {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_request_as_an_account_always_names_it() {
        let account = account("stevedore-system", "stevedore-packages");
        let call = Call::get(Path::root("/api/v1")).account(Some(&account));
        let request = call.into_request().unwrap();
        assert_eq!(
            request.headers()["impersonate-user"],
            "system:serviceaccount:stevedore-system:stevedore-packages"
        );
    }

    #[test]
    fn an_account_without_a_name_is_refused_and_never_the_agent_itself() {
        for account in [
            account("", "a"),
            account("a", ""),
            account("a\n", "b"),
            account("a", "b:c"),
            account("a:b", "c"),
        ] {
            let call = Call::get(Path::root("/api/v1")).account(Some(&account));
            assert_eq!(call.into_request().unwrap_err().kind, FailureKind::Invalid);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_fails_is_counted_once_also_a_watch_that_cannot_be_opened() {
        let server = tower::service_fn(|request: Request<Body>| async move {
            match request.uri().path() {
                "/hang" => std::future::pending().await,
                "/away" => Err("no route to host"),
                _ => Ok(Response::builder().status(403).body(Body::empty()).unwrap()),
            }
        });
        let transport = Transport::new(Client::new(server, "default"));
        for (at, path) in (0..).zip(["/hang", "/away", "/refused"]) {
            let opened = transport.open(Call::get(Path::root(path))).await;
            assert!(opened.is_err());
            let called = transport.call(Call::get(Path::root(path))).await;
            assert!(called.is_err());
            let failures = transport.counters().failures.load(Ordering::Relaxed);
            assert_eq!(failures, 2 * (at + 1), "{path}");
        }
    }

    #[tokio::test]
    async fn requests_that_hang_for_a_package_delay_neither_the_agent_nor_another_package() {
        let server = tower::service_fn(|request: Request<Body>| async move {
            let hangs = request.uri().path().starts_with("/hang");
            if hangs {
                std::future::pending::<()>().await;
            }
            http::Response::builder().body(Body::empty())
        });
        let transport = Transport::new(Client::new(server, "default"));
        let hung = account("stevedore-system", "hung");
        let hanging = || {
            let call = Call::get(Path::root("/hang")).account(Some(&hung));
            Box::pin(transport.call(call))
        };
        // As many as one deployment may have.
        let mut all: Vec<_> = (0..crate::ports::REQUESTS_PER_DEPLOYMENT)
            .map(|_| hanging())
            .collect();
        for one in &mut all {
            assert!(futures::poll!(one).is_pending());
        }
        let other = account("stevedore-system", "other");
        for account in [None, Some(&other)] {
            let call = Call::get(Path::root("/answers")).account(account);
            let answer = timeout(REQUEST_TIMEOUT / 3, transport.call(call)).await;
            assert!(answer.expect("not behind those that hang").is_ok());
        }
        // Whatever packages do, the agent's own requests have their turns.
        all.extend((0..200).map(|_| hanging()));
        for one in &mut all {
            assert!(futures::poll!(one).is_pending());
        }
        let call = Call::get(Path::root("/answers"));
        let answer = timeout(REQUEST_TIMEOUT / 3, transport.call(call)).await;
        assert!(answer.expect("not behind those that hang").is_ok());
    }
}
