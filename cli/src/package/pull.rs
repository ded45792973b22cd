//! The pull of a package image.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::FutureExt as _;
use futures::future::ready;
use indicatif::HumanBytes;
use stevedore_package::files::PackageFiles;
use stevedore_proto_core::Digest;
use stevedore_registry::{Connections, Error, Repository, Resolved};

use super::progress::Progress;
use super::registry;

/// Longest time for a whole pull: ten MiB from a slow registry.
const WITHIN: Duration = Duration::from_secs(300);

/// A pulled image.
pub(super) struct Pulled {
    /// What the registry has under the reference.
    pub(super) digest: Digest,
    pub(super) files: PackageFiles,
}

/// Pulls an image and unpacks it in memory.
///
/// # Errors
/// When the reference is none, the registry does not give the image, or it is no package image.
pub(super) async fn pull(image: &str, insecure: bool) -> anyhow::Result<Pulled> {
    let progress = Progress::new();
    progress.say(format!("pulling {image}"));
    let pulled = tokio::time::timeout(WITHIN, pull_unhurried(image, insecure, &progress));
    let pulled = progress.show(pulled).await;
    pulled.unwrap_or_else(|_| bail!("cannot pull {image}: the registry took too long"))
}

async fn pull_unhurried(
    image: &str,
    insecure: bool,
    progress: &Progress,
) -> anyhow::Result<Pulled> {
    let reference = registry::reference(image)?;
    let credentials = || {
        let found = registry::credentials_for(&reference);
        ready(found.map_err(|error| Error::Pull(format!("{error:#}")))).boxed()
    };
    let (connections, settings) = (Connections::default(), registry::settings(insecure));
    let repository = Repository::new(&connections, &settings, &reference, &credentials).await?;
    let resolved = repository.resolve(None).await?;
    let Resolved { digest, manifest } = resolved.context("the registry named no image")?;
    let sizes = manifest.layers.iter().map(|layer| layer.size);
    let size = sizes.fold(0, u64::saturating_add);
    progress.say(format!("pulling {image}, {}", HumanBytes(size)));
    let layers = repository.layers(&manifest.layers).await?;
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let files = manifest.unpack(&layers);
    let files = files.with_context(|| format!("cannot unpack {image}"))?;
    Ok(Pulled { digest, files })
}
