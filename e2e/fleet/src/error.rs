//! Errors of a running fleet.

use std::path::Path;

/// Why something could not be started, reached or brought back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not there and could not be built.
    #[error(transparent)]
    Tools(#[from] crate::tools::Error),
    /// The guard refused, or is gone.
    #[error(transparent)]
    Guard(#[from] crate::guard::Error),
    /// A process ended when it should serve.
    #[error("{name} ended ({exit}); the end of its log {log}:\n{tail}")]
    Ended {
        /// What people call it.
        name: String,
        /// How it ended.
        exit: String,
        /// Its whole log.
        log: String,
        /// The end of its log.
        tail: String,
    },
    /// A process runs and does not become ready.
    #[error(
        "{name} is not ready after {seconds} s; last seen: {last}; the end of its log {log}:\n{tail}"
    )]
    NotReady {
        /// What people call it.
        name: String,
        /// How long it was waited for.
        seconds: u64,
        /// What the last look said.
        last: String,
        /// Its whole log.
        log: String,
        /// The end of its log.
        tail: String,
    },
    /// What was waited for did not come.
    #[error("{what} did not happen within {seconds} s; last seen: {last}")]
    Awaited {
        /// What was waited for.
        what: String,
        /// The bound.
        seconds: u64,
        /// The last state.
        last: String,
    },
    /// A manifest of ours is not one.
    #[error("not a manifest: {0}")]
    Manifest(String),
    /// Our own programs are not there and could not be built.
    #[error("{0}")]
    Programs(String),
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The data folder that was given holds something already.
    #[error("the data folder {0} is not empty: give a new or empty one")]
    FolderNotEmpty(String),
    /// A certificate could not be made.
    #[error("cannot make a certificate for {name}: {source}")]
    Certificate {
        /// For whom.
        name: String,
        /// The reason.
        source: rcgen::Error,
    },
    /// A client could not be made from a kubeconfig.
    #[error("the kubeconfig for {server}: {source}")]
    Kubeconfig {
        /// The API server.
        server: String,
        /// The reason.
        source: kube::config::KubeconfigError,
    },
    /// The API server refused.
    #[error("{what}: {source}")]
    Api {
        /// What was asked of it.
        what: String,
        /// Its answer.
        source: Box<kube::Error>,
    },
    /// The cluster was not started with what this needs.
    #[error("cluster {cluster} has no {program}: it was not started with one")]
    NoSuchProgram {
        /// The cluster.
        cluster: String,
        /// What it lacks.
        program: String,
    },
    /// A cluster on the shared etcd cannot be put back on its own.
    #[error("cluster {0} shares its etcd: start it with its own to back it up")]
    SharedEtcd(String),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api {
            what,
            source: Box::new(source),
        }
    }
}
