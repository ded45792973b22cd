//! The controller of packages' images: makes a kept, numbered revision of what a spec names.
//!
//! An image is pulled once per change of what decides the content; its files go into Secrets first, then the
//! `PackageRevision` names them. A package that cannot be pulled or used is tried again alone: every package
//! is worked on by a task of its own.

use std::sync::Arc;
use std::time::Duration;

use stevedore_client::Api;
use stevedore_crds::v1alpha1::{PackageRevision, PackageRevisionSpec};
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::status::Source;
use stevedore_hub_core::{history, provenance};
use stevedore_proto_core::{Digest, PackageUid, Reason};
use stevedore_runtime::retry::{self, Schedule};

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::config_limits;
use crate::package::packages::Lookup;
use crate::package::progress::SourceState;
use crate::package::registry::{self, Pulled};
use crate::package::revisions::{self, FINALIZER};
use crate::package::unreadable::unreadable_record;
use crate::package::{content, pull};
use crate::rollout::finalizer;
use crate::write;

/// Waits between attempts to pull: as Package Operator, ten seconds up to five minutes.
const PULL_AGAIN: Schedule = Schedule::new(Duration::from_secs(10), Duration::from_secs(300));

/// Names that are tried for one revision where objects that are not the hub's own have them.
const NAMES: usize = 16;

/// Why there is no new revision.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Source(registry::Error),
    #[error("{}", .0.message)]
    Unusable(Failure),
    #[error("{}", write::words(.0))]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Content(#[from] content::StoreError),
    #[error("{0} was made a moment ago")]
    NotSeen(String),
    #[error("the package went, or changed, while it was pulled")]
    Outdated,
    #[error(
        "{first} and the {NAMES} names from there on are taken by objects that are not revisions of this package; delete them"
    )]
    NamesTaken { first: String },
    #[error(
        "no number is left above that of the newest revision; delete that one if the hub did not make it"
    )]
    NoNumber,
}

/// Works on one package; says when to try again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: PackageUid) -> Option<Duration> {
    let package = match hub.packages.lookup(&uid) {
        Lookup::Readable(package) if !package.deleting => package,
        // What it asks for is not known: what is known of its source stays.
        Lookup::Unreadable(package) if !package.deleting => return None,
        _ => {
            hub.packages.progress.forget_source(&uid);
            return None;
        }
    };
    // What the spec names comes before what older revisions lost.
    let current = obtain(&hub, &package).await;
    let older = content::restore(&hub, &package).await;
    current.into_iter().chain(older).min()
}

/// Makes a revision of what the spec names, where there is none yet; says when to try again.
async fn obtain(hub: &Hub, package: &AnyPackage) -> Option<Duration> {
    let spec_hash = package.content_hash();
    let note = |source, attempts| note_source(hub, package, spec_hash, source, attempts);
    let kept = hub.revisions.history(&package.identity());
    if history::current(&kept, &spec_hash).is_some() {
        note(Source::Ready, 0);
        return None;
    }
    if unreadable_record(hub, package).is_some() {
        // It may be the revision that is looked for.
        note(Source::Pending, 0);
        return None;
    }
    let known = hub.packages.progress.source(&package.uid);
    let attempts = match known.filter(|known| known.spec_hash == spec_hash) {
        Some(known) => match known.source {
            // What is no package does not become one by pulling it again.
            Source::Invalid(_) => return None,
            _ => known.attempts,
        },
        None => {
            note(Source::Pending, 0);
            0
        }
    };
    let event = match attempt(hub, package).await {
        Ok(message) => {
            note(Source::Ready, 0);
            Some((false, "RevisionCreated", message))
        }
        Err(Error::Source(registry::Error::Busy)) => {
            return Some(retry::spread(registry::BUSY_AGAIN, 50, rand::random()));
        }
        // Whatever changed has queued the package again.
        Err(Error::Outdated) => return None,
        Err(error) => {
            let (source, reason, message) = failed(hub, error);
            note(source, attempts + 1);
            (attempts == 0).then_some((true, reason, message))
        }
    };
    if let Some((warning, reason, message)) = event {
        let object = package.object_reference();
        let server = &hub.api;
        server.event_on(&object, warning, reason, message).await;
    }
    let source = hub.packages.progress.source(&package.uid)?.source;
    let is_retried = !matches!(source, Source::Ready | Source::Invalid(_));
    let bound = PULL_AGAIN.bound(attempts);
    is_retried.then(|| retry::spread(bound, 20, rand::random()))
}

/// What a failed attempt means for the source, and the reason and message of its event.
fn failed(hub: &Hub, error: Error) -> (Source, &'static str, String) {
    let invalid = |failure: Failure| {
        let message = failure.message.clone();
        (Source::Invalid(failure), "Invalid", message)
    };
    match error {
        Error::Source(registry::Error::Pull(message)) => {
            hub.api.metrics.pull_failures.inc();
            let source = Source::PullFailed(message.clone());
            (source, "ImagePullBackOff", message)
        }
        Error::Source(registry::Error::Invalid(message)) => invalid(Failure {
            reason: Reason::LoadError,
            message,
        }),
        Error::Unusable(failure) => invalid(failure),
        error => {
            let message = format!("the revision could not be stored: {error}");
            (Source::NotStored(message.clone()), "NotStored", message)
        }
    }
}

/// Notes how far the content of a package's spec got, and queues who has to know.
fn note_source(hub: &Hub, package: &AnyPackage, spec_hash: Digest, source: Source, attempts: u32) {
    let state = SourceState {
        spec_hash,
        source,
        attempts,
    };
    if hub.packages.progress.set_source(package.uid, state) {
        hub.queues.plan.add(package.uid);
        hub.queues.package_status.add(package.uid);
    }
}

/// Pulls, and keeps what was pulled as a revision; gives the words for the event.
async fn attempt(hub: &Hub, package: &AnyPackage) -> Result<String, Error> {
    config_limits::check(package.spec.config.as_ref()).map_err(Error::Unusable)?;
    let image = registry::parse(&package.spec.image).map_err(Error::Source)?;
    let pulled = pull::pull(hub, &image).await.map_err(Error::Source)?;
    hub.api.metrics.pulls.inc();
    keep(hub, package, pulled).await
}

/// Keeps as a revision what was pulled for a package, which may have been another one then: a pull takes up to
/// minutes.
async fn keep(hub: &Hub, package: &AnyPackage, pulled: Pulled) -> Result<String, Error> {
    let (loaded, parts) = content::load_with_parts(hub, pulled.files)
        .await
        .map_err(Error::Unusable)?;
    if let Some(component) = &package.spec.component {
        let found = loaded.component(component);
        found.map_err(|none| Error::Unusable(content::unusable(&none.to_string())))?;
    }
    let _secrets = hub.revisions.storing().await;
    // Once the history of a package that ends was removed, nobody would remove what is made for it.
    let asked = package.content_hash();
    let package = match hub.packages.lookup(&package.uid) {
        Lookup::Readable(now) if !now.deleting && now.content_hash() == asked => now,
        _ => return Err(Error::Outdated),
    };
    // From here on the end of the package passes through the hub, which then lets its revisions go.
    finalizer::ensure(hub, &package).await?;
    let spec = PackageRevisionSpec {
        package: package.reference(),
        number: 0,
        image: package.spec.image.clone(),
        image_digest: pulled.digest.to_string(),
        config: package.spec.config.clone(),
        component: package.spec.component.clone(),
        content_digest: loaded.digest().to_string(),
        content_secrets: content::store(hub, parts).await?,
        change_cause: package
            .annotations
            .get("kubernetes.io/change-cause")
            .map(|cause| cause.chars().take(1000).collect()),
    };
    let number = create(hub, &package, spec).await?;
    Ok(format!(
        "revision {number} from {} ({})",
        package.spec.image, pulled.digest
    ))
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
