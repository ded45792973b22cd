//! The pull of a package image, and its files in a folder.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::FutureExt as _;
use futures::future::ready;
use stevedore_package::files::PackageFiles;
use stevedore_proto_core::Digest;
use stevedore_registry::{Connections, Error, Repository, Resolved};

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
    let pulled = tokio::time::timeout(WITHIN, pull_unhurried(image, insecure)).await;
    pulled.unwrap_or_else(|_| bail!("cannot pull {image}: the registry took too long"))
}

async fn pull_unhurried(image: &str, insecure: bool) -> anyhow::Result<Pulled> {
    let reference = registry::reference(image)?;
    let credentials = || {
        let found = registry::credentials_for(&reference);
        ready(found.map_err(|error| Error::Pull(format!("{error:#}")))).boxed()
    };
    let (connections, settings) = (Connections::default(), registry::settings(insecure));
    let repository = Repository::new(&connections, &settings, &reference, &credentials).await?;
    let resolved = repository.resolve(None).await?;
    let Resolved { digest, manifest } = resolved.context("the registry named no image")?;
    let layers = repository.layers(&manifest.layers).await?;
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let files = manifest.unpack(&layers);
    let files = files.with_context(|| format!("cannot unpack {image}"))?;
    Ok(Pulled { digest, files })
}

/// Writes the files of a package into a folder that is not there yet, or empty: nothing is overwritten.
///
/// # Errors
/// When the folder has something in it, or a file cannot be written.
pub(super) fn write(files: &PackageFiles, folder: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", folder.display());
    std::fs::create_dir_all(folder).with_context(cannot)?;
    if std::fs::read_dir(folder)
        .with_context(cannot)?
        .next()
        .is_some()
    {
        bail!(
            "{} is not empty; name a folder that is, or that does not exist",
            folder.display()
        );
    }
    for (path, content) in files.iter() {
        // The paths of a package are relative, and have neither `..` nor links on their way.
        let file = folder.join(path);
        let cannot = || format!("cannot write {}", file.display());
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).with_context(cannot)?;
        }
        let new = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&file);
        new.and_then(|mut file| file.write_all(content))
            .with_context(cannot)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[&str]) -> PackageFiles {
        let mut files = PackageFiles::new();
        for path in entries {
            files.insert(path, path.as_bytes().to_vec()).unwrap();
        }
        files
    }

    #[test]
    fn files_are_written_below_a_new_or_empty_folder_and_read_back_the_same() {
        let place = tempfile::tempdir().unwrap();
        let all = files(&["manifest.yaml", "deep/er/a.yaml", "deep/b"]);
        for folder in [place.path().join("new/one"), place.path().join("empty")] {
            if folder.ends_with("empty") {
                std::fs::create_dir(&folder).unwrap();
            }
            write(&all, &folder).unwrap();
            assert_eq!(super::super::folder::read(&folder).unwrap(), all);
        }
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("mine"), "mine").unwrap();
        let error = write(&files(&["mine"]), place.path()).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
        let mine = std::fs::read(place.path().join("mine")).unwrap();
        assert_eq!(mine, b"mine");
        // A file and a folder of one name.
        let folder = place.path().join("new");
        assert!(write(&files(&["a", "a/b"]), &folder).is_err());
    }
}
