//! Lists, page by page.

use std::future::Future;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::requests::{Accept, Requests, Verdict};
use super::{Fault, Subject};

/// Takes the objects of a list, one after the other.
pub(super) trait Objects: Send {
    /// Takes one; the next one waits.
    fn take(&mut self, object: Box<RawValue>) -> impl Future<Output = ()> + Send;
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: Metadata,
    /// Null for an empty list of metadata.
    #[serde(default, borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
    #[serde(default)]
    resource_version: String,
}

/// Reads everything, at most `limit` objects at a time, and gives the version that the list is of. A page that is too
/// large is asked for again from the same place with fewer objects. The next list begins with twice as many, up to
/// `most`: what was too large may be gone.
pub(super) async fn pages<R: Requests>(
    requests: &R,
    subject: &Subject,
    limit: &mut usize,
    most: usize,
    objects: &mut impl Objects,
) -> Result<String, R::Failure> {
    let mut next: Option<String> = None;
    loop {
        let mut path = subject.selected().query("limit", &limit.to_string());
        if let Some(token) = &next {
            path = path.query("continue", token);
        }
        let answer = match requests.get(path, Accept::list(subject)).await {
            Err(failure) if *limit > 1 && requests.verdict(&failure) == Verdict::TooLarge => {
                *limit = (*limit / 4).max(1);
                continue;
            }
            answered => answered?,
        };
        let page: Page<'_> =
            serde_json::from_slice(&answer).map_err(|_| requests.fault(Fault::Unreadable))?;
        for object in page.items.unwrap_or_default() {
            objects.take(object.to_owned()).await;
        }
        next = page.metadata.next.filter(|token| !token.is_empty());
        if next.is_none() {
            *limit = (*limit * 2).min(most);
            return Ok(page.metadata.resource_version);
        }
    }
}
