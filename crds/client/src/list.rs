//! Lists: read page by page, and each object decoded by itself.

use kube::Error;
use kube::core::params::ListParams;
use kube::core::request;
use kube::core::{ListMeta, ObjectList, PartialObjectMeta, Request, TypeMeta};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::answer::{self, AnswerError, DecodeError, answer_error};
use crate::api::Api;

/// Objects of a page, where the caller does not say how many.
const PAGE: u32 = 500;
/// Most bytes of a page. One that is larger is asked for again with fewer objects.
const PAGE_BYTES: usize = 32 * 1024 * 1024;

/// An object of a list that is not of its kind's form: written by an older or newer definition, or nested too
/// deep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object} cannot be read: {fault}")]
pub struct Unreadable {
    /// `NAMESPACE/NAME` or `NAME`.
    pub object: String,
    /// What is wrong, and where in the object.
    pub fault: DecodeError,
}

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
    namespace: Option<String>,
}

/// Builds the request for one page.
type Ask = fn(&Request, &ListParams) -> Result<http::Request<Vec<u8>>, request::Error>;

impl<K: DeserializeOwned + Clone> Api<K> {
    /// Every object that the parameters select. They are read in pages of `params.limit`, or fewer where a page
    /// grows too large.
    ///
    /// # Errors
    /// When a page cannot be read, or one of the objects: then it is named.
    pub async fn list(&self, params: &ListParams) -> Result<ObjectList<K>, Error> {
        self.strictly(Request::list, params).await
    }

    /// As [`list`](Self::list), of the objects' metadata alone.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn list_metadata(
        &self,
        params: &ListParams,
    ) -> Result<ObjectList<PartialObjectMeta<K>>, Error> {
        self.strictly(Request::list_metadata, params).await
    }

    /// As [`list`](Self::list), but an object that cannot be read stops no other: it is named in the second list.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn list_readable(
        &self,
        params: &ListParams,
    ) -> Result<(Vec<K>, Vec<Unreadable>), Error> {
        let (mut items, mut unreadable) = (vec![], vec![]);
        self.pages(Request::list, params, |_, item| {
            match item {
                Ok(item) => items.push(item),
                Err(fault) => unreadable.push(fault),
            }
            Ok(())
        })
        .await?;
        Ok((items, unreadable))
    }
}

impl<K> Api<K> {
    async fn strictly<T: DeserializeOwned + Clone>(
        &self,
        ask: Ask,
        params: &ListParams,
    ) -> Result<ObjectList<T>, Error> {
        let mut items = vec![];
        let metadata = self.pages(ask, params, |asked, item| {
            let unreadable = |Unreadable { object, fault }| AnswerError::UnreadableObject {
                request: asked.to_owned(),
                object,
                fault,
            };
            items.push(item.map_err(unreadable)?);
            Ok(())
        });
        let metadata = metadata.await?;
        let types = TypeMeta {
            api_version: self.resource().api_version.clone(),
            kind: format!("{}List", self.resource().kind),
        };
        Ok(ObjectList {
            types,
            metadata,
            items,
        })
    }

    /// Reads every page and hands each object over; gives the metadata of the last page.
    async fn pages<T: DeserializeOwned>(
        &self,
        ask: Ask,
        params: &ListParams,
        mut take: impl FnMut(&str, Result<T, Unreadable>) -> Result<(), AnswerError>,
    ) -> Result<ListMeta, Error> {
        let requests = self.requests()?;
        let mut params = params.clone();
        let mut limit = params.limit.unwrap_or(PAGE).max(1);
        loop {
            params.limit = Some(limit);
            let request = ask(&requests, &params).map_err(Error::BuildRequest)?;
            let asked = answer::shown(&request);
            let bytes = match answer::send(self.client(), request, PAGE_BYTES).await {
                Err(error) if limit > 1 && is_too_large(&error) => {
                    limit = (limit / 4).max(1);
                    continue;
                }
                answered => answered?,
            };
            let page: RawPage<'_> =
                serde_json::from_slice(&bytes).map_err(|error| AnswerError::Unreadable {
                    request: asked.clone(),
                    fault: error.into(),
                })?;
            for item in page.items.unwrap_or_default() {
                take(&asked, object(item))?;
            }
            match page.metadata.continue_.as_deref() {
                None | Some("") => return Ok(page.metadata),
                Some(token) => params.continue_token = Some(token.to_owned()),
            }
        }
    }
}

fn is_too_large(error: &Error) -> bool {
    matches!(answer_error(error), Some(AnswerError::TooLarge { .. }))
}

fn object<T: DeserializeOwned>(raw: &RawValue) -> Result<T, Unreadable> {
    serde_json::from_str(raw.get()).map_err(|error| Unreadable {
        object: serde_json::from_str(raw.get()).map_or_else(
            |_| "an object without a name".to_owned(),
            |Named { metadata }| match metadata.namespace {
                Some(namespace) => format!("{namespace}/{}", metadata.name),
                None => metadata.name,
            },
        ),
        fault: error.into(),
    })
}
