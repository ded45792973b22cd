//! Lists, page by page.

use std::future::Future;

use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::requests::{Accept, Error, Requests, Verdict};
use super::{Fault, PAGE, Subject};
use crate::Path;
use crate::decode::{Unreadable, decode_unmanaged};

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

/// Reads one object as it is; `None` when there is none, or its kind is not served.
///
/// # Errors
/// When the request fails, or the answer is no JSON.
pub async fn get(client: &Client, path: Path) -> Result<Option<Box<RawValue>>, Error> {
    match client.get(path, Accept::Json).await {
        Ok(answer) => {
            let object = serde_json::from_slice(&answer);
            Ok(Some(object.map_err(|_| Fault::Unreadable)?))
        }
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An object of a list, or why it cannot be read.
pub type Listed<K> = Result<K, Unreadable>;

/// Lists everything once, each object decoded alone. A page that turns out to be too large is asked for again in
/// smaller ones.
///
/// # Errors
/// When a request fails, or an answer is no list of objects.
pub async fn list_all<R: Requests, K: DeserializeOwned + Send>(
    requests: &R,
    subject: &Subject,
) -> Result<Vec<Listed<K>>, R::Failure> {
    let _turn = requests.turn().await;
    let mut limit = PAGE;
    loop {
        let mut all = Collected {
            objects: vec![],
            without_identity: false,
        };
        match pages(requests, subject, limit, &mut all).await {
            Ok(_) if all.without_identity => return Err(requests.fault(Fault::Unreadable)),
            Ok(_) => return Ok(all.objects),
            Err(failure) => match requests.verdict(&failure) {
                Verdict::TooLarge if limit > 1 => limit /= 2,
                _ => return Err(failure),
            },
        }
    }
}

struct Collected<K> {
    objects: Vec<Listed<K>>,
    without_identity: bool,
}

impl<K: DeserializeOwned + Send> Objects for Collected<K> {
    async fn take(&mut self, object: Box<RawValue>) {
        match decode_unmanaged(&object) {
            Ok(object) => self.objects.push(Ok(object)),
            Err(why) => match Unreadable::new(&object, why) {
                Some(unreadable) => self.objects.push(Err(unreadable)),
                None => self.without_identity = true,
            },
        }
    }
}
