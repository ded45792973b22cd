//! The push of a built image to a registry.

use anyhow::{Context as _, bail};
use indicatif::HumanBytes;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use stevedore_package::image::{Blob, Image};
use stevedore_registry::Transport;

use super::progress::Progress;
use super::registry;

/// A reference that an image is to have.
///
/// # Errors
/// When it is none, or not a tag.
pub(crate) fn tag(text: &str) -> anyhow::Result<Reference> {
    let reference = registry::reference(text)?;
    match reference.digest() {
        None => Ok(reference),
        Some(_) => bail!(
            "{text} names a digest; an image is pushed by tag and its digest follows from its content"
        ),
    }
}

/// Pushes an image by every reference, one after the other, and shows how far it is.
///
/// # Errors
/// With the first that a registry refuses.
pub(super) async fn push_all(
    image: &Image,
    references: &[Reference],
    insecure: bool,
) -> anyhow::Result<()> {
    let size = HumanBytes(image.layer.bytes.len() as u64);
    let progress = Progress::new();
    for reference in references {
        progress.say(format!("pushing {reference}, {size}"));
        progress.show(push(image, reference, insecure)).await?;
    }
    Ok(())
}

/// Pushes the layer, the config and, last, the manifest: a reader never sees half an image.
///
/// # Errors
/// When the registry refuses.
pub(crate) async fn push(
    image: &Image,
    reference: &Reference,
    insecure: bool,
) -> anyhow::Result<()> {
    let registry = reference.resolve_registry();
    let transport = registry::transport(reference, insecure).await?;
    let protocol = match transport {
        Transport::Plain => ClientProtocol::Http,
        Transport::Tls | Transport::UnverifiedTls => ClientProtocol::Https,
    };
    let client = Client::new(ClientConfig {
        protocol,
        accept_invalid_certificates: transport == Transport::UnverifiedTls,
        ..ClientConfig::default()
    });
    let auth = match registry::credentials_for(reference)? {
        Some(found) => RegistryAuth::Basic(found.user, found.password),
        None => RegistryAuth::Anonymous,
    };
    client
        .auth(reference, &auth, RegistryOperation::Push)
        .await
        .with_context(|| format!("{registry} does not let us push; log in with `docker login {registry}`, or name the folder of another config.json with DOCKER_CONFIG"))?;
    for blob in [&image.layer, &image.config] {
        upload(&client, reference, blob).await?;
    }
    let Blob {
        media_type, bytes, ..
    } = &image.manifest;
    let media_type = media_type
        .parse()
        .context("the media type of a manifest is a header value")?;
    client
        .push_manifest_raw(reference, bytes.clone(), media_type)
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
