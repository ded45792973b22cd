//! The controller of object deployments: reconciles one after the other, and retries those whose pass failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::FailureKind;
use stevedore_client::decode::{Identity, Undecodable, Unreadable, decode};
use stevedore_runtime::retry::{Delays, Schedule};
use stevedore_runtime::supervise::Tasks;
use tokio::time::Instant;

use super::child::Child;
use super::new_set::{Deployment, hash, new_set, selector, selects};
use super::plan::{self, SetChange};
use super::queue::Queue;
use super::status::{self, StatusInput};
use crate::cluster_api::agent_client::Select;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;
use crate::store::set_object::Name;
use crate::unreadable::UnreadableWriter;
use crate::wait::until;

/// Sets kept beside the newest, when the deployment does not say.
const HISTORY: i32 = 10;
/// Between passes that fail.
const RETRY: Schedule = Schedule::new(Duration::from_secs(1), Duration::from_secs(30));
/// Sets in one page of a list: each is read whole, and may have more than a megabyte.
const PAGE: &str = "5";

/// The controller of both kinds.
pub(crate) struct Controller {
    client: AgentClient,
    queue: Arc<Queue>,
    unreadable: UnreadableWriter,
}

impl Controller {
    pub(crate) fn new(client: AgentClient, queue: Arc<Queue>, tasks: &Tasks) -> Self {
        Self {
            unreadable: UnreadableWriter::start(client.clone(), tasks),
            client,
            queue,
        }
    }

    pub(crate) async fn run(&self) {
        let mut failed: BTreeMap<Name, (Instant, Delays)> = BTreeMap::new();
        loop {
            let first = failed.iter().min_by_key(|(_, (due, _))| *due);
            let first = first.map(|(name, (due, _))| (*due, name.clone()));
            let name = tokio::select! {
                name = self.queue.next() => name,
                () = until(first.as_ref().map(|(due, _)| *due)) => match first {
                    Some((_, name)) => name,
                    None => continue,
                }
            };
            match self.reconcile(&name).await {
                Ok(()) => drop(failed.remove(&name)),
                Err(failure) => {
                    tracing::info!(deployment = name.1, %failure, "an object deployment is tried again");
                    let retry = failed.entry(name);
                    let (due, delays) =
                        retry.or_insert_with(|| (Instant::now(), Delays::new(RETRY)));
                    *due = Instant::now() + delays.next(rand::random());
                }
            }
        }
    }

    async fn reconcile(&self, name: &Name) -> Answer<()> {
        let Some(object) = self.get(name).await? else {
            return Ok(());
        };
        let deployment: Deployment = match decode(&object) {
            Ok(deployment) => deployment,
            Err(why) => {
                self.report_unreadable(name, &object, &why);
                return Ok(());
            }
        };
        if deployment.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let mut children = match self.children(name, &deployment).await? {
            Ok(children) => children,
            Err(set) => {
                self.report_blocked(name, &object, &set);
                return Ok(());
            }
        };
        drop(object);
        let collisions = deployment.status.collision_count;
        let hash = hash(&deployment.spec, collisions);
        let mut reconciled = Reconciled {
            failure: None,
            collisions,
        };
        let work = self
            .apply_changes(name, &deployment, &children, &hash, &mut reconciled)
            .await;
        if let Ok(true) = work {
            match self.children(name, &deployment).await? {
                Ok(now) => children = now,
                // Its event brings the deployment here again.
                Err(_) => return Ok(()),
            }
        }
        if let Err(failure) = &work {
            reconciled.failure = Some(failure.to_string());
        }
        self.write_status(name, &deployment, &children, &hash, &reconciled)
            .await?;
        work.map(|_| ())
    }

    /// Does what there is to do; whether sets were changed.
    async fn apply_changes(
        &self,
        name: &Name,
        deployment: &Deployment,
        children: &[Child],
        hash: &str,
        reconciled: &mut Reconciled,
    ) -> Answer<bool> {
        let mut changes = plan::propagate_pause(children, deployment.spec.paused);
        let mut changed = false;
        if !deployment.spec.paused {
            if plan::current(children, hash).is_none()
                && !deployment.spec.template.spec.template.phases.is_empty()
            {
                changed = self
                    .create(name, deployment, children, hash, reconciled)
                    .await?;
            }
            changes.extend(plan::retire(children));
            let limit = deployment.spec.revision_history_limit.unwrap_or(HISTORY);
            changes.extend(plan::trim(children, usize::try_from(limit).unwrap_or(0)));
        }
        for change in &changes {
            self.apply(name, children, change).await?;
        }
        Ok(changed || !changes.is_empty())
    }

    async fn create(
        &self,
        name: &Name,
        deployment: &Deployment,
        children: &[Child],
        hash: &str,
        reconciled: &mut Reconciled,
    ) -> Answer<bool> {
        let set = new_set(name, deployment, children, hash);
        if !selects(&deployment.spec.selector, &set["metadata"]["labels"]) {
            // Its set would never be found again, and another one be made with every pass.
            reconciled.failure =
                Some("spec.selector does not select the labels of spec.template".into());
            return Ok(false);
        }
        let namespace = name.0.as_deref();
        let answer = self
            .client
            .create::<IgnoredAny>(Resource::set(namespace), namespace, &set, true)
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == FailureKind::Conflict => {
                // The name is that of an older revision with the same template, or somebody else's.
                reconciled.collisions = Some(reconciled.collisions.unwrap_or(0).saturating_add(1));
                self.queue.add(name.clone());
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn apply(&self, name: &Name, children: &[Child], change: &SetChange) -> Answer<()> {
        let set = change.set();
        let Some(child) = children.iter().find(|child| child.name() == set) else {
            return Ok(());
        };
        let Some(patch) = change.patch(child) else {
            return self.delete(name, child).await;
        };
        let namespace = name.0.as_deref();
        let answer = self
            .client
            .patch::<IgnoredAny>(Resource::set(namespace), namespace, set, None, &patch)
            .await;
        match answer {
            // Another set than the one that was read, or changed since: read it again.
            Err(failure)
                if matches!(failure.kind, FailureKind::NotFound | FailureKind::Conflict) =>
            {
                self.queue.add(name.clone());
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    async fn delete(&self, name: &Name, child: &Child) -> Answer<()> {
        let (set, uid) = (child.name(), &child.head.metadata.uid);
        let namespace = name.0.as_deref();
        self.client
            .delete(Resource::set(namespace), namespace, set, uid)
            .await
    }

    fn report_unreadable(&self, name: &Name, object: &RawValue, why: &Undecodable) {
        let resource = Resource::deployment(name.0.as_deref());
        self.unreadable.report(resource, object, why);
    }

    /// Says that nothing is reconciled for a deployment as long as one of its sets cannot be read: which one is the
    /// newest, and what it holds, is not known.
    fn report_blocked(&self, name: &Name, object: &RawValue, set: &Unreadable) {
        let Some(identity) = Identity::of(object) else {
            return;
        };
        let message = format!("its set {} cannot be read: {}", set.identity.name, set.why);
        let resource = Resource::deployment(name.0.as_deref());
        self.unreadable
            .report_blocked(resource, identity, object, message);
    }

    async fn get(&self, name: &Name) -> Answer<Option<Box<RawValue>>> {
        let namespace = name.0.as_deref();
        self.client
            .get(Resource::deployment(namespace), namespace, &name.1)
            .await
    }

    /// The sets that this deployment controls, sorted by revision; or one of them that cannot be read.
    async fn children(
        &self,
        name: &Name,
        deployment: &Deployment,
    ) -> Answer<Result<Vec<Child>, Box<Unreadable>>> {
        let selector = selector(&deployment.spec.selector);
        let select = Select {
            labels: Some(&selector),
            fields: None,
            limit: PAGE,
            metadata_only: false,
        };
        let namespace = name.0.as_deref();
        let mut children = vec![];
        let mut after: Option<String> = None;
        loop {
            let (page, next): (Vec<Box<RawValue>>, _) = self
                .client
                .list(
                    Resource::set(namespace),
                    namespace,
                    select,
                    after.as_deref(),
                )
                .await?;
            for set in &page {
                match Child::read(set, &deployment.metadata.uid) {
                    Ok(child) => children.extend(child),
                    Err(unreadable) => return Ok(Err(unreadable)),
                }
            }
            after = next;
            if after.is_none() {
                children.sort_by_key(|child| child.revision);
                return Ok(Ok(children));
            }
        }
    }

    async fn write_status(
        &self,
        name: &Name,
        deployment: &Deployment,
        children: &[Child],
        hash: &str,
        reconciled: &Reconciled,
    ) -> Answer<()> {
        let input = StatusInput {
            generation: deployment.metadata.generation,
            paused: deployment.spec.paused,
            children,
            current: plan::current(children, hash),
            hash,
            collisions: reconciled.collisions,
            failure: reconciled.failure.as_deref(),
        };
        let new = status::status(&deployment.status, &input, Timestamp::now());
        if new == deployment.status {
            return Ok(());
        }
        let patch = json!({"metadata": {"uid": deployment.metadata.uid}, "status": new});
        let namespace = name.0.as_deref();
        let resource = Resource::deployment(namespace);
        let answer = self
            .client
            .patch::<IgnoredAny>(resource, namespace, &name.1, Some("status"), &patch)
            .await;
        match answer {
            Err(failure) if failure.kind != FailureKind::NotFound => Err(failure),
            _ => Ok(()),
        }
    }
}

/// What a pass leaves for the status.
struct Reconciled {
    failure: Option<String>,
    collisions: Option<i32>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stevedore_runtime::supervise::Supervisor;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::cluster_api::Transport;

    #[tokio::test(start_paused = true)]
    async fn every_deployment_whose_pass_fails_is_tried_again_also_when_two_are_due_at_once() {
        let (asked, mut paths) = tokio::sync::mpsc::unbounded_channel();
        let server = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let _ = asked.send(request.uri().path().to_owned());
            let answer = http::Response::builder().status(503);
            std::future::ready(answer.body(kube::client::Body::empty()))
        });
        let client = AgentClient::new(Transport::new(kube::Client::new(server, "default")));
        let (queue, supervisor) = (Arc::default(), Supervisor::new(CancellationToken::new()));
        let controller = Controller::new(client, Arc::clone(&queue), &supervisor.tasks());
        let names = ["a", "b", "c"];
        for name in names {
            queue.add((None, name.to_owned()));
        }
        let mut again = BTreeSet::new();
        let all_again = async {
            for _ in names {
                paths.recv().await;
            }
            while again.len() < names.len() {
                again.extend(paths.recv().await);
            }
        };
        tokio::select! {
            () = controller.run() => {}
            () = all_again => {}
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
        assert_eq!(again.len(), names.len(), "tried again: {again:?}");
    }
}
