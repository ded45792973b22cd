//! How a watch makes its requests.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt as _, TryStreamExt as _};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::request::Builder;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde_json::Value;
use tokio::time::timeout;

use super::{Fault, Subject};
use crate::{InvalidSegment, Path};

/// The biggest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// The time that one request may take; of a stream, until it is open.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

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

    /// The failure behind an answer that is not what it has to be.
    fn fault(&self, fault: Fault) -> Self::Failure;

    /// What follows from a failure.
    fn verdict(&self, failure: &Self::Failure) -> Verdict;
}

/// Why a request that was made with a plain client failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that no object can have; nothing was asked.
    #[error(transparent)]
    Name(#[from] InvalidSegment),
    /// The API server cannot be reached.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(#[source] kube::Error),
    /// It does not answer.
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    /// It refuses.
    #[error("the API server answers {}: {}", .status.code, .status.message)]
    Refused {
        /// What it said; the code alone where the answer is no `Status`.
        status: Box<Status>,
        /// How long it wants not to be asked.
        retry_after: Duration,
    },
    /// The answer is larger than is read.
    #[error("an answer of more than {MAX_ANSWER} bytes")]
    TooLarge,
    /// The answer is not what it has to be.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Error {
    /// The status code of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(status.code),
            _ => None,
        }
    }

    fn refused(code: StatusCode, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let status = serde_json::from_slice::<Status>(body)
            .unwrap_or_else(|_| Status::failure("", ""))
            .with_code(code.as_u16());
        let asked = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let details = status.details.as_ref();
        let asked = asked.or(details.map(|details| u64::from(details.retry_after_seconds)));
        Self::Refused {
            retry_after: Duration::from_secs(asked.unwrap_or(0)),
            status: Box::new(status),
        }
    }
}

impl From<Error> for kube::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreachable(error) => error,
            Error::Refused { status, .. } => Self::Api(status),
            other => Self::Service(Box::new(other)),
        }
    }
}

/// As whoever the client is, with no limit on how many lists are read at once.
impl Requests for Client {
    type Failure = Error;
    type Stream = BoxStream<'static, io::Result<Bytes>>;
    type Turn = ();

    async fn turn(&self) -> Self::Turn {}

    async fn get(&self, path: Path, accept: Accept) -> Result<Bytes, Error> {
        let answer = async { read(ask(self, path, accept).await?.into_body()).await };
        timeout(REQUEST_TIMEOUT, answer)
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    async fn open(&self, path: Path, accept: Accept) -> Result<Self::Stream, Error> {
        let answer = timeout(REQUEST_TIMEOUT, ask(self, path, accept)).await;
        let body = answer.unwrap_or(Err(Error::Timeout))?.into_body();
        Ok(body.into_data_stream().map_err(io::Error::other).boxed())
    }

    fn fault(&self, fault: Fault) -> Error {
        match fault {
            Fault::Refused(status) => Error::Refused {
                status,
                retry_after: Duration::ZERO,
            },
            other => Error::Fault(other),
        }
    }

    fn verdict(&self, failure: &Error) -> Verdict {
        match failure {
            Error::TooLarge => Verdict::TooLarge,
            Error::Refused {
                status,
                retry_after,
            } => match status.code {
                410 => Verdict::Expired,
                403 | 404 => Verdict::Refused(*retry_after),
                _ => Verdict::Retry(*retry_after),
            },
            Error::Name(_) => Verdict::Refused(Duration::ZERO),
            Error::Unreachable(_) | Error::Timeout | Error::Fault(_) => {
                Verdict::Retry(Duration::ZERO)
            }
        }
    }
}

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 7396; maps are merged, lists replaced.
    Merge,
    /// RFC 6902; a list of operations, applied whole or not at all.
    Json,
}

/// Changes an object. Nothing of the answer is decoded: what cannot be read can be changed.
///
/// # Errors
/// When the object is gone, is not at the `resourceVersion` or has not the UID that the patch names, or the change
/// is refused.
pub async fn patch(
    client: &Client,
    path: Path,
    kind: PatchKind,
    patch: &Value,
) -> Result<(), Error> {
    let kind = match kind {
        PatchKind::Merge => "application/merge-patch+json",
        PatchKind::Json => "application/json-patch+json",
    };
    let request = Request::patch(path.as_str())
        .header(ACCEPT, HeaderValue::from_static(Accept::Metadata.as_str()))
        .header(CONTENT_TYPE, HeaderValue::from_static(kind));
    let body = Body::from(patch.to_string().into_bytes());
    let answer = async { read(send(client, request, body).await?.into_body()).await };
    let answer = timeout(REQUEST_TIMEOUT, answer).await;
    answer.unwrap_or(Err(Error::Timeout)).map(|_| ())
}

async fn ask(client: &Client, path: Path, accept: Accept) -> Result<Response<Body>, Error> {
    let request = Request::get(path.as_str())
        .header(ACCEPT, HeaderValue::from_static(accept.as_str()))
        // A compressed watch is many archives, one behind the other, of which clients read the first.
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    send(client, request, Body::empty()).await
}

async fn send(client: &Client, request: Builder, body: Body) -> Result<Response<Body>, Error> {
    let request = request
        .body(body)
        .map_err(|error| Error::Unreachable(kube::Error::HttpError(error)))?;
    let response = client.send(request).await.map_err(Error::Unreachable)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = read(body).await?;
    Err(Error::refused(head.status, &head.headers, &body))
}

async fn read(body: Body) -> Result<Bytes, Error> {
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLarge),
        Err(error) => Err(Fault::BrokenOff(io::Error::other(error)).into()),
    }
}
