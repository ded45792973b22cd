//! The programs that a fleet is made of: where they are found, and how they are built when they are not.
//!
//! The first way that has a program wins:
//!
//! 1. the folder in `KUBEBUILDER_ASSETS`, if it has at least `etcd` and `kube-apiserver`;
//! 2. the user's cache folder, `$XDG_CACHE_HOME` or `~/.cache`, there `stevedore/kube/<version>/`;
//! 3. built into that cache from Go modules, with the `go` (1.26 or newer) on `PATH` and its own settings for
//!    proxies. Module files with every checksum are part of this library. Several processes may do this at once.

mod build;
#[cfg(test)]
mod tests;
mod tool;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::guard::{self, Guard};
use crate::progress::{Event, Progress};

pub use tool::{KUBERNETES_VERSION, REGISTRY_VERSION, Tool};

/// Why there is a program missing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of the three ways has it.
    #[error(
        "no {tool}: it is looked for in the folder that KUBEBUILDER_ASSETS names ({assets}), then in {cache}, \
         and else built there with Go 1.26 or newer: {go}"
    )]
    Missing {
        /// The program.
        tool: Tool,
        /// The first way.
        assets: String,
        /// The second way.
        cache: String,
        /// Why the third way is closed.
        go: String,
    },
    /// The home folder is unknown.
    #[error("neither XDG_CACHE_HOME nor HOME is set: there is no cache folder to build into")]
    NoCache,
    /// The cache cannot be read or written.
    #[error("the cache folder {path}: {source}")]
    Cache {
        /// What was being used.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The Go build failed.
    #[error("building {tool} failed ({exit}); the end of {log}:\n{tail}")]
    Build {
        /// The program.
        tool: Tool,
        /// How `go` ended.
        exit: String,
        /// Its whole output.
        log: String,
        /// The end of its output.
        tail: String,
    },
    /// `go` could not be started.
    #[error(transparent)]
    Guard(#[from] guard::Error),
}

/// Where to look.
#[derive(Debug, Clone)]
pub struct Locator {
    /// The folder of ready-made programs, if one is named.
    pub assets: Option<PathBuf>,
    /// The folder that holds `kube/<version>/` and `registry/<version>/`.
    pub cache: PathBuf,
    /// The Go command.
    pub go: OsString,
}

impl Locator {
    /// From `KUBEBUILDER_ASSETS`, `XDG_CACHE_HOME` and `HOME`.
    ///
    /// # Errors
    /// [`Error::NoCache`] when neither of the latter two is set.
    pub fn from_env() -> Result<Self, Error> {
        let folder = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache = folder("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .ok_or(Error::NoCache)?;
        Ok(Self {
            assets: folder("KUBEBUILDER_ASSETS"),
            cache: cache.join("stevedore"),
            go: "go".into(),
        })
    }

    /// Finds every one of these programs, and builds what is missing.
    ///
    /// # Errors
    /// The first program that cannot be had, with the three ways to have it.
    pub async fn locate(
        &self,
        tools: &[Tool],
        guard: &Guard,
        progress: &dyn Progress,
    ) -> Result<Toolbox, Error> {
        let assets = self.usable_assets(progress);
        let mut paths = BTreeMap::new();
        let mut missing = Vec::new();
        for &tool in tools {
            match assets
                .and_then(|folder| executable(folder, tool))
                .or_else(|| executable(&self.folder(tool), tool))
            {
                Some(path) => {
                    paths.insert(tool, path);
                }
                None if !missing.contains(&tool) => missing.push(tool),
                None => {}
            }
        }
        let of = missing.len();
        for (index, tool) in missing.into_iter().enumerate() {
            let number = index + 1;
            paths.insert(tool, self.build(tool, number, of, guard, progress).await?);
        }
        Ok(Toolbox { paths })
    }

    fn usable_assets(&self, progress: &dyn Progress) -> Option<&Path> {
        let folder = self.assets.as_deref()?;
        let whole = [Tool::Etcd, Tool::KubeApiserver]
            .into_iter()
            .all(|tool| executable(folder, tool).is_some());
        if !whole {
            progress.report(&Event::AssetsIgnored {
                folder: folder.to_owned(),
            });
        }
        whole.then_some(folder)
    }

    /// The folder of the cache that a program belongs to.
    fn folder(&self, tool: Tool) -> PathBuf {
        let [kind, version] = tool.source().folder;
        self.cache.join(kind).join(version)
    }
}

/// Programs that are there.
#[derive(Debug, Clone)]
pub struct Toolbox {
    paths: BTreeMap<Tool, PathBuf>,
}

impl Toolbox {
    /// The path of a program that was asked for.
    #[must_use]
    pub fn path(&self, tool: Tool) -> Option<&Path> {
        self.paths.get(&tool).map(PathBuf::as_path)
    }
}

fn executable(folder: &Path, tool: Tool) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;

    let path = folder.join(tool.name());
    let metadata = path.metadata().ok()?;
    (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then_some(path)
}
