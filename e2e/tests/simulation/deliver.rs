//! Carrying out what the machines say: frames, stores, fetches, reports.

use stevedore_agent_core::session::{
    Action as AgentAction, Event as AgentEvent, FetchError, StoreError,
};
use stevedore_hub_core::session::{
    Action as HubAction, Connection as Stream, Event as HubEvent, Report,
};
use stevedore_proto_core::message::OrderMessage;
use stevedore_proto_core::{DeploymentUid, Digest, NackReason, Stage, ToAgent, ToHub, Tuple, held};

use super::agent::{Write, engine, status};
use super::breaks::Break;
use super::truth::Check;
use super::world::{Happening, Link, World};

/// What a member never stores.
pub(crate) const POISON: u8 = b'!';
/// Frames that fit the hub's queue for one agent.
const MAILBOX: usize = 8;

impl World {
    pub(crate) fn do_agent(&mut self, cluster: usize, action: AgentAction) -> Check {
        let life = self.agents[cluster].life;
        match action {
            AgentAction::Connect {
                connection,
                redirect: _,
            } => {
                let fails = !self.hub.up || (self.faulty && self.rng.chance(5));
                let delay = self.rng.between(1, 60);
                if fails {
                    self.after(
                        delay,
                        Happening::AgentLost {
                            cluster,
                            life,
                            dial: connection,
                        },
                    );
                    return Ok(());
                }
                self.links.push(Link {
                    cluster,
                    dial: connection,
                    agent_life: life,
                    hub_life: self.hub.life,
                    cut: false,
                    deaf_hub: false,
                    deaf_agent: false,
                    to_hub_at: 0,
                    to_agent_at: 0,
                    queued: 0,
                });
                let link = self.links.len() - 1;
                self.agents[cluster].link = Some(link as u64);
                self.after(delay, Happening::Opened { link });
            }
            AgentAction::Disconnect(dial) => {
                if let Some(link) = self.link_of(cluster, dial) {
                    self.links[link].cut = true;
                    let delay = self.rng.between(1, 60);
                    if !self.faulty || self.rng.chance(80) {
                        self.after(delay, Happening::HubLost { link });
                    }
                }
            }
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
                traceparent: _,
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
                    order: (*order).clone(),
                    content: bytes,
                    traceparent: None,
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
        match report {
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

    fn send_to_hub(&mut self, link: usize, message: ToHub) {
        if !matches!(message, ToHub::Heartbeat { .. }) {
            self.noise += 1;
            self.log(self.links[link].cluster, "▲", &message);
        }
        let (latency, lost, twice) = self.weather();
        let state = &mut self.links[link];
        if state.cut || state.deaf_hub || lost {
            return;
        }
        state.to_hub_at = state.to_hub_at.max(self.now + latency);
        let at = state.to_hub_at;
        if twice {
            self.at(
                at,
                Happening::ToHub {
                    link,
                    message: message.clone(),
                },
            );
        }
        self.at(at, Happening::ToHub { link, message });
    }

    /// False when the queue is full and the frame is lost.
    fn send_to_agent(&mut self, link: usize, message: ToAgent) -> bool {
        if !matches!(message, ToAgent::Beat) {
            self.noise += 1;
            self.log(self.links[link].cluster, "▼", &message);
        }
        let (latency, lost, twice) = self.weather();
        let state = &mut self.links[link];
        if state.cut {
            return true;
        }
        if state.queued >= MAILBOX {
            return false;
        }
        if state.deaf_agent || lost {
            return true;
        }
        state.to_agent_at = state.to_agent_at.max(self.now + latency);
        let at = state.to_agent_at;
        state.queued += 1 + usize::from(twice);
        if twice {
            self.at(
                at,
                Happening::ToAgent {
                    link,
                    message: message.clone(),
                },
            );
        }
        self.at(at, Happening::ToAgent { link, message });
        true
    }

    /// Latency of a frame, whether it is lost, whether it comes twice.
    fn weather(&mut self) -> (u64, bool, bool) {
        if !self.faulty {
            return (self.rng.between(1, 30), false, false);
        }
        let latency = if self.rng.chance(3) {
            self.rng.between(100, 20_000)
        } else {
            self.rng.between(1, 80)
        };
        (latency, self.rng.chance(2), self.rng.chance(3))
    }

    pub(crate) fn opened(&mut self, link: usize) -> Check {
        let Link {
            cluster,
            dial,
            agent_life,
            hub_life,
            ..
        } = self.links[link];
        if self.hub.life != hub_life || !self.hub.up {
            if self.agents[cluster].life == agent_life {
                return self.agent(cluster, AgentEvent::Disconnected(dial));
            }
            return Ok(());
        }
        self.member(cluster, HubEvent::Opened(Stream(link as u64)))?;
        if self.agents[cluster].life == agent_life {
            self.agent(cluster, AgentEvent::Connected(dial))?;
        }
        Ok(())
    }

    pub(crate) fn to_hub(&mut self, link: usize, message: ToHub) -> Check {
        let Link {
            cluster, hub_life, ..
        } = self.links[link];
        self.member_of(
            cluster,
            hub_life,
            HubEvent::Message(Stream(link as u64), Box::new(message)),
        )
    }

    pub(crate) fn to_agent(&mut self, link: usize, message: ToAgent) -> Check {
        self.links[link].queued = self.links[link].queued.saturating_sub(1);
        let Link {
            cluster,
            dial,
            agent_life,
            ..
        } = self.links[link];
        if self.agents[cluster].life != agent_life || !self.agents[cluster].up {
            return Ok(());
        }
        if self.broken == Some(Break::EmptyListDeletes)
            && matches!(&message, ToAgent::SnapshotComplete { root } if *root == held::root([]))
        {
            let live: Vec<_> = self.agents[cluster].store.objects.keys().copied().collect();
            for deployment in live {
                self.agents[cluster].store.objects.remove(&deployment);
                let tuple = self.agents[cluster]
                    .store
                    .get(&deployment)
                    .map(|set| set.order.tuple);
                self.truth.torn_down(deployment, tuple.as_ref())?;
            }
        }
        self.agent(cluster, AgentEvent::Message(dial, message))
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
            for (at, stage) in engine(&order, self.now, &mut self.rng) {
                self.at(
                    at,
                    Happening::Engine {
                        cluster,
                        life,
                        deployment,
                        tuple,
                        stage,
                    },
                );
            }
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
            return Ok(refuse(NackReason::StoreFailed));
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
            return Ok(refuse(NackReason::TooLarge));
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

    fn link_of(
        &self,
        cluster: usize,
        dial: stevedore_agent_core::session::Connection,
    ) -> Option<usize> {
        let link = self.agents[cluster].link? as usize;
        (self.links[link].dial == dial && self.links[link].agent_life == self.agents[cluster].life)
            .then_some(link)
    }
}
