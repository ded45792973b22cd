//! Pulls with the hub's credentials.

use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Secret;
use oci_spec::distribution::Reference;
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_package::credentials::Credentials;

use crate::hub::Hub;
use crate::package::registry::{self, Pulled};

/// Pulls an image with the hub's credentials.
pub(crate) async fn pull(hub: &Hub, image: &Reference) -> Result<Pulled, registry::Error> {
    let host = image.resolve_registry();
    let credentials = || credentials(hub, host).boxed();
    hub.puller.pull(image, &credentials).await
}

/// What the hub shows to a registry that asks for credentials.
async fn credentials(hub: &Hub, host: &str) -> Result<Option<Credentials>, registry::Error> {
    let secrets: Api<Secret> = hub.api.system();
    let secret = secrets.get_opt(record::REGISTRY).await.map_err(|error| {
        registry::Error::Pull(format!("the registry credentials cannot be read: {error}"))
    })?;
    let config = secret
        .and_then(|secret| secret.data)
        .and_then(|mut data| data.remove(".dockerconfigjson"));
    let config = config.as_ref().map(|bytes| bytes.0.as_slice());
    registry::credentials(config, host)
}
