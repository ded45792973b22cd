//! Pulling a package's image: by tag once, by digest from then on, never more than the limits allow.

use std::time::Duration;

use futures::TryStreamExt as _;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use stevedore_package::archive;
use stevedore_package::credentials;
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{self, Descriptor, Manifest};
use stevedore_package::limit;
use stevedore_proto_core::Digest;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const READ_WITHIN: Duration = Duration::from_secs(20);
/// Time for one whole pull.
pub const PULL_WITHIN: Duration = Duration::from_secs(120);

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry does not give the image; may get better.
    #[error("{0}")]
    Pull(String),
    /// What it gives is no package; stays so.
    #[error("{0}")]
    Invalid(String),
}

/// Which registries are talked to, and how.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Hosts (with port, where they have one) that are talked to without TLS, beside loopback.
    pub plain_http: Vec<String>,
    /// Further certificate authorities, PEM.
    pub certificate_authorities: Option<Vec<u8>>,
}

/// A pulled image.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) digest: Digest,
    pub(crate) files: PackageFiles,
}

/// The reference, completed the way container tools do.
pub(crate) fn parse(image: &str) -> Result<Reference, Error> {
    image
        .parse()
        .map_err(|error| Error::Invalid(format!("{image:?} is not an image reference: {error}")))
}

/// Credentials for a registry out of a dockerconfigjson; anonymous when it has none. No error shows any of them.
pub(crate) fn credentials(config: Option<&[u8]>, registry: &str) -> Result<RegistryAuth, Error> {
    let Some(config) = config else {
        return Ok(RegistryAuth::Anonymous);
    };
    let found = credentials::credentials(config, registry)
        .map_err(|error| Error::Pull(format!("Secret stevedore-registry: {error}")))?;
    Ok(found.map_or(RegistryAuth::Anonymous, |found| {
        RegistryAuth::Basic(found.user, found.password)
    }))
}

impl Settings {
    fn client(&self, registry: &str) -> Client {
        let plain = credentials::is_loopback(registry)
            || self.plain_http.iter().any(|host| host == registry);
        let extra_root_certificates = self
            .certificate_authorities
            .iter()
            .map(|pem| Certificate {
                encoding: CertificateEncoding::Pem,
                data: pem.clone(),
            })
            .collect();
        Client::new(ClientConfig {
            protocol: if plain {
                ClientProtocol::Http
            } else {
                ClientProtocol::Https
            },
            extra_root_certificates,
            connect_timeout: Some(CONNECT_WITHIN),
            read_timeout: Some(READ_WITHIN),
            ..ClientConfig::default()
        })
    }

    /// Resolves, pulls and unpacks an image. Sizes are checked while bytes arrive, not after.
    pub(crate) async fn pull(
        &self,
        reference: &Reference,
        auth: &RegistryAuth,
    ) -> Result<Pulled, Error> {
        let client = self.client(reference.resolve_registry());
        let accepted = [
            image::MANIFEST_TYPE,
            "application/vnd.docker.distribution.manifest.v2+json",
        ];
        let (bytes, digest) = client
            .pull_manifest_raw(reference, auth, &accepted)
            .await
            .map_err(|error| {
                Error::Pull(format!(
                    "cannot pull {reference}: {}",
                    without_queries(&error.to_string())
                ))
            })?;
        let digest: Digest = digest.parse().map_err(|_| {
            Error::Pull(format!(
                "the registry named {reference} by {digest:?}, which is not a sha256 digest"
            ))
        })?;
        if Digest::of(&bytes) != digest {
            return Err(Error::Pull(format!(
                "the manifest of {reference} does not have the digest the registry names"
            )));
        }
        let manifest =
            Manifest::parse(&bytes).map_err(|error| Error::Invalid(error.to_string()))?;
        let mut layers = Vec::with_capacity(manifest.layers.len());
        for layer in &manifest.layers {
            layers.push(blob(&client, reference, layer).await?);
        }
        let files = tokio::task::spawn_blocking(move || {
            let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
            archive::unpack(&layers)
        })
        .await
        .map_err(|_| Error::Pull("unpacking was interrupted".to_owned()))?
        .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Pulled { digest, files })
    }
}

/// A message without what follows `?` in its words: registries send clients to signed URLs, and messages are
/// shown in statuses and events.
fn without_queries(message: &str) -> String {
    message
        .split_inclusive(char::is_whitespace)
        .map(|word| match word.split_once('?') {
            Some((before, _)) if before.contains("://") => format!("{before}?… "),
            _ => word.to_owned(),
        })
        .collect()
}

/// One layer: not a byte more than its manifest says, and the digest it says.
async fn blob(
    client: &Client,
    reference: &Reference,
    layer: &Descriptor,
) -> Result<Vec<u8>, Error> {
    let digest = layer.digest.to_string();
    let fail = |error: &dyn std::fmt::Display| {
        let message = without_queries(&error.to_string());
        Error::Pull(format!("cannot pull layer {digest}: {message}"))
    };
    let size = usize::try_from(layer.size)
        .ok()
        .filter(|size| *size <= limit::PACKED_BYTES)
        .ok_or_else(|| Error::Invalid(format!("layer {digest} has {} bytes", layer.size)))?;
    let mut stream = client
        .pull_blob_stream(reference, digest.as_str())
        .await
        .map_err(|error| fail(&error))?;
    let mut bytes = Vec::with_capacity(size);
    while let Some(chunk) = stream.try_next().await.map_err(|error| fail(&error))? {
        if bytes.len() + chunk.len() > size {
            return Err(Error::Invalid(format!(
                "layer {digest} is larger than its manifest says"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    if Digest::of(&bytes) != layer.digest {
        return Err(fail(&"its bytes do not have its digest"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_is_not_shown() {
        let shown = without_queries(
            "error for url (https://blobs.example/a?X-Signature=canary): timed out?",
        );
        assert_eq!(shown, "error for url (https://blobs.example/a?… timed out?");
    }
}
