//! Requests of rollouts and removals.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{self, BoxFuture};
use stevedore_agent_core::desired::{Desired, Guard, Setting};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{ObjectKey, WatchKey};
use stevedore_agent_core::plan::Outcome;
use stevedore_agent_core::set::SetRef;
use stevedore_agent_core::{removal, rollout};
use stevedore_proto_core::Content;

use super::execution::{Execution, Output, Requester};
use crate::ports::{
    Answer, ApplyOptions, ContentFailure, NamespaceState, Ports, Preconditions, Serving,
};

/// One request of a rollout.
pub(super) enum Request {
    List(WatchKey),
    Read(ObjectKey),
    Write(Box<Write>),
}

impl Request {
    fn namespace(&self) -> Option<Arc<str>> {
        match self {
            Self::List(scope) => scope.namespace.clone(),
            Self::Read(key) => key.namespace.clone(),
            Self::Write(write) => write.desired.key.namespace.clone(),
        }
    }
}

/// One write, or the check of one.
pub(super) struct Write {
    pub(super) desired: Desired,
    pub(super) guard: Guard,
    pub(super) dry_run: bool,
    pub(super) setting: Setting,
    pub(super) content: Load,
}

/// The content of a set: read once, whoever waits for it.
pub(super) type Load = future::Shared<BoxFuture<'static, Result<Arc<Content>, ContentFailure>>>;

/// A content that is there.
pub(super) fn loaded(content: Arc<Content>) -> Load {
    future::ready(Ok(content)).boxed().shared()
}

/// A content that is read as soon as somebody needs it.
pub(super) fn load(ports: &Ports, set: SetRef) -> Load {
    let store = Arc::clone(&ports.store);
    async move { store.content(&set).await }.boxed().shared()
}

/// Makes a request of a rollout.
pub(super) fn roll_out(requester: Requester, request: Request) -> Execution {
    Box::pin(async move {
        let namespace = request.namespace();
        let answer = match request {
            Request::List(scope) => requester.list(&scope).await.map(rollout::Answer::Listed),
            Request::Read(key) => requester.read(&key).await.map(rollout::Answer::Read),
            Request::Write(write) => write.carry_out(&requester).await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                rollout::Answer::Failed(explained(&requester, namespace, failure).await)
            }
        };
        (Outcome::Rollout(answer), Output::None)
    })
}

impl Write {
    async fn carry_out(&self, requester: &Requester) -> Answer<rollout::Answer> {
        // What is tried again and again for a kind that is not served reads no content.
        if let Serving::Not(failure) = requester.api.serving(&self.desired.key.kind).await? {
            return Err(failure);
        }
        let content = self.content.clone().await.map_err(not_to_be_had)?;
        let Some(mut body) = self.desired.body(&content, &self.setting, &self.guard) else {
            let what = "the stored content is not what this order delivered";
            return Err(Failure::new(FailureKind::Invalid, what));
        };
        let options = ApplyOptions {
            // What may exist is ours or adopted by declaration; what must not exist has nothing to force.
            force: matches!(self.guard, Guard::Change { .. }),
            dry_run: self.dry_run,
        };
        let key = &self.desired.key;
        let claiming = self
            .desired
            .claiming_body(&content, &self.setting, &self.guard);
        if let Some(claiming) = claiming.filter(|_| !self.dry_run) {
            let claimed = requester.api.apply(key, &claiming, options).await?;
            // What follows relies on this very write.
            body["metadata"]["resourceVersion"] = claimed["metadata"]["resourceVersion"].clone();
        }
        let applied = requester.api.apply(key, &body, options).await?;
        if self.dry_run {
            return Ok(rollout::Answer::Checked);
        }
        let seen = requester.evaluate(applied, key).await?;
        Ok(rollout::Answer::Written(seen))
    }
}

/// An account may lack a right because its namespace, which is going or gone, took the right along: that is what is the
/// matter then.
async fn explained(
    requester: &Requester,
    namespace: Option<Arc<str>>,
    failure: Failure,
) -> Failure {
    let (FailureKind::Forbidden, Some(namespace)) = (failure.kind, namespace) else {
        return failure;
    };
    let kind = match requester.accounts.namespace_state(&namespace).await {
        Ok(NamespaceState::Terminating) => FailureKind::NamespaceTerminating,
        Ok(NamespaceState::Missing) => FailureKind::NotFound,
        Ok(NamespaceState::Active) | Err(_) => return failure,
    };
    Failure { kind, ..failure }
}

fn not_to_be_had(failure: ContentFailure) -> Failure {
    match failure {
        ContentFailure::Unavailable(failure) => failure,
        ContentFailure::Missing(what) => Failure::new(FailureKind::ContentMissing, what),
    }
}

/// Makes a request of a removal.
pub(super) fn remove(requester: Requester, job: removal::Job, key: ObjectKey) -> Execution {
    Box::pin(async move {
        let answer = try_remove(&requester, job, &key).await;
        let answer = answer.unwrap_or_else(removal::Answer::Failed);
        (Outcome::Remove(answer), Output::None)
    })
}

async fn try_remove(
    requester: &Requester,
    job: removal::Job,
    key: &ObjectKey,
) -> Answer<removal::Answer> {
    let Some(key) = requester.api.served(key).await? else {
        // The kind is no longer served in any version: neither is any object of it.
        return Ok(removal::Answer::Read(None));
    };
    match job {
        removal::Job::Read(_) | removal::Job::Namespace(_) => {
            requester.read(&key).await.map(removal::Answer::Read)
        }
        removal::Job::Delete {
            uid,
            resource_version,
            propagation,
            ..
        } => {
            let preconditions = Preconditions {
                uid: uid.into(),
                resource_version: resource_version.into(),
            };
            let deleted = requester
                .api
                .delete(&key, &preconditions, propagation)
                .await;
            deleted.map(|()| removal::Answer::Deleted)
        }
    }
}
