//! The actions of the machines, carried out: frames, stores, fetches, reports.

use stevedore_agent_core::session::{
    Action as AgentAction, Event as AgentEvent, FetchError, StoreError,
};
use stevedore_hub_core::fleet::DeploymentState;
use stevedore_hub_core::session::{
    Action as HubAction, Connection as Stream, Event as HubEvent, Report,
};
use stevedore_proto_core::message::OrderMessage;
use stevedore_proto_core::{DeploymentUid, Digest, Order, Reason, Stage, ToAgent, Tuple};

use super::agent::{Write, engine, status};
use super::truth::Check;
use super::world::{Happening, World};

/// What a member never stores.
pub(crate) const POISON: u8 = b'!';
impl World {
    pub(crate) fn do_agent(&mut self, cluster: usize, action: AgentAction) -> Check {
        let life = self.agents[cluster].life;
        match action {
            AgentAction::Connect {
                connection,
                redirect: _,
            } => self.dial(cluster, connection),
            AgentAction::Disconnect(dial) => self.hang_up(cluster, dial),
            AgentAction::Send(dial, message) => {
                if let Some(link) = self.link_of(cluster, dial) {
                    self.send_to_hub(link, message);
                }
            }
            AgentAction::Store {
                order,
                content,
                traceparent: _,
            } => {
                self.noise += 1;
                let (deployment, delay) = (order.deployment, self.rng.between(2, 400));
                self.agents[cluster].writes.insert(
                    deployment,
                    Write {
                        order: *order,
                        content,
                    },
                );
                self.after(
                    delay,
                    Happening::Stored {
                        cluster,
                        life,
                        deployment,
                    },
                );
            }
            AgentAction::Fetch {
                deployment,
                content,
            } => {
                self.noise += 1;
                let delay = self.rng.between(2, 400);
                self.after(
                    delay,
                    Happening::Fetched {
                        cluster,
                        life,
                        deployment,
                        content: content.digest,
                    },
                );
            }
            AgentAction::Refused { .. } | AgentAction::Synced => {}
        }
        Ok(())
    }

    pub(crate) fn do_member(
        &mut self,
        cluster: usize,
        action: HubAction,
        overflowed: &mut Option<Stream>,
    ) -> Check {
        let (stream, message) = match action {
            HubAction::Report(report) => return self.report(cluster, report),
            HubAction::Disconnect(stream) => {
                let link = stream.0 as usize;
                let (dial, life) = (self.links[link].dial, self.links[link].agent_life);
                let at = self.links[link].to_agent_at.max(self.now) + 1;
                self.links[link].cut = true;
                self.at(
                    at,
                    Happening::AgentLost {
                        cluster,
                        life,
                        dial,
                    },
                );
                return Ok(());
            }
            HubAction::Send(stream, message) => (stream, message),
            HubAction::SendOrder {
                connection,
                order,
                with_content,
            } => {
                self.truth.sent(&order, self.agents[cluster].uid)?;
                let content = order.content().filter(|_| with_content);
                let bytes = content.and_then(|content| self.hub.durable.content(&content.digest));
                if content.is_some() && bytes.is_none() {
                    return self.member(
                        cluster,
                        HubEvent::ContentMissing(connection, order.deployment),
                    );
                }
                let message = OrderMessage {
                    traceparent: Some(order.traceparent()),
                    order: (*order).clone(),
                    content: bytes,
                };
                (connection, ToAgent::Order(Box::new(message)))
            }
        };
        if !self.send_to_agent(stream.0 as usize, message) {
            *overflowed = Some(stream);
        }
        Ok(())
    }

    fn report(&mut self, cluster: usize, report: Report) -> Check {
        self.hub.fleet.report(self.agents[cluster].uid, &report);
        match report {
            Report::Connected { .. } => {
                return self.nothing_is_claimed_for_another_process(cluster);
            }
            Report::Status {
                incarnation,
                sequence,
                status,
            } => {
                self.truth
                    .reported(status.deployment, incarnation, sequence)?;
                self.hub.view.insert(status.deployment, *status);
            }
            Report::Progress {
                deployment,
                tuple,
                stage: Stage::Deleted,
            } => {
                if let Some((cluster, package)) = self.whose.get(&deployment).copied() {
                    self.hub.durable.finish(cluster, package, &tuple);
                    self.hub.read(cluster, self.broken);
                }
            }
            Report::Listing(listing) => {
                self.hub.listings.insert(cluster, listing);
            }
            Report::Fenced { seen, .. } => {
                self.hub.fenced_epoch = self.hub.fenced_epoch.max(seen.epoch.counter);
            }
            _ => {}
        }
        Ok(())
    }

    /// S9: what the hub calls available when a session opens, the process behind the session called so.
    fn nothing_is_claimed_for_another_process(&self, cluster: usize) -> Check {
        let agent = &self.agents[cluster];
        let stream = self.hub.members[cluster].session();
        let is_current = |stream: Stream| self.links[stream.0 as usize].agent_life == agent.life;
        if !stream.is_some_and(is_current) {
            // The process was killed and nobody knows yet.
            return Ok(());
        }
        for (package, deployment) in self.hub.fleet.on_cluster(&agent.uid) {
            let said = agent.reports.get(&package.deployment(&agent.uid));
            let available = said.is_some_and(|said| {
                said.stage == Stage::Available
                    && Some(said.observed) == deployment.details().ordered()
            });
            if deployment.row().state() == DeploymentState::Available && !available {
                return Err(self.violated(format!(
                    "S9: package {} is available on cluster {cluster}, whose new process said {said:?}",
                    package.package()
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn stored(&mut self, cluster: usize, life: u64, deployment: DeploymentUid) -> Check {
        if self.agents[cluster].life != life {
            return Ok(());
        }
        let Some(write) = self.agents[cluster].writes.remove(&deployment) else {
            return Ok(());
        };
        let (tuple, order) = (write.order.tuple, write.order.clone());
        let result = self.commit(cluster, write)?;
        let stored = result.is_ok();
        if stored {
            self.work_on(cluster, &order);
        }
        self.agent(
            cluster,
            AgentEvent::Stored {
                deployment,
                tuple,
                result,
            },
        )?;
        if stored {
            let status = status(&order, Stage::Received);
            self.agents[cluster]
                .reports
                .insert(deployment, status.clone());
            self.agent(cluster, AgentEvent::Status(Box::new(status)))?;
        }
        Ok(())
    }

    /// The engine of a member begins with an order, and reports every stage in its time.
    pub(crate) fn work_on(&mut self, cluster: usize, order: &Order) {
        let life = self.agents[cluster].life;
        for (at, stage) in engine(order, self.now, &mut self.rng) {
            self.at(
                at,
                Happening::Engine {
                    cluster,
                    life,
                    deployment: order.deployment,
                    tuple: order.tuple,
                    stage,
                },
            );
        }
    }

    /// Makes an order durable, unless the member refuses it.
    pub(crate) fn commit(
        &mut self,
        cluster: usize,
        write: Write,
    ) -> Result<Result<(), StoreError>, super::truth::Violation> {
        let refuse = |reason| {
            Err(StoreError {
                reason,
                message: "simulated".into(),
            })
        };
        if self.faulty && self.rng.chance(4) {
            return Ok(refuse(Reason::StoreFailed));
        }
        let agent = &mut self.agents[cluster];
        let bytes = match agent.store.bytes(&write.order, write.content.as_ref()) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error)),
        };
        if bytes
            .as_ref()
            .is_some_and(|bytes| bytes.first() == Some(&POISON))
        {
            return Ok(refuse(Reason::TooLarge));
        }
        self.truth
            .accepted(&write.order, bytes.as_ref(), agent.uid)?;
        agent.store.commit(write.order, bytes);
        let contents = agent.store.contents();
        self.agent(cluster, AgentEvent::Contents(contents))?;
        Ok(Ok(()))
    }

    pub(crate) fn fetched(
        &mut self,
        cluster: usize,
        life: u64,
        deployment: DeploymentUid,
        content: Digest,
    ) -> Check {
        if self.agents[cluster].life != life {
            return Ok(());
        }
        let allowed = self.hub.up && self.hub.orders[cluster].may_fetch(&content);
        let fails = self.faulty && self.rng.chance(10);
        let bytes = self
            .hub
            .durable
            .content(&content)
            .filter(|_| allowed && !fails);
        let result = bytes.ok_or(FetchError {
            message: "simulated".into(),
        });
        self.agent(
            cluster,
            AgentEvent::Fetched {
                deployment,
                content,
                result,
            },
        )
    }

    pub(crate) fn engine(
        &mut self,
        cluster: usize,
        life: u64,
        deployment: DeploymentUid,
        tuple: &Tuple,
        stage: Stage,
    ) -> Check {
        let agent = &mut self.agents[cluster];
        let is_held = agent
            .session
            .held()
            .any(|held| held.deployment == deployment && held.tuple == *tuple);
        if agent.life != life || !agent.up || !is_held {
            return Ok(());
        }
        let order = match self.truth.order(deployment, tuple) {
            Some(order) => order.clone(),
            None => return Err(self.violated("S2: the engine runs what was not ordered")),
        };
        match order.content() {
            Some(content) if stage == Stage::Applied => {
                self.truth.begun(deployment, tuple)?;
                agent.store.objects.insert(deployment, content.digest);
            }
            None => {
                self.truth.begun(deployment, tuple)?;
                self.truth.torn_down(deployment, Some(tuple))?;
                agent.store.objects.remove(&deployment);
                agent.store.finish(&deployment);
            }
            Some(_) => {}
        }
        let status = status(&order, stage);
        agent.reports.insert(deployment, status.clone());
        self.agent(
            cluster,
            AgentEvent::Progress {
                deployment,
                tuple: *tuple,
                stage,
            },
        )?;
        self.agent(cluster, AgentEvent::Status(Box::new(status)))
    }
}
