//! One package: from what is wanted to durable orders.
//!
//! The plan itself is [`stevedore_hub_core::rollout::plan`]; here are its inputs, and the order of effects:
//! the finalizer before the first order, ledgers before anything is told to a session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt as _;
use stevedore_client::Api;
use stevedore_crds::v1alpha1::PackageAction;
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::history::{self, Pin};
use stevedore_hub_core::ledger::{Ledger, PackageIdentity};
use stevedore_hub_core::rollout::{self, Input, Intent, Plan, UnixMillis};
use stevedore_proto_core::{PackageUid, Reason};
use stevedore_runtime::retry::{self, Schedule};

use crate::hub::{Hub, View, lock};
use crate::package::any_package::AnyPackage;
use crate::package::revisions::revision_namespace;
use crate::package::{controller as package_controller, garbage_collection};
use crate::rollout::actions::{self, Found};
use crate::rollout::assignment::{self, assign, member_states, targeted};
use crate::rollout::finalizer;
use crate::rollout::ledger_store::{self, StoredLedger};
use crate::rollout::targets;
use crate::write;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Ledger(#[from] ledger_store::Error),
    #[error("this replica does not lead")]
    NotLeading,
    #[error(
        "the definition of the package's kind is being deleted; nothing is torn down meanwhile"
    )]
    DefinitionGoes,
}

impl Error {
    /// As people are shown it.
    fn reason(&self) -> Reason {
        match self {
            Self::Api(_) | Self::Ledger(ledger_store::Error::Api(_)) => Reason::NotStored,
            Self::Ledger(ledger_store::Error::Unreadable { .. }) => Reason::LedgerUnreadable,
            Self::Ledger(ledger_store::Error::Foreign { .. }) => Reason::LedgerNameTaken,
            Self::NotLeading => Reason::NotLeader,
            Self::DefinitionGoes => Reason::DefinitionTerminating,
        }
    }
}

/// Waits until a plan that failed is tried again.
const AGAIN: Schedule = Schedule::new(Duration::from_secs(2), Duration::from_secs(60));

/// Works on one package; says when to look again.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: PackageUid) -> Option<Duration> {
    match step(&hub, uid).await {
        Ok(again) => {
            let blocked = {
                let mut views = lock(&hub.views);
                views.get_mut(&uid).and_then(|view| view.blocked.take())
            };
            if blocked.is_some() {
                hub.to_show.add(uid);
            }
            again
        }
        Err(Error::Ledger(ledger_store::Error::Api(error))) | Err(Error::Api(error))
            if write::is_conflict(&error) =>
        {
            hub.metrics.ledger_conflicts.inc();
            tracing::info!(package = %uid, "a write lost against another one: planning again from fresh rows");
            // What was refused although the ledger is as we know it is refused again: not at once.
            let wait = match refresh(&hub, uid).await {
                Ok(true) => Duration::from_millis(50),
                Ok(false) => Duration::from_secs(1),
                Err(error) => return Some(failed(&hub, uid, &error)),
            };
            Some(retry::spread(wait, 50, rand::random()))
        }
        Err(Error::NotLeading) => Some(retry::spread(AGAIN.initial, 50, rand::random())),
        Err(error) => Some(failed(&hub, uid, &error)),
    }
}

/// Says why a package is not planned, and when that is tried again.
fn failed(hub: &Hub, uid: PackageUid, error: &Error) -> Duration {
    tracing::warn!(package = %uid, %error, "planning a package failed");
    let attempts = show_failure(hub, uid, error);
    retry::spread(AGAIN.bound(attempts), 50, rand::random())
}

/// Makes the package's status say why it is not planned; how often that failed in a row before.
fn show_failure(hub: &Hub, uid: PackageUid, error: &Error) -> u32 {
    let generation = hub.package(&uid).map(|package| package.generation);
    let mut views = lock(&hub.views);
    let view = views.entry(uid).or_default();
    if let Some(generation) = generation {
        view.generation = generation;
    }
    let attempts = view
        .blocked
        .as_ref()
        .map_or(0, |(_, attempts)| attempts + 1);
    let failure = Failure {
        reason: error.reason(),
        message: match error {
            Error::Api(error) | Error::Ledger(ledger_store::Error::Api(error)) => {
                write::words(error)
            }
            other => other.to_string(),
        },
    };
    view.blocked = Some((failure, attempts));
    drop(views);
    hub.to_show.add(uid);
    attempts
}

/// Reads the ledger again, and says whether it is another one. Until that worked, the old rows stay and writes
/// keep being refused.
async fn refresh(hub: &Hub, uid: PackageUid) -> Result<bool, Error> {
    let Some(identity) = hub.package_identity(&uid) else {
        return Ok(false);
    };
    let stored = ledger_store::reload(hub, &identity).await?;
    // Before sessions are told: what members answer is lost on a fleet that was not assigned these orders.
    if let Some(leadership) = hub.leader.current() {
        assignment::assume(hub, &stored.ledger, leadership.epoch);
    }
    let stored = Arc::new(stored);
    let before = hub.orders.ledger(&uid);
    publish(hub, Arc::clone(&stored));
    Ok(before.is_none_or(|before| !before.is_same_version(&stored)))
}

async fn step(hub: &Arc<Hub>, uid: PackageUid) -> Result<Option<Duration>, Error> {
    let record = hub.leader.record().ok_or(Error::NotLeading)?;
    let Some(identity) = hub.package_identity(&uid) else {
        finalizer::forget(hub, &uid);
        return Ok(None);
    };
    let found = hub.lookup(&uid);
    let is_unknown = found.is_unknown();
    let package = found.into_plannable();
    load_again(hub, &identity).await?;
    let mut stored = hub
        .orders
        .ledger(&uid)
        .map_or_else(|| StoredLedger::new(identity), |stored| (*stored).clone());
    if is_unknown && stored.ledger.rows().next().is_none() {
        return Ok(None);
    }
    let present = package.as_ref().filter(|package| !package.deleting);
    let (intent, mut view) = intent_of(hub, package.as_ref()).await?;
    let has_applied = stored.ledger.rows().any(|(_, row)| !row.tombstone);
    let intent = if is_unknown || (package.is_none() && has_applied) {
        vanished(&stored.ledger.package, is_unknown)
    } else {
        intent
    };
    if intent == Intent::Removed
        && has_applied
        && finalizer::definition_goes(hub, &stored.ledger.package).await?
    {
        return Err(Error::DefinitionGoes);
    }
    if let Some(package) = present.filter(|_| may_order(&intent, has_applied)) {
        finalizer::ensure(hub, package).await?;
    }
    let now = now();
    let members = member_states(hub, &uid, &stored.ledger);
    let plan = rollout::plan(&Input {
        ledger: &stored.ledger,
        leadership: record.leadership,
        floor: record.floors.get(&uid).copied().unwrap_or(0),
        intent: &intent,
        members: &members,
        now,
    });
    view.pending_render = plan.pending_render.len();
    let result = store(hub, &mut stored, &plan).await;
    if let (Some(package), Intent::Keep { .. }) = (present, &intent) {
        targets::describe_kept(hub, package, &stored.ledger, &mut view);
    }
    if let Some(leadership) = hub.leader.current() {
        let targeted = targeted(&members, &stored.ledger, &intent, is_unknown);
        assign(hub, &stored.ledger, leadership.epoch, &targeted);
    }
    if !plan.is_empty() || hub.orders.ledger(&uid).is_none() {
        // Without a change the one in memory may know more by now: a status that was written meanwhile.
        publish(hub, Arc::new(stored.clone()));
    }
    {
        // What was in the way is that until the whole step is through.
        let mut views = lock(&hub.views);
        view.blocked = views.remove(&uid).and_then(|before| before.blocked);
        views.insert(uid, view);
    }
    let requeue = plan.requeue_after(now);
    let is_done = stored.ledger.rows().next().is_none() && intent == Intent::Removed;
    note_leaving(hub);
    result?;
    lock(&hub.to_observe).insert(uid);
    hub.to_show.add(uid);
    announce(hub, package.as_ref(), &plan).await;
    if !plan.dropped.is_empty() {
        // A dropped row may be wanted again at once, with a number of its own.
        hub.to_plan.add(uid);
    }
    if intent == Intent::Removed {
        let waits = finalizer::end(hub, &uid, package.as_ref(), &stored, is_done).await?;
        return Ok(waits.into_iter().chain(requeue).min());
    }
    if let Some(package) = present {
        collect_history(hub, package, &stored.ledger).await?;
    }
    Ok(requeue)
}

/// Removes revisions that nobody needs, unless a record that decides on that cannot be read.
async fn collect_history(hub: &Hub, package: &AnyPackage, ledger: &Ledger) -> Result<(), Error> {
    if hub.unreadable_record(package).is_none() {
        let pinned = lock_pin(hub, &package.uid);
        garbage_collection::history(hub, package, ledger, pinned).await?;
    }
    Ok(())
}

/// What is intended of a package whose object is not there to say it.
fn vanished(package: &PackageIdentity, is_unknown: bool) -> Intent {
    if !is_unknown {
        // The finalizer keeps an object until every row is a tombstone: this one went past the hub.
        tracing::warn!(package = package.name, uid = %package.uid, "a package's object vanished; what runs is left alone");
    }
    Intent::Vanished
}

/// Reads a ledger that could not be read so far. While it cannot, nothing is ordered: which numbers were given, and
/// to whom, is not known.
async fn load_again(hub: &Hub, package: &PackageIdentity) -> Result<(), Error> {
    if !hub.unreadable_ledgers.has(package) {
        return Ok(());
    }
    let stored = ledger_store::reload(hub, package).await?;
    if let Some(leadership) = hub.leader.current() {
        assignment::assume(hub, &stored.ledger, leadership.epoch);
    }
    if !stored.objects.is_empty() {
        publish(hub, Arc::new(stored));
    }
    hub.unreadable_ledgers.forget(package);
    note_leaving(hub);
    Ok(())
}

/// What is wanted of a package now, and what its status has to know of that.
async fn intent_of(hub: &Arc<Hub>, package: Option<&AnyPackage>) -> Result<(Intent, View), Error> {
    let mut view = View {
        generation: package.map_or(0, |package| package.generation),
        has_content: true,
        ..View::default()
    };
    let Some(package) = package.filter(|package| !package.deleting) else {
        return Ok((Intent::Removed, view));
    };
    let revisions = hub.revisions.history(&package.identity());
    view.has_content = history::current(&revisions, &package.content_hash()).is_some();
    view.unreadable = hub.unreadable_record(package);
    // Which pin holds is not decided without an action that cannot be read.
    let pin = match &view.unreadable {
        Some(_) => None,
        None => settle_actions(hub, package).await?,
    };
    view.pinned = pin.map(|pin| pin.revision);
    let intent = targets::intent(hub, package, pin.as_ref(), &mut view).await;
    Ok((intent, view))
}

/// Whether members will hold something of the package when the plan was carried out.
fn may_order(intent: &Intent, has_applied: bool) -> bool {
    match intent {
        Intent::Present { targets, .. } => has_applied || !targets.is_empty(),
        Intent::Keep { .. } => has_applied,
        Intent::Removed | Intent::Vanished => false,
    }
}

fn lock_pin(hub: &Hub, uid: &PackageUid) -> Option<u64> {
    lock(&hub.views).get(uid).and_then(|view| view.pinned)
}

fn now() -> UnixMillis {
    UnixMillis(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default())
}

/// Stores the changed shards, each only while this process leads.
async fn store(hub: &Hub, stored: &mut StoredLedger, plan: &Plan) -> Result<(), Error> {
    for (at, shard) in &plan.shards {
        if hub.leader.current().is_none() {
            return Err(Error::NotLeading);
        }
        stored
            .store(&hub.client, &hub.settings.namespace, *at, shard)
            .await?;
        hub.metrics.ledger_writes.inc();
    }
    hub.metrics.orders.inc_by(plan.orders.len() as u64);
    Ok(())
}

/// Whether a leaving member is drained may be another answer now.
fn note_leaving(hub: &Hub) {
    for (_, member) in hub.joined().iter().filter(|(member, _)| member.leaving) {
        hub.to_note.add(write::uid(&**member).to_owned());
    }
}

/// Gives stored orders to sessions.
fn publish(hub: &Hub, stored: Arc<StoredLedger>) {
    let changes = hub.orders.put(stored);
    if let Some(sessions) = hub.sessions() {
        for (cluster, deployments) in changes {
            sessions.changed(cluster, deployments);
        }
    }
}

async fn announce(hub: &Hub, package: Option<&AnyPackage>, plan: &Plan) {
    let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
    for cause in plan.orders.values() {
        *causes.entry(cause.as_str()).or_default() += 1;
    }
    let Some(package) = package.filter(|_| !causes.is_empty()) else {
        return;
    };
    let text: Vec<_> = causes
        .iter()
        .map(|(cause, count)| format!("{cause} for {count}"))
        .collect();
    let note = format!("ordered: {} clusters", text.join(", "));
    hub.event_on(
        &package_controller::event_reference(package),
        false,
        "Ordered",
        note,
    )
    .await;
}

/// Takes new actions, writes what became of them, and gives the pin that holds.
async fn settle_actions(hub: &Hub, package: &AnyPackage) -> Result<Option<Pin>, Error> {
    let namespace = revision_namespace(hub, package);
    let objects: Vec<Arc<PackageAction>> = hub
        .actions
        .all()
        .into_iter()
        .filter(|action| {
            action.spec.package.kind == package.kind
                && action.spec.package.name == package.name
                && action.namespace().as_deref() == Some(namespace)
                // An action speaks about the package it was made for, not a later one of the same name.
                && action.metadata.creation_timestamp.as_ref().map(|time| time.0)
                    >= package.created.as_ref().map(|time| time.0)
        })
        .collect();
    if objects.is_empty() {
        return Ok(None);
    }
    let found: Vec<_> = objects
        .iter()
        .map(|action| Found {
            order: (
                action
                    .metadata
                    .creation_timestamp
                    .as_ref()
                    .map(|time| time.0),
                action.name_any(),
            ),
            generation: action.metadata.generation.unwrap_or_default(),
            spec: action.spec.clone(),
            status: action.status.clone().unwrap_or_default(),
        })
        .collect();
    let kept = hub.revisions.history(&package.identity());
    let kept: Vec<u64> = kept.iter().map(|revision| revision.number).collect();
    let decision = actions::decide(&found, &package.content_hash(), &kept, Timestamp::now());
    let api: Api<PackageAction> = Api::namespaced(hub.client.clone(), namespace);
    for (at, status) in decision.writes {
        let object = &objects[at];
        let written =
            write::status(&api, &object.name_any(), write::uid(&**object), &status).await?;
        hub.metrics.status_writes.inc();
        hub.actions.apply(written);
    }
    Ok(decision
        .pin
        .filter(|pin| history::holds(pin, &package.content_hash())))
}
