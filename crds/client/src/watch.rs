//! The loop behind every watch of hub and agent: list everything, then watch for changes, for ever.
//!
//! A [`Handler`] is given each object as text and decodes it alone ([`decode`](crate::decode)), so that one that
//! cannot be read stops no other. How requests are made is the business of a [`Requests`].
//!
//! # Guarantees
//! * Everything is bounded: a page of a list, its bytes, a line of a watch, the time without a word. A page that is too
//!   large is asked for again with fewer objects, which starts nothing over.
//! * A watch that ends is taken up where it ended. Only when the server no longer has that place (410), or said
//!   something that cannot be read, is everything listed again.
//! * Whatever fails is tried again after a growing, jittered, capped wait: a request, a list that cannot be read,
//!   and a watch that ends as soon as it began. A list that succeeds does not start the series over, a watch that
//!   stays open does. When a server that had hung is known to answer again, nobody waits any longer.
//!
//! # Caveats
//! Between [`Notice::Restarted`] and [`Notice::Synced`] every object is seen again. What was not seen then is gone;
//! a handler must count an object as seen whether or not it can decode it.

mod event;
mod list;
mod requests;
mod subject;

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::value::RawValue;
use stevedore_runtime::retry::{Delays, Schedule, spread};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;

use crate::answer::OBJECT_BYTES;
pub use event::Fault;
pub use requests::{Accept, MAX_ANSWER, Requests, Verdict};
pub use subject::{PAGE, Subject};

/// The longest line of a watch in bytes: the biggest answer about one object, and room around it.
pub const MAX_LINE: usize = OBJECT_BYTES + 64 * 1024;
/// How long the server keeps one watch open, and how much silence beyond it is waited for.
const WATCH: Duration = Duration::from_secs(290);
const SLACK: Duration = Duration::from_secs(20);
/// Waits after a refusal; changed definitions or rights end one earlier.
const REFUSED: Schedule = Schedule::new(Duration::from_secs(5), Duration::from_secs(120));
/// The shortest wait after a failure, whatever changes meanwhile.
const FLOOR: Duration = Duration::from_millis(200);
/// A watch that was open no longer ended as soon as it began.
const BRIEF: Duration = Duration::from_secs(5);

/// What a watch saw.
#[derive(Debug)]
pub enum Notice<F> {
    /// A list begins.
    Restarted,
    /// An object of the list, or a changed one.
    Seen(Box<RawValue>),
    /// An object that was deleted or no longer passes the filter, as it was last.
    Removed(Box<RawValue>),
    /// The list is complete, or a watch that had failed goes on from its place.
    Synced,
    /// It does not work for now; it is tried again.
    Failed(F),
}

/// Takes what a watch saw, one after the other.
pub trait Handler<F>: Send {
    /// Takes one notice; the next one waits.
    fn take(&mut self, notice: Notice<F>) -> impl Future<Output = ()> + Send;
}

/// Rises whenever definitions or rights may have changed: what is refused is tried again at once.
pub type Circumstances = tokio::sync::watch::Receiver<u64>;

/// Waits for a change that has not been seen yet; for ever once nobody can tell of one.
pub async fn changed(circumstances: &mut Circumstances) {
    if circumstances.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Watches until it is dropped.
pub async fn run<R: Requests>(
    requests: &R,
    subject: &Subject,
    circumstances: Circumstances,
    handler: &mut impl Handler<R::Failure>,
) {
    let mut watch = Watch {
        requests,
        subject,
        circumstances,
        delays: Delays::new(Schedule::CONNECT),
        refused: Delays::new(REFUSED),
        page: PAGE,
        place: None,
        broken: false,
    };
    loop {
        watch.round(handler).await;
    }
}

/// One watch between two rounds.
struct Watch<'a, R> {
    requests: &'a R,
    subject: &'a Subject,
    circumstances: Circumstances,
    delays: Delays,
    refused: Delays,
    /// Objects asked for at once.
    page: usize,
    /// From where to watch on; nothing before everything was listed.
    place: Option<String>,
    /// The last round failed, and the handler knows it.
    broken: bool,
}

/// How a watch ended.
enum End<F> {
    /// The server closed it, or said nothing any more.
    Ended,
    /// The server no longer has the place.
    Expired,
    /// It goes on from the place it reached.
    Broken(F),
    /// What it said cannot be trusted: everything has to be listed again.
    Lost(F),
}

impl<R: Requests> Watch<'_, R> {
    /// Lists everything or watches once, and waits as long as it has to before the next round.
    async fn round(&mut self, handler: &mut impl Handler<R::Failure>) {
        let Some(from) = self.place.take() else {
            match self.list(handler).await {
                Ok(place) => {
                    self.place = Some(place);
                    self.broken = false;
                }
                Err(failure) => self.failed(failure, handler).await,
            }
            return;
        };
        let mut opened = None;
        let (end, reached) = self.watch(from, &mut opened, handler).await;
        let brief = opened.is_none_or(|at: Instant| at.elapsed() < BRIEF);
        if !brief {
            self.delays.reset();
            self.refused.reset();
        }
        match end {
            End::Ended => self.place = Some(reached),
            End::Expired => {}
            End::Broken(failure) => {
                self.place = Some(reached);
                return self.failed(failure, handler).await;
            }
            End::Lost(failure) => return self.failed(failure, handler).await,
        }
        if brief {
            let wait = self.delays.next(rand::random()).max(FLOOR);
            tracing::debug!(
                path = self.subject.path.as_str(),
                ?wait,
                "a watch ended at once"
            );
            sleep(wait).await;
        }
    }

    /// Reads everything and says from where to watch on.
    async fn list(&mut self, handler: &mut impl Handler<R::Failure>) -> Result<String, R::Failure> {
        let _turn = self.requests.turn().await;
        handler.take(Notice::Restarted).await;
        let mut objects = Seen(handler, PhantomData);
        let page = &mut self.page;
        let place = list::pages(self.requests, self.subject, page, PAGE, &mut objects).await?;
        handler.take(Notice::Synced).await;
        Ok(place)
    }

    /// Watches from a place on until it ends, and gives the place that was reached; `opened` is when it was open. A
    /// watch that was broken says that it works as soon as it is open: nothing of what happened meanwhile is missed.
    async fn watch(
        &mut self,
        from: String,
        opened: &mut Option<Instant>,
        handler: &mut impl Handler<R::Failure>,
    ) -> (End<R::Failure>, String) {
        let path = self
            .subject
            .selected()
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("resourceVersion", &from)
            .query("timeoutSeconds", &WATCH.as_secs().to_string());
        let mut place = from;
        let stream = match self.requests.open(path, Accept::object(self.subject)).await {
            Ok(stream) => stream,
            Err(failure) => return (self.end(failure), place),
        };
        *opened = Some(Instant::now());
        if std::mem::take(&mut self.broken) {
            handler.take(Notice::Synced).await;
        }
        let codec = LinesCodec::new_with_max_length(MAX_LINE);
        let mut lines = FramedRead::new(StreamReader::new(stream), codec);
        loop {
            let line = match timeout(WATCH + SLACK, lines.next()).await {
                Ok(Some(Ok(line))) => line,
                Ok(None) | Err(_) => return (End::Ended, place),
                // A watch that breaks is ordinary: the server restarts, the network changes.
                Ok(Some(Err(LinesCodecError::Io(error)))) => {
                    let failure = self.requests.fault(Fault::BrokenOff(error));
                    return (End::Broken(failure), place);
                }
                Ok(Some(Err(LinesCodecError::MaxLineLengthExceeded))) => {
                    return (End::Lost(self.requests.fault(Fault::LineTooLong)), place);
                }
            };
            match event::read(&line) {
                Ok(event::Event::Seen(object, version)) => {
                    handler.take(Notice::Seen(object)).await;
                    place = version;
                }
                Ok(event::Event::Removed(object, version)) => {
                    handler.take(Notice::Removed(object)).await;
                    place = version;
                }
                Ok(event::Event::Bookmark(version)) => place = version,
                // The stream ended within a line.
                Ok(event::Event::Cut) => return (End::Ended, place),
                Err(fault) => {
                    let end = match self.end(self.requests.fault(fault)) {
                        End::Broken(failure) => End::Lost(failure),
                        end => end,
                    };
                    return (end, place);
                }
            }
        }
    }

    fn end(&self, failure: R::Failure) -> End<R::Failure> {
        match self.requests.verdict(&failure) {
            Verdict::Expired => End::Expired,
            _ => End::Broken(failure),
        }
    }

    /// Tells of a failure, and waits.
    async fn failed(&mut self, failure: R::Failure, handler: &mut impl Handler<R::Failure>) {
        self.broken = true;
        let verdict = self.requests.verdict(&failure);
        let (series, asked, refused) = match verdict {
            Verdict::Retry(asked) => (&mut self.delays, asked, false),
            Verdict::Refused(asked) => (&mut self.refused, asked, true),
            Verdict::Expired | Verdict::TooLarge => (&mut self.delays, Duration::ZERO, false),
        };
        let wait = spread(series.next_after(asked, rand::random()), 10, rand::random()).max(FLOOR);
        let path = self.subject.path.as_str();
        tracing::debug!(path, %failure, ?wait, "a watch failed");
        handler.take(Notice::Failed(failure)).await;
        sleep(FLOOR).await;
        tokio::select! {
            () = sleep(wait - FLOOR) => {}
            () = changed(&mut self.circumstances), if refused => {}
            () = self.requests.back(), if !refused => {}
        }
    }
}

/// Hands the objects of a list to a handler.
struct Seen<'a, H, F>(&'a mut H, PhantomData<fn(F)>);

impl<F, H: Handler<F>> list::Objects for Seen<'_, H, F> {
    fn take(&mut self, object: Box<RawValue>) -> impl Future<Output = ()> + Send {
        self.0.take(Notice::Seen(object))
    }
}

#[cfg(test)]
mod tests;
