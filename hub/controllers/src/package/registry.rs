//! Pulls of images from registries: by tag once, by digest from then on, never more than the limits allow.

mod access;
mod client;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use oci_spec::distribution::Reference;
use stevedore_package::archive;
use stevedore_package::credentials::{self, Credentials};
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{Descriptor, Manifest};
use stevedore_package::limit;
use stevedore_proto_core::Digest;
use stevedore_runtime::keyed::Keyed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use access::Ask;
pub use access::{Error, Settings};
use client::{Client, Connections};

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

/// Media types of manifests, as a request accepts them.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

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
    image
        .parse()
        .map_err(|error| Error::Invalid(format!("{image:?} is not an image reference: {error}")))
}

/// Credentials for a registry out of a dockerconfigjson; none when it has none. No error shows any of them.
pub(crate) fn credentials(
    config: Option<&[u8]>,
    registry: &str,
) -> Result<Option<Credentials>, Error> {
    let Some(config) = config else {
        return Ok(None);
    };
    credentials::credentials(config, registry)
        .map_err(|error| Error::Pull(format!("Secret stevedore-registry: {error}")))
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

    /// Resolves, pulls and unpacks an image. Sizes are checked while bytes arrive, not after. The registry has a
    /// time for its manifest and one for its layers; a pull for which there is no memory waits, and that is not
    /// the registry's time.
    pub(crate) async fn pull<'a>(
        &self,
        reference: &'a Reference,
        credentials: Ask<'a>,
    ) -> Result<Pulled, Error> {
        let client = Client::new(&self.connections, &self.settings, reference, credentials)?;
        let asked = manifest(&client, reference);
        let (digest, manifest) = within(MANIFEST_WITHIN, too_long, asked).await?;
        let size = manifest.layers.iter().map(|layer| layer.size).sum::<u64>();
        let taken = self.room.take(reference.resolve_registry(), size);
        let taken = within(ROOM_WITHIN, || Error::Busy, taken).await?;
        let time = LAYERS_WITHIN + Duration::from_secs(size / SLOWEST);
        let layers = within(time, too_long, layers(&client, &manifest.layers)).await?;
        let unpacking = Arc::clone(&self.unpacking).acquire_owned();
        let unpacking = within(ROOM_WITHIN, || Error::Busy, async {
            unpacking.await.map_err(stopping)
        });
        let unpacking = unpacking.await?;
        let files = tokio::task::spawn_blocking(move || {
            // Whoever waits for this may give up; the memory is taken until it is through all the same.
            let _taken = (taken, unpacking);
            let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
            archive::unpack(&layers)
        })
        .await
        .map_err(|_| Error::Pull("unpacking was interrupted".to_owned()))?
        .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Pulled { digest, files })
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

/// The manifest and its digest, which is the one the reference names where it names one.
async fn manifest(client: &Client<'_>, reference: &Reference) -> Result<(Digest, Manifest), Error> {
    let wanted = reference
        .digest()
        .map(|digest| {
            let parsed = digest.parse::<Digest>();
            parsed.map_err(|_| Error::Invalid(format!("{digest:?} is not a sha256 digest")))
        })
        .transpose()?;
    let version = reference.digest().or(reference.tag()).unwrap_or("latest");
    let what = reference.to_string();
    let bytes = client
        .get(
            &format!("manifests/{version}"),
            MANIFESTS,
            limit::IMAGE_JSON_BYTES,
        )
        .await
        .map_err(|error| error.of(&what))?;
    let digest = Digest::of(&bytes);
    if wanted.is_some_and(|wanted| wanted != digest) {
        return Err(Error::Pull("the bytes do not have the digest".to_owned()).of(&what));
    }
    let manifest = Manifest::parse(&bytes).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok((digest, manifest))
}

async fn layers(client: &Client<'_>, layers: &[Descriptor]) -> Result<Vec<Vec<u8>>, Error> {
    let mut pulled = Vec::with_capacity(layers.len());
    for layer in layers {
        pulled.push(blob(client, layer).await?);
    }
    Ok(pulled)
}

/// One layer: not a byte more than its manifest says, and the digest it says.
async fn blob(client: &Client<'_>, layer: &Descriptor) -> Result<Vec<u8>, Error> {
    let digest = layer.digest.to_string();
    let what = format!("layer {digest}");
    let size = usize::try_from(layer.size).unwrap_or(limit::PACKED_BYTES);
    let bytes = client
        .get(&format!("blobs/{digest}"), "*/*", size)
        .await
        .map_err(|error| error.of(&what))?;
    if Digest::of(&bytes) != layer.digest {
        return Err(Error::Pull("its bytes do not have its digest".to_owned()).of(&what));
    }
    Ok(bytes)
}
