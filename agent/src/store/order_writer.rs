//! The writer of orders: an accepted order becomes durable, Secrets first, then the set in one write that carries the
//! tuple.

use std::sync::Arc;

use serde_json::{Value, json};
use stevedore_agent_core::failure::{Cause, Failure, FailureKind};
use stevedore_agent_core::session::StoreError;
use stevedore_agent_core::set::SetRef;
use stevedore_proto_core::{Order, OrderBody, Reason};

use super::convert;
use super::index::Index;
use super::secrets::SecretsInUse;
use super::set_client::SetClient;
use super::set_object::SetObject;
use super::store_error::{persist, refused, vanished};
use super::template::{ContentWriter, Template};
use super::write_cache::WriteCache;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// Makes accepted orders durable.
pub(super) struct OrderWriter {
    pub(super) client: AgentClient,
    pub(super) sets: SetClient,
    pub(super) contents: ContentWriter,
    pub(super) index: Arc<Index>,
    pub(super) cache: Arc<WriteCache>,
    pub(super) secrets: Arc<SecretsInUse>,
}

impl OrderWriter {
    /// Makes an order durable. `content` are its verified bytes; absent for a tombstone, and for content
    /// that a stored set already has. Done again with the same order, nothing changes.
    ///
    /// # Errors
    /// With the reason for the hub. No message quotes a value of a Secret.
    pub(super) async fn accept(
        &self,
        order: &Order,
        content: Option<Arc<[u8]>>,
    ) -> Result<(), StoreError> {
        let _in_use = self.secrets.about_to_be_named().await;
        match &order.body {
            OrderBody::Tombstone => self.store_tombstone(order).await,
            OrderBody::Apply(reference) => {
                let template = match content {
                    Some(bytes) => self.contents.template(bytes).await?,
                    None => self.contents.template_of_stored(reference).await?,
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
            match persist(|| self.create_set(&name, &body, order)).await? {
                Written::Taken => {}
                Written::Now(set, answer) => {
                    self.keep(order, &mut template, &set, &answer["spec"]);
                    return self.known(&set);
                }
                Written::Before(set) => return self.known(&set),
                Written::Less => return Err(outdated()),
            }
        }
        let message = format!("the name of order {number} is taken by sets of another order");
        Err(refused(Reason::StoreFailed, message))
    }

    fn known(&self, set: &SetObject) -> Result<(), StoreError> {
        self.index
            .put(set)
            .map_err(|error| refused(Reason::CrdOutdated, error.to_string()))
    }

    /// Spares the engine from reading what was just stored.
    fn keep(&self, order: &Order, template: &mut Template, set: &SetObject, spec: &Value) {
        self.cache.put_set(set.clone());
        if let Some(reference) = order.content()
            && let Some(content) = template.content(spec)
        {
            let size = usize::try_from(reference.size).unwrap_or(usize::MAX);
            let uid = &set.metadata.uid;
            self.cache.put_content(order.deployment, uid, size, content);
        }
    }

    async fn create_set(&self, name: &str, body: &Value, order: &Order) -> Answer<Written> {
        let created = self
            .client
            .create::<Value>(Resource::CLUSTER_OBJECT_SET, None, body, true)
            .await;
        let set: SetObject = match created {
            Ok(answer) => {
                let set = parse(&answer)?;
                if covers(&answer["spec"], &body["spec"]) {
                    return Ok(Written::Now(Box::new(set), answer));
                }
                // Known before it is deleted: its end is no loss that the store makes good.
                if let Err(error) = self.index.refuse(&set) {
                    tracing::warn!(set = name, %error, "a cut set cannot be read");
                }
                set
            }
            Err(failure) if lacks_field_of_sets(&failure) => return Ok(Written::Less),
            Err(failure) if failure.kind == FailureKind::Conflict => {
                let found = self
                    .client
                    .get(Resource::CLUSTER_OBJECT_SET, None, name)
                    .await;
                match found {
                    // Whatever it is, it is not this order.
                    Err(failure) if failure.kind == FailureKind::Unreadable => {
                        return Ok(Written::Taken);
                    }
                    found => found?.ok_or_else(vanished)?,
                }
            }
            Err(failure) => return Err(failure),
        };
        let reference = set.reference();
        if self.index.is_retiring(&reference) {
            self.sets.delete(&reference).await?;
            return Ok(Written::Less);
        }
        let same = set.spec.order.as_ref() == Some(&convert::stored_order(order));
        Ok(if same {
            Written::Before(Box::new(set))
        } else {
            Written::Taken
        })
    }

    /// Puts the tombstone on the newest set; without a set, or where another tombstone stands already, it is
    /// stored as a set of its own.
    async fn store_tombstone(&self, order: &Order) -> Result<(), StoreError> {
        if let Some((set, stored)) = self.index.newest_order(order.deployment) {
            match stored.tombstone {
                Some(tuple) if tuple == order.tuple => return Ok(()),
                Some(_) => {}
                None => match persist(|| self.mark_torn_down(&set, order)).await? {
                    Marked::Now => return Ok(()),
                    Marked::Less => return Err(outdated()),
                    Marked::Not => {}
                },
            }
        }
        self.store_set(order, Template::default()).await
    }

    /// Puts the tombstone on this set.
    async fn mark_torn_down(&self, set: &SetRef, order: &Order) -> Answer<Marked> {
        let body = tombstone(order);
        let _expected = self
            .index
            .expect((None, set.name.clone()), order.deployment);
        let patch = json!({"metadata": {"uid": &*set.uid}, "spec": {"tombstone": body}});
        match self.sets.patch::<Value>(set, None, &patch).await {
            Ok(answer) => {
                if !covers(&answer["spec"]["tombstone"], &body) {
                    return Ok(Marked::Less);
                }
                let set: SetObject = parse(&answer)?;
                let known = self.index.put(&set).is_ok();
                self.cache.put_set(set);
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
}

enum Written {
    /// It was stored now, and this is what the server answered.
    Now(Box<SetObject>, Value),
    /// It was stored before.
    Before(Box<SetObject>),
    /// Another set has this name.
    Taken,
    /// The server does not know every field.
    Less,
}

/// Whether a tombstone was stored in a set.
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
        "apiVersion": Resource::CLUSTER_OBJECT_SET.api_version(),
        "kind": Resource::CLUSTER_OBJECT_SET.kind(),
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
    refused(Reason::CrdOutdated, message)
}

fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> Answer<T> {
    T::deserialize(value).map_err(|_| {
        let what = "the API server's answer is no object set";
        Failure::new(FailureKind::Unavailable, what)
    })
}

#[cfg(test)]
mod tests;
