//! The steps of the demo: rollout, canary, approval, roll back and removal, each ordered on the hub and done when every
//! member shows it.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kube::Client;
use kube::api::{DeleteParams, PostParams};
use serde::Serialize;
use serde_json::json;
use stevedore_client::{Api, await_condition};
use stevedore_crds::v1alpha1::{
    ActionVerb, ClusterPackage, ClusterPackageSpec, LabelSelector, Placement,
};
use stevedore_crds::{SYSTEM_NAMESPACE, condition};

use super::example::{Edition, NAME, ONE, TWO};
use super::installed::{self, Seen};
use super::setup::{DemoFleet, LABEL};
use super::view::View;
use crate::failure;
use crate::output;
use crate::package_name::PackageName;
use crate::packages::Packages;
use crate::rollout;

/// How long one step may take, on a slow machine.
const STEP_WITHIN: Duration = Duration::from_secs(180);
/// How long a member may take to remove what an edition no longer has: it does that once the edition is available.
const PRUNED_WITHIN: Duration = Duration::from_secs(20);

/// What `--once` found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Whether every step ended as it should.
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    steps: Vec<Step>,
}

/// One step of the demo.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    name: &'static str,
    /// From the order on the hub until the hub and every member show it.
    seconds: f64,
    clusters: Vec<ClusterState>,
}

/// One cluster after a step, read from its own API server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterState {
    pub(super) name: String,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<Seen>,
}

impl Summary {
    /// Records how it ended.
    pub(super) fn end(&mut self, error: Option<&anyhow::Error>) {
        self.ok = error.is_none();
        self.error = error.map(failure::message);
    }

    /// The summary for people; none before anything was done.
    pub(super) fn table(&self) -> Option<String> {
        let rows = self.steps.iter().flat_map(|step| {
            step.clusters.iter().map(|cluster| {
                vec![
                    step.name.to_owned(),
                    format!("{:.1}", step.seconds),
                    cluster.name.clone(),
                    cluster.state.to_owned(),
                ]
            })
        });
        let header = ["step", "seconds", "cluster", "state"];
        (!self.steps.is_empty()).then(|| output::table(&header, rows))
    }
}

/// The steps on a fleet that runs.
pub(super) struct Steps<'a> {
    pub(super) demo: &'a DemoFleet,
    hub: Client,
    pub(super) members: Vec<(String, Client)>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(demo: &'a DemoFleet) -> Self {
        let members = demo
            .fleet
            .members()
            .iter()
            .map(|member| (member.name().to_owned(), member.client()))
            .collect();
        Self {
            demo,
            hub: demo.fleet.hub().client(),
            members,
        }
    }

    /// Every step; the summary holds those that ended well.
    pub(super) async fn all(&self, summary: &mut Summary) -> anyhow::Result<()> {
        let first = self.rollout().await.context("rollout")?;
        let uids = self.uids(&first);
        summary.steps.push(first);
        for (name, step) in [
            ("canary", self.canary().await),
            ("approval", self.approval().await),
            ("rollback", self.rollback().await),
        ] {
            let step = step.context(name)?;
            if self.uids(&step) != uids {
                bail!("{name} made a new lamp where it should have changed the one there was");
            }
            summary.steps.push(step);
        }
        summary.steps.push(self.removal().await.context("removal")?);
        Ok(())
    }

    /// A member that fails halts the rollout, and its repair resumes it.
    pub(super) async fn halting(&self, summary: &mut Summary) -> anyhow::Result<()> {
        summary.steps.push(self.rollout().await.context("rollout")?);
        summary.steps.push(self.halt().await.context("halt")?);
        summary.steps.push(self.repair().await.context("repair")?);
        summary.steps.push(self.removal().await.context("removal")?);
        Ok(())
    }

    fn uids(&self, step: &Step) -> BTreeMap<String, String> {
        step.clusters
            .iter()
            .filter_map(|cluster| {
                Some((
                    cluster.name.clone(),
                    cluster.seen.as_ref()?.lamp_uid.clone(),
                ))
            })
            .collect()
    }

    /// The first edition onto every member.
    pub(super) async fn rollout(&self) -> anyhow::Result<Step> {
        for edition in [&ONE, &TWO] {
            self.demo.push(edition).await?;
        }
        let placement = Placement {
            cluster_selector: Some(LabelSelector {
                match_labels: BTreeMap::from([(LABEL.to_owned(), "true".to_owned())]),
                ..LabelSelector::default()
            }),
            cluster_names: None,
        };
        let spec = ClusterPackageSpec {
            image: self.demo.reference(&ONE),
            config: Some(serde_json::Map::from_iter([(
                "colour".to_owned(),
                json!(ONE.colour),
            )])),
            placement: Some(placement),
            revision_history_limit: 10,
            ..ClusterPackageSpec::default()
        };
        self.step("rollout", "Available", async {
            self.api()
                .create(&PostParams::default(), &ClusterPackage::new(NAME, spec))
                .await?;
            self.held(&ONE, 1).await
        })
        .await
    }

    async fn rollback(&self) -> anyhow::Result<Step> {
        self.step("rollback", "Available", async {
            self.ask(rollout::Asked {
                verb: ActionVerb::Pin,
                revision: Some(1),
                wave: None,
                cluster: None,
                reason: Some("demo".into()),
            })
            .await?;
            self.held(&ONE, 1).await
        })
        .await
    }

    /// Records a verb on the package, and waits until the hub has taken it up.
    pub(super) async fn ask(&self, asked: rollout::Asked) -> anyhow::Result<()> {
        let packages = Packages::new(self.hub.clone(), SYSTEM_NAMESPACE);
        let name = PackageName {
            namespace: None,
            name: NAME.to_owned(),
        };
        let action = rollout::record_action(&packages, &name, asked).await?;
        if !rollout::is_decided(&action) {
            bail!("the hub did not take up what was asked of it");
        }
        Ok(())
    }

    async fn removal(&self) -> anyhow::Result<Step> {
        self.step("removal", "Removed", async {
            self.api().delete(NAME, &DeleteParams::default()).await?;
            let is_gone = |package: Option<&ClusterPackage>| package.is_none();
            let gone = await_condition(self.api(), NAME, is_gone);
            within(gone, "the package is still there").await?;
            let mut clusters = vec![];
            for (name, client) in &self.members {
                installed::check_removed(client, name).await?;
                clusters.push(ClusterState {
                    name: name.clone(),
                    state: "Removed",
                    seen: None,
                });
            }
            Ok(clusters)
        })
        .await
    }

    /// Times a step and shows the table meanwhile.
    pub(super) async fn step(
        &self,
        name: &'static str,
        goal: &str,
        work: impl Future<Output = anyhow::Result<Vec<ClusterState>>>,
    ) -> anyhow::Result<Step> {
        let watched = std::io::stderr().is_terminal();
        eprintln!("{name}:");
        let mut view = View::new(&self.members, watched);
        let begin = Instant::now();
        let done = tokio::select! {
            done = work => done,
            never = view.keep() => match never {},
        };
        let seconds = begin.elapsed().as_secs_f64();
        view.end().await;
        let clusters = done.with_context(|| {
            format!("the hub's log ends:\n{}", self.demo.hub.daemon.log_tail(15))
        })?;
        eprintln!(
            "{name}: {goal} on {} clusters after {seconds:.1} s",
            clusters.len()
        );
        Ok(Step {
            name,
            seconds,
            clusters,
        })
    }

    /// Waits until the hub says that this edition is available as that revision, and then reads
    /// every member.
    pub(super) async fn held(
        &self,
        edition: &Edition,
        revision: i64,
    ) -> anyhow::Result<Vec<ClusterState>> {
        let wanted = self.members.len();
        self.seen("the package is not available", |package| {
            let Some(status) = &package.status else {
                return false;
            };
            status.observed_generation == package.metadata.generation
                && status.revision == Some(revision)
                && condition::is_true(&status.conditions, condition::READY)
                && status
                    .counts
                    .is_some_and(|counts| usize::try_from(counts.available) == Ok(wanted))
        })
        .await?;
        self.editions(&[edition]).await
    }

    /// Waits until the package is as wanted.
    pub(super) async fn seen(
        &self,
        otherwise: &str,
        wanted: impl Fn(&ClusterPackage) -> bool,
    ) -> anyhow::Result<()> {
        let is_wanted = |package: Option<&ClusterPackage>| package.is_some_and(&wanted);
        let seen = await_condition(self.api(), NAME, is_wanted);
        if let Err(error) = within(seen, otherwise).await {
            let last = self.api().get(NAME).await?.status;
            bail!(
                "{}; last seen: {}",
                failure::message(&error),
                serde_json::to_string(&last)?
            );
        }
        Ok(())
    }

    /// Reads every member, which has to hold the first of these editions, the next one the second, and so on; all that
    /// follow hold the last.
    pub(super) async fn editions(
        &self,
        editions: &[&Edition],
    ) -> anyhow::Result<Vec<ClusterState>> {
        let mut clusters = vec![];
        for (at, (name, client)) in self.members.iter().enumerate() {
            let edition = editions.get(at).or(editions.last());
            let edition = edition.context("no edition is wanted")?;
            let seen = holds(client, name, edition).await?;
            clusters.push(ClusterState {
                name: name.clone(),
                state: "Available",
                seen: Some(seen),
            });
        }
        Ok(clusters)
    }

    pub(super) fn api(&self) -> Api<ClusterPackage> {
        Api::all(self.hub.clone())
    }
}

/// What the member holds, once that is the edition and nothing else.
async fn holds(client: &Client, name: &str, edition: &Edition) -> anyhow::Result<Seen> {
    let begin = Instant::now();
    loop {
        let seen = installed::read(client)
            .await
            .with_context(|| format!("{name} lacks something"))?;
        match seen.check(edition, name) {
            Ok(()) => return Ok(seen),
            Err(error) if begin.elapsed() > PRUNED_WITHIN => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn within<T>(
    wait: impl Future<Output = kube::Result<T>>,
    otherwise: &str,
) -> anyhow::Result<()> {
    match tokio::time::timeout(STEP_WITHIN, wait).await {
        Ok(seen) => seen.map(|_| ()).context("cannot read the package"),
        Err(_) => bail!("{otherwise} after {} s", STEP_WITHIN.as_secs()),
    }
}
