//! The example as a member's own API server shows it: nothing else counts as proof that a step is done.

use anyhow::{Context as _, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt as _};
use serde::Serialize;
use stevedore_client::Api;

use super::example::{Edition, NAME};

/// The example on one member, read from that member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    /// UID of the lamp's Deployment: an upgrade keeps it.
    pub(super) lamp_uid: String,
    lamp_image: String,
    lamp_ready: i32,
    lamp_wanted: i32,
    colour: String,
    notice: bool,
    /// The cluster's name as the custom resource holds it.
    cluster: String,
}

/// Reads the example from a member.
///
/// # Errors
/// When something of it is missing.
pub(super) async fn read(client: &Client) -> anyhow::Result<Seen> {
    let lamp = Api::<Deployment>::namespaced(client.clone(), NAME)
        .get("lamp")
        .await
        .context("Deployment lamp")?;
    let maps = Api::<ConfigMap>::namespaced(client.clone(), NAME);
    let beam = maps.get("beam").await.context("ConfigMap beam")?;
    let notice = maps.get_opt("notice").await.context("ConfigMap notice")?;
    let kind = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("lighthouse.example", "v1", "Beam"),
        "beams",
    );
    let main = Api::<DynamicObject>::namespaced_with(client.clone(), NAME, &kind)
        .get("main")
        .await
        .context("Beam main")?;
    let image = lamp
        .spec
        .template
        .spec
        .as_ref()
        .and_then(|pod| pod.containers.first()?.image.clone());
    Ok(Seen {
        lamp_uid: lamp.uid().unwrap_or_default(),
        lamp_image: image.unwrap_or_default(),
        lamp_ready: lamp
            .status
            .as_ref()
            .and_then(|status| status.available_replicas)
            .unwrap_or(0),
        lamp_wanted: lamp.spec.replicas.unwrap_or(0),
        colour: beam
            .data
            .and_then(|mut data| data.remove("colour"))
            .unwrap_or_default(),
        notice: notice.is_some(),
        cluster: main.data["spec"]["cluster"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    })
}

impl Seen {
    /// Whether this is that edition, complete and ready, on that cluster.
    ///
    /// # Errors
    /// With what differs.
    pub(super) fn check(&self, edition: &Edition, cluster: &str) -> anyhow::Result<()> {
        let Self {
            lamp_image,
            lamp_ready,
            lamp_wanted,
            colour,
            notice,
            cluster: named,
            ..
        } = self;
        let fits = lamp_image == edition.lamp
            && colour == edition.colour
            && *notice == edition.notice
            && named == cluster;
        if !fits || lamp_ready != lamp_wanted || *lamp_wanted == 0 {
            bail!("{cluster} does not hold edition {}: {self:?}", edition.tag);
        }
        Ok(())
    }
}

/// Checks that nothing of the example is left on a member.
///
/// # Errors
/// With what is left.
pub(super) async fn check_removed(client: &Client, cluster: &str) -> anyhow::Result<()> {
    if Api::<Namespace>::all(client.clone())
        .get_opt(NAME)
        .await?
        .is_some()
    {
        bail!("{cluster} still has namespace {NAME}");
    }
    if Api::<CustomResourceDefinition>::all(client.clone())
        .get_opt("beams.lighthouse.example")
        .await?
        .is_some()
    {
        bail!("{cluster} still has the definition of Beam");
    }
    Ok(())
}
