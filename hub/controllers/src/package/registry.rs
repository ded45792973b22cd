//! Pulls of images from registries: by tag once, by digest from then on, never more than the limits allow.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use stevedore_package::credentials::{self, Credentials};
use stevedore_package::files::PackageFiles;
use stevedore_package::limit;
use stevedore_proto_core::Digest;
use stevedore_registry::{Ask, Connections, Reference, Repository, Resolved};
use stevedore_runtime::keyed::Keyed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use stevedore_registry::Settings;

/// Time for a registry to give a token and a manifest.
const MANIFEST_WITHIN: Duration = Duration::from_secs(30);
/// Time for a registry to give layers, beside what their size takes at [`SLOWEST`].
const LAYERS_WITHIN: Duration = Duration::from_secs(20);
/// Bytes a second: whoever is slower holds memory that others wait for.
const SLOWEST: u64 = 128 * 1024;
/// Longest wait for memory that other pulls hold: who does not get it lets others try, and comes back.
const ROOM_WITHIN: Duration = Duration::from_secs(5);
/// When a pull that found no memory is tried again.
pub(crate) const BUSY_AGAIN: Duration = Duration::from_secs(5);
/// Most bytes of layers that all pulls together hold before they are unpacked.
const PACKED: usize = 16 * limit::PACKED_BYTES;
/// Most of them that pulls from one registry hold: a slow one leaves room for the others.
const PACKED_OF_ONE: usize = PACKED / 4;
/// Images that are unpacked at once: what they unpack to is the larger part.
const UNPACKING: usize = 4;

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The registry does not give the image; may get better.
    #[error("{0}")]
    Pull(String),
    /// What it gives is no package; stays so for what has the digest.
    #[error("{message}")]
    Invalid {
        /// What the reference stands for, where that was found out.
        digest: Option<Digest>,
        /// What is wrong.
        message: String,
    },
    /// The reference stands for what is known already.
    #[error("the image is the one that is known already")]
    Unchanged,
    /// Nothing is wrong with it: other pulls hold the memory.
    #[error("other pulls hold the hub's memory for images")]
    Busy,
}

impl From<stevedore_registry::Error> for Error {
    fn from(error: stevedore_registry::Error) -> Self {
        match error {
            stevedore_registry::Error::Pull(message) => Self::Pull(message),
            stevedore_registry::Error::Invalid { digest, message } => {
                Self::Invalid { digest, message }
            }
        }
    }
}

/// A pulled image.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) digest: Digest,
    pub(crate) files: PackageFiles,
}

/// Pulls images. All pulls of one puller share its memory.
#[derive(Debug)]
pub(crate) struct Puller {
    settings: Settings,
    connections: Connections,
    room: Room,
    unpacking: Arc<Semaphore>,
}

/// Memory for packed layers, shared by all pulls, and of it a share for each registry.
#[derive(Debug)]
struct Room {
    all: Arc<Semaphore>,
    shares: Keyed<String, Semaphore>,
}

/// Taken memory; free again when it is dropped. The share lives as long as somebody has a part of it.
#[derive(Debug)]
struct Taken {
    _of_all: OwnedSemaphorePermit,
    _of_registry: OwnedSemaphorePermit,
}

/// The reference, completed the way container tools do.
pub(crate) fn parse(image: &str) -> Result<Reference, Error> {
    Ok(stevedore_registry::parse(image)?)
}

/// Credentials for an image out of a dockerconfigjson; none when it has none. No error shows any of them.
pub(crate) fn credentials(
    config: Option<&[u8]>,
    image: &Reference,
) -> Result<Option<Credentials>, stevedore_registry::Error> {
    let Some(config) = config else {
        return Ok(None);
    };
    let found = credentials::credentials(config, image.resolve_registry(), image.repository());
    found.map_err(|error| {
        stevedore_registry::Error::Pull(format!("Secret stevedore-registry: {error}"))
    })
}

impl Puller {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            connections: Connections::default(),
            room: Room::default(),
            unpacking: Arc::new(Semaphore::new(UNPACKING)),
        }
    }

    /// Resolves, pulls and unpacks an image, unless the reference stands for what `known` says. Sizes are checked
    /// while bytes arrive, not after. The registry has a time for its manifest and one for its layers; a pull for
    /// which there is no memory waits, and that is not the registry's time.
    pub(crate) async fn pull<'a>(
        &self,
        reference: &'a Reference,
        known: Option<Digest>,
        credentials: Ask<'a>,
    ) -> Result<Pulled, Error> {
        let repository = Repository::new(&self.connections, &self.settings, reference, credentials);
        let repository = repository.await?;
        let resolving = async { Ok(repository.resolve(known).await?) };
        let resolved = within(MANIFEST_WITHIN, too_long, resolving).await?;
        let Resolved { digest, manifest } = resolved.ok_or(Error::Unchanged)?;
        let size = manifest.packed();
        let taken = self.room.take(reference.resolve_registry(), size);
        let taken = within(ROOM_WITHIN, || Error::Busy, taken).await?;
        let time = LAYERS_WITHIN + Duration::from_secs(size / SLOWEST);
        let fetching = async {
            let layers = repository.layers(&manifest.layers).await;
            layers.map_err(|error| Error::from(error).about(digest))
        };
        let layers = within(time, too_long, fetching).await?;
        let unpacking = Arc::clone(&self.unpacking).acquire_owned();
        let unpacking = within(ROOM_WITHIN, || Error::Busy, async {
            unpacking.await.map_err(stopping)
        });
        let unpacking = unpacking.await?;
        let files = tokio::task::spawn_blocking(move || {
            // Whoever waits for this may give up; the memory is taken until it is through all the same.
            let _taken = (taken, unpacking);
            let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
            manifest.unpack(&layers)
        })
        .await
        .map_err(|_| Error::Pull("unpacking was interrupted".to_owned()))?
        .map_err(|error| Error::Invalid {
            digest: Some(digest),
            message: error.to_string(),
        })?;
        Ok(Pulled { digest, files })
    }
}

impl Error {
    /// The same; what is wrong with an image is wrong with this one.
    fn about(self, digest: Digest) -> Self {
        match self {
            Self::Invalid { message, .. } => Self::Invalid {
                digest: Some(digest),
                message,
            },
            other => other,
        }
    }
}

fn too_long() -> Error {
    Error::Pull("the registry took too long".to_owned())
}

async fn within<T>(
    time: Duration,
    late: impl FnOnce() -> Error,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let result = tokio::time::timeout(time, work).await;
    result.unwrap_or_else(|_| Err(late()))
}

fn stopping(_: tokio::sync::AcquireError) -> Error {
    Error::Pull("the hub is stopping".to_owned())
}

impl Default for Room {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(PACKED)),
            shares: Keyed::default(),
        }
    }
}

impl Room {
    /// Waits for `size` bytes, first in line with the same registry's pulls, then with everybody's.
    async fn take(&self, registry: &str, size: u64) -> Result<Taken, Error> {
        let size = u32::try_from(size).expect("a manifest's layers are within PACKED_BYTES");
        let one = || Semaphore::new(PACKED_OF_ONE);
        let share = self.shares.get(registry.to_owned(), one);
        let _of_registry = share.acquire_many_owned(size).await.map_err(stopping)?;
        let all = Arc::clone(&self.all);
        let _of_all = all.acquire_many_owned(size).await.map_err(stopping)?;
        Ok(Taken {
            _of_all,
            _of_registry,
        })
    }
}
