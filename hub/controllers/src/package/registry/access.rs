//! Access to registries: how they are talked to, with whose credentials, and why an image is not had.

use futures::future::BoxFuture;
use stevedore_package::credentials::{self, Credentials};

/// Gives the hub's credentials for a registry; asked for only when the registry wants some.
pub(crate) type Ask<'a> =
    &'a (dyn Fn() -> BoxFuture<'a, Result<Option<Credentials>, Error>> + Sync);

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry does not give the image; may get better.
    #[error("{0}")]
    Pull(String),
    /// What it gives is no package; stays so.
    #[error("{0}")]
    Invalid(String),
    /// Nothing is wrong with it: other pulls hold the memory.
    #[error("other pulls hold the hub's memory for images")]
    Busy,
}

impl Error {
    pub(super) fn of(self, what: &str) -> Self {
        match self {
            Self::Pull(message) => Self::Pull(format!("cannot pull {what}: {message}")),
            Self::Invalid(message) => Self::Invalid(format!("{what}: {message}")),
            Self::Busy => Self::Busy,
        }
    }
}

/// Which registries are talked to, and how.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Hosts (with port, where they have one) that are talked to without TLS, beside loopback.
    pub plain_http: Vec<String>,
    /// Further certificate authorities, PEM.
    pub certificate_authorities: Option<Vec<u8>>,
}

impl Settings {
    pub(super) fn is_plain(&self, registry: &str) -> bool {
        credentials::is_loopback(registry) || self.plain_http.iter().any(|host| host == registry)
    }
}
