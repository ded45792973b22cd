//! The installation of Stevedore's definitions, accounts and roles on a running cluster.

use std::time::Duration;

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::{Client, discovery};
use stevedore_client::Api;

use crate::error::Error;
use crate::start::await_state;

/// Field manager of what is installed from here.
const MANAGER: &str = "stevedore-install";
/// How long the API server may take to serve a kind that was just defined.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// Definitions and roles of the hub.
///
/// # Errors
/// Whatever the API server refuses.
pub async fn install_hub(client: &Client) -> Result<(), Error> {
    for definition in stevedore_deploy::HUB_DEFINITIONS {
        apply(client, definition).await?;
    }
    apply(client, stevedore_deploy::HUB).await
}

/// Definitions and roles of the agent, and the example's account for packages.
///
/// # Errors
/// Whatever the API server refuses.
pub async fn install_member(client: &Client) -> Result<(), Error> {
    for definition in stevedore_deploy::MEMBER_DEFINITIONS {
        apply(client, definition).await?;
    }
    apply(client, stevedore_deploy::AGENT).await?;
    apply(client, stevedore_deploy::PACKAGES_EXAMPLE).await
}

/// What the agent may read besides on a member that is OpenShift; its namespace `openshift-config` has to be there.
///
/// # Errors
/// Whatever the API server refuses.
pub async fn allow_open_shift(client: &Client) -> Result<(), Error> {
    apply(client, stevedore_deploy::AGENT_OPENSHIFT).await
}

/// Applies every document of a manifest in its order, server-side.
///
/// # Errors
/// Whatever is not YAML, or the API server refuses; the message names the object.
pub async fn apply(client: &Client, manifest: &str) -> Result<(), Error> {
    for document in manifest.split("\n---\n") {
        if document
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
        {
            continue;
        }
        let object: DynamicObject =
            serde_saphyr::from_str(document).map_err(|error| Error::Manifest(error.to_string()))?;
        apply_object(client, &object).await?;
    }
    Ok(())
}

async fn apply_object(client: &Client, object: &DynamicObject) -> Result<(), Error> {
    let types = object.types.clone().unwrap_or_default();
    let name = object.metadata.name.clone().unwrap_or_default();
    let what = format!("{} {name}", types.kind);
    await_state(&format!("applying {what}"), SERVED_WITHIN, || async {
        let api = api_of(client, &types, object.metadata.namespace.as_deref()).await?;
        let params = PatchParams::apply(MANAGER).force();
        api.patch(&name, &params, &Patch::Apply(object))
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "discovery of the kinds in manifests of this workspace, at an API server that this crate started"
)]
async fn api_of(
    client: &Client,
    types: &TypeMeta,
    namespace: Option<&str>,
) -> Result<Api<DynamicObject>, String> {
    let kind = GroupVersionKind::try_from(types).map_err(|error| error.to_string())?;
    let (resource, _) = discovery::pinned_kind(client, &kind)
        .await
        .map_err(|error| error.to_string())?;
    Ok(match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    })
}
