//! `Package` and `ClusterPackage` as one: they differ in scope only.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ApiResource, DynamicObject};
use kube::{Client, Resource, ResourceExt as _};
use stevedore_client::Api;
use stevedore_crds::v1alpha1::{
    ClusterPackage, ClusterPackageSpec, Package, PackageKind, PackageReference, PackageStatus,
};
use stevedore_hub_core::history;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::provenance;
use stevedore_proto_core::{Digest, PackageUid};

/// Either kind of package, as it was last seen.
#[derive(Debug, Clone)]
pub(crate) struct AnyPackage {
    pub(crate) uid: PackageUid,
    pub(crate) kind: PackageKind,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) generation: i64,
    pub(crate) created: Option<Time>,
    pub(crate) deleting: bool,
    pub(crate) finalizers: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) spec: ClusterPackageSpec,
    pub(crate) status: PackageStatus,
}

/// The package that a record names; nothing of it is checked.
pub(crate) fn claimed(reference: &PackageReference) -> provenance::Reference<'_> {
    provenance::Reference {
        is_cluster_scoped: reference.kind == PackageKind::ClusterPackage,
        namespace: reference.namespace.as_deref(),
        name: &reference.name,
        uid: &reference.uid,
    }
}

/// A kind of package that can be seen as one.
pub(crate) trait PackageLike {
    /// The common view; `None` for what the API server would never give, an object without a UID.
    fn view(&self) -> Option<AnyPackage>;
}

impl PackageLike for Package {
    fn view(&self) -> Option<AnyPackage> {
        view(
            self,
            PackageKind::Package,
            self.spec.clone().into(),
            self.status.clone(),
        )
    }
}

impl PackageLike for ClusterPackage {
    fn view(&self) -> Option<AnyPackage> {
        view(
            self,
            PackageKind::ClusterPackage,
            self.spec.clone(),
            self.status.clone(),
        )
    }
}

fn view<K: Resource>(
    object: &K,
    kind: PackageKind,
    spec: ClusterPackageSpec,
    status: Option<PackageStatus>,
) -> Option<AnyPackage> {
    let meta = object.meta();
    Some(AnyPackage {
        uid: meta.uid.as_deref()?.parse().ok()?,
        kind,
        namespace: meta.namespace.clone(),
        name: object.name_any(),
        generation: meta.generation.unwrap_or_default(),
        created: meta.creation_timestamp.clone(),
        deleting: meta.deletion_timestamp.is_some(),
        finalizers: meta.finalizers.clone().unwrap_or_default(),
        labels: meta.labels.clone().unwrap_or_default(),
        annotations: meta.annotations.clone().unwrap_or_default(),
        spec,
        status: status.unwrap_or_default(),
    })
}

impl AnyPackage {
    /// Access to the package's object, whatever its kind.
    pub(crate) fn api(&self, client: &Client) -> Api<DynamicObject> {
        let resource = match self.kind {
            PackageKind::Package => ApiResource::erase::<Package>(&()),
            PackageKind::ClusterPackage => ApiResource::erase::<ClusterPackage>(&()),
        };
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        }
    }

    /// How ledgers and revisions name the package.
    pub(crate) fn reference(&self) -> PackageReference {
        PackageReference {
            kind: self.kind,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.to_string(),
        }
    }

    /// How events name it.
    pub(crate) fn object_reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(Package::api_version(&()).into_owned()),
            kind: Some(self.kind.as_str().to_owned()),
            name: Some(self.name.clone()),
            namespace: self.namespace.clone(),
            uid: Some(self.uid.to_string()),
            ..ObjectReference::default()
        }
    }

    /// Namespace of its revisions and actions; `system_namespace` is the hub's.
    pub(crate) fn record_namespace<'a>(&'a self, system_namespace: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(system_namespace)
    }

    /// How the ledger's core names it.
    pub(crate) fn identity(&self) -> PackageIdentity {
        PackageIdentity {
            uid: self.uid,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// Digest over what decides the content.
    pub(crate) fn content_hash(&self) -> Digest {
        let spec = &self.spec;
        history::content_hash(&spec.image, spec.config.as_ref(), spec.component.as_deref())
    }
}
