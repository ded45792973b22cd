//! The input of a package's status, beside its rows.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use stevedore_proto_core::{ClusterUid, Reason};

use crate::fleet::Failure;
use crate::placement::Shortfall;
use crate::rollout::RolloutReport;

/// How far the content of the spec got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// Being pulled for the first time.
    #[default]
    Pending,
    /// Pulled, unpacked and valid.
    Ready,
    /// The image could not be pulled; retried.
    PullFailed(String),
    /// The image, manifest or config cannot be used.
    Invalid(Failure),
    /// It was pulled, and the API server does not take what is kept of it; retried.
    NotStored(String),
}

/// Names of clusters, for people.
pub trait Names: std::fmt::Debug {
    /// The name of the member that this cluster is.
    fn name_of(&self, cluster: &ClusterUid) -> Option<&str>;
}

/// What a package's status is made from, beside its rows.
#[derive(Debug, Clone, Default)]
pub struct Input<'a> {
    /// How far the content of the spec got.
    pub source: Source,
    /// Why the revision that should run cannot be read, for any cluster.
    pub unreadable: Option<Failure>,
    /// For how many clusters the content was rendered.
    pub rendered: usize,
    /// The content could not be rendered for some clusters: why, and for which.
    pub unrendered: BTreeMap<ClusterUid, Failure>,
    /// Targeted clusters that the package is not for, and why.
    pub ineligible: BTreeMap<ClusterUid, Failure>,
    /// Clusters where another renderer gives other bytes.
    pub pending_render: usize,
    /// Why there are fewer targets than asked for.
    pub shortfall: Option<Shortfall>,
    /// The package is paused.
    pub paused: bool,
    /// The package is being deleted.
    pub deleting: bool,
    /// A pin holds it at this revision.
    pub pinned: Option<u64>,
    /// Revisions that stay ordered, oldest and newest, while what the spec asks for cannot be ordered.
    pub kept: Option<RangeInclusive<u64>>,
    /// How far the rollout is.
    pub rollout: Arc<RolloutReport>,
    /// Some clusters' content is still being rendered: nothing is said of the new spec as a whole.
    pub rendering: bool,
    /// Why nothing can be ordered or torn down now, whatever is asked for.
    pub blocked: Option<Failure>,
    /// Names of clusters.
    pub names: Option<&'a dyn Names>,
}

/// What is at fault where a package cannot be rendered for clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The spec: it can be rendered for no cluster.
    Spec,
    /// Those clusters: it can be rendered for others.
    Clusters,
}

impl Source {
    /// Why there is no content to order; none when it is ready.
    fn failure(&self) -> Option<Failure> {
        let (reason, message) = match self {
            Self::Ready => return None,
            Self::Invalid(failure) => return Some(failure.clone()),
            Self::Pending => (Reason::Unpacking, "the image is being pulled"),
            Self::PullFailed(message) => (Reason::ImagePullBackOff, message.as_str()),
            Self::NotStored(message) => (Reason::NotStored, message.as_str()),
        };
        Some(Failure::new(reason, message))
    }
}

impl Input<'_> {
    /// Why the spec's content cannot be used, or not yet.
    pub(super) fn content_failure(&self) -> Option<Failure> {
        let source = self.source.failure();
        source.or_else(|| self.invalid().cloned())
    }

    /// That some clusters' content is still being rendered.
    pub(super) fn rendering(&self) -> Option<Failure> {
        let message = "the package is being rendered for further clusters";
        self.rendering
            .then(|| Failure::new(Reason::Rendering, message))
    }

    /// Why there is nothing to order for a cluster.
    pub(super) fn unrendered(&self, cluster: &ClusterUid) -> Option<&Failure> {
        self.unreadable
            .as_ref()
            .or_else(|| self.unrendered.get(cluster))
    }

    /// Why the content can be used for no cluster. Where it can for some, each of the others fails for itself; and that
    /// something is not known of a cluster is no fault of the content.
    pub(super) fn invalid(&self) -> Option<&Failure> {
        let of_spec = match self.fault() {
            Fault::Spec => self.unrendered.values(),
            Fault::Clusters => Default::default(),
        };
        let mut known = of_spec.filter(|failure| failure.reason != Reason::FactUnknown);
        self.unreadable.as_ref().or_else(|| known.next())
    }

    /// What is at fault where the content cannot be rendered for clusters.
    pub(super) fn fault(&self) -> Fault {
        match self.rendered {
            0 => Fault::Spec,
            _ => Fault::Clusters,
        }
    }
}
