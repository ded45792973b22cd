//! `stevedore cluster remove NAME`: the end of a membership, drained or at once.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt as _};
use serde::Serialize;
use serde_json::json;
use stevedore_client::{Api, await_condition};
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_proto_core::ClusterName;

use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::packages::existing_cluster;

pub(crate) const EXAMPLES: &str = "\
Examples:
  stevedore cluster remove harbour-1             tear its packages down, then remove it
  stevedore cluster remove harbour-1 --forget    revoke it now and leave its workloads alone";

#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// Name of the MemberCluster
    name: ClusterName,
    /// Revoke the cluster at once and leave its workloads as they are
    #[arg(long)]
    forget: bool,
    /// How long to wait until the cluster is drained
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    timeout: SignedDuration,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// How far a removal came.
#[derive(Clone, Copy, Serialize)]
enum State {
    /// It goes on; the wait for it ran out.
    Draining,
    Removed,
    Forgotten,
}

#[derive(Serialize)]
struct Removal<'a> {
    cluster: &'a str,
    state: State,
}

impl Remove {
    pub(crate) async fn run(self, client: Client) -> anyhow::Result<Outcome> {
        let api: Api<MemberCluster> = Api::all(client);
        let cluster = existing_cluster(&api, &self.name).await?;
        if !self.forget && cluster.spec.cluster_uid.is_some() && !self.drained(&api).await? {
            if self.output != Format::Table {
                self.print(State::Draining)?;
            }
            return Ok(Outcome::NotAsAsked);
        }
        // The UID guards a cluster that was joined under this name in the meantime.
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: cluster.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        api.delete(&self.name, &params)
            .await
            .with_context(|| format!("cannot delete member cluster {}", self.name))?;
        self.print(if self.forget {
            State::Forgotten
        } else {
            State::Removed
        })?;
        Ok(Outcome::Done)
    }

    fn print(&self, state: State) -> anyhow::Result<()> {
        let words = match state {
            State::Draining => "is being drained",
            State::Removed => "removed",
            State::Forgotten => "forgotten; its workloads are left as they are",
        };
        let removal = Removal {
            cluster: &self.name,
            state,
        };
        let words = format!("membercluster {} {words}", self.name);
        output::one(self.output, &removal, &self.name, &words)
    }

    /// Sets `leaving` and waits; says what blocks whenever that changes.
    async fn drained(&self, api: &Api<MemberCluster>) -> anyhow::Result<bool> {
        let leaving = json!({ "spec": { "leaving": true } });
        api.patch(&self.name, &PatchParams::default(), &Patch::Merge(&leaving))
            .await
            .context("cannot set spec.leaving")?;
        let last = RefCell::new(String::new());
        let done = await_condition(
            api.clone(),
            &self.name,
            |cluster: Option<&MemberCluster>| {
                let Some(status) = cluster.and_then(|cluster| cluster.status.as_ref()) else {
                    return cluster.is_none();
                };
                let Some(drained) = condition::find(&status.conditions, condition::DRAINED) else {
                    return false;
                };
                if drained.status != "True" && *last.borrow() != drained.message {
                    eprintln!("draining {}: {}", self.name, drained.message);
                    last.replace(drained.message.clone());
                }
                drained.status == "True"
            },
        );
        let timeout = Duration::try_from(self.timeout).context("the timeout is negative")?;
        match tokio::time::timeout(timeout, done).await {
            Ok(result) => result
                .map(|_| true)
                .context("cannot read the member cluster"),
            Err(_) => {
                eprintln!(
                    "{} is not drained after {:#}. It goes on draining; run this again to wait, or --forget to leave its workloads.",
                    self.name, self.timeout
                );
                Ok(false)
            }
        }
    }
}
