//! Orders: what the hub wants of one deployment now.

use serde::{Deserialize, Serialize};

use crate::canonical::canonical_json;
use crate::digest::{Digest, Hasher};
use crate::id::{DeploymentUid, PackageUid};
use crate::tuple::Tuple;

/// The package an order belongs to, for people and for names of objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageRef {
    /// Namespace of a `Package`; absent for a `ClusterPackage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Object name on the hub.
    pub name: String,
    /// Object UID on the hub.
    pub uid: PackageUid,
    /// Number of the `PackageRevision`: a label for people, never compared.
    pub revision: u64,
}

/// What happens to the objects of a deployment when its tombstone comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// They are deleted in reverse phase order.
    #[default]
    Delete,
    /// They are released and stay.
    Orphan,
}

/// What an order says beside its content. Part of the order's digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Service account the package's objects are written as; absent means the member's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Namespace that confines all objects and holds the account; absent for cluster packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// The member watches and reports, but writes nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// What a tombstone does to the objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deletion_policy: DeletionPolicy,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Content by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentRef {
    /// SHA-256 over [`crate::Content::to_bytes`].
    pub digest: Digest,
    /// Length of those bytes.
    pub size: u64,
}

/// Apply something, or tear down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderBody {
    /// Bring the member to this content.
    Apply(ContentRef),
    /// Tear the deployment down.
    Tombstone,
}

/// What the hub wants of one deployment now; without the content's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// One package on one cluster.
    pub deployment: DeploymentUid,
    /// The package, for people.
    pub package: PackageRef,
    /// What the agent compares.
    pub tuple: Tuple,
    /// Account, namespace, policies; a tombstone needs them too.
    pub settings: Settings,
    /// Content, or a tombstone.
    pub body: OrderBody,
}

impl Order {
    /// The digest a tuple of this order must name: over deployment, package UID, settings, and content
    /// digest or tombstone. The tuple, the package's name and its revision number are not part of it.
    pub fn digest(&self) -> Digest {
        order_digest(
            &self.deployment,
            &self.package.uid,
            &self.settings,
            &self.body,
        )
    }

    /// The id under which both sides log what becomes of this order: 32 hex digits.
    ///
    /// It is derived, so that every repetition has it, also by a hub that started anew.
    pub fn trace_id(&self) -> String {
        self.trace().hex()[..32].to_owned()
    }

    /// W3C trace context of this order, with its [`Self::trace_id`].
    pub fn traceparent(&self) -> String {
        let hex = self.trace().hex();
        format!("00-{}-{}-01", &hex[..32], &hex[32..48])
    }

    fn trace(&self) -> Digest {
        let hasher = Hasher::new("stevedore.trace.v1").field(self.deployment.as_bytes());
        self.tuple.hash_into(hasher).finish()
    }

    /// Whether the tuple names this order's own digest.
    pub fn is_intact(&self) -> bool {
        self.tuple.digest == self.digest()
    }

    /// The content, unless this is a tombstone.
    pub fn content(&self) -> Option<ContentRef> {
        match self.body {
            OrderBody::Apply(content) => Some(content),
            OrderBody::Tombstone => None,
        }
    }

    /// Whether this order tears down.
    pub fn is_tombstone(&self) -> bool {
        self.body == OrderBody::Tombstone
    }
}

/// [`Order::digest`] before there is a tuple.
pub fn order_digest(
    deployment: &DeploymentUid,
    package: &PackageUid,
    settings: &Settings,
    body: &OrderBody,
) -> Digest {
    let hasher = Hasher::new("stevedore.order.v1")
        .field(deployment.as_bytes())
        .field(package.as_bytes())
        .field(&settings_bytes(settings));
    match body {
        OrderBody::Apply(content) => hasher
            .field(b"apply")
            .field(content.digest.as_bytes())
            .number(content.size)
            .finish(),
        OrderBody::Tombstone => hasher.field(b"tombstone").finish(),
    }
}

/// Defaults are omitted, so a setting added later leaves the digests of orders that do not use it alone.
fn settings_bytes(settings: &Settings) -> Vec<u8> {
    let value = serde_json::to_value(settings).expect("settings hold only text and flags");
    canonical_json(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClusterUid, EpochId, TermId};
    use crate::tuple::{Epoch, Term};

    fn parts() -> (DeploymentUid, PackageUid, Settings, OrderBody) {
        let package = PackageUid::from_bytes([1; 16]);
        let deployment = DeploymentUid::derive(&package, &ClusterUid::from_bytes([2; 16]));
        let content = ContentRef {
            digest: Digest::of(b"content"),
            size: 7,
        };
        (
            deployment,
            package,
            Settings::default(),
            OrderBody::Apply(content),
        )
    }

    #[test]
    fn an_order_has_one_trace_however_often_it_is_sent_and_a_later_one_another() {
        let (deployment, package, settings, body) = parts();
        let (epoch, term) = (EpochId::from_bytes([1; 16]), TermId::from_bytes([1; 16]));
        let order = |number| Order {
            deployment,
            package: PackageRef {
                namespace: None,
                name: "demo".into(),
                uid: package,
                revision: number,
            },
            tuple: Tuple {
                epoch: Epoch {
                    counter: 1,
                    id: epoch,
                },
                term: Term {
                    counter: 1,
                    id: term,
                },
                number,
                digest: order_digest(&deployment, &package, &settings, &body),
            },
            settings: settings.clone(),
            body,
        };
        let (trace, parent) = (order(1).trace_id(), order(1).traceparent());
        assert!(parent.starts_with(&format!("00-{trace}-")) && parent.ends_with("-01"));
        assert_eq!((trace.len(), parent.len()), (32, 55));
        assert_eq!(order(1).traceparent(), parent);
        assert_ne!(order(2).trace_id(), trace);
    }

    #[test]
    fn digest_covers_content_settings_and_tombstone() {
        let (deployment, package, settings, body) = parts();
        let base = order_digest(&deployment, &package, &settings, &body);
        let paused = Settings {
            paused: true,
            ..settings.clone()
        };
        let account = Settings {
            account: Some("installer".into()),
            ..settings.clone()
        };
        let namespace = Settings {
            target_namespace: Some("installer".into()),
            ..settings.clone()
        };
        let orphan = Settings {
            deletion_policy: DeletionPolicy::Orphan,
            ..settings.clone()
        };
        let content = OrderBody::Apply(ContentRef {
            digest: Digest::of(b"other"),
            size: 7,
        });
        let mut all = vec![
            base,
            order_digest(&deployment, &package, &paused, &body),
            order_digest(&deployment, &package, &account, &body),
            order_digest(&deployment, &package, &namespace, &body),
            order_digest(&deployment, &package, &orphan, &body),
            order_digest(&deployment, &package, &settings, &content),
            order_digest(&deployment, &package, &settings, &OrderBody::Tombstone),
        ];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 7);
        // Pinned: both sides of every release must compute the same digest.
        assert_eq!(
            base.to_string(),
            "sha256:d2c6ea53ceac83148cf6fe8c27a1e9aa4825eb409361955863146df5cb61247f"
        );
    }
}
