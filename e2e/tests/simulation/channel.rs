//! The seeded channel: connections that open, break, go deaf; frames that are lost, late, or come twice.

use stevedore_agent_core::session::{Connection as Dial, Event as AgentEvent};
use stevedore_hub_core::session::{Connection as Stream, Event as HubEvent};
use stevedore_proto_core::{ToAgent, ToHub, held};

use super::breaks::Break;
use super::truth::Check;
use super::world::{Happening, Link, World};

/// Frames that fit the hub's queue for one agent.
const MAILBOX: usize = 8;

impl World {
    /// Opens a connection to the hub, if there is one.
    pub(crate) fn dial(&mut self, cluster: usize, dial: Dial) {
        let life = self.agents[cluster].life;
        let fails = !self.hub.up || (self.faulty && self.rng.chance(5));
        let delay = self.rng.between(1, 60);
        if fails {
            return self.after(
                delay,
                Happening::AgentLost {
                    cluster,
                    life,
                    dial,
                },
            );
        }
        self.links.push(Link {
            cluster,
            dial,
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

    /// The agent ends a connection; the hub hears of it or not.
    pub(crate) fn hang_up(&mut self, cluster: usize, dial: Dial) {
        if let Some(link) = self.link_of(cluster, dial) {
            self.links[link].cut = true;
            let delay = self.rng.between(1, 60);
            if !self.faulty || self.rng.chance(80) {
                self.after(delay, Happening::HubLost { link });
            }
        }
    }

    pub(crate) fn send_to_hub(&mut self, link: usize, message: ToHub) {
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
    pub(crate) fn send_to_agent(&mut self, link: usize, message: ToAgent) -> bool {
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

    pub(crate) fn arrives_at_hub(&mut self, link: usize, message: ToHub) -> Check {
        let Link {
            cluster, hub_life, ..
        } = self.links[link];
        self.member_of(
            cluster,
            hub_life,
            HubEvent::Message(Stream(link as u64), Box::new(message)),
        )
    }

    pub(crate) fn arrives_at_agent(&mut self, link: usize, message: ToAgent) -> Check {
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

    pub(crate) fn link_of(&self, cluster: usize, dial: Dial) -> Option<usize> {
        let link = self.agents[cluster].link? as usize;
        (self.links[link].dial == dial && self.links[link].agent_life == self.agents[cluster].life)
            .then_some(link)
    }
}
