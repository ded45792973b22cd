//! The hub's records about itself: its CA, and how it is reached.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use stevedore_client::Api;
use stevedore_crds::record;

use crate::hub::Hub;
use crate::write;

/// The hub's certificate authority as it is kept: certificate and key, PEM.
pub type Material = (String, String);

/// Reads the hub's CA, or keeps the one that `make` gives. Of several processes that start at once one wins,
/// and all use what is kept.
///
/// # Errors
/// When the Secret cannot be read or made, or holds something else.
pub async fn certificate_authority(
    hub: &Hub,
    make: impl FnOnce() -> Material,
) -> Result<Material, kube::Error> {
    const CERTIFICATE: &str = "tls.crt";
    const KEY: &str = "tls.key";
    let api: Api<Secret> = Api::namespaced(hub.api.unguarded.clone(), hub.api.namespace());
    let found = match api.get_opt(record::CA).await? {
        Some(found) => found,
        None => {
            let (certificate, key) = make();
            let secret = Secret {
                metadata: write::named(record::CA),
                type_: Some("kubernetes.io/tls".to_owned()),
                data: Some(BTreeMap::from([
                    (CERTIFICATE.to_owned(), ByteString(certificate.into_bytes())),
                    (KEY.to_owned(), ByteString(key.into_bytes())),
                ])),
                ..Secret::default()
            };
            match api.create(&write::creation(), &secret).await {
                Err(error) if write::is_conflict(&error) => api.get(record::CA).await?,
                created => created?,
            }
        }
    };
    let mut data = found.data.unwrap_or_default();
    let mut text = |key: &str| {
        let bytes = data.remove(key).unwrap_or_default().0;
        String::from_utf8(bytes).unwrap_or_default()
    };
    Ok((text(CERTIFICATE), text(KEY)))
}

/// Publishes how agents reach the hub, for `stevedore cluster join`; writes on change only.
///
/// # Errors
/// When the ConfigMap cannot be written.
pub async fn publish_addresses(
    hub: &Hub,
    addresses: &[String],
    certificate: &str,
    hash: &str,
) -> Result<(), kube::Error> {
    let api: Api<ConfigMap> = hub.api.system();
    let data = BTreeMap::from([
        (record::HUB_ADDRESSES.to_owned(), addresses.join(",")),
        (record::HUB_CA.to_owned(), certificate.to_owned()),
        (record::HUB_CA_HASH.to_owned(), hash.to_owned()),
    ]);
    let found = api.get_opt(record::HUB).await?;
    if found.as_ref().and_then(|map| map.data.as_ref()) == Some(&data) {
        return Ok(());
    }
    write::put_data(&api, record::HUB, found, data).await
}
