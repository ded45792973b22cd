//! Access to registries as the person who runs the command: references, credentials, and how each is talked to.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use stevedore_package::credentials::{Credentials, credentials};
use stevedore_registry::{Connections, Reference, Settings, Transport};

/// A flag of commands that talk to registries.
#[derive(Debug, Args)]
pub(crate) struct Insecure {
    /// Take any certificate of a registry, and plain HTTP where it does not speak TLS. Loopback needs no flag
    #[arg(long = "insecure")]
    pub(super) allowed: bool,
}

/// What makes a client; `insecure` is the person's word.
pub(super) fn settings(insecure: bool) -> Settings {
    Settings {
        insecure,
        ..Settings::default()
    }
}

/// The reference that somebody typed.
pub(super) fn reference(text: &str) -> anyhow::Result<Reference> {
    text.parse()
        .with_context(|| format!("{text} is not an image reference; write HOST/NAME:TAG"))
}

/// How the registry of a reference is talked to.
pub(super) async fn transport(reference: &Reference, insecure: bool) -> anyhow::Result<Transport> {
    let registry = reference.resolve_registry();
    let connections = Connections::default();
    Ok(stevedore_registry::transport(&connections, &settings(insecure), registry).await?)
}

/// What the person's Docker configuration says about an image.
pub(super) fn credentials_for(reference: &Reference) -> anyhow::Result<Option<Credentials>> {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
    let Some(file) = folder
        .map(|folder| folder.join("config.json"))
        .filter(|file| file.is_file())
    else {
        return Ok(None);
    };
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let (registry, repository) = (reference.resolve_registry(), reference.repository());
    credentials(&bytes, registry, repository).with_context(|| {
        format!(
            "cannot use {} (a config.json in another folder is used when DOCKER_CONFIG names that folder)",
            file.display()
        )
    })
}
