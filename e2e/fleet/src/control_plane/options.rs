//! Options of a cluster: how much of one it is, and which programs that takes.

use crate::tools::Tool;

/// An image whose pods never become ready.
pub const BROKEN_IMAGE: &str = "registry.example/never-ready:1";

/// How much of a cluster there is. Each holds what the ones before it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// The API server and its store alone: objects stay as they are written. About 300 MB.
    ApiServer,
    /// With the controller manager: garbage collection, namespaces that go, Deployments that make pods. 400 MB.
    Controllers,
    /// With the scheduler, a fake node and KWOK: pods become ready, Jobs complete. 500 MB.
    Pods,
}

/// What one cluster is to be.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    pub(crate) name: String,
    pub(crate) extent: Extent,
    pub(crate) own_etcd: bool,
    pub(crate) broken_images: Vec<String>,
    pub(crate) audit_bodies: bool,
}

impl ClusterOptions {
    /// A cluster with working pods on the shared etcd. The name is a DNS label.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            extent: Extent::Pods,
            own_etcd: false,
            broken_images: vec![BROKEN_IMAGE.to_owned()],
            audit_bodies: true,
        }
    }

    /// How much of a cluster.
    #[must_use]
    pub fn extent(mut self, extent: Extent) -> Self {
        self.extent = extent;
        self
    }

    /// An etcd of its own: to be killed, backed up and put back without touching other clusters.
    #[must_use]
    pub fn own_etcd(mut self, own: bool) -> Self {
        self.own_etcd = own;
        self
    }

    /// Whether the audit log has the bodies of writes, or as little as most clusters log of them.
    #[must_use]
    pub fn audit_bodies(mut self, wanted: bool) -> Self {
        self.audit_bodies = wanted;
        self
    }

    /// One more image, written exactly so, whose pods never become ready.
    #[must_use]
    pub fn broken_image(mut self, image: impl Into<String>) -> Self {
        self.broken_images.push(image.into());
        self
    }
}

/// A program of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// The store; only where the cluster has its own.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// The fake kubelet.
    Kwok,
}

impl Program {
    pub(super) fn tool(self) -> Tool {
        match self {
            Self::Etcd => Tool::Etcd,
            Self::ApiServer => Tool::KubeApiserver,
            Self::ControllerManager => Tool::KubeControllerManager,
            Self::Scheduler => Tool::KubeScheduler,
            Self::Kwok => Tool::Kwok,
        }
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.tool().name())
    }
}

impl Extent {
    /// What runs beside the store, in the order of starting.
    pub(super) fn programs(self) -> &'static [Program] {
        match self {
            Self::ApiServer => &[Program::ApiServer],
            Self::Controllers => &[Program::ApiServer, Program::ControllerManager],
            Self::Pods => &[
                Program::ApiServer,
                Program::ControllerManager,
                Program::Scheduler,
                Program::Kwok,
            ],
        }
    }

    /// The programs that have to be there to start it.
    pub(crate) fn tools(self) -> Vec<Tool> {
        let mut tools = vec![Tool::Etcd];
        tools.extend(self.programs().iter().map(|program| program.tool()));
        tools
    }
}
