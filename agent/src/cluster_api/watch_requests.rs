//! Requests of watches, made over the transport as the agent itself or as the account of a package.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::Path;
use stevedore_client::watch::{Accept, Fault, Requests, Verdict};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::refusal;
use super::transport::{Call, Opened, Transport};
use crate::ports::{Account, Answer};

/// Lists read at once in the whole process, so that their pages do not add up; those of our own kinds do not
/// wait for those of packages, which may hang.
static OWN_LISTS: Semaphore = Semaphore::const_new(2);
static LISTS: Semaphore = Semaphore::const_new(4);

/// Makes the requests of one watch.
pub(crate) struct WatchRequests {
    transport: Transport,
    /// Whom the agent acts as; absent for the agent itself.
    account: Option<Account>,
}

impl WatchRequests {
    /// Requests as the agent itself.
    pub(crate) fn own(transport: Transport) -> Self {
        Self {
            transport,
            account: None,
        }
    }

    /// Requests as the account of a package.
    pub(crate) fn of(transport: Transport, account: Account) -> Self {
        Self {
            transport,
            account: Some(account),
        }
    }

    fn call(&self, path: Path, accept: Accept) -> Call<'_> {
        Call::get(path)
            .accept(accept.as_str())
            .account(self.account.as_ref())
    }
}

impl Requests for WatchRequests {
    type Failure = Failure;
    type Stream = BoxStream<'static, io::Result<Bytes>>;
    type Turn = SemaphorePermit<'static>;

    async fn turn(&self) -> Self::Turn {
        let lists = match self.account {
            Some(_) => &LISTS,
            None => &OWN_LISTS,
        };
        let turn = lists.acquire().await;
        turn.expect("the semaphore is never closed")
    }

    async fn get(&self, path: Path, accept: Accept) -> Answer<Bytes> {
        let reply = self.transport.call(self.call(path, accept)).await?;
        Ok(reply.body)
    }

    async fn open(&self, path: Path, accept: Accept) -> Answer<Self::Stream> {
        let Opened { body, room } = self.transport.open(self.call(path, accept)).await?;
        let answers = Arc::clone(self.transport.answers());
        let stream = body.into_data_stream().inspect_ok(move |_| answers.note());
        let stream = stream.map_err(move |error| {
            // Its place on the connection is taken as long as it is read.
            let _held = &room;
            io::Error::other(error)
        });
        Ok(stream.boxed())
    }

    async fn back(&self) {
        self.transport.answers().back().await;
    }

    fn fault(&self, fault: Fault) -> Failure {
        match fault {
            Fault::Refused(status) => refusal::of_status(&status),
            Fault::Unreadable | Fault::LineTooLong | Fault::BrokenOff(_) => {
                Failure::new(FailureKind::Unavailable, fault.to_string())
            }
        }
    }

    fn verdict(&self, failure: &Failure) -> Verdict {
        let asked = Duration::from_millis(failure.retry_after.unwrap_or(0));
        match failure.kind {
            FailureKind::Expired => Verdict::Expired,
            FailureKind::TooLarge => Verdict::TooLarge,
            FailureKind::Forbidden
            | FailureKind::AccountNotAllowed
            | FailureKind::NoKind
            | FailureKind::KindUnavailable => Verdict::Refused(asked),
            FailureKind::NotFound
            | FailureKind::WrongScope
            | FailureKind::NamespaceTerminating
            | FailureKind::Conflict
            | FailureKind::Invalid
            | FailureKind::Unreadable
            | FailureKind::ContentMissing
            | FailureKind::Unavailable => Verdict::Retry(asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::client::Body;
    use stevedore_client::watch::{Handler, Notice, Subject, run};
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    /// Says when the first list is complete.
    struct First(Option<oneshot::Sender<()>>);

    impl Handler<Failure> for First {
        async fn take(&mut self, notice: Notice<Failure>) {
            if let (Notice::Synced, Some(first)) = (notice, self.0.take()) {
                let _ = first.send(());
            }
        }
    }

    #[tokio::test]
    async fn lists_of_packages_that_hang_hold_up_no_list_of_our_own() {
        let server = tower::service_fn(|request: http::Request<Body>| async move {
            if request.headers().contains_key("impersonate-user") {
                std::future::pending::<()>().await;
            }
            let body = br#"{"metadata":{"resourceVersion":"5"},"items":[]}"#;
            http::Response::builder().body(Body::from(body.to_vec()))
        });
        let transport = Transport::new(kube::Client::new(server, "default"));
        let account = Account {
            namespace: "shop".into(),
            name: "packages".into(),
        };
        let theirs = WatchRequests::of(transport.clone(), account);
        let subject = Subject::all(Path::root("/api/v1/configmaps"));
        let never = || tokio::sync::watch::channel(0).1;
        let mut handlers: Vec<_> = (0..8).map(|_| First(None)).collect();
        let mut hanging: Vec<_> = handlers
            .iter_mut()
            .map(|handler| Box::pin(run(&theirs, &subject, never(), handler)))
            .collect();
        for one in &mut hanging {
            assert!(futures::poll!(one).is_pending());
        }
        let own = WatchRequests::own(transport);
        let (first, done) = oneshot::channel();
        let mut handler = First(Some(first));
        let listed = async {
            tokio::select! {
                () = run(&own, &subject, never(), &mut handler) => {}
                _ = done => {}
            }
        };
        let listed = timeout(Duration::from_secs(20), listed).await;
        listed.expect("not behind those that hang");
    }

    #[tokio::test]
    async fn an_expired_place_is_known_by_the_status_code() {
        let requests = WatchRequests::own(Transport::new(kube::Client::new(
            tower::service_fn(|_: http::Request<Body>| {
                std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(
                    Body::empty(),
                )))
            }),
            "default",
        )));
        let verdict = |code: u16| {
            let code = http::StatusCode::from_u16(code).unwrap();
            requests.verdict(&refusal::failure(None, code, None, b""))
        };
        assert_eq!(verdict(410), Verdict::Expired);
        assert_eq!(verdict(400), Verdict::Retry(Duration::ZERO));
    }
}
