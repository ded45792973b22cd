//! Writers and faults, and what an operator does about them.

use std::sync::Arc;

use stevedore_hub_core::fleet::Assignment;
use stevedore_hub_core::session::Event as HubEvent;
use stevedore_proto_core::{DeploymentUid, PackageUid, Settings};

use super::breaks::Break;
use super::deliver::POISON;
use super::hub::{Backup, Change};
use super::ledger::Intent;
use super::truth::Check;
use super::world::{CLUSTERS, Happening, World};

impl World {
    /// Somebody changes what is wanted.
    pub(crate) fn write(&mut self) -> Check {
        if !self.faulty {
            return Ok(());
        }
        let next = if self.rng.chance(50) {
            self.rng.between(5, 200)
        } else {
            self.rng.between(200, 9_000)
        };
        self.after(next, Happening::Write);
        let at = self.rng.below(self.packages.len() as u64) as usize;
        let package = self.packages[at];
        if self.rng.chance(4) {
            return self.recreate(at);
        }
        let cluster = self.rng.below(CLUSTERS as u64) as usize;
        let key = (cluster, package);
        let intent = match self.hub.durable.intents.get(&key) {
            Some(Intent::Run { .. }) if self.rng.chance(15) => Intent::Remove,
            Some(Intent::Run { settings, content }) if self.rng.chance(30) => {
                let account = Some(format!("account-{}", self.rng.below(4)));
                Intent::Run {
                    settings: Settings {
                        account,
                        ..settings.clone()
                    },
                    content: content.clone(),
                }
            }
            _ => Intent::Run {
                settings: self.settings(),
                content: self.content(),
            },
        };
        self.intend(cluster, package, intent)
    }

    fn settings(&mut self) -> Settings {
        let account = self
            .rng
            .chance(50)
            .then(|| format!("account-{}", self.rng.below(4)));
        Settings {
            account,
            paused: self.rng.chance(10),
            ..Settings::default()
        }
    }

    /// One of a few contents, so that going back to an older one happens; some are poison.
    fn content(&mut self) -> Arc<[u8]> {
        let text = match self.rng.below(12) {
            0 => format!("{}poison", POISON as char),
            one => format!("content {one}"),
        };
        text.into_bytes().into()
    }

    /// A package is deleted and one of the same name created.
    fn recreate(&mut self, at: usize) -> Check {
        let old = self.packages[at];
        for cluster in 0..CLUSTERS {
            if self.hub.durable.intents.contains_key(&(cluster, old)) {
                self.intend(cluster, old, Intent::Remove)?;
            }
        }
        self.packages[at] = PackageUid::from_bytes(self.rng.id());
        Ok(())
    }

    fn intend(&mut self, cluster: usize, package: PackageUid, intent: Intent) -> Check {
        self.hub.durable.intents.insert((cluster, package), intent);
        if self.hub.up && self.hub.loaded {
            self.plan(cluster, package)
        } else {
            Ok(())
        }
    }

    /// Orders what an intent needs, durable first; the session hears of it a little later.
    fn plan(&mut self, cluster: usize, package: PackageUid) -> Check {
        let uid = self.agents[cluster].uid;
        self.whose
            .insert(DeploymentUid::derive(&package, &uid), (cluster, package));
        let by = self.hub.leadership;
        let Some(order) = self
            .hub
            .durable
            .plan(cluster, uid, package, by, self.broken)
        else {
            return Ok(());
        };
        self.truth.ordered(&order)?;
        self.assign(package);
        for cluster in 0..CLUSTERS {
            self.hub.read(cluster, self.broken);
        }
        let change = Change {
            deployment: order.deployment,
            tombstone: order.is_tombstone(),
        };
        self.hub.changed(cluster, change, self.broken);
        let (delay, life) = (self.rng.between(1, 100), self.hub.life);
        self.after(delay, Happening::Feed { cluster, life });
        Ok(())
    }

    /// Tells the live fleet what is ordered and wanted of a package.
    fn assign(&mut self, package: PackageUid) {
        let durable = &self.hub.durable;
        let assignment = |cluster| {
            let intent = durable.intents.get(&(cluster, package))?;
            let order = durable.row(cluster, package).map(|(order, _)| order);
            let assignment = Assignment {
                tuple: order.map(|order| order.tuple),
                tombstone: order.is_some_and(|order| order.is_tombstone()),
                targeted: *intent != Intent::Remove,
            };
            Some((self.agents[cluster].uid, assignment))
        };
        let assignments = (0..CLUSTERS).filter_map(assignment).collect();
        self.hub.fleet.assign(package.into(), &assignments);
    }

    pub(crate) fn fault(&mut self) -> Check {
        if !self.faulty {
            return Ok(());
        }
        let next = self.rng.between(100, 8_000);
        self.after(next, Happening::Fault);
        let cluster = self.rng.below(CLUSTERS as u64) as usize;
        match self.rng.below(20) {
            0..=4 => self.cut(cluster),
            5..=6 => self.deafen(cluster),
            7..=9 => return self.kill_agent(cluster),
            10..=11 => {
                self.kill_hub();
                let down = self.rng.between(20, 20_000);
                self.after(down, Happening::StartHub);
            }
            12..=13 => {
                let backup = Backup {
                    durable: self.hub.durable.clone(),
                    known: self.truth.known(),
                };
                self.hub.backup = Some(backup);
            }
            14 => self.restore(),
            15 if self.restored => {
                let census = self.rng.chance(50);
                self.after(0, Happening::Census);
                self.after(3_000, Happening::Raise { census });
            }
            16..=17 => {
                self.hub.durable.drop_finished();
                (0..CLUSTERS).for_each(|cluster| self.hub.read_if_loaded(cluster, self.broken));
            }
            _ => {}
        }
        Ok(())
    }

    /// The connection breaks; both sides notice sometime, frames on the way may come very late.
    fn cut(&mut self, cluster: usize) {
        let Some(link) = self.agents[cluster].link.map(|link| link as usize) else {
            return;
        };
        let state = &mut self.links[link];
        state.cut = true;
        let (dial, life) = (state.dial, state.agent_life);
        let (agent, hub) = (self.rng.between(1, 5_000), self.rng.between(1, 30_000));
        if self.rng.chance(70) {
            self.after(
                agent,
                Happening::AgentLost {
                    cluster,
                    life,
                    dial,
                },
            );
        }
        if self.rng.chance(70) {
            self.after(hub, Happening::HubLost { link });
        }
    }

    fn deafen(&mut self, cluster: usize) {
        if let Some(link) = self.agents[cluster].link {
            let hub = self.rng.chance(50);
            let state = &mut self.links[link as usize];
            state.deaf_hub |= hub;
            state.deaf_agent |= !hub;
        }
    }

    fn kill_agent(&mut self, cluster: usize) -> Check {
        if !self.agents[cluster].up {
            return Ok(());
        }
        let executed = self.agents[cluster].kill(&mut self.rng);
        for write in executed {
            self.commit(cluster, write)?.ok();
        }
        self.cut(cluster);
        let down = self.rng.between(20, 20_000);
        self.after(down, Happening::StartAgent { cluster });
        Ok(())
    }

    pub(crate) fn start_agent(&mut self, cluster: usize) -> Check {
        if self.agents[cluster].up {
            return Ok(());
        }
        let open = self.agents[cluster].start(self.broken, &mut self.rng);
        for (deployment, tuple) in open {
            if let Some(order) = self.truth.order(deployment, &tuple).cloned() {
                self.work_on(cluster, &order);
            }
        }
        self.after(1, Happening::AgentWake { cluster });
        Ok(())
    }

    fn kill_hub(&mut self) {
        if !self.hub.up {
            return;
        }
        self.hub.kill();
        self.truth.hub_forgot();
        for link in 0..self.links.len() {
            let state = &mut self.links[link];
            if state.hub_life + 1 == self.hub.life && !state.cut {
                state.cut = true;
                let (cluster, life, dial) = (state.cluster, state.agent_life, state.dial);
                let delay = self.rng.between(1, 3_000);
                self.after(
                    delay,
                    Happening::AgentLost {
                        cluster,
                        life,
                        dial,
                    },
                );
            }
        }
    }

    pub(crate) fn start_hub(&mut self) -> Check {
        if self.hub.up {
            return Ok(());
        }
        self.hub.start(CLUSTERS, self.broken, &mut self.rng);
        let (delay, life) = (self.rng.between(10, 4_000), self.hub.life);
        self.after(delay, Happening::Loaded { life });
        Ok(())
    }

    pub(crate) fn loaded(&mut self, life: u64) -> Check {
        if self.hub.life != life || !self.hub.up {
            return Ok(());
        }
        self.hub.loaded = true;
        if std::mem::take(&mut self.rewrite) {
            let by = self.hub.leadership;
            for (_, order) in self.hub.durable.rewrite(by) {
                self.truth.ordered(&order)?;
            }
        }
        (0..CLUSTERS).for_each(|cluster| self.hub.read(cluster, self.broken));
        let intents: Vec<_> = self.hub.durable.intents.keys().copied().collect();
        for (cluster, package) in intents {
            self.assign(package);
            self.plan(cluster, package)?;
        }
        (0..CLUSTERS).try_for_each(|cluster| self.member(cluster, HubEvent::Reloaded))
    }

    /// The hub's data is put back to an older copy.
    fn restore(&mut self) {
        let Some(backup) = self.hub.backup.take() else {
            return;
        };
        self.kill_hub();
        self.truth.restored(&backup.known);
        self.hub.durable = backup.durable;
        self.restored = true;
        let down = self.rng.between(20, 5_000);
        self.after(down, Happening::StartHub);
    }

    /// An operator raises the epoch; the hub starts anew under it.
    pub(crate) fn raise(&mut self, census: bool) -> Check {
        if !self.restored {
            return Ok(());
        }
        let (floor, numbers) = (self.hub.epoch_floor(), self.hub.census());
        self.kill_hub();
        let id = self.rng.id();
        let numbers = if census { numbers } else { Default::default() };
        self.hub.durable.raise(floor, id, &numbers);
        self.restored = false;
        self.rewrite = true;
        self.hub.backup = None;
        self.start_hub()
    }

    /// Faults stop. What is down starts, and an operator deals with a restored hub.
    pub(crate) fn heal(&mut self) -> Check {
        self.faulty = false;
        self.start_hub()?;
        for cluster in 0..CLUSTERS {
            self.start_agent(cluster)?;
            self.drop_link(cluster);
        }
        if self.restored {
            self.after(90_000, Happening::Census);
            let census = self.rng.chance(50);
            self.after(100_000, Happening::Raise { census });
        }
        Ok(())
    }

    /// A link that loses one direction is noticed by silence; nothing helps it to be noticed.
    fn drop_link(&mut self, cluster: usize) {
        if let Some(link) = self.agents[cluster].link.map(|link| link as usize) {
            let state = &mut self.links[link];
            state.cut |= state.deaf_agent || state.deaf_hub;
        }
    }
}

impl super::hub::Hub {
    fn read_if_loaded(&mut self, cluster: usize, broken: Option<Break>) {
        if self.up && self.loaded {
            self.read(cluster, broken);
        }
    }
}
