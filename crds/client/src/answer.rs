//! Answers of an API server: read up to a bound, decoded, and never quoted.
//!
//! What an answer holds is anybody's: a tenant's object, a Secret, the page of a proxy. No error and no log line
//! of this crate has a part of it, but for what a `Status` says of a refusal, which is cut.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Error};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::decode::{Undecodable, Unreadable, decode_unmanaged};

/// Time for one request, its answer included.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Most bytes of the answer about one object. An API server stores at most 1.5 MiB of one; its JSON may write a
/// byte as six.
pub(crate) const OBJECT_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of the body of a refusal that are looked at.
const REFUSAL_BYTES: usize = 1024 * 1024;
/// Most bytes of a text in a refusal that are kept: a message quotes the value it is about.
const TEXT_BYTES: usize = 2 * 1024;
/// Most causes of a refusal that are kept.
const CAUSES: usize = 32;

/// Why what was answered cannot be used; in a [`kube::Error::Service`], where [`answer_error`] finds it.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It was not read to its end.
    #[error("the answer to {request} has more than {limit} bytes")]
    TooLarge {
        /// Method and path.
        request: String,
        /// The most that is read.
        limit: usize,
    },
    /// It is no answer of an API server: no JSON, or a list of what are no objects.
    #[error("the answer to {request} is none of an API server")]
    Malformed {
        /// Method and path.
        request: String,
    },
    /// The object that was asked for cannot be decoded.
    #[error("the object in the answer to {request} cannot be read: {why}")]
    Undecodable {
        /// Method and path.
        request: String,
        /// Why.
        why: Undecodable,
    },
    /// One of the objects of a list cannot be decoded.
    #[error("{} in the answer to {request} cannot be read: {}", .object.identity, .object.why)]
    Unreadable {
        /// Method and path.
        request: String,
        /// Which, and why.
        object: Box<Unreadable>,
    },
    /// The connection ended first.
    #[error("the answer to {request} broke off")]
    BrokenOff {
        /// Method and path.
        request: String,
        /// How.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// There was none in time.
    #[error("no answer to {request} within {} s; whether it was carried out is not known", ANSWER_WITHIN.as_secs())]
    Late {
        /// Method and path.
        request: String,
    },
}

impl From<AnswerError> for Error {
    fn from(error: AnswerError) -> Self {
        Self::Service(Box::new(error))
    }
}

/// Why an answer cannot be used, where that is what went wrong.
pub fn answer_error(error: &Error) -> Option<&AnswerError> {
    match error {
        Error::Service(source) => source.downcast_ref(),
        _ => None,
    }
}

/// Method and path of a request, for people: the path is encoded, the query is left out.
pub(crate) fn shown<T>(request: &http::Request<T>) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

/// Sends a request and reads at most `limit` bytes of the answer.
///
/// # Errors
/// [`kube::Error::Api`] with code, reason and causes of a refusal; [`AnswerError`] where an answer cannot be used.
pub(crate) async fn send(
    client: &Client,
    request: http::Request<Vec<u8>>,
    limit: usize,
) -> Result<Bytes, Error> {
    let asked = shown(&request);
    let answer = async {
        let response = answered(client, request, &asked).await?;
        let announced = response.headers().get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > limit) {
            let request = asked.clone();
            return Err(AnswerError::TooLarge { request, limit }.into());
        }
        Ok(read(response.into_body(), limit, &asked).await?)
    };
    in_time(answer, &asked).await
}

/// Sends a request and gives the answer as it comes in, once its head is there.
///
/// # Errors
/// As [`send`].
pub(crate) async fn open(client: &Client, request: http::Request<Vec<u8>>) -> Result<Body, Error> {
    let asked = shown(&request);
    let response = in_time(answered(client, request, &asked), &asked).await?;
    Ok(response.into_body())
}

/// The answer to a request that is carried out, its body still to be read.
async fn answered(
    client: &Client,
    request: http::Request<Vec<u8>>,
    asked: &str,
) -> Result<Response<Body>, Error> {
    let response = client.send(request.map(Body::from)).await?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = read(body, REFUSAL_BYTES, asked).await.unwrap_or_default();
    Err(refusal(head.status, &body))
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, Error>>,
    asked: &str,
) -> Result<T, Error> {
    timeout(ANSWER_WITHIN, answer).await.unwrap_or_else(|_| {
        let request = asked.to_owned();
        Err(AnswerError::Late { request }.into())
    })
}

async fn read(body: Body, limit: usize, asked: &str) -> Result<Bytes, AnswerError> {
    let request = asked.to_owned();
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(AnswerError::TooLarge { request, limit })
        }
        Err(source) => Err(AnswerError::BrokenOff { request, source }),
    }
}

/// Reads the one object of an answer.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8], asked: &str) -> Result<T, AnswerError> {
    let request = || asked.to_owned();
    let object: &RawValue =
        serde_json::from_slice(bytes).map_err(|_| AnswerError::Malformed { request: request() })?;
    decode_unmanaged(object).map_err(|why| AnswerError::Undecodable {
        request: request(),
        why,
    })
}

/// An answer other than success. A body that is no `Status` is a proxy's, and nothing of it is kept.
fn refusal(code: StatusCode, body: &[u8]) -> Error {
    let status = serde_json::from_slice::<Status>(body)
        .ok()
        .filter(|status| status.code != 0 || !status.reason.is_empty());
    let mut status =
        status.unwrap_or_else(|| Status::failure(&format!("the API server answers {code}"), ""));
    status.code = code.as_u16();
    cut(&mut status.message);
    cut(&mut status.reason);
    if let Some(details) = &mut status.details {
        details.causes.truncate(CAUSES);
        for cause in &mut details.causes {
            cut(&mut cause.message);
            cut(&mut cause.field);
        }
    }
    Error::Api(status.boxed())
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push('…');
    }
}
