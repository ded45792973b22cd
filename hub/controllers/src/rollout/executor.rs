//! The executor of a plan's effects: carries them out one after the other, and stops at the first that fails.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_hub_core::fleet::MemberState;
use stevedore_hub_core::rollout::{Intent, Plan};
use stevedore_proto_core::{ClusterUid, Leadership, PackageUid};

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::garbage_collection;
use crate::package::progress::LastPlan;
use crate::package::unreadable::unreadable_record;
use crate::rollout::assignment::{assign, targeted};
use crate::rollout::effects::Effect;
use crate::rollout::error::Error;
use crate::rollout::stored_ledger::StoredLedger;
use crate::rollout::{finalizer, ledger_status, targets};

/// One plan while it is carried out.
pub(super) struct Execution<'a> {
    pub(super) hub: &'a Hub,
    pub(super) uid: PackageUid,
    pub(super) package: Option<&'a AnyPackage>,
    /// What the package asks for is not known.
    pub(super) is_unknown: bool,
    pub(super) intent: &'a Intent,
    pub(super) members: &'a BTreeMap<ClusterUid, MemberState>,
    pub(super) plan: &'a Plan,
    /// As which it was planned; nothing is stored as anybody else.
    pub(super) leadership: Leadership,
    /// The ledger as far as it is stored.
    pub(super) stored: StoredLedger,
    /// The shards of it that were stored.
    pub(super) stored_shards: Vec<usize>,
    pub(super) last_plan: LastPlan,
}

impl Execution<'_> {
    /// Carries the effects out in order. After the first that fails only what is owed all the same is.
    pub(super) async fn run(mut self, effects: &[Effect]) -> Result<(), Error> {
        let mut result = Ok(());
        for effect in effects {
            if result.is_ok() || effect.is_owed_after_failure() {
                result = result.and(self.carry_out(*effect).await);
            }
        }
        result
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<(), Error> {
        let (hub, queues) = (self.hub, &self.hub.queues);
        match effect {
            Effect::AddFinalizer => {
                if let Some(package) = self.package {
                    finalizer::ensure(hub, package).await?;
                }
            }
            Effect::StoreShard(at) => self.store_shard(at).await?,
            Effect::Assign => {
                let leadership = hub.api.leader.current().unwrap_or(self.leadership);
                let targeted = self.targeted();
                assign(&hub.fleet, &self.stored.ledger, leadership.epoch, &targeted);
            }
            Effect::Publish => {
                let changes = hub.orders.put_stored(&self.stored, &self.stored_shards);
                hub.tell(changes);
            }
            Effect::NotePlan => self.note_plan(),
            Effect::ShowLeaving => hub.show_leaving(),
            Effect::ShowStatus => {
                ledger_status::queue(hub, self.uid);
                queues.package_status.add(self.uid);
            }
            Effect::Announce => self.announce().await,
            Effect::PlanAgain => queues.plan.add(self.uid),
            Effect::CollectHistory => {
                if let Some(package) = self.package
                    && unreadable_record(hub, package).is_none()
                {
                    let pinned = self.last_plan.pinned;
                    garbage_collection::history(hub, package, &self.stored.ledger, pinned).await?;
                }
            }
            Effect::RemoveHistory => {
                garbage_collection::everything(hub, &self.stored.ledger.package).await?;
            }
            Effect::RemoveFinalizer => {
                if let Some(package) = self.package {
                    finalizer::remove(hub, package).await?;
                }
            }
            Effect::RemoveLedger => {
                let server = &hub.api;
                self.stored
                    .remove(&server.client, server.namespace())
                    .await?;
                hub.orders.remove(&self.uid);
            }
            Effect::Forget => hub.forget_package(&self.uid),
        }
        Ok(())
    }

    /// Stores a shard, while this process leads as it did when it planned.
    async fn store_shard(&mut self, at: usize) -> Result<(), Error> {
        let Some(shard) = self.plan.shards.get(&at) else {
            return Ok(());
        };
        let server = &self.hub.api;
        if server.leader.current() != Some(self.leadership) {
            return Err(Error::NotLeading);
        }
        self.stored
            .store(&server.client, server.namespace(), at, shard)
            .await?;
        self.stored_shards.push(at);
        server.metrics.ledger_writes.inc();
        Ok(())
    }

    fn targeted(&self) -> BTreeSet<ClusterUid> {
        targeted(
            self.members,
            &self.stored.ledger,
            self.intent,
            self.is_unknown,
        )
    }

    fn note_plan(&mut self) {
        if let (Some(package), Intent::Keep { .. }) = (self.package, self.intent) {
            let ledger = &self.stored.ledger;
            targets::describe_kept(self.hub, package, ledger, &mut self.last_plan);
        }
        let progress = &self.hub.packages.progress;
        progress.set_plan(self.uid, self.last_plan.clone());
    }

    /// Writes an event of what was ordered, and counts it.
    async fn announce(&self) {
        let orders = &self.plan.orders;
        self.hub.api.metrics.orders.inc_by(orders.len() as u64);
        let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
        for cause in orders.values() {
            *causes.entry(cause.as_str()).or_default() += 1;
        }
        let Some(package) = self.package.filter(|_| !causes.is_empty()) else {
            return;
        };
        let causes = causes.iter();
        let causes: Vec<_> = causes
            .map(|(cause, count)| format!("{cause} for {count}"))
            .collect();
        let note = format!("ordered: {} clusters", causes.join(", "));
        let object = package.object_reference();
        self.hub.api.event_on(&object, false, "Ordered", note).await;
    }
}
