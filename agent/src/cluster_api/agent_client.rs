//! The client for the agent's own records, with the agent's own identity.

use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stevedore_agent_core::failure::FailureKind;
use stevedore_client::Path;
use stevedore_client::watch::{Accept, Subject};
use stevedore_proto_core::label;

use super::refusal;
use super::resource::Resource;
use super::transport::{Call, JSON, Transport};
use crate::ports::{Account, Answer, NamespaceState};

const MERGE: &str = "application/merge-patch+json";

/// Requests as the agent itself. Cheap to clone.
#[derive(Clone)]
pub struct AgentClient {
    transport: Transport,
}

/// What a read of the cluster itself answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerVersion {
    /// Such as `v1.36.3`.
    pub git_version: String,
    /// Such as `linux/amd64`.
    pub platform: String,
}

impl AgentClient {
    /// A client over this transport.
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// The transport below.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Reads one object as whatever `T` takes of it; `None` when there is none.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn get<T: DeserializeOwned>(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Answer<Option<T>> {
        let path = resource.object(namespace, name)?;
        match self.transport.call(Call::get(path)).await {
            Ok(reply) => reply.parse().map(Some),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates one object, and gives what `T` takes of the answer; with `strict`, a field that the server's
    /// definition does not have is refused.
    ///
    /// # Errors
    /// `Conflict` when it exists; else as the server refuses. `Unreadable` when it was created.
    pub async fn create<T: DeserializeOwned>(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        body: &impl Serialize,
        strict: bool,
    ) -> Answer<T> {
        let validation = if strict { "Strict" } else { "Warn" };
        let path = resource
            .path(namespace)?
            .query("fieldManager", label::FIELD_MANAGER)
            .query("fieldValidation", validation);
        let call = Call::with_body(Method::POST, path, JSON, bytes(body));
        self.transport.call(call).await?.parse()
    }

    /// How a namespace stands, asked by the dry-run of a create that it would have to hold: the agent may read
    /// no namespace but `kube-system`.
    ///
    /// # Errors
    /// When the server refuses for another reason, or does not answer.
    pub async fn namespace_state(&self, namespace: &str) -> Answer<NamespaceState> {
        let probe = json!({
            "apiVersion": Resource::OBJECT_SET.api_version(),
            "kind": Resource::OBJECT_SET.kind(),
            "metadata": {"generateName": "stevedore-probe-", "namespace": namespace},
            "spec": {},
        });
        let path = Resource::OBJECT_SET.path(Some(namespace))?;
        let call = Call::with_body(Method::POST, path, JSON, bytes(&probe)).dry_run(true);
        match self.transport.call(call).await {
            Ok(_) => Ok(NamespaceState::Active),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(NamespaceState::Missing),
            Err(failure) if failure.kind == FailureKind::NamespaceTerminating => {
                Ok(NamespaceState::Terminating)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Changes one object by merge patch, and gives what `T` takes of the answer. A `metadata.uid` or
    /// `metadata.resourceVersion` in the patch must be the object's.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`, or as the server refuses. `Unreadable` when it was changed.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
        subresource: Option<&'static str>,
        patch: &Value,
    ) -> Answer<T> {
        let mut path = resource.object(namespace, name)?;
        if let Some(subresource) = subresource {
            path = path.segment(subresource).map_err(refusal::invalid_name)?;
        }
        let path = path.query("fieldManager", label::FIELD_MANAGER);
        let call = Call::with_body(Method::PATCH, path, MERGE, bytes(patch));
        self.transport.call(call).await?.parse()
    }

    /// Replaces one object; its `metadata.resourceVersion` must be the stored one's. Nothing of the answer is read.
    ///
    /// # Errors
    /// `Conflict`, or as the server refuses.
    pub async fn replace(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
        body: &impl Serialize,
    ) -> Answer<()> {
        let path = resource
            .object(namespace, name)?
            .query("fieldManager", label::FIELD_MANAGER);
        let call = Call::with_body(Method::PUT, path, JSON, bytes(body));
        self.transport.call(call).await.map(drop)
    }

    /// Whether there is a definition of this kind; nothing of it is read but its metadata.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn is_defined(&self, resource: Resource) -> Answer<bool> {
        let path = Resource::DEFINITION.object(None, &resource.definition())?;
        let call = Call::get(path).accept(Accept::Metadata.as_str());
        match self.transport.call(call).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether there is no object with this name and UID (any more). Asked where a request that relied on the
    /// UID was answered with a conflict, which may have had another cause.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn is_gone(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
        uid: &str,
    ) -> Answer<bool> {
        let path = resource.object(namespace, name)?;
        match self
            .transport
            .call(Call::get(path).accept(Accept::Metadata.as_str()))
            .await
        {
            Ok(reply) => Ok(reply.parse::<Identified>()?.metadata.uid != uid),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes the object with this name and UID; one that is gone, or another of the same name, is `Ok`.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn delete(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
        uid: &str,
    ) -> Answer<()> {
        let path = resource.object(namespace, name)?;
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1",
            "propagationPolicy": "Background", "preconditions": {"uid": uid}});
        let call = Call::with_body(Method::DELETE, path, JSON, bytes(&options));
        match self.transport.call(call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
            Err(failure)
                if failure.kind == FailureKind::Conflict
                    && self.is_gone(resource, namespace, name, uid).await? =>
            {
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Reads one page of a list: the objects as whatever `T` takes of them, and the token of the next page.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn list<T: DeserializeOwned>(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        select: Select<'_>,
        after: Option<&str>,
    ) -> Answer<(Vec<T>, Option<String>)> {
        let mut path = resource.path(namespace)?.query("limit", select.limit);
        if let Some(selector) = select.labels {
            path = path.query("labelSelector", selector);
        }
        if let Some(selector) = select.fields {
            path = path.query("fieldSelector", selector);
        }
        if let Some(token) = after {
            path = path.query("continue", token);
        }
        let accept = if select.metadata_only {
            Accept::MetadataList
        } else {
            Accept::Json
        };
        let reply = self
            .transport
            .call(Call::get(path).accept(accept.as_str()))
            .await?;
        let list: List<T> = reply.parse()?;
        Ok((
            list.items.unwrap_or_default(),
            list.metadata.next.filter(|token| !token.is_empty()),
        ))
    }

    /// What a watch of a kind covers: its objects everywhere, whole or only their metadata.
    pub(crate) fn subject(resource: Resource, metadata_only: bool) -> Answer<Subject> {
        Ok(Subject {
            metadata_only,
            ..Subject::all(resource.path(None)?)
        })
    }

    /// What a watch of the metadata of one object covers.
    pub(crate) fn subject_of(
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Answer<Subject> {
        Ok(Subject {
            metadata_only: true,
            fields: Some(format!("metadata.name={name}")),
            ..Subject::all(resource.path(namespace)?)
        })
    }

    /// Version and platform of the API server.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn server_version(&self) -> Answer<ServerVersion> {
        self.transport
            .call(Call::get(Path::root("/version")))
            .await?
            .parse()
    }

    /// Whether the agent may be this account: asks the server who it is, impersonated.
    ///
    /// # Errors
    /// `Forbidden` when it may not; or the server does not answer.
    pub async fn try_account(&self, account: &Account) -> Answer<()> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let path = Path::root("/apis/authentication.k8s.io/v1/selfsubjectreviews");
        let call = Call::with_body(Method::POST, path, JSON, bytes(&review))
            .account(Some(account))
            .dry_run(true);
        self.transport.call(call).await.map(|_| ())
    }
}

/// What a list covers.
#[derive(Debug, Clone, Copy)]
pub struct Select<'a> {
    /// Label selector.
    pub labels: Option<&'a str>,
    /// Field selector.
    pub fields: Option<&'a str>,
    /// Objects in one page.
    pub limit: &'a str,
    /// Only the metadata is wanted.
    pub metadata_only: bool,
}

/// An object of which nothing is asked but its UID.
#[derive(Deserialize)]
pub(crate) struct Identified {
    pub(crate) metadata: Uid,
}

#[derive(Deserialize)]
pub(crate) struct Uid {
    pub(crate) uid: String,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default)]
    metadata: ListMetadata,
    /// Null for an empty list of metadata.
    #[serde(default = "Option::default")]
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("what the agent writes is always JSON")
}
