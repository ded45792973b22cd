//! The client for a package's objects: one service account, impersonated in every request.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey, WatchKey};
use stevedore_agent_core::propagation::Propagation;
use stevedore_client::Path;
use stevedore_client::decode::{decode, part};
use stevedore_client::watch::Accept;
use stevedore_proto_core::{DeploymentUid, label};

use super::discovery::{Discovery, ServedResource};
use super::refusal;
use super::transport::{Call, JSON, Reply, Transport};
use crate::ports::{Account, Answer, ApplyOptions, Found, ObjectApi, Page, Preconditions, Serving};

const APPLY: &str = "application/apply-patch+yaml";
/// Objects in one page: each may become many times its size while it is evaluated.
const PAGE: &str = "50";
/// Metadata in one page.
const METADATA_PAGE: &str = "250";
/// Kinds searched at once.
const SEARCHES: usize = 8;

/// Requests as one service account. There is no way to make one without an account.
pub struct PackageClient {
    transport: Transport,
    discovery: Arc<Discovery>,
    account: Account,
    on_refusal: Box<dyn Fn(&Account) + Send + Sync>,
}

impl PackageClient {
    /// A client that is `account`. `on_refusal` is called when the agent may not be this account (any more).
    pub fn new(
        transport: Transport,
        discovery: Arc<Discovery>,
        account: Account,
        on_refusal: impl Fn(&Account) + Send + Sync + 'static,
    ) -> Self {
        Self {
            transport,
            discovery,
            account,
            on_refusal: Box::new(on_refusal),
        }
    }

    async fn call(&self, kind: &Kind, call: Call<'_>) -> Answer<Reply> {
        let answer = self.transport.call(call.account(Some(&self.account))).await;
        if let Err(failure) = &answer {
            if failure.kind == FailureKind::NoKind {
                self.discovery.forget(kind);
            }
            if failure.kind == FailureKind::AccountNotAllowed {
                (self.on_refusal)(&self.account);
            }
        }
        answer
    }

    async fn resource(&self, kind: &Kind) -> Answer<ServedResource> {
        self.discovery.find(kind).await?.reached(kind)
    }

    async fn path(&self, key: &ObjectKey) -> Answer<Path> {
        let resource = self.resource(&key.kind).await?;
        if resource.namespaced != key.namespace.is_some() {
            let what = if resource.namespaced {
                "needs a"
            } else {
                "has no"
            };
            return Err(Failure::new(
                FailureKind::WrongScope,
                format!("a {} {what} namespace", key.kind.kind()),
            ));
        }
        let path = collection(&key.kind, &resource, key.namespace.as_deref())?.segment(&key.name);
        path.map_err(refusal::invalid_name)
    }

    async fn search(
        &self,
        kind: &Kind,
        resource: &ServedResource,
        namespace: Option<&str>,
        selector: &str,
    ) -> Answer<Vec<Value>> {
        let mut objects = vec![];
        let mut next: Option<String> = None;
        loop {
            let mut path = collection(kind, resource, namespace)?
                .query("labelSelector", selector)
                .query("limit", METADATA_PAGE);
            if let Some(token) = &next {
                path = path.query("continue", token);
            }
            let reply = self
                .call(kind, Call::get(path).accept(Accept::MetadataList.as_str()))
                .await?;
            let (found, token) = page(&reply, |object| {
                metadata_only(object).map(|head| named(head, kind))
            })?;
            objects.extend(found);
            next = token;
            if next.is_none() {
                return Ok(objects);
            }
        }
    }

    async fn find_everything(
        &self,
        deployment: DeploymentUid,
        namespace: Option<&str>,
    ) -> Answer<Found> {
        let selector = format!("{}={deployment}", label::DEPLOYMENT);
        let kinds = self.discovery.searchable().await?;
        let collections = kinds
            .into_iter()
            .filter(|(_, resource)| namespace.is_none() || resource.namespaced);
        let mut answers = stream::iter(collections)
            .map(|(kind, resource)| {
                let selector = &selector;
                async move {
                    let found = self.search(&kind, &resource, namespace, selector).await;
                    (kind, found)
                }
            })
            .buffer_unordered(SEARCHES);
        let mut found = Found::default();
        while let Some((kind, answer)) = answers.next().await {
            match answer {
                Ok(objects) => found.objects.extend(objects),
                // Gone since discovery, or listed there and not listable after all.
                Err(failure)
                    if matches!(failure.kind, FailureKind::NoKind | FailureKind::NotFound) => {}
                Err(failure) => found.unlistable.push((kind, failure)),
            }
        }
        Ok(found)
    }
}

/// The path of a kind's objects, in one namespace or everywhere.
pub(crate) fn collection(
    kind: &Kind,
    resource: &ServedResource,
    namespace: Option<&str>,
) -> Answer<Path> {
    Path::group_version(kind.group(), kind.version())
        .and_then(|path| path.namespace(namespace)?.segment(&resource.plural))
        .map_err(refusal::invalid_name)
}

/// The metadata of an object, whether the rest of it can be decoded or not; but for fields of the metadata that
/// cannot: field managers name every field of a deep object.
pub(crate) fn metadata_only(object: &RawValue) -> Option<Value> {
    let fields: BTreeMap<String, &RawValue> = part(object, &["metadata"])?;
    let metadata: Map<String, Value> = fields
        .into_iter()
        .filter_map(|(field, value)| Some((field, decode(value).ok()?)))
        .collect();
    Some(json!({"metadata": metadata}))
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
    /// Null for an empty list of metadata.
    #[serde(default = "Option::default")]
    items: Option<Vec<Box<RawValue>>>,
}

#[derive(Deserialize, Default)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

/// What is taken of the objects of a page, and the token of the next one.
fn page<T>(
    reply: &Reply,
    take: impl Fn(&RawValue) -> Option<T>,
) -> Answer<(Vec<T>, Option<String>)> {
    let list: List = reply.parse()?;
    let objects = list.items.unwrap_or_default();
    Ok((
        objects.iter().filter_map(|object| take(object)).collect(),
        list.metadata.next.filter(|token| !token.is_empty()),
    ))
}

/// An item of a list with the `apiVersion` and `kind` that items lack.
pub(crate) fn named(mut object: Value, kind: &Kind) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.insert("apiVersion".into(), kind.api_version().into());
        fields.insert("kind".into(), kind.kind().into());
    }
    object
}

impl ObjectApi for PackageClient {
    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<Value>>> {
        Box::pin(async move {
            let path = self.path(key).await?;
            match self.call(&key.kind, Call::get(path)).await {
                Ok(reply) => reply.parse().map(Some),
                Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
                Err(failure) => Err(failure),
            }
        })
    }

    fn served<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<ObjectKey>>> {
        Box::pin(async move {
            let served = self.discovery.find_any_version(&key.kind).await?;
            Ok(served.map(|(kind, resource)| {
                let namespace = key.namespace.as_deref().filter(|_| resource.namespaced);
                ObjectKey::new(kind, namespace, &key.name)
            }))
        })
    }

    fn apply<'a>(
        &'a self,
        key: &'a ObjectKey,
        body: &'a Value,
        options: ApplyOptions,
    ) -> BoxFuture<'a, Answer<Value>> {
        Box::pin(async move {
            let path = self
                .path(key)
                .await?
                .query("fieldManager", label::FIELD_MANAGER)
                .query("force", if options.force { "true" } else { "false" });
            let call = Call::with_body(Method::PATCH, path, APPLY, body.to_string().into_bytes())
                .dry_run(options.dry_run);
            self.call(&key.kind, call).await?.parse()
        })
    }

    fn delete<'a>(
        &'a self,
        key: &'a ObjectKey,
        preconditions: &'a Preconditions,
        propagation: Propagation,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let path = self.path(key).await?;
            let options = json!({
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "propagationPolicy": propagation.as_str(),
                "preconditions": {
                    "uid": preconditions.uid,
                    "resourceVersion": preconditions.resource_version,
                },
            });
            let call =
                Call::with_body(Method::DELETE, path, JSON, options.to_string().into_bytes());
            match self.call(&key.kind, call).await {
                Err(failure) if failure.kind != FailureKind::NotFound => Err(failure),
                _ => Ok(()),
            }
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a WatchKey,
        deployment: DeploymentUid,
        after: Option<String>,
    ) -> BoxFuture<'a, Answer<Page>> {
        Box::pin(async move {
            let resource = self.resource(&scope.kind).await?;
            let selector = format!("{}={deployment}", label::DEPLOYMENT);
            let mut path = collection(&scope.kind, &resource, scope.namespace.as_deref())?
                .query("labelSelector", &selector)
                .query("limit", PAGE);
            if let Some(token) = &after {
                path = path.query("continue", token);
            }
            let reply = self.call(&scope.kind, Call::get(path)).await?;
            let (objects, next) = page(&reply, |object| {
                let object = decode(object).ok()?;
                Some(named(object, &scope.kind))
            })?;
            Ok(Page { objects, next })
        })
    }

    fn find_all<'a>(
        &'a self,
        deployment: DeploymentUid,
        namespace: Option<&'a str>,
    ) -> BoxFuture<'a, Answer<Found>> {
        Box::pin(self.find_everything(deployment, namespace))
    }

    fn serving<'a>(&'a self, kind: &'a Kind) -> BoxFuture<'a, Answer<Serving>> {
        Box::pin(async move {
            Ok(match self.discovery.find(kind).await?.reached(kind) {
                Ok(ServedResource { namespaced, .. }) => Serving::Served { namespaced },
                Err(failure) => Serving::Not(failure),
            })
        })
    }
}
