//! Replacements of files: each is written beside the old file and renamed when it is whole, so that an interruption leaves
//! the one or the other. Nothing is written through a link: what it leads to may be somebody else's.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::TempPath;

/// What the name of a file begins with that is not in its place yet; it is hidden, so that it is no part of a package.
const PREFIX: &str = ".stevedore.";

/// A file that is written, and not in its place yet. Dropped, it is gone.
pub(super) struct Replacement {
    /// Closed, since there may be many of them.
    new: TempPath,
    path: PathBuf,
}

impl Replacement {
    /// Writes what `path` is to be, into a folder of the same file system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(path: &Path, folder: &Path, content: &[u8]) -> anyhow::Result<Self> {
        let new = beside(folder, content);
        Ok(Self {
            new: new.with_context(|| format!("cannot write beside {}", path.display()))?,
            path: path.to_owned(),
        })
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) fn put(self) -> anyhow::Result<()> {
        let Self { new, path } = self;
        let put = new.persist(&path);
        put.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }
}

fn beside(folder: &Path, content: &[u8]) -> std::io::Result<TempPath> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Less what the person's mask takes.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut new = builder.tempfile_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    Ok(new.into_temp_path())
}

/// Writes one file, wherever somebody said.
///
/// # Errors
/// When something is there that is no file, or it cannot be written.
pub(super) fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => return Err(is_link(path, "name another file")),
        Ok(found) if !found.is_file() => {
            bail!("{} is there and no file; name another one", path.display())
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    Replacement::write(path, folder.unwrap_or(Path::new(".")), content)?.put()
}

/// Refuses a file, given as seen from a folder, that is a link or behind one. Links on the way to the folder are fine:
/// somebody named it so.
///
/// # Errors
/// When there is a link, or it cannot be told.
pub(super) fn refuse_links(folder: &Path, file: &str) -> anyhow::Result<()> {
    let mut path = folder.to_owned();
    for segment in file.split('/') {
        path.push(segment);
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                let mend = "remove it, or replace it by what it leads to";
                return Err(is_link(&path, mend));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
    }
    Ok(())
}

fn is_link(path: &Path, mend: &str) -> anyhow::Error {
    let path = path.display();
    anyhow::anyhow!("{path} is a link, and nothing is written through one; {mend}")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_readable_by_whom_the_mask_lets() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        fs::write(place.path().join("probe"), "").unwrap();
        replace(&path, b"one").unwrap();
        let old = fs::File::open(&path).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::io::read_to_string(old).unwrap(), "one", "not in place");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = |name: &str| {
            let found = place.path().join(name).metadata().unwrap();
            found.permissions().mode()
        };
        assert_eq!(mode("a"), mode("probe"));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn neither_a_link_nor_what_is_no_file_is_written_to() {
        let place = tempfile::tempdir().unwrap();
        let (link, target) = (place.path().join("link"), place.path().join("target"));
        fs::write(&target, "mine").unwrap();
        for to in [target.as_path(), Path::new("nowhere")] {
            symlink(to, &link).unwrap();
            let refused = replace(&link, b"x").unwrap_err().to_string();
            assert!(refused.contains("link is a link"), "{refused}");
            assert!(refuse_links(place.path(), "link/deep/a").is_err());
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        assert!(replace(Path::new("/dev/null"), b"x").is_err());
        assert!(replace(place.path(), b"x").is_err());
        assert!(refuse_links(place.path(), "target").is_ok());
        assert!(refuse_links(place.path(), "not/there").is_ok());
    }
}
