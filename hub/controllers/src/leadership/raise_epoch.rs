//! Raising the epoch: an operator asks through the API, sees a census, and confirms it.
//!
//! ```text
//!   ConfigMap stevedore-epoch              hub                        ConfigMap stevedore-census
//!   raiseRequest: R           ──▶  asks members what they hold  ──▶   request: R, state: Ready, census
//!   raiseConfirm: R           ──▶  new epoch above all of it    ──▶   request: R, state: Raised
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use stevedore_client::Api;
use stevedore_client::Path;
use stevedore_client::watch::{self, Handler, Notice, Subject};
use stevedore_crds::record;
use stevedore_hub_core::epoch::CensusSummary;
use stevedore_hub_core::session::Census;
use stevedore_proto_core::ClusterUid;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::hub::Hub;
use crate::leadership::lease;
use crate::member::members::{Joined, Members};
use crate::write;

/// How long members have to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// How long a hub that has just loaded waits for members that it has not heard yet.
const ARRIVAL: Duration = Duration::from_secs(30);
/// How long members are kept out after a raise: every session ends, and ledgers are written anew.
const ADMISSION_PAUSE: Duration = Duration::from_secs(2);
/// Most lines of a census, and most names of members, that are written.
const LINES: usize = 2_000;

/// Follows requests for ever.
///
/// # Errors
/// When epoch and term cannot be read any more: the process should end.
pub(crate) async fn run(hub: Arc<Hub>) -> Result<(), lease::Error> {
    let path = Path::root("/api/v1")
        .namespace(Some(hub.api.namespace()))
        .and_then(|path| path.segment("configmaps"))
        .map_err(kube::Error::from)?;
    let subject = Subject {
        fields: Some(format!("metadata.name={}", record::EPOCH)),
        ..Subject::all(path)
    };
    let changed = Notify::new();
    let mut handler = Changed(&changed);
    // Nobody tells of changed rights: what is refused is tried again in time.
    let (_changes, circumstances) = tokio::sync::watch::channel(0);
    tokio::select! {
        () = watch::run(&hub.api.client, &subject, circumstances, &mut handler) => Ok(()),
        ended = follow(&hub, &changed) => ended,
    }
}

/// Says that the request may have changed. It is read when it is looked at.
struct Changed<'a>(&'a Notify);

impl Handler<kube::Error> for Changed<'_> {
    async fn take(&mut self, notice: Notice<kube::Error>) {
        match notice {
            Notice::Restarted => {}
            Notice::Seen(_) | Notice::Removed(_) | Notice::Synced => self.0.notify_one(),
            Notice::Failed(error) => {
                let error = write::words(&error);
                tracing::warn!(error, "the epoch cannot be watched");
            }
        }
    }
}

async fn follow(hub: &Arc<Hub>, changed: &Notify) -> Result<(), lease::Error> {
    let mut delays = Delays::new(Schedule::OPERATION);
    loop {
        changed.notified().await;
        loop {
            match look(hub).await {
                Ok(()) => break delays.reset(),
                Err(lease::Error::Api(error)) => {
                    let error = write::words(&error);
                    tracing::warn!(error, "a request to raise the epoch could not be followed");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(delays.next(rand::random())).await;
        }
    }
}

async fn look(hub: &Arc<Hub>) -> Result<(), lease::Error> {
    let maps: Api<ConfigMap> = hub.api.system();
    let epoch = data(&maps, record::EPOCH).await?;
    let Some(request) = epoch
        .get(record::RAISE_REQUEST)
        .filter(|request| !request.is_empty())
    else {
        return Ok(());
    };
    let census = data(&maps, record::CENSUS).await?;
    let answered = census.get(record::CENSUS_REQUEST) == Some(request);
    let state = census.get(record::CENSUS_STATE).map(String::as_str);
    if answered && state == Some(record::RAISE_DONE) {
        return Ok(());
    }
    if epoch.get(record::RAISE_CONFIRM) == Some(request) && answered {
        let summary = take(hub).await;
        raise(hub, &maps, request, &summary).await?;
        return answer(&maps, request, record::RAISE_DONE, &summary).await;
    }
    if !answered {
        let summary = take(hub).await;
        answer(&maps, request, record::RAISE_READY, &summary).await?;
    }
    Ok(())
}

async fn data(maps: &Api<ConfigMap>, name: &str) -> Result<BTreeMap<String, String>, kube::Error> {
    let found = maps.get_opt(name).await?;
    Ok(found.and_then(|map| map.data).unwrap_or_default())
}

/// Asks every connected member what it holds. A hub that has just loaded first gives members time to come: one that
/// went on with a confirmed raise before anybody was back would raise above nothing.
async fn take(hub: &Hub) -> CensusSummary {
    hub.fleet.begin_census();
    let mut asked = BTreeSet::new();
    let mut deadline = Instant::now();
    let members = loop {
        // Also who joins meanwhile is asked.
        let members = hub.members.snapshot();
        let (connected, all_heard) = contacts(hub, &members);
        for cluster in &connected {
            if asked.insert(*cluster) {
                deadline = Instant::now() + ANSWER;
                if let Some(sessions) = hub.sessions() {
                    sessions.census(*cluster);
                }
            }
        }
        let answered = hub.fleet.have_listed(&connected) || Instant::now() >= deadline;
        if answered && (all_heard || hub.orders.age() >= ARRIVAL) {
            break members;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let listings = hub.fleet.end_census();
    let mut summary = CensusSummary::default();
    for Joined { member, .. } in members.joined().map(|joined| &**joined) {
        let orders = hub.orders.of(&member.cluster);
        let said = listings.get(&member.cluster).zip(orders);
        let census = said.map(|(held, orders)| Census::of(held, &orders));
        summary.add(&member.name, census.as_ref());
    }
    let ledgers = hub.orders.ledgers();
    summary.count(ledgers.iter().map(|stored| &*stored.ledger));
    summary
}

/// Which of these clusters have a session, and whether every one of them had one since the hub started.
fn contacts(hub: &Hub, members: &Members) -> (Vec<ClusterUid>, bool) {
    let contacts = hub.fleet.contacts();
    let (mut connected, mut all_heard) = (Vec::new(), true);
    for cluster in members.joined().map(|joined| joined.member.cluster) {
        let contact = contacts.get(&cluster).copied().unwrap_or_default();
        all_heard &= contact.heard;
        if contact.connected {
            connected.push(cluster);
        }
    }
    (connected, all_heard)
}

async fn answer(
    maps: &Api<ConfigMap>,
    request: &str,
    state: &str,
    summary: &CensusSummary,
) -> Result<(), lease::Error> {
    let lines: Vec<_> = summary
        .lines
        .iter()
        .take(LINES)
        .map(|line| {
            json!({
                "cluster": line.cluster,
                "namespace": line.held.package.namespace,
                "package": line.held.package.name,
                "revision": line.held.package.revision,
                "epoch": line.held.tuple.epoch.counter,
                "number": line.held.tuple.number,
                "finding": line.word(),
            })
        })
        .collect();
    let census = json!({
        "asOrdered": summary.as_ordered,
        "differing": summary.lines.len(),
        "lines": lines,
        "notAsked": summary.missing.len(),
        "missing": summary.missing.iter().take(LINES).collect::<Vec<_>>(),
    });
    let data = BTreeMap::from([
        (record::CENSUS_REQUEST.to_owned(), request.to_owned()),
        (record::CENSUS_STATE.to_owned(), state.to_owned()),
        (record::CENSUS_FINDINGS.to_owned(), census.to_string()),
    ]);
    let found = maps.get_opt(record::CENSUS).await?;
    // Also one that lost against another write is written again: somebody waits for it.
    write::put_data(maps, record::CENSUS, found, data).await?;
    Ok(())
}

/// Starts the new epoch: from here on every ledger is written anew, above what members hold.
async fn raise(
    hub: &Arc<Hub>,
    maps: &Api<ConfigMap>,
    request: &str,
    summary: &CensusSummary,
) -> Result<(), lease::Error> {
    let Some(own) = hub.api.leader.record() else {
        return Err(lease::Error::Lost);
    };
    let (epoch, term) = lease::random_ids();
    let record = lease::swap(maps, |before| {
        let before = before.unwrap_or(&own);
        if before.leadership != own.leadership {
            // A successor leads, and may have followed the same request: its term is not ours to speak under.
            return Err(lease::Error::Lost);
        }
        Ok(before.raise(request, summary, epoch, term))
    })
    .await?;
    if record == own {
        // Raised before; only the answer was lost.
        return Ok(());
    }
    tracing::warn!(
        epoch = record.leadership.epoch.counter,
        "the epoch was raised"
    );
    // First: a session that opens in between would meet the old epoch.
    hub.api
        .leader
        .pause_admission(Instant::now() + ADMISSION_PAUSE);
    hub.api.leader.set_record(record.clone());
    hub.orders.restart(record.leadership);
    hub.fleet.raised();
    hub.plan_all();
    if let Some(sessions) = hub.sessions() {
        sessions.members_changed();
        sessions.reloaded();
    }
    Ok(())
}
