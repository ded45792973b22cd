//! Lists, page by page.

use std::future::Future;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::requests::{Accept, Requests};
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

/// Reads everything, so many objects at a time, and gives the version that the list is of.
pub(super) async fn pages<R: Requests>(
    requests: &R,
    subject: &Subject,
    limit: usize,
    objects: &mut impl Objects,
) -> Result<String, R::Failure> {
    let limit = limit.to_string();
    let mut next: Option<String> = None;
    loop {
        let mut path = subject.selected().query("limit", &limit);
        if let Some(token) = &next {
            path = path.query("continue", token);
        }
        let answer = requests.get(path, Accept::list(subject)).await?;
        let page: Page<'_> =
            serde_json::from_slice(&answer).map_err(|_| requests.fault(Fault::Unreadable))?;
        for object in page.items.unwrap_or_default() {
            objects.take(object.to_owned()).await;
        }
        next = page.metadata.next.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(page.metadata.resource_version);
        }
    }
}
