//! Carrying out actions: every one becomes a future that needs nothing of its owner.

mod find;

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::{self, BoxFuture};
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use stevedore_agent_core::desired::{self, Blueprint, Desired, Guard, Setting};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey, WatchKey};
use stevedore_agent_core::observe::Seen;
use stevedore_agent_core::order::SetUid;
use stevedore_agent_core::plan::{Outcome, Prevented};
use stevedore_agent_core::{removal, rollout};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{Content, DeploymentUid};

use super::Shared;
use super::look::{Lookout, look};
use super::status::{NamedPhases, archived};
use crate::ports::{
    Account, Answer, ApplyOptions, ContentFailure, ObjectApi, Ports, Preconditions, SetRef,
    StoredSet,
};

pub(super) use find::{search, survey};

/// Requests of discovery at the same time.
const DISCOVERY: usize = 8;

/// What an action brought beside its outcome.
pub(super) enum Baggage {
    None,
    Client(Account, Arc<dyn ObjectApi>),
    Content(Arc<Content>),
    Phases(HashMap<SetUid, NamedPhases>),
    /// The status that was written for a set.
    Status(String, Box<ObjectSetStatus>),
}

pub(super) type Carried = BoxFuture<'static, (Outcome, Baggage)>;

/// What requests for objects are made with.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) deployment: DeploymentUid,
    pub(super) api: Arc<dyn ObjectApi>,
    pub(super) shared: Arc<Shared>,
    pub(super) lookout: Arc<Lookout>,
}

impl Tools {
    async fn look(&self, object: Value, key: &ObjectKey) -> Answer<Seen> {
        look(object, key, &self.lookout, &self.shared.cel)
            .await
            .ok_or_else(|| {
                let what = "the API server's answer has no UID or resourceVersion";
                Failure::new(FailureKind::Unavailable, what)
            })
    }

    /// A live GET. While it is under way it counts against what all deployments may ask for.
    async fn read(&self, key: &ObjectKey) -> Answer<Option<Seen>> {
        let found = {
            let _permit = self.shared.requests.acquire().await;
            self.api.get(key).await?
        };
        match found {
            Some(object) => self.look(object, key).await.map(Some),
            None => Ok(None),
        }
    }

    async fn list(&self, scope: &WatchKey) -> Answer<Vec<(ObjectKey, Seen)>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = {
                let _permit = self.shared.requests.acquire().await;
                self.api.list(scope, self.deployment, next).await?
            };
            for object in page.objects {
                if let Some(key) = ObjectKey::of(&object) {
                    let seen = self.look(object, &key).await?;
                    found.push((key, seen));
                }
            }
            next = page.next;
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Opens the account of a set.
pub(super) fn open(ports: &Ports, set: StoredSet) -> Carried {
    let accounts = Arc::clone(&ports.accounts);
    Box::pin(async move {
        match accounts.open(&set).await {
            Ok((account, api)) => (Outcome::Opened(Ok(())), Baggage::Client(account, api)),
            Err(block) => (Outcome::Opened(Err(block)), Baggage::None),
        }
    })
}

/// Reads and checks the content of a set.
pub(super) fn prepare(
    ports: &Ports,
    api: Arc<dyn ObjectApi>,
    set: SetRef,
    setting: Setting,
) -> Carried {
    let store = Arc::clone(&ports.store);
    Box::pin(async move {
        let content = match store.content(&set).await {
            Ok(content) => content,
            Err(failure) => return (Outcome::Prepared(Err(prevented(failure))), Baggage::None),
        };
        let scopes = match scopes(&*api, &content).await {
            Ok(scopes) => scopes,
            Err(failure) => {
                let prevented = Prevented::Failed(failure);
                return (Outcome::Prepared(Err(prevented)), Baggage::None);
            }
        };
        let held = Arc::clone(&content);
        // Compiling probes and hashing a set takes a while: not on the reactor.
        let built = tokio::task::spawn_blocking(move || {
            Blueprint::of(&held, &setting, &|kind| scopes.get(kind).copied())
        })
        .await;
        match built {
            Ok(Ok(blueprint)) => (Outcome::Prepared(Ok(blueprint)), Baggage::Content(content)),
            Ok(Err(wrong)) => (
                Outcome::Prepared(Err(Prevented::Refused(wrong))),
                Baggage::None,
            ),
            Err(_) => {
                let failure = Failure::new(FailureKind::Unavailable, "the check was interrupted");
                let prevented = Prevented::Failed(failure);
                (Outcome::Prepared(Err(prevented)), Baggage::None)
            }
        }
    })
}

fn prevented(failure: ContentFailure) -> Prevented {
    match failure {
        ContentFailure::Missing(what) => Prevented::Missing(what),
        ContentFailure::Unavailable(failure) => Prevented::Failed(failure),
    }
}

/// Which of the content's kinds are served, and whether they are namespaced.
async fn scopes(api: &dyn ObjectApi, content: &Content) -> Answer<HashMap<Kind, bool>> {
    let answers: Vec<_> = futures::stream::iter(desired::kinds(content))
        .map(|kind| async move { (api.scope(&kind).await, kind) })
        .buffer_unordered(DISCOVERY)
        .collect()
        .await;
    let mut scopes = HashMap::new();
    for (answer, kind) in answers {
        if let Some(scope) = answer? {
            scopes.insert(kind, scope.namespaced);
        }
    }
    Ok(scopes)
}

/// One request of a rollout.
pub(super) enum Request {
    List(WatchKey),
    Read(ObjectKey),
    Write(Box<Write>),
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

/// Carries out a request of a rollout.
pub(super) fn roll_out(tools: Tools, request: Request) -> Carried {
    Box::pin(async move {
        let outcome = match request {
            Request::List(scope) => answer(tools.list(&scope).await, rollout::Answer::Listed),
            Request::Read(key) => answer(tools.read(&key).await, rollout::Answer::Read),
            Request::Write(write) => match write.content.clone().await {
                Ok(content) => write.carry_out(&tools, &content).await,
                Err(ContentFailure::Unavailable(failure)) => failed(failure),
                Err(ContentFailure::Missing(what)) => {
                    failed(Failure::new(FailureKind::ContentMissing, what))
                }
            },
        };
        (outcome, Baggage::None)
    })
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Rollout(rollout::Answer::Failed(failure))
}

fn answer<T>(result: Answer<T>, ok: impl FnOnce(T) -> rollout::Answer) -> Outcome {
    Outcome::Rollout(match result {
        Ok(value) => ok(value),
        Err(failure) => rollout::Answer::Failed(failure),
    })
}

impl Write {
    async fn carry_out(&self, tools: &Tools, content: &Content) -> Outcome {
        let Some(body) = self.desired.body(content, &self.setting, &self.guard) else {
            let what = "the stored content is not what this order delivered";
            return failed(Failure::new(FailureKind::Invalid, what));
        };
        let options = ApplyOptions {
            // What may exist is ours or adopted by declaration; what must not exist has nothing to force.
            force: matches!(self.guard, Guard::Change { .. }),
            dry_run: self.dry_run,
        };
        let applied = {
            let _permit = tools.shared.requests.acquire().await;
            tools.api.apply(&self.desired.key, &body, options).await
        };
        match applied {
            Err(failure) => failed(failure),
            Ok(_) if self.dry_run => Outcome::Rollout(rollout::Answer::Checked),
            Ok(applied) => answer(
                tools.look(applied, &self.desired.key).await,
                rollout::Answer::Written,
            ),
        }
    }
}

/// Carries out a request of a removal.
pub(super) fn remove(tools: Tools, job: removal::Job, key: ObjectKey) -> Carried {
    Box::pin(async move {
        let answer = try_remove(&tools, job, &key).await;
        let answer = answer.unwrap_or_else(removal::Answer::Failed);
        (Outcome::Remove(answer), Baggage::None)
    })
}

async fn try_remove(tools: &Tools, job: removal::Job, key: &ObjectKey) -> Answer<removal::Answer> {
    let Some(key) = tools.api.served(key).await? else {
        // The kind is no longer served in any version: neither is any object of it.
        return Ok(removal::Answer::Read(None));
    };
    match job {
        removal::Job::Read(_) | removal::Job::Namespace(_) => {
            tools.read(&key).await.map(removal::Answer::Read)
        }
        removal::Job::Delete {
            uid,
            resource_version,
            ..
        } => {
            let preconditions = Preconditions {
                uid: uid.into(),
                resource_version: resource_version.into(),
            };
            let _permit = tools.shared.requests.acquire().await;
            let deleted = tools.api.delete(&key, &preconditions).await;
            deleted.map(|()| removal::Answer::Deleted)
        }
    }
}

/// Archives a set and says so in its status, of the generation that it has by that.
pub(super) fn retire(ports: &Ports, set: StoredSet) -> Carried {
    let store = Arc::clone(&ports.store);
    Box::pin(async move {
        let result = async {
            let generation = store.archive(&set.reference).await?;
            let generation = generation.unwrap_or(set.generation);
            let status = archived(&set.status, generation, jiff::Timestamp::now());
            store.write_status(&set.reference, &status).await?;
            Ok(status)
        };
        match result.await {
            Ok(status) => (
                Outcome::Done(Ok(())),
                Baggage::Status(set.reference.uid, Box::new(status)),
            ),
            Err(failure) => (Outcome::Done(Err(failure)), Baggage::None),
        }
    })
}

/// A change to a stored set.
pub(super) fn done(future: BoxFuture<'static, Answer<()>>) -> Carried {
    Box::pin(async move { (Outcome::Done(future.await), Baggage::None) })
}
