//! Objects of one kind at an API server, read and written by name.

use std::fmt::Debug;
use std::marker::PhantomData;

use kube::core::params::{DeleteParams, GetParams, Patch, PatchParams, PostParams};
use kube::core::request;
use kube::core::{ApiResource, DynamicResourceScope, NamespaceResourceScope, Request};
use kube::{Client, Error, Resource};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use crate::answer::{self, OBJECT_BYTES};
use crate::path::{InvalidSegment, Path, encoded};

/// Objects of one kind, in one namespace or in none. The methods are those of [`kube::Api`], and differ in this:
///
/// - Every part of a URL is encoded, whatever its text; a name that is empty, `.` or `..` is refused without a
///   request ([`Error::BuildRequest`]).
/// - No more of an answer is held than its bound, and none of it is logged or quoted
///   ([`AnswerError`](crate::AnswerError)).
/// - [`list`](Self::list) reads page by page, to the end.
/// - [`get_opt`](Self::get_opt) takes a cluster that does not know the kind for an error, not for a missing object.
///
/// Cheap to clone.
pub struct Api<K> {
    client: Client,
    resource: ApiResource,
    namespace: Option<String>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Api<K> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            resource: self.resource.clone(),
            namespace: self.namespace.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: Resource> Api<K> {
    /// Objects of a cluster-scoped kind; of a namespaced one, those of all namespaces, for lists.
    pub fn all(client: Client) -> Self
    where
        K::DynamicType: Default,
    {
        Self::all_with(client, &K::DynamicType::default())
    }

    /// As [`all`](Self::all), of a kind that is known at run time.
    pub fn all_with(client: Client, dyntype: &K::DynamicType) -> Self {
        Self::new(client, None, dyntype)
    }

    /// Objects of a namespace.
    pub fn namespaced(client: Client, namespace: &str) -> Self
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Self::new(client, Some(namespace), &K::DynamicType::default())
    }

    /// As [`namespaced`](Self::namespaced), of a kind that is known at run time.
    pub fn namespaced_with(client: Client, namespace: &str, dyntype: &K::DynamicType) -> Self
    where
        K: Resource<Scope = DynamicResourceScope>,
    {
        Self::new(client, Some(namespace), dyntype)
    }

    fn new(client: Client, namespace: Option<&str>, dyntype: &K::DynamicType) -> Self {
        Self {
            client,
            resource: ApiResource::erase::<K>(dyntype),
            namespace: namespace.map(str::to_owned),
            kind: PhantomData,
        }
    }
}

impl<K> Api<K> {
    /// The namespace, where there is one.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn resource(&self) -> &ApiResource {
        &self.resource
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// kube's builder of requests on the encoded path of the collection. It joins names as they are: give it
    /// encoded ones.
    pub(crate) fn requests(&self) -> Result<Request, Error> {
        let ApiResource {
            group,
            version,
            plural,
            ..
        } = &self.resource;
        let path = Path::group_version(group, version)
            .and_then(|path| path.namespace(self.namespace()))
            .and_then(|path| path.segment(plural));
        Ok(Request::new(path.map_err(no_name)?.as_str()))
    }
}

impl<K: DeserializeOwned> Api<K> {
    /// The object of this name.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn get(&self, name: &str) -> Result<K, Error> {
        let name = encoded(name).map_err(no_name)?;
        self.send(self.requests()?.get(&name, &GetParams::default()))
            .await
    }

    /// The object of this name, none if there is none.
    ///
    /// # Errors
    /// When it cannot be read, also where the cluster does not know the kind.
    pub async fn get_opt(&self, name: &str) -> Result<Option<K>, Error> {
        unless_missing(self.get(name).await, name)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// When there is one of its name, or it is refused.
    pub async fn create(&self, params: &PostParams, object: &K) -> Result<K, Error>
    where
        K: Serialize,
    {
        let object = serde_json::to_vec(object).map_err(Error::SerdeError)?;
        self.send(self.requests()?.create(params, object)).await
    }

    /// Replaces an object as a whole, if it is still at the `resourceVersion` given.
    ///
    /// # Errors
    /// When it has changed, is gone, or the new one is refused.
    pub async fn replace(&self, name: &str, params: &PostParams, object: &K) -> Result<K, Error>
    where
        K: Serialize,
    {
        let name = encoded(name).map_err(no_name)?;
        let object = serde_json::to_vec(object).map_err(Error::SerdeError)?;
        self.send(self.requests()?.replace(&name, params, object))
            .await
    }

    /// Changes fields of an object.
    ///
    /// # Errors
    /// When it is gone, or the change is refused.
    pub async fn patch<P: Serialize + Debug>(
        &self,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, Error> {
        self.send(self.patching(name, None, params, patch)?).await
    }

    /// Changes fields of an object's status.
    ///
    /// # Errors
    /// When it is gone, or the change is refused.
    pub async fn patch_status<P: Serialize + Debug>(
        &self,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, Error> {
        self.send(self.patching(name, Some("status"), params, patch)?)
            .await
    }
}

impl<K> Api<K> {
    /// The object of this name as it is, none if there is none. Nothing of it is decoded.
    ///
    /// # Errors
    /// When it is not answered with, also where the cluster does not know the kind.
    pub async fn get_raw(&self, name: &str) -> Result<Option<Box<RawValue>>, Error> {
        let part = encoded(name).map_err(no_name)?;
        let request = self.requests()?.get(&part, &GetParams::default());
        unless_missing(self.send(request).await, name)
    }

    /// Changes fields of an object, or of its status. Nothing of the answer is read: what cannot be decoded can be
    /// changed.
    ///
    /// # Errors
    /// When it is gone, or the change is refused.
    pub async fn patch_unread<P: Serialize + Debug>(
        &self,
        name: &str,
        status: bool,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<(), Error> {
        let subresource = status.then_some("status");
        let request = self.patching(name, subresource, params, patch)?;
        self.send::<IgnoredAny>(request).await.map(|_| ())
    }

    fn patching<P: Serialize + Debug>(
        &self,
        name: &str,
        subresource: Option<&str>,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<Built, Error> {
        let name = encoded(name).map_err(no_name)?;
        let requests = self.requests()?;
        Ok(match subresource {
            Some(subresource) => requests.patch_subresource(subresource, &name, params, patch),
            None => requests.patch(&name, params, patch),
        })
    }

    async fn send<T: DeserializeOwned>(&self, request: Built) -> Result<T, Error> {
        let request = request.map_err(Error::BuildRequest)?;
        let asked = answer::shown(&request);
        let bytes = answer::send(&self.client, request, OBJECT_BYTES).await?;
        Ok(answer::object(&bytes, &asked)?)
    }

    /// Asks for the deletion of an object. Nothing of the answer is read: what cannot be decoded can be deleted.
    ///
    /// # Errors
    /// When there is none, or a precondition does not hold.
    pub async fn delete(&self, name: &str, params: &DeleteParams) -> Result<(), Error> {
        let name = encoded(name).map_err(no_name)?;
        let request = self.requests()?.delete(&name, params);
        let request = request.map_err(Error::BuildRequest)?;
        answer::send(&self.client, request, OBJECT_BYTES)
            .await
            .map(|_| ())
    }
}

/// A request as kube builds it.
type Built = Result<http::Request<Vec<u8>>, request::Error>;

impl From<InvalidSegment> for Error {
    fn from(invalid: InvalidSegment) -> Self {
        no_name(invalid)
    }
}

/// A text that cannot be a part of a path; nothing was asked.
fn no_name(invalid: InvalidSegment) -> Error {
    Error::BuildRequest(request::Error::Validation(invalid.to_string()))
}

/// What was answered; none where the answer is that there is no object of this name.
fn unless_missing<T>(answered: Result<T, Error>, name: &str) -> Result<Option<T>, Error> {
    match answered {
        Err(error) if is_missing(&error, name) => Ok(None),
        answered => answered.map(Some),
    }
}

/// Whether an API server says that there is no object of this name, and not that it has no such kind: then its
/// answer is no `Status`, or one that names no object.
fn is_missing(error: &Error, name: &str) -> bool {
    let Error::Api(status) = error else {
        return false;
    };
    let details = status.details.as_ref();
    status.code == 404
        && status.reason == "NotFound"
        && details.is_some_and(|details| details.name == name)
}
