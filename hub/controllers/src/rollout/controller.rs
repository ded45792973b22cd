//! The controller of rollouts: takes one package from its spec to durable orders.
//!
//! Intent and known state are gathered, [`stevedore_hub_core::rollout::plan`] plans, [`effects`] says in which order
//! what is done, and [`executor`](super::executor) does it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stevedore_hub_core::epoch::Record;
use stevedore_hub_core::fleet::MemberState;
use stevedore_hub_core::history;
use stevedore_hub_core::ledger::{Ledger, PackageIdentity};
use stevedore_hub_core::rollout::{self, Input, Intent, Pacing, Place, Plan, UnixMillis, Verbs};
use stevedore_proto_core::{ClusterUid, PackageUid};
use stevedore_runtime::retry::{self, Schedule};

use crate::hub::Hub;
use crate::member::members::Members;
use crate::member::status::GRACE;
use crate::package::any_package::AnyPackage;
use crate::package::progress::LastPlan;
use crate::package::unreadable::unreadable_record;
use crate::rollout::assignment::{self, member_states};
use crate::rollout::effects::{Object, Situation, effects, has_applied};
use crate::rollout::error::Error;
use crate::rollout::executor::Execution;
use crate::rollout::pin::{self, Settled};
use crate::rollout::stored_ledger::StoredLedger;
use crate::rollout::{finalizer, ledger_store, policy, targets};
use crate::write;

/// Waits until a plan that failed is tried again.
const AGAIN: Schedule = Schedule::new(Duration::from_secs(2), Duration::from_secs(60));
/// Conflicts in a row after which a package's status says what is in the way.
const CONFLICTS: u32 = 3;
/// Until a package's end is looked at again that waits for members to be heard.
const END_AGAIN: Duration = Duration::from_secs(2);

/// Works on one package; says when to look again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: PackageUid) -> Option<Duration> {
    match plan(&hub, uid).await {
        Ok(again) => {
            if hub.packages.progress.unblock(&uid) {
                hub.queues.package_status.add(uid);
            }
            again
        }
        Err(Error::Api(error)) if write::is_conflict(&error) => {
            hub.api.metrics.ledger_conflicts.inc();
            tracing::info!(package = %uid, "a write lost against another one: planning again from fresh rows");
            let wait = match read_again(&hub, uid).await {
                Ok(true) => Duration::from_millis(50),
                // What was refused although the ledger is as we know it is refused again: not at once, and said.
                Ok(false) if hub.packages.progress.conflict(uid) > CONFLICTS => {
                    return Some(failed(&hub, uid, &Error::Api(error)));
                }
                Ok(false) => Duration::from_secs(1),
                Err(error) => return Some(failed(&hub, uid, &error)),
            };
            Some(retry::spread(wait, 50, rand::random()))
        }
        Err(Error::NotLeading) => Some(retry::spread(AGAIN.initial, 50, rand::random())),
        Err(error) => Some(failed(&hub, uid, &error)),
    }
}

/// Makes the package's status say why it is not planned; says when that is tried again.
fn failed(hub: &Hub, uid: PackageUid, error: &Error) -> Duration {
    tracing::warn!(package = %uid, %error, "planning a package failed");
    let generation = hub.packages.get(&uid).map(|package| package.generation);
    let progress = &hub.packages.progress;
    let attempts = progress.block(uid, generation, error.failure());
    hub.queues.package_status.add(uid);
    retry::spread(AGAIN.bound(attempts), 50, rand::random())
}

/// Reads the ledger again, and says whether it is another one. Until that worked, the old rows stay and writes
/// keep being refused.
async fn read_again(hub: &Hub, uid: PackageUid) -> Result<bool, Error> {
    let Some(identity) = hub.package_identity(&uid) else {
        return Ok(false);
    };
    let before = hub.orders.ledger(&uid);
    let stored = read(hub, &identity).await?;
    let is_same = before.is_some_and(|before| before.is_same_version(&stored));
    hub.publish(Arc::new(stored));
    Ok(!is_same)
}

/// Reads a ledger that could not be read so far. While it cannot, nothing is ordered: which numbers were given, and
/// to whom, is not known.
async fn read_unreadable(hub: &Hub, package: &PackageIdentity) -> Result<(), Error> {
    if !hub.orders.is_unreadable(package) {
        return Ok(());
    }
    let stored = read(hub, package).await?;
    if !stored.objects.is_empty() {
        hub.publish(Arc::new(stored));
    }
    hub.orders.forget_unreadable(package);
    hub.show_leaving();
    Ok(())
}

/// Reads a ledger, and tells the live fleet of it before sessions are told: what members answer is lost on a fleet
/// that was not assigned these orders.
async fn read(hub: &Hub, package: &PackageIdentity) -> Result<StoredLedger, Error> {
    let stored = ledger_store::reload(hub, package).await?;
    if let Some(leadership) = hub.api.leader.current() {
        assignment::assume(&hub.fleet, &stored, leadership.epoch);
    }
    Ok(stored)
}

/// Plans one package, and carries the plan out; says when to look again.
async fn plan(hub: &Arc<Hub>, uid: PackageUid) -> Result<Option<Duration>, Error> {
    let Some(identity) = hub.package_identity(&uid) else {
        hub.forget_package(&uid);
        return Ok(None);
    };
    let found = hub.packages.lookup(&uid);
    let is_unknown = found.is_unknown();
    let package = found.into_plannable();
    read_unreadable(hub, &identity).await?;
    let known = || hub.orders.ledger(&uid);
    let ledger = known().map(|known| Arc::clone(&known.ledger));
    // Its rows change by this controller alone, which works on a package once at a time.
    let ledger = ledger.unwrap_or_else(|| Arc::new(Ledger::new(identity.clone())));
    if is_unknown && ledger.rows().next().is_none() {
        return Ok(None);
    }
    let mut wanted = intent(hub, package.as_ref(), is_unknown, &ledger).await?;
    // After the longest wait: the term may be another one by now, and a status may have been written.
    let moment = Moment::now(hub, package.as_ref(), &ledger)?;
    let known = known();
    let is_published = known.is_some();
    let stored = known.map_or_else(|| StoredLedger::new(identity), |known| (*known).clone());
    let plan = moment.plan(&mut wanted);
    let (intent, last_plan) = (wanted.intent, wanted.last_plan);
    let effects = effects(&Situation {
        object: object(package.as_ref()),
        intent: &intent,
        ledger: &ledger,
        plan: &plan,
        is_published,
        contacts: &hub.fleet.contacts(),
        knows_contacts: hub.orders.age() > GRACE,
    });
    let execution = Execution {
        hub,
        uid,
        package: package.as_ref(),
        is_unknown,
        intent: &intent,
        members: &moment.members,
        plan: &plan,
        leadership: moment.record.leadership,
        stored,
        stored_shards: Vec::new(),
        last_plan,
    };
    let ran = execution.run(&effects.list).await;
    hub.plan_each(concerned(hub, uid, &intent, &plan));
    ran?;
    hub.packages.progress.set_under_way(uid, plan.is_under_way);
    let end = effects.end_waits.then_some(END_AGAIN);
    Ok(end.into_iter().chain(plan.requeue_after(moment.now)).min())
}

/// Everything that a plan is made from beside what the package asks for.
struct Moment<'a> {
    hub: &'a Hub,
    package: Option<&'a AnyPackage>,
    ledger: &'a Ledger,
    record: Record,
    members: BTreeMap<ClusterUid, MemberState>,
    now: UnixMillis,
}

impl<'a> Moment<'a> {
    /// This moment, while this process leads. From here on reports may lead to another plan, until one says that none
    /// does.
    fn now(
        hub: &'a Hub,
        package: Option<&'a AnyPackage>,
        ledger: &'a Ledger,
    ) -> Result<Self, Error> {
        let uid = ledger.package.uid;
        let record = hub.api.leader.record().ok_or(Error::NotLeading)?;
        hub.packages.progress.set_under_way(uid, true);
        let now = (hub.api.settings.clock)();
        Ok(Self {
            hub,
            package,
            ledger,
            record,
            members: member_states(hub, uid, ledger),
            now: UnixMillis(u64::try_from(now.as_millisecond()).unwrap_or_default()),
        })
    }

    /// Plans; notes for the package's status what was found.
    fn plan(&self, wanted: &mut Wanted) -> Plan {
        let (hub, ledger, now) = (self.hub, self.ledger, self.now);
        let joined = hub.members.snapshot();
        let rollout = self.package.and_then(|it| it.spec.rollout.as_ref());
        let mut policy = policy::of(rollout);
        if wanted.last_plan.pinned.is_some() {
            // Whoever holds a package at a revision that it had before has approved it.
            policy.approve_everything();
        }
        let floor = self.record.floors.get(&ledger.package.uid).copied();
        let mut plan = rollout::plan(&Input {
            ledger,
            leadership: self.record.leadership,
            floor: floor.unwrap_or(0),
            intent: &wanted.intent,
            members: &self.members,
            pacing: Pacing {
                policy: &policy,
                places: &places(&joined, &wanted.intent),
                verbs: &wanted.verbs,
                settled_at: now.after(GRACE.saturating_sub(hub.orders.age())),
            },
            now,
        });
        wanted.last_plan.pending_render = plan.pending_render.len();
        wanted.last_plan.rollout = Arc::new(std::mem::take(&mut plan.rollout));
        plan
    }
}

/// The packages that have to be the only one of their name and waited for this one, or have to wait for it now.
fn concerned(hub: &Hub, uid: PackageUid, intent: &Intent, plan: &Plan) -> BTreeSet<PackageUid> {
    let mut claims = hub.packages.claims.lock();
    let mut concerned = match intent {
        Intent::Removed => claims.withdraw(&uid),
        _ => BTreeSet::new(),
    };
    if !plan.is_empty() {
        concerned.extend(claims.rivals(&uid));
    }
    concerned
}

/// Names and labels of the clusters that a package goes to.
fn places<'a>(members: &'a Members, intent: &'a Intent) -> BTreeMap<ClusterUid, Place<'a>> {
    let Intent::Present { targets, .. } = intent else {
        return BTreeMap::new();
    };
    let place = |cluster: &'a ClusterUid| {
        let member = &members.get(cluster)?.member;
        let place = Place {
            name: &member.name,
            labels: &member.labels,
        };
        Some((*cluster, place))
    };
    targets.keys().filter_map(place).collect()
}

fn object(package: Option<&AnyPackage>) -> Object {
    match package {
        None => Object::None,
        Some(package) if package.deleting => Object::Ending {
            is_kept: finalizer::is_on(package),
        },
        Some(_) => Object::Present,
    }
}

/// What a package asks for.
struct Wanted {
    intent: Intent,
    /// What people asked for of the rollout.
    verbs: Verbs,
    /// What the package's status has to know of that.
    last_plan: LastPlan,
}

/// What is intended, and what the package's status has to know of that. A package whose object is not there to say it
/// is left alone while something of it is ordered.
async fn intent(
    hub: &Arc<Hub>,
    package: Option<&AnyPackage>,
    is_unknown: bool,
    ledger: &Ledger,
) -> Result<Wanted, Error> {
    let mut wanted = spec_intent(hub, package).await?;
    let (identity, has_applied) = (&ledger.package, has_applied(ledger));
    if is_unknown {
        wanted.intent = Intent::Vanished;
        return Ok(wanted);
    }
    if package.is_none() && has_applied {
        // The finalizer keeps an object until every row is a tombstone: this one went past the hub.
        tracing::warn!(package = identity.name, uid = %identity.uid, "a package's object vanished; what runs is left alone");
        wanted.intent = Intent::Vanished;
        return Ok(wanted);
    }
    let is_removed = wanted.intent == Intent::Removed && has_applied;
    if is_removed && finalizer::definition_goes(hub, identity).await? {
        return Err(Error::DefinitionGoes);
    }
    Ok(wanted)
}

/// What the spec of a package asks for, and what its status has to know of that.
async fn spec_intent(hub: &Arc<Hub>, package: Option<&AnyPackage>) -> Result<Wanted, Error> {
    let mut last_plan = LastPlan {
        generation: package.map_or(0, |package| package.generation),
        has_content: true,
        ..LastPlan::default()
    };
    let Some(package) = package.filter(|package| !package.deleting) else {
        return Ok(Wanted {
            intent: Intent::Removed,
            verbs: Verbs::default(),
            last_plan,
        });
    };
    let revisions = hub.revisions.history(&package.identity());
    last_plan.has_content = history::current(&revisions, &package.content_hash()).is_some();
    last_plan.unreadable = unreadable_record(hub, package);
    // Which pin holds is not decided without an action that cannot be read.
    let Settled { pin, verbs } = match &last_plan.unreadable {
        Some(_) => Settled::default(),
        None => pin::settle(hub, package, &revisions).await?,
    };
    last_plan.pinned = pin.map(|pin| pin.revision);
    let intent = targets::intent(hub, package, pin.as_ref(), &mut last_plan).await;
    Ok(Wanted {
        intent,
        verbs,
        last_plan,
    })
}
