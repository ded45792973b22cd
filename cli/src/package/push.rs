//! The push of a built image to a registry.

use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::HumanBytes;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use stevedore_package::image::{Blob, Image};
use stevedore_registry::Transport;

use super::progress::Progress;
use super::registry;
use crate::failure;
use crate::terminal::{cut, on_one_line};

/// Most characters of what a registry says.
const SHOWN: usize = 300;

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

/// Longest time for a push by one tag: ten MiB to a slow registry.
const WITHIN: Duration = Duration::from_secs(300);

/// Pushes the layer, the config and, last, the manifest: a reader never sees half an image.
///
/// # Errors
/// When the registry refuses, or takes too long.
pub(crate) async fn push(
    image: &Image,
    reference: &Reference,
    insecure: bool,
) -> anyhow::Result<()> {
    let pushed = tokio::time::timeout(WITHIN, push_unhurried(image, reference, insecure)).await;
    pushed.unwrap_or_else(|_| bail!("cannot push {reference}: the registry took too long"))
}

async fn push_unhurried(
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
        .map_err(told)
        .with_context(|| format!("{registry} cannot be reached, or does not let us push; if it is there, log in with `docker login {registry}`, or name the folder of another config.json with DOCKER_CONFIG"))?;
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
        .map_err(told)
        .with_context(|| format!("cannot push the manifest of {reference}"))?;
    Ok(())
}

async fn upload(client: &Client, reference: &Reference, blob: &Blob) -> anyhow::Result<()> {
    let digest = blob.digest.to_string();
    let cannot = || format!("cannot push {digest} to {reference}");
    if !client
        .blob_exists(reference, &digest)
        .await
        .map_err(told)
        .with_context(cannot)?
    {
        client
            .push_blob(reference, blob.bytes.clone(), &digest)
            .await
            .map_err(told)
            .with_context(cannot)?;
    }
    Ok(())
}

/// What went wrong at a registry: of its words a few, on one line, and without what follows `?` in the URLs of uploads,
/// which may be signed.
fn told(error: OciDistributionError) -> anyhow::Error {
    let message = on_one_line(&failure::message(&error.into()));
    let words = message.split(' ').map(|word| match word.split_once('?') {
        Some((before, _)) if before.contains("://") => format!("{before}?…"),
        _ => word.to_owned(),
    });
    let words: Vec<String> = words.collect();
    anyhow::Error::msg(cut(&words.join(" "), SHOWN))
}

#[cfg(test)]
mod tests {
    use std::future::IntoFuture as _;

    use axum::http::{Method, StatusCode};
    use axum::response::IntoResponse as _;
    use stevedore_package::files::PackageFiles;
    use stevedore_package::image::build;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn of_a_registry_that_refuses_little_is_shown_and_nothing_signed() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It takes the start of an upload, and refuses the bytes.
        let service = axum::Router::new().fallback(move |method: Method| async move {
            let body = format!("<html>\n\u{1b}[31m{}", "x".repeat(9_000));
            let upload = [("location", "/upload?signature=canary")];
            match method {
                Method::GET => StatusCode::OK.into_response(),
                Method::HEAD => StatusCode::NOT_FOUND.into_response(),
                Method::POST => (StatusCode::ACCEPTED, upload).into_response(),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, body).into_response(),
            }
        });
        let mut files = PackageFiles::new();
        files.insert("manifest.yaml", b"a: 1".to_vec()).unwrap();
        let image = build(&files, &std::collections::BTreeMap::new()).unwrap();
        let reference = tag(&format!("{address}/lamp:1")).unwrap();
        let error = tokio::select! {
            ended = axum::serve(listener, service).into_future() => panic!("{ended:?}"),
            pushed = push(&image, &reference, false) => pushed.unwrap_err(),
        };
        let said = failure::message(&error);
        assert!(said.contains("/lamp:1: ") && said.contains("500"), "{said}");
        assert!(said.chars().count() < 2 * SHOWN, "{said}");
        assert!(!said.contains(['\n', '\u{1b}']), "{said:?}");
        assert!(!said.contains("canary"), "{said}");
    }
}
