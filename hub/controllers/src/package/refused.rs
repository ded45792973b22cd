//! Images that cannot be used, and the tags by which they were found: a tag may come to stand for another image, so
//! it is looked at again, seldom by itself and at once when somebody asks.

use std::time::Duration;

use jiff::Timestamp;
use stevedore_crds::record::PULL_AGAIN;
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::status::Source;
use stevedore_proto_core::Digest;
use stevedore_runtime::retry;
use tokio::time::Instant;

use crate::package::any_package::AnyPackage;
use crate::package::registry;

/// When a tag is looked at again whose image cannot be used.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// An image that cannot be used, and that was found by a tag.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// What the tag stood for, where that was found out: as long as it does, nothing more is fetched.
    pub(crate) digest: Option<Digest>,
    /// What is wrong with the image.
    failure: Failure,
    /// When the tag is looked at again.
    again: Instant,
}

/// What asks for another look: the value of an annotation.
pub(crate) fn asked(package: &AnyPackage) -> Option<Digest> {
    let value = package.annotations.get(PULL_AGAIN)?;
    Some(Digest::of(value.as_bytes()))
}

impl Refused {
    /// That a package's image cannot be used; nothing if it is named by digest, and stays what it is.
    pub(crate) fn new(
        package: &AnyPackage,
        digest: Option<Digest>,
        failure: Failure,
    ) -> Option<Self> {
        let image = registry::parse(&package.spec.image).ok()?;
        image.digest().is_none().then(|| Self {
            digest,
            failure,
            again: Instant::now() + retry::spread(LOOK_AGAIN, 20, rand::random()),
        })
    }

    /// Whether this is what is wrong with the image.
    pub(crate) fn is_of(&self, failure: &Failure) -> bool {
        self.failure == *failure
    }

    /// How long until the tag is looked at again.
    pub(crate) fn left(&self) -> Duration {
        self.again.saturating_duration_since(Instant::now())
    }

    /// The same, after a look that found nothing new.
    pub(crate) fn looked_at(self) -> Self {
        Self {
            again: Instant::now() + retry::spread(LOOK_AGAIN, 20, rand::random()),
            ..self
        }
    }

    /// What it means for the source; `now` is the time of the clock.
    pub(crate) fn source(&self, now: Timestamp) -> Source {
        let again = now + self.left();
        let again = Timestamp::from_second(again.as_second()).unwrap_or(again);
        let Failure { reason, message } = &self.failure;
        Source::Invalid(Failure {
            reason: reason.clone(),
            message: format!(
                "{message}; the tag is looked at again at {again}, or when the annotation {PULL_AGAIN} changes"
            ),
        })
    }
}

#[cfg(test)]
mod tests;
