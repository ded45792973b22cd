//! An accepted order becomes durable: Secrets first, then the set in one write that carries the tuple.

use std::sync::Arc;

use serde_json::{Value, json};
use stevedore_agent_core::failure::{Cause, Failure, FailureKind};
use stevedore_agent_core::session::StoreError;
use stevedore_crds::v1alpha1::ClusterObjectSet;
use stevedore_proto_core::{Order, OrderBody, Reason};
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::time::sleep;

use super::head::SetHead;
use super::template::Template;
use super::{Store, convert};
use crate::ports::{Answer, SetRef};

/// Attempts against an API server that does not answer, or against other writers.
const ATTEMPTS: u32 = 5;

impl Store {
    /// Makes an order durable. `content` are its verified bytes; absent for a tombstone, and for content
    /// that a stored set already has. Done again with the same order, nothing changes.
    ///
    /// # Errors
    /// With the reason for the hub. No message quotes a value of a Secret.
    pub async fn accept(
        &self,
        order: &Order,
        content: Option<Arc<[u8]>>,
    ) -> Result<(), StoreError> {
        let _no_sweep = self.sweeping.read().await;
        match &order.body {
            OrderBody::Tombstone => self.store_tombstone(order).await,
            OrderBody::Apply(reference) => {
                let template = match content {
                    Some(bytes) => self.template(bytes).await?,
                    None => self.template_of_stored(reference).await?,
                };
                self.store_set(order, template).await
            }
        }
    }

    async fn store_set(&self, order: &Order, mut template: Template) -> Result<(), StoreError> {
        let spec = &mut template.spec;
        let stored = convert::stored_order(order);
        spec.insert("order".into(), json!(stored));
        spec.insert("revision".into(), json!(order.package.revision));
        if let Some(account) = &order.settings.account {
            spec.insert("serviceAccountName".into(), json!(account));
        }
        if let Some(namespace) = &order.settings.target_namespace {
            spec.insert("targetNamespace".into(), json!(namespace));
        }
        if order.is_tombstone() {
            spec.insert("tombstone".into(), tombstone(order));
        }
        self.write_set(order, template).await
    }

    /// Writes a new set, under another name where an older history of the hub has taken the first one.
    async fn write_set(&self, order: &Order, mut template: Template) -> Result<(), StoreError> {
        let spec = Value::Object(std::mem::take(&mut template.spec));
        let number = order.tuple.number;
        let first = format!(
            "{}-{}-{number}",
            order.package.name,
            order.deployment.short()
        );
        let second = format!("{first}-{}", &order.tuple.epoch.id.to_string()[..8]);
        for name in [first, second] {
            let body = set_body(&name, order, &spec);
            let _expected = self.index.expect((None, name.clone()), order.deployment);
            let written = self
                .persist(|| self.create_set(&name, &body, order))
                .await
                .map_err(|failure| not_stored(&failure))?;
            match written {
                Written::Taken => {}
                Written::Now(head, answer) => {
                    self.hand_over(order, &mut template, &head, &answer["spec"]);
                    return self.known(&head);
                }
                Written::Before(head) => return self.known(&head),
                Written::Less => return Err(outdated()),
            }
        }
        let message = format!("the name of order {number} is taken by sets of another order");
        Err(refused(Reason::StoreFailed, message))
    }

    fn known(&self, head: &SetHead) -> Result<(), StoreError> {
        self.index
            .put(head)
            .map_err(|error| refused(Reason::CrdOutdated, error.to_string()))
    }

    /// Spares the engine from reading what was just stored.
    fn hand_over(&self, order: &Order, template: &mut Template, head: &SetHead, spec: &Value) {
        self.handover.put_head(head.clone());
        if let Some(reference) = order.content()
            && let Some(content) = template.content(spec)
        {
            let size = usize::try_from(reference.size).unwrap_or(usize::MAX);
            let uid = &head.metadata.uid;
            self.handover
                .put_content(order.deployment, uid, size, content);
        }
    }

    async fn create_set(&self, name: &str, body: &Value, order: &Order) -> Answer<Written> {
        let created = self
            .client
            .create::<ClusterObjectSet, Value>(None, body, true)
            .await;
        let head: SetHead = match created {
            Ok(answer) => {
                let head = parse(&answer)?;
                if covers(&answer["spec"], &body["spec"]) {
                    return Ok(Written::Now(Box::new(head), answer));
                }
                // Known before it is deleted: its end is no loss that the store makes good.
                if let Err(error) = self.index.refuse(&head) {
                    tracing::warn!(set = name, %error, "a cut set cannot be read");
                }
                head
            }
            Err(failure) if lacks_field_of_sets(&failure) => return Ok(Written::Less),
            Err(failure) if failure.kind == FailureKind::Conflict => {
                let head = self
                    .client
                    .get::<ClusterObjectSet, SetHead>(None, name)
                    .await?;
                head.ok_or_else(vanished)?
            }
            Err(failure) => return Err(failure),
        };
        if self.index.is_retiring(&head.reference()) {
            self.client
                .delete::<ClusterObjectSet>(None, name, &head.metadata.uid)
                .await?;
            return Ok(Written::Less);
        }
        let same = head.spec.order.as_ref() == Some(&convert::stored_order(order));
        Ok(if same {
            Written::Before(Box::new(head))
        } else {
            Written::Taken
        })
    }

    /// Puts the tombstone on the newest set; without a set, or where another tombstone stands already, it is
    /// stored as a set of its own.
    async fn store_tombstone(&self, order: &Order) -> Result<(), StoreError> {
        let mut newest: Option<(SetRef, super::index::HubPart)> = None;
        for (reference, part) in self.index.hub_parts(order.deployment) {
            if newest
                .as_ref()
                .is_none_or(|(_, best)| convert::is_newer(&part.tuple, &best.tuple))
            {
                newest = Some((reference, part));
            }
        }
        if let Some((reference, part)) = newest {
            match part.tombstone {
                Some((tuple, _)) if tuple == order.tuple => return Ok(()),
                Some(_) => {}
                None => {
                    let marked = self
                        .persist(|| self.mark_torn_down(&reference, order))
                        .await
                        .map_err(|failure| not_stored(&failure))?;
                    match marked {
                        Marked::Now => return Ok(()),
                        Marked::Less => return Err(outdated()),
                        Marked::Not => {}
                    }
                }
            }
        }
        self.store_set(order, Template::default()).await
    }

    /// Puts the tombstone on this set.
    async fn mark_torn_down(&self, set: &SetRef, order: &Order) -> Answer<Marked> {
        let wanted = tombstone(order);
        let _expected = self
            .index
            .expect((None, set.name.clone()), order.deployment);
        let patch = json!({"metadata": {"uid": set.uid}, "spec": {"tombstone": wanted}});
        match self
            .client
            .patch::<ClusterObjectSet, Value>(None, &set.name, None, &patch)
            .await
        {
            Ok(answer) => {
                if !covers(&answer["spec"]["tombstone"], &wanted) {
                    return Ok(Marked::Less);
                }
                let head: SetHead = parse(&answer)?;
                self.handover.put_head(head.clone());
                let known = self.index.put(&head).is_ok();
                Ok(if known { Marked::Now } else { Marked::Not })
            }
            Err(failure) => match failure.kind {
                FailureKind::NotFound | FailureKind::Conflict | FailureKind::Invalid => {
                    tracing::info!(set = set.name, %failure, "the tombstone gets a set of its own");
                    Ok(Marked::Not)
                }
                _ => Err(failure),
            },
        }
    }

    /// Tries again while the API server does not answer. What is tried reads again what it did not learn.
    pub(super) async fn persist<T, F: Future<Output = Answer<T>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Answer<T> {
        let mut delays = Delays::new(Schedule::OPERATION);
        loop {
            match attempt().await {
                Err(failure)
                    if failure.kind == FailureKind::Unavailable && delays.attempts() < ATTEMPTS =>
                {
                    let asked = std::time::Duration::from_millis(failure.retry_after.unwrap_or(0));
                    sleep(delays.next_after(asked, rand::random())).await;
                }
                other => return other,
            }
        }
    }
}

enum Written {
    /// It was stored now, and this is what the server answered.
    Now(Box<SetHead>, Value),
    /// It was stored before.
    Before(Box<SetHead>),
    /// Another set has this name.
    Taken,
    /// The server does not know every field.
    Less,
}

/// Whether a set took a tombstone.
enum Marked {
    /// It has it now.
    Now,
    /// It is gone, has another one, or cannot be read.
    Not,
    /// The server does not store all of it.
    Less,
}

fn set_body(name: &str, order: &Order, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{}/{}", stevedore_crds::GROUP, stevedore_crds::VERSION),
        "kind": "ClusterObjectSet",
        "metadata": {
            "name": name,
            "labels": {
                stevedore_proto_core::label::DEPLOYMENT: order.deployment,
                stevedore_proto_core::label::INSTANCE: order.package.name,
            },
        },
        "spec": spec,
    })
}

fn tombstone(order: &Order) -> Value {
    json!({
        "tuple": convert::stored_tuple(&order.tuple),
        "deletionPolicy": convert::stored_policy(order.settings.deletion_policy),
    })
}

/// Whether everything that was sent is in the answer; the server may add defaults.
fn covers(answer: &Value, sent: &Value) -> bool {
    match (answer, sent) {
        (Value::Object(answer), Value::Object(sent)) => {
            sent.iter().all(|(key, value)| match answer.get(key) {
                Some(stored) => covers(stored, value),
                None => is_empty(value),
            })
        }
        (Value::Array(answer), Value::Array(sent)) => {
            answer.len() == sent.len()
                && answer
                    .iter()
                    .zip(sent)
                    .all(|(one, other)| covers(one, other))
        }
        (Value::Number(answer), Value::Number(sent)) => answer.as_f64() == sent.as_f64(),
        _ => answer == sent,
    }
}

/// What a server leaves out of an embedded object's metadata without losing anything.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether the server's definition of sets lacks a field that this agent writes. A field of a packaged object that
/// no API server knows, in its metadata, is the package's own mistake.
fn lacks_field_of_sets(failure: &Failure) -> bool {
    let is_of_object = |path: &str| path.starts_with("spec.phases[") && path.contains("].object.");
    failure
        .causes
        .iter()
        .any(|cause| matches!(cause, Cause::UnknownField(path) if !is_of_object(path)))
}

fn outdated() -> StoreError {
    let message = "the API server stores less of a set than was sent: its definition of \
                   ClusterObjectSet is older than this agent";
    refused(Reason::CrdOutdated, message.to_owned())
}

pub(super) fn vanished() -> Failure {
    Failure::new(FailureKind::Unavailable, "the set was deleted in between")
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> Answer<T> {
    T::deserialize(value).map_err(|_| {
        let what = "the API server's answer is no object set";
        Failure::new(FailureKind::Unavailable, what)
    })
}

pub(super) fn refused(reason: Reason, message: String) -> StoreError {
    StoreError { reason, message }
}

/// What the hub is told when the API server refused.
pub(super) fn not_stored(failure: &Failure) -> StoreError {
    let reason = match failure.kind {
        FailureKind::TooLarge => Reason::TooLarge,
        FailureKind::Invalid => Reason::Unsupported,
        FailureKind::NoKind => Reason::CrdOutdated,
        _ => Reason::StoreFailed,
    };
    refused(reason, failure.to_string())
}

#[cfg(test)]
mod tests;
