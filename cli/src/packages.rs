//! Packages of both kinds as one type, and requests for what the hub keeps about them.

use anyhow::Context as _;
use kube::api::ListParams;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stevedore_client::Api;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{
    ClusterPackage, ClusterPackageSpec, MemberCluster, Package, PackageLedger, PackageRevision,
    PackageStatus,
};

use crate::package_name::PackageName;

/// A package, whichever its kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnyPackage {
    #[serde(serialize_with = "as_text")]
    pub(crate) name: PackageName,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    #[serde(skip)]
    pub(crate) created: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleting: Option<jiff::Timestamp>,
    pub(crate) spec: ClusterPackageSpec,
    pub(crate) status: PackageStatus,
}

fn as_text<S: serde::Serializer>(name: &PackageName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(name)
}

impl From<ClusterPackage> for AnyPackage {
    fn from(package: ClusterPackage) -> Self {
        let ClusterPackage {
            metadata,
            spec,
            status,
        } = package;
        Self::new(metadata, spec, status)
    }
}

impl From<Package> for AnyPackage {
    fn from(package: Package) -> Self {
        let Package {
            metadata,
            spec,
            status,
        } = package;
        Self::new(metadata, spec.into(), status)
    }
}

impl AnyPackage {
    fn new(
        metadata: kube::api::ObjectMeta,
        spec: ClusterPackageSpec,
        status: Option<PackageStatus>,
    ) -> Self {
        Self {
            name: PackageName {
                namespace: metadata.namespace,
                name: metadata.name.unwrap_or_default(),
            },
            uid: metadata.uid.unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            created: metadata.creation_timestamp.map(|time| time.0),
            deleting: metadata.deletion_timestamp.map(|time| time.0),
            spec,
            status: status.unwrap_or_default(),
        }
    }
}

impl AnyPackage {
    /// Whether the hub has seen the newest spec.
    pub(crate) fn is_observed(&self) -> bool {
        self.status.observed_generation == Some(self.generation)
    }

    /// Why the newest spec is not available everywhere, as the hub says it; none where it is.
    pub(crate) fn unready(&self) -> Option<String> {
        if !self.is_observed() {
            return Some("the hub has not seen the newest spec yet".into());
        }
        match condition::find(&self.status.conditions, condition::READY) {
            Some(found) if found.status == "True" => None,
            Some(found) => Some(format!("{}: {}", found.reason, found.message)),
            None => Some("the hub has said nothing yet".into()),
        }
    }
}

/// Reads packages and what the hub keeps about them.
#[derive(Clone)]
pub(crate) struct Packages {
    client: Client,
    system_namespace: String,
}

impl Packages {
    pub(crate) fn new(client: Client, system_namespace: &str) -> Self {
        Self {
            client,
            system_namespace: system_namespace.to_owned(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The package of this name, if there is one.
    pub(crate) async fn find(&self, name: &PackageName) -> anyhow::Result<Option<AnyPackage>> {
        Ok(match &name.namespace {
            Some(namespace) => {
                let api: Api<Package> = Api::namespaced(self.client(), namespace);
                find(&api, &name.name).await?.map(AnyPackage::from)
            }
            None => {
                let api: Api<ClusterPackage> = Api::all(self.client());
                find(&api, &name.name).await?.map(AnyPackage::from)
            }
        })
    }

    /// The package of this name, or an error that says what to do.
    pub(crate) async fn get(&self, name: &PackageName) -> anyhow::Result<AnyPackage> {
        self.find(name).await?.with_context(|| {
            format!(
                "there is no {} {name}; `stevedore fleet status` shows the packages there are",
                name.kind().as_str()
            )
        })
    }

    /// Every package, by name.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<AnyPackage>> {
        let wide = list_all::<ClusterPackage>(&Api::all(self.client())).await?;
        let namespaced = list_all::<Package>(&Api::all(self.client())).await?;
        let mut all: Vec<AnyPackage> = wide.into_iter().map(AnyPackage::from).collect();
        all.extend(namespaced.into_iter().map(AnyPackage::from));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Every ledger, in the order of package and shard.
    pub(crate) async fn ledgers(&self) -> anyhow::Result<Vec<PackageLedger>> {
        let mut all = list_all(&Api::<PackageLedger>::namespaced(
            self.client(),
            &self.system_namespace,
        ))
        .await?;
        all.sort_by(|a, b| (&a.spec.package, a.spec.shard).cmp(&(&b.spec.package, b.spec.shard)));
        Ok(all)
    }

    /// Every member cluster.
    pub(crate) async fn members(&self) -> anyhow::Result<Vec<MemberCluster>> {
        list_all(&Api::all(self.client())).await
    }

    /// The revisions of one package that are kept, oldest first.
    pub(crate) async fn revisions(
        &self,
        package: &AnyPackage,
    ) -> anyhow::Result<Vec<PackageRevision>> {
        let mut all = list_all(&Api::<PackageRevision>::namespaced(
            self.client(),
            self.namespace_of(&package.name),
        ))
        .await?;
        all.retain(|revision| revision.spec.package.uid == package.uid);
        all.sort_by_key(|revision| revision.spec.number);
        Ok(all)
    }

    /// Where the records of a package live: its own namespace, or the hub's for a ClusterPackage.
    pub(crate) fn namespace_of<'a>(&'a self, name: &'a PackageName) -> &'a str {
        name.namespace.as_deref().unwrap_or(&self.system_namespace)
    }
}

/// A kind that can be listed page by page.
pub(crate) trait Listed: Resource<DynamicType = ()> + Clone + DeserializeOwned {}
impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned> Listed for K {}

/// The object of this name, none if there is none.
///
/// # Errors
/// When it cannot be read, or the cluster does not know its kind.
pub(crate) async fn find<K: Listed>(api: &Api<K>, name: &str) -> anyhow::Result<Option<K>> {
    let found = api.get_opt(name).await;
    found.with_context(|| format!("cannot read {} {name}", K::kind(&())))
}

/// Everything that the API shows, page by page.
pub(crate) async fn list_all<K: Listed>(api: &Api<K>) -> anyhow::Result<Vec<K>> {
    list_selected(api, None).await
}

/// Everything that a label selector selects, page by page. An object that cannot be read is named on standard error
/// and left out: it hides no other.
pub(crate) async fn list_selected<K: Listed>(
    api: &Api<K>,
    selector: Option<&str>,
) -> anyhow::Result<Vec<K>> {
    let params = ListParams {
        label_selector: selector.map(str::to_owned),
        ..ListParams::default()
    };
    let (all, unreadable) = api
        .list_readable(&params)
        .await
        .with_context(|| format!("cannot list {}", K::plural(&())))?;
    for object in unreadable {
        let (kind, identity, why) = (K::kind(&()), object.identity, object.why);
        eprintln!("left out: {kind} {identity} cannot be read: {why}");
    }
    Ok(all)
}

/// The cluster of this name, or an error that says what to do.
pub(crate) async fn existing_cluster(
    api: &Api<MemberCluster>,
    name: &str,
) -> anyhow::Result<MemberCluster> {
    find(api, name).await?.with_context(|| {
        format!("there is no member cluster {name}; `stevedore cluster list` shows those there are")
    })
}
