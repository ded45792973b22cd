//! The programs by name, with the Go modules that they are built from.

/// The release of Kubernetes that is built.
pub const KUBERNETES_VERSION: &str = "v1.36.3";

/// The release of the OCI registry that is built.
pub const REGISTRY_VERSION: &str = "v3.1.2";

/// One program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// The store behind the API servers.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// Garbage collection, Deployments, Jobs, namespaces, service accounts.
    KubeControllerManager,
    /// Gives pods their node.
    KubeScheduler,
    /// Plays the kubelet of a fake node: pods become ready.
    Kwok,
    /// For people.
    Kubectl,
    /// The OCI registry of the distribution project.
    Registry,
}

impl Tool {
    /// Every program, in the order in which they are built.
    pub const ALL: [Self; 7] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kwok,
        Self::Kubectl,
        Self::Registry,
    ];

    /// The file name of the program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Kubectl => "kubectl",
            Self::Registry => "registry",
        }
    }

    /// The Go package of its `main`.
    pub(super) fn go_package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Registry => "github.com/distribution/distribution/v3/cmd/registry",
        }
    }

    /// The module files it is built from.
    pub(super) fn source(self) -> &'static Source {
        match self {
            Self::Registry => &REGISTRY,
            _ => &KUBE,
        }
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A Go module that pins programs.
pub(super) struct Source {
    /// Their folder in the cache. When a program changes and Kubernetes does not, the folder has to.
    pub(super) folder: [&'static str; 2],
    pub(super) go_mod: &'static str,
    pub(super) go_sum: &'static str,
}

static KUBE: Source = Source {
    folder: ["kube", KUBERNETES_VERSION],
    go_mod: include_str!("../../go/kube/go.mod"),
    go_sum: include_str!("../../go/kube/go.sum"),
};

static REGISTRY: Source = Source {
    folder: ["registry", REGISTRY_VERSION],
    go_mod: include_str!("../../go/registry/go.mod"),
    go_sum: include_str!("../../go/registry/go.sum"),
};
