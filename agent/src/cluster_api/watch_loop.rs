//! List, then watch, for ever: the one loop behind every watch of the agent.
//!
//! Lists are paged and each object is handed over as text, so that a handler reads only what it needs. A
//! lost connection is taken up again where it ended; only when the server no longer has that place is
//! everything listed again.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
pub(crate) use stevedore_client::Path;
use stevedore_runtime::retry::{Delays, Schedule, spread};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::refusal;
use super::transport::{Call, JSON, METADATA, METADATA_LIST, Opened, Transport, unreadable};
use crate::engine::ports::{Account, Answer};

/// Objects in one page of a list.
const PAGE: &str = "100";
/// How long the server keeps one watch open, and how much silence beyond it is believed.
const WATCH: Duration = Duration::from_secs(290);
const SLACK: Duration = Duration::from_secs(20);
/// The longest line of a watch: the biggest object an API server stores, and room around it.
const LINE: usize = 8 * 1024 * 1024;
/// After a refusal; a changed right ends the wait earlier only by a new watch.
const REFUSED: Schedule = Schedule {
    initial: Duration::from_secs(5),
    factor: 2.0,
    cap: Duration::from_secs(120),
};
/// The shortest wait after a failure, or after a watch that ended as soon as it began, whatever changes.
const FLOOR: Duration = Duration::from_millis(200);
/// A watch that lasted no longer ended as soon as it began.
const BRIEF: Duration = Duration::from_secs(1);
/// Lists read at once in the whole process, so that their pages do not add up; those of our own kinds do not
/// wait for those of packages, which may hang.
static OWN_LISTS: Semaphore = Semaphore::const_new(2);
static LISTS: Semaphore = Semaphore::const_new(4);

/// What is watched.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Path of the collection.
    pub(crate) path: Path,
    /// Label selector, if any.
    pub(crate) selector: Option<&'static str>,
    /// Only the metadata of the objects is wanted.
    pub(crate) metadata_only: bool,
    /// Whom the agent acts as; absent for the agent itself.
    pub(crate) account: Option<Account>,
}

/// What a watch saw.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A list begins.
    Restarted,
    /// An object of the list, or a changed one.
    Seen(Box<RawValue>),
    /// An object that was deleted or no longer passes the filter, as it was last.
    Removed(Box<RawValue>),
    /// The list is complete, or a watch that had failed goes on from its place.
    Synced,
    /// It does not work for now; it is tried again.
    Failed(Failure),
}

/// Takes what a watch saw, one after the other.
pub(crate) trait Handler: Send {
    /// Takes one notice; the next one waits.
    fn take(&mut self, notice: Notice) -> impl Future<Output = ()> + Send;
}

/// Comes true whenever definitions or rights may have changed: what is refused is tried again at once.
pub(crate) type Circumstances = tokio::sync::watch::Receiver<u64>;

/// Runs until it is dropped.
pub(crate) async fn run(
    transport: &Transport,
    subject: &Subject,
    mut circumstances: Circumstances,
    handler: &mut impl Handler,
) {
    let mut delays = Delays::new(Schedule::CONNECT);
    let mut refused = Delays::new(REFUSED);
    let mut place: Option<String> = None;
    let mut broken = false;
    loop {
        let (began, watches) = (Instant::now(), place.is_some());
        let round = match place.take() {
            None => list(transport, subject, handler).await.map(|place| {
                broken = false;
                Some(place)
            }),
            Some(from) => watch(transport, subject, handler, from, &mut broken).await,
        };
        match round {
            Ok(reached) => {
                // A watch that ends by itself is taken up at once; one that loses its place lists again.
                place = reached;
                delays.reset();
                refused.reset();
                if watches && began.elapsed() < BRIEF {
                    sleep(FLOOR).await;
                }
            }
            Err((failure, reached)) => {
                broken = true;
                place = reached;
                let forbidden = matches!(
                    failure.kind,
                    FailureKind::Forbidden | FailureKind::AccountNotAllowed | FailureKind::NoKind
                );
                let series = if forbidden { &mut refused } else { &mut delays };
                let asked = Duration::from_millis(failure.retry_after.unwrap_or(0));
                let wait = spread(series.next_after(asked, rand::random()), 10, rand::random());
                tracing::debug!(path = subject.path.as_str(), %failure, ?wait, "watch failed");
                handler.take(Notice::Failed(failure)).await;
                sleep(FLOOR.min(wait)).await;
                tokio::select! {
                    () = sleep(wait.saturating_sub(FLOOR)) => {}
                    () = changed(&mut circumstances), if forbidden => {}
                }
            }
        }
    }
}

/// Waits for a change that has not been seen yet; for ever once nobody can tell of one.
pub(crate) async fn changed(circumstances: &mut Circumstances) {
    if circumstances.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

type Round = Result<Option<String>, (Failure, Option<String>)>;

#[derive(Deserialize)]
struct List<'a> {
    #[serde(default)]
    metadata: ListMetadata,
    /// Null for an empty list of metadata.
    #[serde(default, borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
    #[serde(default)]
    resource_version: String,
}

/// Reads everything and says from where to watch on.
async fn list(
    transport: &Transport,
    subject: &Subject,
    handler: &mut impl Handler,
) -> Result<String, (Failure, Option<String>)> {
    let lists = match subject.account {
        Some(_) => &LISTS,
        None => &OWN_LISTS,
    };
    let _turn = lists
        .acquire()
        .await
        .expect("the semaphore is never closed");
    let again = |failure| (failure, None);
    handler.take(Notice::Restarted).await;
    let mut next: Option<String> = None;
    loop {
        let mut path = selected(subject).query("limit", PAGE);
        if let Some(token) = &next {
            path = path.query("continue", token);
        }
        let call = Call::get(path)
            .accept(if subject.metadata_only {
                METADATA_LIST
            } else {
                JSON
            })
            .account(subject.account.as_ref());
        let reply = transport.call(call).await.map_err(again)?;
        let list: List<'_> =
            serde_json::from_slice(&reply.body).map_err(|error| again(unreadable(&error)))?;
        for item in list.items.unwrap_or_default() {
            handler.take(Notice::Seen(item.to_owned())).await;
        }
        next = list.metadata.next.filter(|token| !token.is_empty());
        if next.is_none() {
            handler.take(Notice::Synced).await;
            return Ok(list.metadata.resource_version);
        }
    }
}

fn selected(subject: &Subject) -> Path {
    match subject.selector {
        Some(selector) => subject.path.clone().query("labelSelector", selector),
        None => subject.path.clone(),
    }
}

/// Watches from a place on; `Ok(None)` when the server no longer has the place. Once it is open, a watch that
/// was `broken` says that it works: nothing of what happened meanwhile is missed.
async fn watch(
    transport: &Transport,
    subject: &Subject,
    handler: &mut impl Handler,
    from: String,
    broken: &mut bool,
) -> Round {
    let path = selected(subject)
        .query("watch", "true")
        .query("allowWatchBookmarks", "true")
        .query("resourceVersion", &from)
        .query("timeoutSeconds", &WATCH.as_secs().to_string());
    let call = Call::get(path)
        .accept(if subject.metadata_only {
            METADATA
        } else {
            JSON
        })
        .account(subject.account.as_ref());
    let Opened { body, room: _room } = match transport.open(call).await {
        Ok(opened) => opened,
        Err(failure) if is_gone(&failure) => return Ok(None),
        Err(failure) => return Err((failure, Some(from))),
    };
    if std::mem::take(broken) {
        handler.take(Notice::Synced).await;
    }
    let mut lines = Lines::new(body);
    let mut place = from;
    loop {
        let line = match timeout(WATCH + SLACK, lines.next()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return Ok(Some(place)),
            // A watch that breaks is ordinary: the server restarts, the network changes.
            Ok(Err(failure)) => return Err((failure, Some(place))),
            Err(_) => return Ok(Some(place)),
        };
        match event(&line).map_err(|failure| (failure, None))? {
            Event::Seen(object, version) => {
                handler.take(Notice::Seen(object)).await;
                place = version;
            }
            Event::Removed(object, version) => {
                handler.take(Notice::Removed(object)).await;
                place = version;
            }
            Event::Bookmark(version) => place = version,
            Event::Gone => return Ok(None),
            Event::Failed(failure) => return Err((failure, None)),
        }
    }
}

fn is_gone(failure: &Failure) -> bool {
    failure.kind == FailureKind::Invalid
        && (failure.message.contains("too old") || failure.message.contains("expired"))
}

enum Event {
    Seen(Box<RawValue>, String),
    Removed(Box<RawValue>, String),
    Bookmark(String),
    Gone,
    Failed(Failure),
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

fn event(line: &[u8]) -> Answer<Event> {
    let raw: RawEvent<'_> = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
    if raw.r#type == "ERROR" {
        let code = serde_json::from_str::<kube::core::Status>(raw.object.get())
            .map_or(500, |status| status.code);
        if code == 410 {
            return Ok(Event::Gone);
        }
        let code =
            http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let failure = refusal::failure(code, None, raw.object.get().as_bytes());
        return Ok(Event::Failed(failure));
    }
    let version = serde_json::from_str::<Versioned>(raw.object.get())
        .map_err(|error| unreadable(&error))?
        .metadata
        .resource_version;
    Ok(match raw.r#type {
        "DELETED" => Event::Removed(raw.object.to_owned(), version),
        "BOOKMARK" => Event::Bookmark(version),
        _ => Event::Seen(raw.object.to_owned(), version),
    })
}

/// A body, line by line.
struct Lines {
    body: Body,
    buffer: Vec<u8>,
    searched: usize,
}

impl Lines {
    fn new(body: Body) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            searched: 0,
        }
    }

    /// The next line without its end; `None` when the body ended. What is left without an end is dropped.
    async fn next(&mut self) -> Answer<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.buffer.len() > LINE {
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format!("an event of more than {LINE} bytes"),
                ));
            }
            let Some(chunk) = self.chunk().await? else {
                return Ok(None);
            };
            self.buffer.extend_from_slice(&chunk);
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let Some(at) = self.buffer[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
        else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = self.searched + at;
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        self.searched = 0;
        Some(line)
    }

    async fn chunk(&mut self) -> Answer<Option<Bytes>> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => {
                    return Err(Failure::new(
                        FailureKind::Unavailable,
                        format!("the watch broke off: {error}"),
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
