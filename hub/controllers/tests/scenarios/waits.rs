//! Conditions that scenarios wait for, and the join of a cluster.

use std::sync::Arc;
use std::time::Duration;

use stevedore_crds::record;
use stevedore_hub_controllers::Hub;
use stevedore_hub_core::ports::{Enrolments as _, JoinRefusal, Redemption};

use super::agent::Agent;
use super::state;
use super::world::World;

/// How long an agent waits for the answer to a join.
const JOIN_WITHIN: Duration = Duration::from_secs(5);

impl World {
    /// Waits until every connected agent holds this revision of a package.
    pub(crate) async fn everywhere(&mut self, package: &str, revision: u64) {
        self.agents_agree(&format!("{package} {revision}"), |agent| {
            agent.held.values().any(|held| {
                held.package.name == package
                    && held.package.revision == revision
                    && held.content.is_some()
            })
        })
        .await;
    }

    /// Waits until all that connected agents hold was ordered in this epoch.
    pub(crate) async fn everywhere_in_epoch(&mut self, epoch: u64) {
        self.agents_agree(&format!("epoch {epoch}"), |agent| {
            let mut held = agent.held.values();
            held.all(|held| held.tuple.epoch.counter == epoch)
        })
        .await;
    }

    async fn agents_agree(&mut self, what: &str, fits: impl Fn(&Agent) -> bool) {
        self.until(&format!("{what} on every member"), |world| {
            let online = world.agents.iter().filter(|agent| agent.is_online);
            let missing: Vec<_> = online.filter(|agent| !fits(agent)).collect();
            let names: Vec<_> = missing.iter().map(|agent| agent.name.as_str()).collect();
            match names.is_empty() {
                true => Ok(()),
                false => Err(format!("not on {}", names.join(", "))),
            }
        })
        .await;
    }

    /// Waits until there is no such object.
    pub(crate) async fn gone(&mut self, plural: &str, name: &str) {
        self.until(&format!("{plural} {name} is gone"), |world| {
            world
                .api
                .get(plural, name)
                .map_or(Ok(()), |it| Err(it.to_string()))
        })
        .await;
    }

    /// Waits until an object's conditions contain this text, in the form `Type=Status/Reason`.
    pub(crate) async fn condition(&mut self, plural: &str, name: &str, wanted: &str) {
        self.until(&format!("{plural} {name}: {wanted}"), |world| {
            let object = world.api.get(plural, name).unwrap_or_default();
            let found = state::conditions(&object);
            match found.contains(wanted) {
                true => Ok(()),
                false => Err(found),
            }
        })
        .await;
    }

    /// Waits until the census that answers this request is in this state.
    pub(crate) async fn census(&mut self, request: &str, wanted: &str) {
        self.until(&format!("census {request}: {wanted}"), |world| {
            let found = world
                .api
                .get("configmaps", record::CENSUS)
                .unwrap_or_default();
            let data = &found["data"];
            match data[record::CENSUS_REQUEST] == request && data[record::CENSUS_STATE] == wanted {
                true => Ok(()),
                false => Err(found.to_string()),
            }
        })
        .await;
    }

    /// Every agent says again how far it is, as far as it gets by now.
    pub(crate) fn everyone_reports(&mut self) {
        let process = self.processes.iter().find_map(|process| process.hub());
        let hub = process.unwrap();
        for agent in &mut self.agents {
            agent.report_all(hub);
        }
    }

    /// The name of the first object of this kind.
    pub(crate) fn name_of(&self, plural: &str) -> String {
        let name = &self.api.all(plural)[0]["metadata"]["name"];
        name.as_str().unwrap().to_owned()
    }

    /// Waits until a hub has loaded, and gives it.
    pub(crate) async fn loaded(&mut self) -> Arc<Hub> {
        self.until("a hub that has loaded", |world| {
            world.hub().cloned().ok_or_else(|| "none".to_owned())
        })
        .await
    }

    /// Which of the processes that were started has loaded.
    pub(crate) fn loaded_number(&self) -> usize {
        let mut loaded = self.processes.iter().filter(|it| it.hub().is_some());
        loaded.next().map_or(0, |process| process.number)
    }

    /// Joins a cluster as its agent does, which asks again while the hub cannot tell. A joined one gets an agent.
    pub(crate) async fn join(&mut self, redemption: Redemption) -> Result<(), JoinRefusal> {
        let answer = loop {
            let hub = self.loaded().await;
            let asked = hub.redeem(redemption.clone());
            match tokio::time::timeout(JOIN_WITHIN, asked).await {
                Err(_) | Ok(Err(JoinRefusal::NotLoaded | JoinRefusal::NotLeader)) => {
                    self.pass(Duration::from_secs(1)).await;
                }
                Ok(answer) => break answer,
            }
        };
        let member = answer?;
        let agent = Agent::new(&redemption.name, redemption.cluster, member);
        self.agents.push(agent);
        Ok(())
    }
}
