//! The controller of packages' images: makes a kept, numbered revision of what a spec names.
//!
//! An image is pulled once per change of `spec.image`; its files go into Secrets first, then the `PackageRevision`
//! names them. Another config alone makes another revision of the same files. A package that cannot be pulled or used
//! is tried again alone: every package is worked on by a task of its own.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::history;
use stevedore_hub_core::status::Source;
use stevedore_proto_core::{Digest, PackageUid, Reason};
use stevedore_runtime::retry::{self, Schedule};

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::config_limits;
use crate::package::packages::Lookup;
use crate::package::progress::SourceState;
use crate::package::refused::{self, Refused};
use crate::package::registry;
use crate::package::unreadable::unreadable_record;
use crate::package::{content, new_revision, pull};

/// Waits between attempts to pull: as Package Operator, ten seconds up to five minutes.
const PULL_AGAIN: Schedule = Schedule::new(Duration::from_secs(10), Duration::from_secs(300));

/// Why there is no new revision.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Source(#[from] registry::Error),
    /// Something else than the image cannot be used.
    #[error("{}", .0.message)]
    Unusable(Failure),
    #[error(transparent)]
    Revision(#[from] new_revision::Error),
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
    let state = |source| SourceState::new(spec_hash, refused::asked(package), source);
    let kept = hub.revisions.history(&package.identity());
    if history::current(&kept, &spec_hash).is_some() {
        note_source(hub, package, state(Source::Ready));
        return None;
    }
    if unreadable_record(hub, package).is_some() {
        // It may be the revision that is looked for.
        note_source(hub, package, state(Source::Pending));
        return None;
    }
    let before = match known(hub, package, &spec_hash) {
        Ok(Some(known)) => known,
        Ok(None) => {
            note_source(hub, package, state(Source::Pending));
            state(Source::Pending)
        }
        Err(again) => return again,
    };
    let attempts = before.attempts;
    let event = match attempt(hub, package, before.refused.as_ref()).await {
        Ok(message) => {
            note_source(hub, package, state(Source::Ready));
            Some((false, "RevisionCreated", message))
        }
        Err(Error::Source(registry::Error::Busy)) => {
            return Some(retry::spread(registry::BUSY_AGAIN, 50, rand::random()));
        }
        // Whatever changed has queued the package again.
        Err(Error::Revision(new_revision::Error::Outdated)) => return None,
        Err(error) => {
            let (after, event) = failed(hub, package, before, error);
            note_source(hub, package, after);
            event
        }
    };
    if let Some((warning, reason, message)) = event {
        let object = package.object_reference();
        let server = &hub.api;
        server.event_on(&object, warning, reason, message).await;
    }
    let noted = hub.packages.progress.source(&package.uid)?;
    match (noted.source, noted.refused) {
        (_, Some(refused)) => Some(refused.left()),
        (Source::Ready | Source::Invalid(_), None) => None,
        _ => Some(retry::spread(
            PULL_AGAIN.bound(attempts),
            20,
            rand::random(),
        )),
    }
}

/// What is known of the content with this hash, as it is asked for now; where there is nothing to be done, when to look
/// again.
fn known(
    hub: &Hub,
    package: &AnyPackage,
    spec_hash: &Digest,
) -> Result<Option<SourceState>, Option<Duration>> {
    let known = hub.packages.progress.source(&package.uid);
    let asked = refused::asked(package);
    let known = known.filter(|known| known.spec_hash == *spec_hash && known.asked == asked);
    match known.as_ref().map(|known| (&known.source, &known.refused)) {
        // What is no package does not become one by pulling it again.
        Some((Source::Invalid(_), None)) => Err(None),
        Some((_, Some(refused))) if !refused.left().is_zero() => Err(Some(refused.left())),
        _ => Ok(known),
    }
}

/// Whether an event warns, its reason and its message.
type Event = (bool, &'static str, String);

/// What a failed attempt means for the source, and its event; nothing is told twice.
fn failed(
    hub: &Hub,
    package: &AnyPackage,
    before: SourceState,
    error: Error,
) -> (SourceState, Option<Event>) {
    let is_first = before.attempts == 0;
    let told = |reason, message: &str| is_first.then(|| (true, reason, message.to_owned()));
    let after = |source, refused| SourceState {
        source,
        refused,
        attempts: before.attempts + 1,
        ..SourceState::new(before.spec_hash, before.asked, Source::Pending)
    };
    let invalid = |digest, failure: Failure| {
        let is_news = before.refused.as_ref().is_none_or(|it| !it.is_of(&failure));
        let refused = Refused::new(package, digest, failure.clone());
        let message = failure.message.clone();
        let source = match &refused {
            Some(refused) => refused.source(Timestamp::now()),
            None => Source::Invalid(failure),
        };
        let event = is_news.then_some((true, "Invalid", message));
        (after(source, refused), event)
    };
    if matches!(error, Error::Source(registry::Error::Pull(_))) {
        hub.api.metrics.pull_failures.inc();
    }
    match (error, before.refused.clone()) {
        // Neither the same image nor a registry that does not answer makes the image a better one.
        (Error::Source(registry::Error::Unchanged | registry::Error::Pull(_)), Some(refused)) => {
            let refused = refused.looked_at();
            (after(refused.source(Timestamp::now()), Some(refused)), None)
        }
        (Error::Source(registry::Error::Pull(message)), None) => {
            let event = told("ImagePullBackOff", &message);
            (after(Source::PullFailed(message), None), event)
        }
        (Error::Source(registry::Error::Invalid { digest, message }), _) => {
            let reason = Reason::LoadError;
            invalid(digest, Failure { reason, message })
        }
        (Error::Revision(new_revision::Error::Image { digest, failure }), _) => {
            invalid(Some(digest), failure)
        }
        (
            Error::Unusable(failure) | Error::Revision(new_revision::Error::Component(failure)),
            _,
        ) => {
            let event = (true, "Invalid", failure.message.clone());
            (after(Source::Invalid(failure), None), Some(event))
        }
        (error, _) => {
            let message = format!("the revision could not be stored: {error}");
            let event = told("NotStored", &message);
            (after(Source::NotStored(message), None), event)
        }
    }
}

/// Notes how far the content of a package's spec got, and queues who has to know.
fn note_source(hub: &Hub, package: &AnyPackage, state: SourceState) {
    if hub.packages.progress.set_source(package.uid, state) {
        hub.queues.plan.add(package.uid);
        hub.queues.package_status.add(package.uid);
    }
}

/// Makes a revision of the image: of what it was resolved to before, where a revision says so, else of what is
/// pulled, unless that is what was refused. Gives the words for the event.
async fn attempt(
    hub: &Hub,
    package: &AnyPackage,
    refused: Option<&Refused>,
) -> Result<String, Error> {
    config_limits::check(package.spec.config.as_ref()).map_err(Error::Unusable)?;
    if let Some(kept) = new_revision::of_same_image(hub, package) {
        return Ok(new_revision::repeat(hub, package, &kept).await?);
    }
    let image = registry::parse(&package.spec.image)?;
    let known = refused.and_then(|refused| refused.digest);
    let pulled = pull::pull(hub, &image, known).await?;
    hub.api.metrics.pulls.inc();
    Ok(new_revision::keep(hub, package, pulled).await?)
}
