//! Pulls with the hub's credentials.

use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Secret;
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_package::credentials::Credentials;
use stevedore_package::overrides::{ImagePrefixes, RegistryHosts};
use stevedore_proto_core::Digest;
use stevedore_registry::{Error, Reference};

use crate::hub::Hub;
use crate::package::registry::{self, Pulled};

/// Pulls an image with the hub's credentials, unless the reference stands for what `known` says.
pub(crate) async fn pull(
    hub: &Hub,
    image: &Reference,
    known: Option<Digest>,
) -> Result<Pulled, registry::Error> {
    let settings = &hub.api.settings;
    let image = overridden(image, &settings.image_prefixes, &settings.registry_hosts)?;
    let credentials = || credentials(hub, &image).boxed();
    hub.puller.pull(&image, known, &credentials).await
}

/// Where an image is pulled from: its prefix is replaced first, and then its registry.
fn overridden(
    image: &Reference,
    prefixes: &ImagePrefixes,
    hosts: &RegistryHosts,
) -> Result<Reference, registry::Error> {
    let image = registry::parse(&prefixes.replace(&image.whole()))?;
    let Some(host) = hosts.get(image.registry()) else {
        return Ok(image);
    };
    let (host, repository) = (host.to_owned(), image.repository().to_owned());
    let tag = image.tag().map(str::to_owned);
    let digest = image.digest().map(str::to_owned);
    Ok(match (tag, digest) {
        (Some(tag), None) => Reference::with_tag(host, repository, tag),
        (None, Some(digest)) => Reference::with_digest(host, repository, digest),
        (Some(tag), Some(digest)) => Reference::with_tag_and_digest(host, repository, tag, digest),
        (None, None) => Reference::with_tag(host, repository, "latest".to_owned()),
    })
}

/// What the hub shows to a registry that asks for credentials.
async fn credentials(hub: &Hub, image: &Reference) -> Result<Option<Credentials>, Error> {
    let secrets: Api<Secret> = hub.api.system();
    let secret = secrets.get_opt(record::REGISTRY).await.map_err(|error| {
        Error::Pull(format!("the registry credentials cannot be read: {error}"))
    })?;
    let config = secret
        .and_then(|secret| secret.data)
        .and_then(|mut data| data.remove(".dockerconfigjson"));
    let config = config.as_ref().map(|bytes| bytes.0.as_slice());
    registry::credentials(config, image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_replaced_before_a_registry_and_tag_and_digest_stay() {
        let prefixes = ImagePrefixes::parse("registry.example/team/=mirror.example/ours/").unwrap();
        let hosts = RegistryHosts::parse("mirror.example=127.0.0.1:5000").unwrap();
        let digest = format!("sha256:{}", "9".repeat(64));
        for (image, pulled) in [
            (
                "registry.example/team/lamp:1",
                "127.0.0.1:5000/ours/lamp:1".to_owned(),
            ),
            (
                "registry.example/lamp:1",
                "registry.example/lamp:1".to_owned(),
            ),
            (
                &*format!("mirror.example/lamp@{digest}"),
                format!("127.0.0.1:5000/lamp@{digest}"),
            ),
        ] {
            let image = registry::parse(image).unwrap();
            let found = overridden(&image, &prefixes, &hosts).unwrap();
            assert_eq!(found.to_string(), pulled);
        }
    }
}
