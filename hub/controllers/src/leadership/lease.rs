//! The Lease by which one process leads, and a term taken by compare-and-swap before anything is ordered.
//!
//! Whether this process still leads is decided on the monotonic clock alone: from the moment a renewal was
//! *asked for*, for a time shorter than the Lease. A process that was stopped and resumed therefore knows
//! that it no longer leads before it writes or sends anything.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use parking_lot::RwLock;
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_hub_core::epoch::{Record, UnreadableRecord};
use stevedore_proto_core::Leadership;
use stevedore_proto_core::id::{EpochId, TermId};
use stevedore_runtime::retry;
use tokio::time::Instant;

use crate::write;

/// How long a Lease holds after its last renewal.
pub const LEASE: Duration = Duration::from_secs(15);
/// How long this process believes in its Lease after asking for a renewal.
const TRUSTED_FOR: Duration = Duration::from_secs(12);
const RENEW: Duration = Duration::from_secs(2);

/// Leading ended or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another replica leads now, or the Lease could not be renewed in time.
    #[error("this replica no longer leads")]
    Lost,
    /// What is stored about epoch and term cannot be read; guessing would break what members rely on.
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    /// The API server.
    #[error("the API server refuses what leading needs")]
    Api(#[from] kube::Error),
}

/// Whether this process leads, and as what. Cheap to ask.
#[derive(Debug, Default)]
pub struct Leader {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    record: Option<Record>,
    /// Until then sessions are ended and refused: members are to meet a new epoch from the first message on.
    admission_paused_until: Option<Instant>,
}

impl State {
    fn record(&self) -> Option<&Record> {
        let holds = self.until.is_some_and(|until| Instant::now() < until);
        self.record.as_ref().filter(|_| holds)
    }
}

impl Leader {
    /// The leadership to order and send under at this moment; `None` when this process must do neither.
    pub fn current(&self) -> Option<Leadership> {
        let state = self.state.read();
        state.record().map(|record| record.leadership)
    }

    /// The whole record, under the same condition.
    pub(crate) fn record(&self) -> Option<Record> {
        self.state.read().record().cloned()
    }

    pub(crate) fn believe_until(&self, until: Instant) {
        self.state.write().until = Some(until);
    }

    pub(crate) fn set_record(&self, record: Record) {
        self.state.write().record = Some(record);
    }

    /// Whether no member may have a session for the moment.
    pub(crate) fn is_admission_paused(&self) -> bool {
        let until = self.state.read().admission_paused_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Lets no member have a session until then.
    pub(crate) fn pause_admission(&self, until: Instant) {
        self.state.write().admission_paused_until = Some(until);
    }

    /// Waits until this process holds the Lease, then takes a term.
    ///
    /// # Errors
    /// When epoch and term cannot be read or taken.
    pub async fn take(&self, client: &Client, namespace: &str, holder: &str) -> Result<(), Error> {
        let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
        let mut seen: Option<(Option<String>, Instant)> = None;
        loop {
            let asked = Instant::now();
            match attempt(&leases, holder, &mut seen).await {
                Ok(true) => {
                    self.believe_until(asked + TRUSTED_FOR);
                    break;
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the Lease could not be taken"),
            }
            tokio::time::sleep(retry::spread(
                Duration::from_millis(500),
                30,
                rand::random(),
            ))
            .await;
        }
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let (epoch, term) = random_ids();
        let take = |before: Option<&Record>| Ok(Record::take_term(before, epoch, term));
        let record = swap(&maps, take).await?;
        tracing::info!(
            epoch = record.leadership.epoch.counter,
            term = record.leadership.term.counter,
            "leading"
        );
        self.set_record(record);
        Ok(())
    }

    /// Renews the Lease for ever.
    ///
    /// # Errors
    /// When it was lost; the process should end.
    pub async fn keep(&self, client: &Client, namespace: &str, holder: &str) -> Result<(), Error> {
        let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
        loop {
            tokio::time::sleep(RENEW).await;
            let asked = Instant::now();
            let mut seen = None;
            match tokio::time::timeout(TRUSTED_FOR, attempt(&leases, holder, &mut seen)).await {
                Ok(Ok(true)) => self.believe_until(asked + TRUSTED_FOR),
                Ok(Ok(false)) => return Err(Error::Lost),
                Ok(Err(error)) => tracing::warn!(%error, "the Lease could not be renewed"),
                Err(_) => tracing::warn!("the Lease could not be renewed in time"),
            }
            if self.current().is_none() {
                return Err(Error::Lost);
            }
        }
    }

    /// Lets the Lease go, so that the next replica need not wait for its end.
    pub async fn release(&self, client: &Client, namespace: &str, holder: &str) {
        // From here on nothing is written or sent, whoever takes over.
        self.believe_until(Instant::now());
        let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
        let Ok(mut lease) = leases.get(record::LEASE).await else {
            return;
        };
        if let Some(spec) = lease
            .spec
            .as_mut()
            .filter(|spec| spec.holder_identity.as_deref() == Some(holder))
        {
            spec.holder_identity = None;
            // Best effort: without it the Lease simply ends.
            let _ = leases
                .replace(record::LEASE, &write::creation(), &lease)
                .await;
        }
    }
}

pub(crate) fn random_ids() -> (EpochId, TermId) {
    (
        EpochId::from_bytes(rand::random()),
        TermId::from_bytes(rand::random()),
    )
}

/// Takes or renews the Lease if it is free, ours, or was not renewed for its whole time while we watched.
async fn attempt(
    leases: &Api<Lease>,
    holder: &str,
    seen: &mut Option<(Option<String>, Instant)>,
) -> Result<bool, kube::Error> {
    let now = MicroTime(Timestamp::now());
    let Some(mut lease) = leases.get_opt(record::LEASE).await? else {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(LEASE.as_secs() as i32),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        };
        let lease = Lease {
            metadata: write::named(record::LEASE),
            spec: Some(spec),
        };
        return written(leases.create(&write::creation(), &lease).await);
    };
    let version = lease.metadata.resource_version.clone();
    let spec = lease.spec.get_or_insert_default();
    let owner = spec
        .holder_identity
        .clone()
        .filter(|owner| !owner.is_empty());
    let ours = owner.as_deref() == Some(holder);
    if !ours && owner.is_some() {
        match seen {
            Some((known, since)) if *known == version && since.elapsed() > LEASE => {}
            Some((known, _)) if *known == version => return Ok(false),
            _ => {
                *seen = Some((version, Instant::now()));
                return Ok(false);
            }
        }
    }
    if !ours {
        spec.holder_identity = Some(holder.to_owned());
        spec.acquire_time = Some(now.clone());
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0) + 1);
        spec.lease_duration_seconds = Some(LEASE.as_secs() as i32);
    }
    spec.renew_time = Some(now);
    written(
        leases
            .replace(record::LEASE, &write::creation(), &lease)
            .await,
    )
}

fn written<T>(result: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if write::is_conflict(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Changes the stored record by compare-and-swap, unless `change` refuses. Other keys of the ConfigMap are kept.
pub(crate) async fn swap(
    maps: &Api<ConfigMap>,
    change: impl Fn(Option<&Record>) -> Result<Record, Error>,
) -> Result<Record, Error> {
    loop {
        let found = maps.get_opt(record::EPOCH).await?;
        let mut data: BTreeMap<_, _> = found
            .as_ref()
            .and_then(|map| map.data.clone())
            .unwrap_or_default();
        let record = change(Record::from_data(&data)?.as_ref())?;
        data.extend(record.to_data());
        let result = write::put_data(maps, record::EPOCH, found, data).await;
        match result {
            Ok(()) => return Ok(record),
            Err(error) if write::is_conflict(&error) => {
                let pause = Duration::from_millis(100);
                tokio::time::sleep(retry::spread(pause, 50, rand::random())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
