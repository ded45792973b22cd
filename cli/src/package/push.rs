//! The push of a built image to a registry.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use stevedore_package::credentials::{credentials, is_loopback};
use stevedore_package::image::{Blob, Image};

/// Pushes the layer, the config and, last, the manifest: a reader never sees half an image.
///
/// # Errors
/// When the reference is none, or the registry refuses.
pub(crate) async fn push(image: &Image, reference: &str, insecure: bool) -> anyhow::Result<()> {
    let reference: Reference = reference
        .parse()
        .with_context(|| format!("{reference} is not an image reference; write HOST/NAME:TAG"))?;
    if reference.digest().is_some() {
        bail!(
            "{reference} names a digest; an image is pushed by tag and its digest follows from its content"
        );
    }
    let registry = reference.resolve_registry().to_owned();
    let plain = insecure || is_loopback(&registry);
    let protocol = if plain {
        ClientProtocol::Http
    } else {
        ClientProtocol::Https
    };
    let client = Client::new(ClientConfig {
        protocol,
        ..ClientConfig::default()
    });
    let auth = authentication(&registry)?;
    client
        .auth(&reference, &auth, RegistryOperation::Push)
        .await
        .with_context(|| format!("{registry} does not let us push; log in with `docker login {registry}`, or name the folder of another config.json with DOCKER_CONFIG"))?;
    for blob in [&image.layer, &image.config] {
        upload(&client, &reference, blob).await?;
    }
    let Blob {
        media_type, bytes, ..
    } = &image.manifest;
    let media_type = media_type
        .parse()
        .context("the media type of a manifest is a header value")?;
    client
        .push_manifest_raw(&reference, bytes.clone(), media_type)
        .await
        .with_context(|| format!("cannot push the manifest of {reference}"))?;
    Ok(())
}

async fn upload(client: &Client, reference: &Reference, blob: &Blob) -> anyhow::Result<()> {
    let digest = blob.digest.to_string();
    let cannot = || format!("cannot push {digest} to {reference}");
    if !client
        .blob_exists(reference, &digest)
        .await
        .with_context(cannot)?
    {
        client
            .push_blob(reference, blob.bytes.clone(), &digest)
            .await
            .with_context(cannot)?;
    }
    Ok(())
}

/// What the person's Docker configuration says about the registry.
fn authentication(registry: &str) -> anyhow::Result<RegistryAuth> {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
    let Some(file) = folder
        .map(|folder| folder.join("config.json"))
        .filter(|file| file.is_file())
    else {
        return Ok(RegistryAuth::Anonymous);
    };
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let found = credentials(&bytes, registry).with_context(|| {
        format!(
            "cannot use {} (a config.json in another folder is used when DOCKER_CONFIG names that folder)",
            file.display()
        )
    })?;
    Ok(found.map_or(RegistryAuth::Anonymous, |found| {
        RegistryAuth::Basic(found.user, found.password)
    }))
}
