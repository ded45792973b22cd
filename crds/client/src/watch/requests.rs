//! Requests of a watch, and the trait of whoever makes them.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt as _, TryStreamExt as _};
use http::Request;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue};
use http_body_util::BodyExt as _;
use kube::{Client, Error};

use super::{Fault, Subject};
use crate::Path;
use crate::answer::{self, AnswerError, answer_error};

/// The biggest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// In which form objects are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Whole.
    Json,
    /// Only the metadata of an object.
    Metadata,
    /// Only the metadata of the objects of a list.
    MetadataList,
}

impl Accept {
    pub(super) fn object(subject: &Subject) -> Self {
        if subject.metadata_only {
            Self::Metadata
        } else {
            Self::Json
        }
    }

    pub(super) fn list(subject: &Subject) -> Self {
        if subject.metadata_only {
            Self::MetadataList
        } else {
            Self::Json
        }
    }

    /// The media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            Self::MetadataList => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
            }
        }
    }
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass later, not before this time.
    Retry(Duration),
    /// Rights or definitions have to change first; not before this time.
    Refused(Duration),
    /// The server no longer has the place that was asked for.
    Expired,
    /// The answer is larger than is read.
    TooLarge,
}

/// With which client, as whom, and in whose turn requests are made. Every request has a deadline and a bound on
/// what is read of its answer, and is never repeated.
pub trait Requests: Send + Sync {
    /// Why a request failed. Its text has nothing of an answer but the message of a Status.
    type Failure: fmt::Display + Send;
    /// The bytes of an open answer; dropping it ends the request.
    type Stream: Stream<Item = io::Result<Bytes>> + Send + Unpin;
    /// Held while a list is read.
    type Turn: Send;

    /// Waits until a list may be read.
    fn turn(&self) -> impl Future<Output = Self::Turn> + Send;

    /// Reads an answer whole.
    fn get(
        &self,
        path: Path,
        accept: Accept,
    ) -> impl Future<Output = Result<Bytes, Self::Failure>> + Send;

    /// Opens an answer that goes on.
    fn open(
        &self,
        path: Path,
        accept: Accept,
    ) -> impl Future<Output = Result<Self::Stream, Self::Failure>> + Send;

    /// Ends when a server that had not answered anybody for a while answers again; where nobody can tell, never.
    fn back(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// The failure behind an answer that is not what it has to be.
    fn fault(&self, fault: Fault) -> Self::Failure;

    /// What follows from a failure.
    fn verdict(&self, failure: &Self::Failure) -> Verdict;
}

/// As whoever the client is, with no limit on how many lists are read at once.
impl Requests for Client {
    type Failure = Error;
    type Stream = BoxStream<'static, io::Result<Bytes>>;
    type Turn = ();

    async fn turn(&self) -> Self::Turn {}

    async fn get(&self, path: Path, accept: Accept) -> Result<Bytes, Error> {
        answer::send(self, request(&path, accept)?, MAX_ANSWER).await
    }

    async fn open(&self, path: Path, accept: Accept) -> Result<Self::Stream, Error> {
        let body = answer::open(self, request(&path, accept)?).await?;
        Ok(body.into_data_stream().map_err(io::Error::other).boxed())
    }

    fn fault(&self, fault: Fault) -> Error {
        match fault {
            Fault::Refused(status) => Error::Api(status),
            other => Error::Service(Box::new(other)),
        }
    }

    fn verdict(&self, failure: &Error) -> Verdict {
        match failure {
            Error::Api(status) => {
                let details = status.details.as_ref();
                let asked = details.map_or(0, |details| details.retry_after_seconds);
                let asked = Duration::from_secs(asked.into());
                match status.code {
                    410 => Verdict::Expired,
                    403 | 404 => Verdict::Refused(asked),
                    _ => Verdict::Retry(asked),
                }
            }
            other => match answer_error(other) {
                Some(AnswerError::TooLarge { .. }) => Verdict::TooLarge,
                _ => Verdict::Retry(Duration::ZERO),
            },
        }
    }
}

fn request(path: &Path, accept: Accept) -> Result<Request<Vec<u8>>, Error> {
    let request = Request::get(path.as_str())
        .header(ACCEPT, HeaderValue::from_static(accept.as_str()))
        // A compressed watch is many archives, one behind the other, of which clients read the first.
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    request.body(vec![]).map_err(Error::HttpError)
}
