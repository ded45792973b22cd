//! Lists: read page by page, and each object decoded by itself.

use kube::Error;
use kube::core::params::ListParams;
use kube::core::request;
use kube::core::{ListMeta, ObjectList, PartialObjectMeta, Request, TypeMeta};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::answer::{self, AnswerError, answer_error};
use crate::api::Api;
use crate::decode::{Unreadable, decode_unmanaged};

/// Objects of a page, where the caller does not say how many.
const PAGE: u32 = 500;
/// Most bytes of a page. One that is larger is asked for again with fewer objects.
const PAGE_BYTES: usize = 32 * 1024 * 1024;

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
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
                Err(object) => unreadable.push(object),
            }
            Ok(())
        })
        .await?;
        Ok((items, unreadable))
    }
}

impl<K> Api<K> {
    /// As [`list`](Api::list), but nothing of the objects is decoded.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn list_raw(&self, params: &ListParams) -> Result<Vec<Box<RawValue>>, Error> {
        let mut items = vec![];
        self.pages(Request::list, params, |_, item: Result<_, Unreadable>| {
            // Any text is raw.
            items.extend(item.ok());
            Ok(())
        })
        .await?;
        Ok(items)
    }

    async fn strictly<T: DeserializeOwned + Clone>(
        &self,
        ask: Ask,
        params: &ListParams,
    ) -> Result<ObjectList<T>, Error> {
        let mut items = vec![];
        let metadata = self.pages(ask, params, |asked, item| {
            let unreadable = |object| AnswerError::Unreadable {
                request: asked.to_owned(),
                object: Box::new(object),
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
            let malformed = || AnswerError::Malformed {
                request: asked.clone(),
            };
            let page: RawPage<'_> = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
            for item in page.items.unwrap_or_default() {
                let object = match decode_unmanaged(item) {
                    Ok(object) => Ok(object),
                    Err(why) => Err(Unreadable::new(item, why).ok_or_else(malformed)?),
                };
                take(&asked, object)?;
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
