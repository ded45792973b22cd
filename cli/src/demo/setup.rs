//! The fleet of the demo: clusters, registry, hub and agents, all processes of this machine.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use stevedore_client::{Api, await_condition};
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_crds::{SYSTEM_NAMESPACE, condition};
use stevedore_fleet::progress::Progress;
use stevedore_fleet::stack::{Hosted, prepare_agent, prepare_hub, write_token};
use stevedore_fleet::{ControlPlane, Fleet, Programs};
use stevedore_package::image::build;

use super::example::{self, Edition};
use crate::cluster::join::Join;
use crate::package::push;

/// How long a cluster may take from its token to its first session.
const JOINED_WITHIN: Duration = Duration::from_secs(120);
/// Label of the clusters that the example goes to.
pub(super) const LABEL: &str = "demo.stevedore.dev/member";

/// Everything that runs. Dropping it ends every process.
pub(super) struct DemoFleet {
    /// The hub first: what is dropped first ends first.
    pub(super) hub: Hosted,
    _agents: Vec<Hosted>,
    pub(super) fleet: Fleet,
}

impl DemoFleet {
    /// Starts clusters, registry, hub and agents; the hub's own cluster joins as `hub`.
    pub(super) async fn start(
        members: usize,
        progress: &dyn Progress,
        say: &dyn Fn(&str),
    ) -> anyhow::Result<Self> {
        say("building hub and agent, if they are not up to date");
        let programs = Programs::locate_showing(progress)
            .await
            .context("the hub and the agent are missing")?;
        let fleet = Fleet::builder()
            .members(members)
            .registry(true)
            .start(progress)
            .await
            .context("the clusters do not start")?;
        say("starting the hub");
        let hub = prepare_hub(&fleet, fleet.hub(), &programs).await?;
        hub.daemon.start().await.context("the hub does not start")?;
        let mut agents = vec![];
        for cluster in fleet.clusters() {
            say(&format!("joining {}", cluster.name()));
            agents.push(
                join(&fleet, cluster, &programs)
                    .await
                    .with_context(|| format!("{} cannot join", cluster.name()))?,
            );
        }
        let demo = Self {
            hub,
            _agents: agents,
            fleet,
        };
        for cluster in demo.fleet.clusters() {
            demo.connected(cluster.name()).await?;
        }
        Ok(demo)
    }

    /// Pushes an edition of the example to the registry; the reference to order it by.
    pub(super) async fn push(&self, edition: &Edition) -> anyhow::Result<String> {
        let image = build(&edition.files()?, &BTreeMap::new())?;
        let reference = self.reference(edition);
        push::push(&image, &push::tag(&reference)?, false).await?;
        Ok(reference)
    }

    pub(super) fn reference(&self, edition: &Edition) -> String {
        format!(
            "{}/{}:{}",
            self.fleet.registry().address(),
            example::NAME,
            edition.tag
        )
    }

    async fn connected(&self, name: &str) -> anyhow::Result<()> {
        let api: Api<MemberCluster> = Api::all(self.fleet.hub().client());
        let connected = await_condition(api.clone(), name, |cluster: Option<&MemberCluster>| {
            let status = cluster.and_then(|cluster| cluster.status.as_ref());
            status
                .is_some_and(|status| condition::is_true(&status.conditions, condition::CONNECTED))
        });
        if let Ok(seen) = tokio::time::timeout(JOINED_WITHIN, connected).await {
            seen.context("cannot read the member cluster")?;
            return Ok(());
        }
        let last = api.get(name).await?;
        anyhow::bail!(
            "{name} is not connected after {} s; last seen: {:?}; the end of the hub's log:\n{}",
            JOINED_WITHIN.as_secs(),
            last.status,
            self.hub.daemon.log_tail(15)
        )
    }
}

async fn join(
    fleet: &Fleet,
    cluster: &ControlPlane,
    programs: &Programs,
) -> anyhow::Result<Hosted> {
    let is_member = cluster.name() != stevedore_fleet::HUB;
    let labels = if is_member {
        vec![(LABEL.to_owned(), "true".to_owned())]
    } else {
        vec![]
    };
    let name = cluster.name().parse()?;
    let invitation = Join::invitation(name, labels)
        .invite(fleet.hub().client(), SYSTEM_NAMESPACE)
        .await?;
    let file = write_token(cluster, &invitation.token)?;
    let args = ["--join-token-file".to_owned(), file.display().to_string()];
    let agent = prepare_agent(fleet, cluster, programs, args).await?;
    agent.daemon.start().await?;
    Ok(agent)
}
