//! Staged rollouts in the demo: one cluster first, the others once they are approved, and none after a failure.

use std::collections::BTreeMap;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use stevedore_client::Api;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{ActionVerb, PackageStatus};

use super::example::{NAME, ONE, TWO};
use super::installed;
use super::steps::{ClusterState, Step, Steps};
use crate::rollout::Asked;

/// Wave that goes first, and the one that waits for an approval.
const CANARY: &str = "canary";
const OTHERS: &str = "others";
/// What keeps new pods from the first cluster while it is there.
const QUOTA: &str = "no-more-pods";
/// For how long a cluster may work on an edition in the demo.
const DEADLINE_SECONDS: i32 = 15;

impl Steps<'_> {
    /// The second edition onto one cluster; the others wait for an approval.
    pub(super) async fn canary(&self) -> anyhow::Result<Step> {
        self.step("canary", "Available", async {
            let rollout = json!({
                "waves": [
                    {"name": CANARY, "clusters": 1},
                    {"name": OTHERS, "approval": "Before"},
                ],
                "maxUnavailable": "100%",
            });
            self.order_two(rollout).await?;
            self.until("the canary is not available", |status| {
                // There is no other wave where there is one cluster only.
                let is_done = condition::is_true(&status.conditions, condition::READY)
                    && status.revision == Some(2);
                is_done || gate(status, OTHERS) == Some("Approval")
            })
            .await?;
            self.editions(&[&TWO, &ONE]).await
        })
        .await
    }

    /// The others, once they are approved.
    pub(super) async fn approval(&self) -> anyhow::Result<Step> {
        self.step("approval", "Available", async {
            if self.members.len() > 1 {
                self.ask(Asked {
                    verb: ActionVerb::Approve,
                    revision: Some(2),
                    wave: Some(OTHERS.to_owned()),
                    cluster: None,
                    reason: Some("demo".into()),
                })
                .await?;
            }
            self.held(&TWO, 2).await
        })
        .await
    }

    /// The second edition onto a cluster that admits no new pods: it fails there, and goes nowhere else.
    pub(super) async fn halt(&self) -> anyhow::Result<Step> {
        self.step("halt", "seen", async {
            let quota = ResourceQuota {
                metadata: ObjectMeta {
                    name: Some(QUOTA.to_owned()),
                    ..ObjectMeta::default()
                },
                spec: Some(ResourceQuotaSpec {
                    hard: Some(BTreeMap::from([(
                        "pods".to_owned(),
                        Quantity("0".to_owned()),
                    )])),
                    ..ResourceQuotaSpec::default()
                }),
                status: None,
            };
            let created = self.quotas()?.create(&PostParams::default(), &quota).await;
            created.context("cannot keep new pods from the first cluster")?;
            self.order_two(json!({"progressDeadlineSeconds": DEADLINE_SECONDS}))
                .await?;
            self.until("the rollout is not halted", |status| {
                let ready = condition::find(&status.conditions, condition::READY);
                ready.is_some_and(|ready| ready.reason == "RolloutHalted")
            })
            .await?;
            let mut clusters = Vec::new();
            for (at, (name, client)) in self.members.iter().enumerate() {
                let seen = installed::read(client).await?;
                let state = match seen.check(&ONE, name) {
                    Ok(()) => "Untouched",
                    Err(_) if at == 0 => "Failed",
                    Err(error) => return Err(error.context("the failure went on to others")),
                };
                clusters.push(ClusterState {
                    name: name.clone(),
                    state,
                    seen: Some(seen),
                });
            }
            Ok(clusters)
        })
        .await
    }

    /// New pods are admitted again: the rollout goes on by itself.
    pub(super) async fn repair(&self) -> anyhow::Result<Step> {
        self.step("repair", "Available", async {
            let deleted = self.quotas()?.delete(QUOTA, &DeleteParams::default()).await;
            deleted.context("cannot let pods onto the first cluster again")?;
            self.held(&TWO, 2).await
        })
        .await
    }

    fn quotas(&self) -> anyhow::Result<Api<ResourceQuota>> {
        let (_, first) = self.members.first().context("the fleet has no member")?;
        Ok(Api::namespaced(first.clone(), NAME))
    }

    /// Orders the second edition, to be rolled out so.
    async fn order_two(&self, rollout: Value) -> anyhow::Result<()> {
        let spec = json!({ "spec": {
            "image": self.demo.reference(&TWO),
            "config": { "colour": TWO.colour },
            "rollout": rollout,
        } });
        let api = self.api();
        api.patch(NAME, &PatchParams::default(), &Patch::Merge(&spec))
            .await?;
        Ok(())
    }

    /// Waits until the package's status, said of the newest spec, is as wanted.
    async fn until(
        &self,
        otherwise: &str,
        wanted: impl Fn(&PackageStatus) -> bool,
    ) -> anyhow::Result<()> {
        self.seen(otherwise, |package| {
            let status = package.status.as_ref();
            status.is_some_and(|status| {
                status.observed_generation == package.metadata.generation && wanted(status)
            })
        })
        .await
    }
}

/// What a wave waits for.
fn gate<'a>(status: &'a PackageStatus, name: &str) -> Option<&'a str> {
    let wave = status.waves.iter().find(|wave| wave.name == name)?;
    Some(&wave.gate)
}
