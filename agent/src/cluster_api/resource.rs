//! The resources that the agent reads or writes with its own identity, and their paths.

use stevedore_client::Path;

use super::refusal;
use crate::ports::Answer;

/// A resource that the agent reads or writes with its own identity. The list is closed; `deploy/agent.yaml` grants what it says
/// and no more, and `deploy/agent-openshift.yaml` the kinds of OpenShift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

const fn ours(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group: stevedore_crds::GROUP,
        version: stevedore_crds::VERSION,
        kind,
        plural,
    }
}

/// A kind of OpenShift.
const fn open_shift(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group: "config.openshift.io",
        version: "v1",
        kind,
        plural,
    }
}

const fn core(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group: "",
        version: "v1",
        kind,
        plural,
    }
}

#[expect(missing_docs, reason = "each is the kind of its name")]
impl Resource {
    pub const CLUSTER_OBJECT_SET: Self = ours("ClusterObjectSet", "clusterobjectsets");
    pub const OBJECT_SET: Self = ours("ObjectSet", "objectsets");
    pub const CLUSTER_OBJECT_DEPLOYMENT: Self =
        ours("ClusterObjectDeployment", "clusterobjectdeployments");
    pub const OBJECT_DEPLOYMENT: Self = ours("ObjectDeployment", "objectdeployments");
    pub const MEMBER_POLICY: Self = ours("MemberPolicy", "memberpolicies");
    pub const SECRET: Self = core("Secret", "secrets");
    pub const NAMESPACE: Self = core("Namespace", "namespaces");
    pub const CONFIG_MAP: Self = core("ConfigMap", "configmaps");
    pub const CLUSTER_VERSION: Self = open_shift("ClusterVersion", "clusterversions");
    pub const PROXY: Self = open_shift("Proxy", "proxies");
    pub const HOSTED_CLUSTER: Self = Self {
        group: "hypershift.openshift.io",
        version: "v1beta1",
        kind: "HostedCluster",
        plural: "hostedclusters",
    };
    pub const EVENT: Self = Self {
        group: "events.k8s.io",
        ..core("Event", "events")
    };
    pub const DEFINITION: Self = Self {
        group: "apiextensions.k8s.io",
        ..core("CustomResourceDefinition", "customresourcedefinitions")
    };
}

impl Resource {
    /// The kind of a set in this namespace; of a cluster-wide one, without.
    pub fn set(namespace: Option<&str>) -> Self {
        match namespace {
            Some(_) => Self::OBJECT_SET,
            None => Self::CLUSTER_OBJECT_SET,
        }
    }

    /// The kind of an object deployment in this namespace; of a cluster-wide one, without.
    pub fn deployment(namespace: Option<&str>) -> Self {
        match namespace {
            Some(_) => Self::OBJECT_DEPLOYMENT,
            None => Self::CLUSTER_OBJECT_DEPLOYMENT,
        }
    }

    /// The name of its definition, where it is a kind that somebody defined.
    pub fn definition(self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// `apiVersion` of its objects.
    pub fn api_version(self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `kind` of its objects.
    pub fn kind(self) -> &'static str {
        self.kind
    }

    /// Its plural name, as in paths.
    pub fn plural(self) -> &'static str {
        self.plural
    }

    /// The path of all its objects, of a namespace or of everywhere.
    pub(super) fn path(self, namespace: Option<&str>) -> Answer<Path> {
        Path::group_version(self.group, self.version)
            .and_then(|path| path.namespace(namespace)?.segment(self.plural))
            .map_err(refusal::invalid_name)
    }

    /// The path of one object.
    pub(super) fn object(self, namespace: Option<&str>, name: &str) -> Answer<Path> {
        let path = self.path(namespace)?.segment(name);
        path.map_err(refusal::invalid_name)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
    use k8s_openapi::api::events::v1::Event;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::Resource as Typed;
    use stevedore_crds::v1alpha1::{
        ClusterObjectDeployment, ClusterObjectSet, MemberPolicy, ObjectDeployment, ObjectSet,
    };

    use super::*;

    #[test]
    fn resources_are_named_as_their_types_are() {
        fn agrees<T: Typed<DynamicType = ()>>(resource: Resource) {
            assert_eq!(resource.api_version(), T::api_version(&()));
            assert_eq!(resource.kind(), T::kind(&()));
            assert_eq!(resource.plural(), T::plural(&()));
        }
        agrees::<ClusterObjectSet>(Resource::CLUSTER_OBJECT_SET);
        agrees::<ObjectSet>(Resource::OBJECT_SET);
        agrees::<ClusterObjectDeployment>(Resource::CLUSTER_OBJECT_DEPLOYMENT);
        agrees::<ObjectDeployment>(Resource::OBJECT_DEPLOYMENT);
        agrees::<MemberPolicy>(Resource::MEMBER_POLICY);
        agrees::<Secret>(Resource::SECRET);
        agrees::<Namespace>(Resource::NAMESPACE);
        agrees::<ConfigMap>(Resource::CONFIG_MAP);
        agrees::<Event>(Resource::EVENT);
        agrees::<CustomResourceDefinition>(Resource::DEFINITION);
    }
}
