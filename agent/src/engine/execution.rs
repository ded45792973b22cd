//! Execution of actions: every one becomes a future that needs nothing of its worker.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{ObjectKey, WatchKey};
use stevedore_agent_core::observation::Observation;
use stevedore_agent_core::plan::Outcome;
use stevedore_agent_core::set::{SetHead, SetUid};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{Content, DeploymentUid};

use super::cel::CelPool;
use super::evaluation::Evaluator;
use super::set_status::{NamedPhases, archived};
use crate::ports::{Account, Accounts, Answer, ObjectApi, Ports};

/// What an action gave beside its outcome.
pub(super) enum Output {
    None,
    Client(Account, Arc<dyn ObjectApi>),
    Content(Arc<Content>),
    Phases(HashMap<SetUid, NamedPhases>),
    /// The status that was written for a set.
    Status(SetUid, Box<ObjectSetStatus>),
}

/// An action in flight.
pub(super) type Execution = BoxFuture<'static, (Outcome, Output)>;

/// Makes requests for the objects of one deployment, and evaluates what they answer.
#[derive(Clone)]
pub(super) struct Requester {
    pub(super) deployment: DeploymentUid,
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) api: Arc<dyn ObjectApi>,
    pub(super) cel: Arc<CelPool>,
    pub(super) evaluator: Arc<Evaluator>,
}

impl Requester {
    pub(super) async fn evaluate(&self, object: Value, key: &ObjectKey) -> Answer<Observation> {
        self.evaluator
            .evaluate(object, key, &self.cel)
            .await
            .ok_or_else(|| {
                let what = "the API server's answer has no UID or resourceVersion";
                Failure::new(FailureKind::Unavailable, what)
            })
    }

    /// A live GET.
    pub(super) async fn read(&self, key: &ObjectKey) -> Answer<Option<Observation>> {
        match self.api.get(key).await? {
            Some(object) => self.evaluate(object, key).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn list(&self, scope: &WatchKey) -> Answer<Vec<(ObjectKey, Observation)>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self.api.list(scope, self.deployment, next).await?;
            for object in page.objects {
                if let Some(key) = ObjectKey::of(&object) {
                    let seen = self.evaluate(object, &key).await?;
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

/// Archives a set and says so in its status, of the generation that it has by that.
pub(super) fn archive(ports: &Ports, head: &SetHead, before: ObjectSetStatus) -> Execution {
    let store = Arc::clone(&ports.store);
    let (set, generation) = (head.set.clone(), head.generation);
    Box::pin(async move {
        let result = async {
            let generation = store.archive(&set).await?.unwrap_or(generation);
            let status = archived(&before, generation, jiff::Timestamp::now());
            store.write_status(&set, &status).await?;
            Ok(status)
        };
        match result.await {
            Ok(status) => (
                Outcome::Done(Ok(())),
                Output::Status(set.uid, Box::new(status)),
            ),
            Err(failure) => (Outcome::Done(Err(failure)), Output::None),
        }
    })
}

/// A change to a stored set.
pub(super) fn done(future: BoxFuture<'static, Answer<()>>) -> Execution {
    Box::pin(async move { (Outcome::Done(future.await), Output::None) })
}
