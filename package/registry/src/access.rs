//! Access to registries: how they are talked to, with whose credentials, and why an image is not had.

use futures::future::BoxFuture;
use stevedore_package::credentials::{self, Credentials};
use stevedore_proto_core::Digest;

/// Gives the credentials for a repository; asked for only when the registry wants some.
pub type Ask<'a> = &'a (dyn Fn() -> BoxFuture<'a, Result<Option<Credentials>, Error>> + Sync);

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry does not give it; may get better.
    #[error("{0}")]
    Pull(String),
    /// What it gives cannot be used; stays so for what has the digest.
    #[error("{message}")]
    Invalid {
        /// What the reference stands for, where that was found out.
        digest: Option<Digest>,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    pub(crate) fn of(self, what: &str) -> Self {
        match self {
            Self::Pull(message) => Self::Pull(format!("cannot pull {what}: {message}")),
            Self::Invalid { digest, message } => Self::Invalid {
                digest,
                message: format!("{what}: {message}"),
            },
        }
    }

    /// A fault of what the registry gave.
    pub(crate) fn invalid(message: impl ToString) -> Self {
        Self::Invalid {
            digest: None,
            message: message.to_string(),
        }
    }

    /// The same, of what has this digest.
    pub(crate) fn at(self, digest: Digest) -> Self {
        match self {
            Self::Invalid { message, .. } => Self::Invalid {
                digest: Some(digest),
                message,
            },
            other => other,
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
    /// Takes any certificate, and speaks plain HTTP with a registry that does not speak TLS: for a person who says so.
    pub insecure: bool,
}

/// The way in which a registry is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS, with a certificate that a trusted authority signed.
    Tls,
    /// TLS with any certificate.
    UnverifiedTls,
    /// HTTP.
    Plain,
}

impl Settings {
    pub(crate) fn is_plain(&self, registry: &str) -> bool {
        credentials::is_loopback(registry) || self.plain_http.iter().any(|host| host == registry)
    }
}
