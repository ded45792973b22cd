//! One object of a kind as a watch saw it: decoded, or not.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use stevedore_client::decode::{Identity, Undecodable, decode_unmanaged, part};
use stevedore_crds::condition::{UNREADABLE, Update};

use crate::watch::uid::Uid;

/// A kind that the hub watches.
pub(crate) trait Watched:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static
{
    /// The UID of an object.
    type Uid: Uid;
    /// What is read of an object that cannot be decoded as a whole, because decisions about others depend on it.
    type Rest: Debug + Send + Sync + 'static;

    /// What an index keeps beside the objects; `()` for nothing.
    type Derived: Derived<Self>;
    /// Conditions that say of an object that it cannot be read; none for a kind without a status.
    const CONDITIONS: &'static [(&'static str, bool)];

    /// The object's UID; `None` for what no API server gives.
    fn uid_of(&self) -> Option<Self::Uid> {
        self.meta().uid.as_deref()?.parse().ok()
    }

    /// Reads what can be read.
    fn rest(object: &RawValue) -> Self::Rest;
}

/// What is derived from all objects of a kind, and changed along with them.
pub(crate) trait Derived<K: Watched>:
    Clone + Default + Debug + Send + Sync + 'static
{
    /// An object is there from now on.
    fn put(&mut self, entry: &Entry<K>);
    /// An object that was put is there no longer, or is about to be put as it is now.
    fn take(&mut self, entry: &Entry<K>);
}

impl<K: Watched> Derived<K> for () {
    fn put(&mut self, _: &Entry<K>) {}
    fn take(&mut self, _: &Entry<K>) {}
}

/// Two states derived from one index. Each is shared for itself: a held snapshot of one does not make the next change
/// copy the other.
impl<K: Watched, A: Derived<K>, B: Derived<K>> Derived<K> for (Arc<A>, Arc<B>) {
    fn put(&mut self, entry: &Entry<K>) {
        Arc::make_mut(&mut self.0).put(entry);
        Arc::make_mut(&mut self.1).put(entry);
    }

    fn take(&mut self, entry: &Entry<K>) {
        Arc::make_mut(&mut self.0).take(entry);
        Arc::make_mut(&mut self.1).take(entry);
    }
}

/// An object as it was seen last.
#[derive(Debug)]
pub(crate) enum Entry<K: Watched> {
    /// It was decoded.
    Readable(Arc<K>),
    /// It was not.
    Unreadable(Arc<Unreadable<K>>),
}

impl<K: Watched> Clone for Entry<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Readable(object) => Self::Readable(Arc::clone(object)),
            Self::Unreadable(unreadable) => Self::Unreadable(Arc::clone(unreadable)),
        }
    }
}

impl<K: Watched> From<K> for Entry<K> {
    fn from(object: K) -> Self {
        Self::Readable(Arc::new(object))
    }
}

impl<K: Watched> Entry<K> {
    /// `None` for what no API server gives: an object without an identity.
    pub(super) fn of(object: &RawValue) -> Option<Self> {
        match decode_unmanaged::<K>(object) {
            Ok(object) => Some(object.into()),
            Err(why) => {
                let unreadable = Unreadable::new(object, why)?;
                Some(Self::Unreadable(Arc::new(unreadable)))
            }
        }
    }

    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }

    /// The object's UID; `None` for what no API server gives.
    pub(crate) fn uid(&self) -> Option<K::Uid> {
        match self {
            Self::Readable(object) => object.uid_of(),
            Self::Unreadable(unreadable) => Some(unreadable.uid.clone()),
        }
    }

    /// Resource versions of one kind are ordered numbers (Kubernetes 1.35 and newer promise it; older ones do it).
    pub(super) fn version(&self) -> Option<u64> {
        let version = match self {
            Self::Readable(object) => object.meta().resource_version.as_deref()?,
            Self::Unreadable(unreadable) => &unreadable.identity.resource_version,
        };
        version.parse().ok()
    }
}

/// An object that cannot be decoded.
#[derive(Debug)]
pub(crate) struct Unreadable<K: Watched> {
    /// Which object.
    pub(crate) uid: K::Uid,
    /// The same, and its metadata.
    pub(crate) identity: Identity,
    /// Why.
    pub(crate) why: Undecodable,
    /// What can be read of it all the same.
    pub(crate) rest: K::Rest,
    conditions: Vec<Condition>,
    /// It was logged, and it was told on the object.
    logged: AtomicBool,
    pub(super) told: AtomicBool,
}

impl<K: Watched> Unreadable<K> {
    /// `None` for what no API server gives: an object without an identity.
    pub(crate) fn new(object: &RawValue, why: Undecodable) -> Option<Self> {
        let identity = Identity::of(object)?;
        Some(Self {
            uid: identity.uid.parse().ok()?,
            identity,
            why,
            rest: K::rest(object),
            conditions: part(object, &["status", "conditions"]).unwrap_or_default(),
            logged: AtomicBool::new(false),
            told: AtomicBool::new(false),
        })
    }

    /// Why nothing is done for it, for people.
    pub(crate) fn message(&self) -> String {
        format!(
            "the hub cannot read it, and leaves what runs as it is: {}",
            self.why
        )
    }

    pub(super) fn log(&self) {
        if !self.logged.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                kind = %K::kind(&()),
                namespace = self.identity.namespace,
                name = self.identity.name,
                why = %self.why,
                "an object cannot be read and is left as it is"
            );
        }
    }

    #[cfg(test)]
    pub(crate) fn told(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    pub(super) fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(K::api_version(&()).into_owned()),
            kind: Some(K::kind(&()).into_owned()),
            name: Some(self.identity.name.clone()),
            namespace: self.identity.namespace.clone(),
            uid: Some(self.identity.uid.clone()),
            ..ObjectReference::default()
        }
    }

    /// The conditions with ours among them; nothing where they say so already.
    pub(super) fn with_ours(&self, now: Timestamp) -> Option<Vec<Condition>> {
        let (generation, message) = (self.identity.generation, self.message());
        let mut conditions = self.conditions.clone();
        conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        for (type_, status) in K::CONDITIONS {
            let update = Update::new(*type_, *status, UNREADABLE, &message);
            update.apply(&mut conditions, generation, now);
        }
        (conditions != self.conditions).then_some(conditions)
    }
}
