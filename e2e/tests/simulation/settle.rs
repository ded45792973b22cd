//! Convergence and silence once faults have stopped.

use stevedore_hub_core::fleet::DeploymentState;
use stevedore_proto_core::{DeploymentUid, Millis, Order};

use super::breaks::Break;
use super::deliver::POISON;
use super::ledger::Intent;
use super::truth::{Check, Violation};
use super::world::{CLUSTERS, World};

/// Time for faults, for an operator's raise, and for the longest pause between two attempts.
const DEADLINE: Millis = 30 * 60_000;
/// How long nothing may happen at the end.
const SILENCE: Millis = 5 * 60_000;

/// One seeded run: faults, healing, convergence, silence.
pub(crate) fn run(seed: u64, broken: Option<Break>) -> Result<u64, Violation> {
    let mut world = World::new(seed, broken);
    let mut unsettled = String::from("not healed yet");
    while world.now < DEADLINE {
        world.run_until(world.now + 5_000)?;
        if world.faulty || world.restored || world.rewrite {
            continue;
        }
        match world.settled() {
            Ok(()) => {
                world.silent()?;
                return Ok(world.steps);
            }
            Err(Violation(text)) => unsettled = text,
        }
    }
    Err(world.violated(format!("not converged: {unsettled}")))
}

impl World {
    /// Whether every member holds what is wanted, and the hub shows what every member says.
    fn settled(&self) -> Check {
        if !self.hub.up || !self.hub.loaded {
            return Err(self.violated("the hub is not loaded"));
        }
        for cluster in 0..CLUSTERS {
            if self.hub.members[cluster].session().is_none()
                || !self.agents[cluster].session.is_up()
            {
                return Err(self.violated(format!("cluster {cluster} has no session")));
            }
        }
        self.hub
            .durable
            .intents
            .iter()
            .try_for_each(|((cluster, package), intent)| {
                let deployment = DeploymentUid::derive(package, &self.agents[*cluster].uid);
                self.deployment_settled(*cluster, deployment, intent)
                    .map_err(|text| {
                        self.violated(format!("cluster {cluster} package {package}: {text}"))
                    })
            })
    }

    fn deployment_settled(
        &self,
        cluster: usize,
        deployment: DeploymentUid,
        intent: &Intent,
    ) -> Result<(), String> {
        let (member, agent) = (&self.hub.members[cluster], &self.agents[cluster]);
        if let Some(reason) = member.frozen().get(&deployment) {
            return Err(format!("frozen, {}", reason.reason()));
        }
        let held = agent.store.get(&deployment);
        let wanted = self
            .whose
            .get(&deployment)
            .and_then(|(_, package)| self.hub.durable.row(cluster, *package));
        match (intent, wanted) {
            (Intent::Run { content, .. }, Some((row, _))) if content.first() == Some(&POISON) => {
                if member.quarantined().get(&deployment) != Some(&row.tuple) {
                    return Err("a poison order is not in quarantine".into());
                }
                return Ok(());
            }
            (Intent::Run { .. }, Some((row, _))) => self.runs(cluster, row, intent)?,
            (Intent::Run { .. }, None) => return Err("there is no order".into()),
            (Intent::Remove, Some((row, finished))) => {
                let done =
                    held.is_some_and(|set| set.order.tuple == row.tuple && set.is_finished());
                if !finished || !done {
                    return Err(format!("the tombstone is not done: wanted {:?}", row.tuple));
                }
            }
            (Intent::Remove, None) => return Ok(()),
        }
        // A process that found a finished tombstone has nothing to say about it.
        let report = agent.reports.get(&deployment);
        if report.is_some() && self.hub.view.get(&deployment) != report {
            return Err(format!(
                "the hub shows {:?}, the member last said {report:?} of {deployment}",
                self.hub.view.get(&deployment)
            ));
        }
        Ok(())
    }

    /// Whether a member holds and runs this order, it is what is intended, and the fleet shows it as available.
    fn runs(&self, cluster: usize, wanted: &Order, intent: &Intent) -> Result<(), String> {
        let (agent, deployment) = (&self.agents[cluster], wanted.deployment);
        let held = agent.store.get(&deployment).ok_or("nothing is held")?;
        if held.order.tuple != wanted.tuple {
            return Err(format!(
                "held {:?}, wanted {:?}",
                held.order.tuple, wanted.tuple
            ));
        }
        let is_intended = matches!(intent, Intent::Run { settings, content }
            if held.order.settings == *settings && held.content.as_ref() == Some(content));
        if !is_intended {
            return Err("held settings or content are not what is intended".into());
        }
        let live = agent.store.objects.get(&deployment).copied();
        if live != held.order.content().map(|content| content.digest) {
            return Err("what is live is not what is held".into());
        }
        let rows = self.hub.fleet.on_cluster(&agent.uid);
        let shown = rows
            .iter()
            .find(|(package, _)| package.deployment(&agent.uid) == deployment);
        if shown.map(|(_, shown)| shown.row().state()) != Some(DeploymentState::Available) {
            return Err(format!("the fleet shows {shown:?}"));
        }
        Ok(())
    }

    /// Nothing but heartbeats follows.
    fn silent(&mut self) -> Check {
        self.run_until(self.now + 60_000)?;
        let before = self.noise;
        self.run_until(self.now + SILENCE)?;
        if self.noise != before {
            return Err(self.violated(format!(
                "{} frames or writes after convergence",
                self.noise - before
            )));
        }
        self.settled()
    }
}
