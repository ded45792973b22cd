//! New revisions of packages: what was pulled, or what a kept revision holds with another config, under the next
//! number.

use std::sync::Arc;

use stevedore_client::Api;
use stevedore_crds::v1alpha1::{PackageRevision, PackageRevisionSpec};
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::provenance;
use stevedore_package::package::Package as Loaded;
use stevedore_proto_core::Digest;

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::content;
use crate::package::packages::Lookup;
use crate::package::registry::Pulled;
use crate::package::revisions::{self, FINALIZER};
use crate::rollout::finalizer;
use crate::watch::entry::Watched as _;
use crate::write;

/// Names that are tried for one revision where objects that are not the hub's own have them.
const NAMES: usize = 16;

/// Why there is no new revision.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The image is no package.
    #[error("{}", .failure.message)]
    Image {
        /// The image's.
        digest: Digest,
        /// What is wrong with it.
        failure: Failure,
    },
    /// The image that is kept has no such component.
    #[error("{}", .0.message)]
    Component(Failure),
    /// The API server.
    #[error("{}", write::words(.0))]
    Api(#[from] kube::Error),
    /// The files could not be stored.
    #[error(transparent)]
    Content(#[from] content::StoreError),
    /// The files of a kept revision could not be read.
    #[error(transparent)]
    Kept(#[from] content::ReadError),
    /// The hub has yet to be told of the newest revision.
    #[error("{0} was made a moment ago")]
    NotSeen(String),
    /// Whoever asked does not ask for this any more.
    #[error("the package went, or changed, while it was pulled")]
    Outdated,
    /// A revision went whose files were to be used again.
    #[error("{0}, whose content was to be used again, is gone")]
    Gone(String),
    /// Foreign objects have the names.
    #[error(
        "{first} and the {NAMES} names from there on are taken by objects that are not revisions of this package; delete them"
    )]
    NamesTaken {
        /// The first of the names.
        first: String,
    },
    /// Numbers have an end.
    #[error(
        "no number is left above that of the newest revision; delete that one if the hub did not make it"
    )]
    NoNumber,
}

/// The newest revision, if it was made from the image that the package names: that was resolved then, and is not
/// resolved again for another config.
pub(crate) fn of_same_image(hub: &Hub, package: &AnyPackage) -> Option<Arc<PackageRevision>> {
    let kept = hub.revisions.of(&package.identity());
    let newest = kept.into_iter().max_by_key(|one| revisions::number(one))?;
    (newest.spec.image == package.spec.image).then_some(newest)
}

/// Makes a revision of the files of a kept one; gives the words for the event. The registry is not asked.
pub(crate) async fn repeat(
    hub: &Hub,
    package: &AnyPackage,
    kept: &PackageRevision,
) -> Result<String, Error> {
    // What is lost of it is pulled again, by digest, before anything new depends on it.
    let loaded = content::package_of(hub, kept).await?;
    check_component(package, &loaded).map_err(Error::Component)?;
    let _secrets = hub.revisions.storing().await;
    let name = kept.metadata.name.clone().unwrap_or_default();
    if !kept
        .uid_of()
        .is_some_and(|uid| hub.revisions.contains(&uid))
    {
        return Err(Error::Gone(name));
    }
    let package = asked_for(hub, package).await?;
    let spec = PackageRevisionSpec {
        image_digest: kept.spec.image_digest.clone(),
        content_digest: kept.spec.content_digest.clone(),
        content_secrets: kept.spec.content_secrets.clone(),
        ..spec_of(&package)
    };
    record(hub, &package, spec).await
}

/// Makes a revision of what was pulled for a package, which may have been another one then: a pull takes up to
/// minutes. Gives the words for the event.
pub(crate) async fn keep(hub: &Hub, package: &AnyPackage, pulled: Pulled) -> Result<String, Error> {
    let Pulled { digest, files } = pulled;
    let loaded = content::load_with_parts(hub, files).await;
    let of_image = |failure| Error::Image { digest, failure };
    let (loaded, parts) = loaded.map_err(of_image)?;
    // A later image of the tag may have it.
    check_component(package, &loaded).map_err(of_image)?;
    let _secrets = hub.revisions.storing().await;
    let package = asked_for(hub, package).await?;
    let spec = PackageRevisionSpec {
        image_digest: digest.to_string(),
        content_digest: loaded.digest().to_string(),
        content_secrets: content::store(hub, parts).await?,
        ..spec_of(&package)
    };
    record(hub, &package, spec).await
}

fn check_component(package: &AnyPackage, loaded: &Loaded) -> Result<(), Failure> {
    let component = package.spec.component.as_deref();
    let found = component.map_or(Ok(()), |component| loaded.component(component).map(|_| ()));
    found.map_err(|none| content::unusable(&none.to_string()))
}

/// The package as it is now, if it still asks for the same, with the finalizer by which its end passes through the
/// hub: once the history of a package that ends was removed, nobody would remove what is made for it.
async fn asked_for(hub: &Hub, package: &AnyPackage) -> Result<AnyPackage, Error> {
    let asked = package.content_hash();
    let now = match hub.packages.lookup(&package.uid) {
        Lookup::Readable(now) if !now.deleting && now.content_hash() == asked => now,
        _ => return Err(Error::Outdated),
    };
    finalizer::ensure(hub, &now).await?;
    Ok(now)
}

/// What a revision says of its package.
fn spec_of(package: &AnyPackage) -> PackageRevisionSpec {
    let cause = package.annotations.get("kubernetes.io/change-cause");
    PackageRevisionSpec {
        package: package.reference(),
        image: package.spec.image.clone(),
        config: package.spec.config.clone(),
        component: package.spec.component.clone(),
        change_cause: cause.map(|cause| cause.chars().take(1000).collect()),
        ..PackageRevisionSpec::default()
    }
}

/// Creates a revision; gives the words for the event.
async fn record(
    hub: &Hub,
    package: &AnyPackage,
    spec: PackageRevisionSpec,
) -> Result<String, Error> {
    let from = format!("{} ({})", spec.image, spec.image_digest);
    let number = create(hub, package, spec).await?;
    Ok(format!("revision {number} from {from}"))
}

/// Creates a revision with the next number, and gives the number. One whose name an object has that is not the
/// hub's own is left out.
async fn create(
    hub: &Hub,
    package: &AnyPackage,
    mut spec: PackageRevisionSpec,
) -> Result<u64, Error> {
    let identity = package.identity();
    let server = &hub.api;
    let namespace = package.record_namespace(server.namespace());
    let api: Api<PackageRevision> = Api::namespaced(server.client.clone(), namespace);
    // Also above a revision that is being deleted: its name is still taken.
    let kept = hub.revisions.of(&identity);
    let next = provenance::next_number(kept.iter().map(|one| revisions::number(one)));
    let first = next.ok_or(Error::NoNumber)?;
    for number in (first..=provenance::MAX_NUMBER).take(NAMES) {
        let name = identity.record_name(number);
        spec.number = i64::try_from(number).map_err(|_| Error::NoNumber)?;
        let mut revision = PackageRevision::new(&name, spec.clone());
        revision.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        match api.create(&write::creation(), &revision).await {
            Ok(created) => {
                hub.revisions.apply(created);
                return Ok(number);
            }
            Err(error) if write::is_taken(&error) => {
                let found = api.get_opt(&name).await?.ok_or(Error::Api(error))?;
                if hub.revisions.verify(&found).as_ref() == Ok(&identity) {
                    // The hub's own, and the watch has yet to tell: the next attempt counts it.
                    hub.revisions.apply(found);
                    return Err(Error::NotSeen(name));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::NamesTaken {
        first: identity.record_name(first),
    })
}

#[cfg(test)]
mod tests;
