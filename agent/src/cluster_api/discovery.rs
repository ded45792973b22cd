//! Discovery of the kinds that the API server serves: one compact table, read again only when something is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube::client::{APIGroupDiscoveryList, APIResourceDiscovery};
use parking_lot::Mutex;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::Kind;
use stevedore_client::Path;
use tokio::time::Instant;

use super::transport::{Call, Transport};
use crate::ports::Answer;

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
/// Of a version whose server did not answer.
const STALE: &str = "Stale";
/// The shortest time between two readings while the same things stay missing; doubles up to [`MAX_INTERVAL`].
const MIN_INTERVAL: Duration = Duration::from_millis(500);
const MAX_INTERVAL: Duration = Duration::from_secs(30);
/// How far apart two readings are that both have to lack a group before its objects count as gone: an API server
/// that has just started lacks groups of definitions and aggregated APIs for a while.
const ABSENCE_GRACE_PERIOD: Duration = Duration::from_secs(30);
/// How far apart two readings are that say nothing of the time between them. Who waits for a kind asks more often.
const ABSENCE_UNSEEN: Duration = Duration::from_secs(90);

/// How a kind is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedResource {
    /// Plural name, as in paths.
    pub plural: Box<str>,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// Can be listed and its objects deleted: what a search for our objects has to list.
    searchable: bool,
    /// Position of the version within its group; 0 is the preferred one.
    preference: u16,
}

/// What discovery tells of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It is served.
    Served(ServedResource),
    /// The API server does not serve it.
    NotServed,
    /// The API server cannot say: what serves its version of the group is away.
    Away,
}

impl Lookup {
    /// How the kind is reached.
    ///
    /// # Errors
    /// `NoKind` or `KindUnavailable` where it cannot be.
    pub(crate) fn reached(self, kind: &Kind) -> Answer<ServedResource> {
        match self {
            Self::Served(resource) => Ok(resource),
            Self::NotServed => {
                let what = format!("the API server serves no {kind}");
                Err(Failure::new(FailureKind::NoKind, what))
            }
            Self::Away => Err(away(kind)),
        }
    }
}

fn away(kind: &Kind) -> Failure {
    let what = format!("what serves {} does not answer", kind.api_version());
    Failure::new(FailureKind::KindUnavailable, what)
}

/// The cached table. One per process.
pub struct Discovery {
    transport: Transport,
    /// Never held while the API server is asked: who asks for a known kind does not wait for an unknown one.
    table: Mutex<Table>,
    /// Held by whoever reads the table anew.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Table {
    kinds: BTreeMap<Kind, ServedResource>,
    /// Groups and versions of which the API server cannot say now what they serve: an aggregated API is away.
    stale: BTreeSet<(String, String)>,
    /// Every group that was served at the last reading.
    groups: BTreeSet<String>,
    /// Groups that were asked for and not served, and since which reading none had them.
    absent: BTreeMap<String, Instant>,
    read: Option<Instant>,
    wait: Duration,
    /// How many changes of definitions there were, and how many of them when the last reading began.
    changes: u64,
    read_changes: u64,
}

impl Discovery {
    /// An empty table; the first question fills it.
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            table: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// How a kind is reached.
    ///
    /// A kind that is not in the table makes it be read again, but while it stays missing at most every half
    /// second, later every 30 seconds, unless [`Self::changed`] is called.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn find(&self, kind: &Kind) -> Answer<Lookup> {
        let known = || self.table.lock().kinds.get(kind).cloned();
        if let Some(found) = known() {
            return Ok(Lookup::Served(found));
        }
        let _turn = self.reading.lock().await;
        if let Some(found) = known() {
            return Ok(Lookup::Served(found));
        }
        let (missing_before, wait) = {
            let table = self.table.lock();
            if !table.may_read() {
                return Ok(table.missing(kind));
            }
            // After a change the waits begin anew.
            let wait = if table.is_outdated() {
                Duration::ZERO
            } else {
                table.wait
            };
            (table.read.is_some(), wait)
        };
        self.read_again().await?;
        let found = known();
        let mut table = self.table.lock();
        table.wait = match (&found, missing_before) {
            (None, true) => (wait * 2).clamp(MIN_INTERVAL, MAX_INTERVAL),
            _ => MIN_INTERVAL,
        };
        // Whoever asks later whether it is gone need not wait as long once more.
        table.note_absence(kind.group());
        Ok(found.map_or_else(|| table.missing(kind), Lookup::Served))
    }

    /// How the stored objects of a kind are reached: in the version that is asked for, or in another one, for
    /// objects outlive versions. `None` only when the API server says now that it serves no version at all; of
    /// a group that is missing altogether, only when it still is half a minute after that was first seen.
    ///
    /// # Errors
    /// When the API server does not answer, or does not know.
    pub(crate) async fn find_any_version(
        &self,
        kind: &Kind,
    ) -> Answer<Option<(Kind, ServedResource)>> {
        let known = || self.table.lock().in_any_version(kind);
        if let Some(found) = known() {
            return Ok(Some(found));
        }
        let _turn = self.reading.lock().await;
        if !self.table.lock().is_current() {
            self.read_again().await?;
        }
        if let Some(found) = known() {
            return Ok(Some(found));
        }
        let mut table = self.table.lock();
        if table.stale.iter().any(|(group, _)| group == kind.group()) {
            return Err(away(kind));
        }
        if !table.is_absence_confirmed(kind.group()) {
            let why = format!(
                "{} is not served, which an API server that has just started says as well: it is believed \
                 when it stays so for {} seconds",
                kind.group(),
                ABSENCE_GRACE_PERIOD.as_secs()
            );
            return Err(Failure::new(FailureKind::Unavailable, why));
        }
        Ok(None)
    }

    /// Every kind whose objects can be listed and deleted, once, in its preferred version.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) async fn searchable(&self) -> Answer<Vec<(Kind, ServedResource)>> {
        let _turn = self.reading.lock().await;
        self.read_again().await?;
        let table = self.table.lock();
        let mut preferred: BTreeMap<(&str, &str), (&Kind, &ServedResource)> = BTreeMap::new();
        for (kind, resource) in table.kinds.iter().filter(|(_, found)| found.searchable) {
            preferred
                .entry((kind.group(), kind.kind()))
                .and_modify(|best| {
                    if resource.preference < best.1.preference {
                        *best = (kind, resource);
                    }
                })
                .or_insert((kind, resource));
        }
        Ok(preferred
            .into_values()
            .map(|(kind, resource)| (kind.clone(), resource.clone()))
            .collect())
    }

    /// A definition changed: the next question that finds nothing reads the table again at once.
    pub fn changed(&self) {
        self.table.lock().changes += 1;
    }

    /// The kind was found, and the server says it does not serve it: it is asked for again.
    pub(crate) fn forget(&self, kind: &Kind) {
        self.table.lock().kinds.remove(kind);
    }

    /// Asks the API server; by one at a time.
    async fn read_again(&self) -> Answer<()> {
        let changes = self.table.lock().changes;
        let mut fresh = Table::default();
        for root in ["/api", "/apis"] {
            let call = Call::get(Path::root(root)).accept(ACCEPT);
            fresh.enter(self.transport.call(call).await?.parse()?);
        }
        let mut table = self.table.lock();
        (table.kinds, table.stale) = (fresh.kinds, fresh.stale);
        let unseen = table
            .read
            .is_some_and(|read| read.elapsed() > ABSENCE_UNSEEN);
        table
            .absent
            .retain(|group, _| !(unseen || fresh.groups.contains(group)));
        table.groups = fresh.groups;
        table.read_changes = changes;
        table.read = Some(Instant::now());
        Ok(())
    }
}

impl Table {
    fn may_read(&self) -> bool {
        self.is_outdated() || self.read.is_none_or(|read| read.elapsed() >= self.wait)
    }

    fn is_outdated(&self) -> bool {
        self.changes != self.read_changes
    }

    /// What is not in it is not served, as far as one can know.
    fn is_current(&self) -> bool {
        !self.is_outdated() && self.read.is_some_and(|read| read.elapsed() < MIN_INTERVAL)
    }

    /// What is to be said of a kind that is not in it.
    fn missing(&self, kind: &Kind) -> Lookup {
        let version = (kind.group().to_owned(), kind.version().to_owned());
        if self.stale.contains(&version) {
            Lookup::Away
        } else {
            Lookup::NotServed
        }
    }

    /// Since when a group that is asked for has not been served; `None` when it is, or nothing was read.
    fn note_absence(&mut self, group: &str) -> Option<Instant> {
        let read = self.read.filter(|_| !self.groups.contains(group))?;
        Some(*self.absent.entry(group.to_owned()).or_insert(read))
    }

    /// Whether what is not in the table may count as gone: its group is served, or two readings far enough apart
    /// did not have it.
    fn is_absence_confirmed(&mut self, group: &str) -> bool {
        let since = self.note_absence(group);
        self.read.is_some_and(|read| {
            since.is_none_or(|since| read.duration_since(since) >= ABSENCE_GRACE_PERIOD)
        })
    }

    /// The kind itself, or the same one in the version that is preferred among those served.
    fn in_any_version(&self, kind: &Kind) -> Option<(Kind, ServedResource)> {
        if let Some(resource) = self.kinds.get(kind) {
            return Some((kind.clone(), resource.clone()));
        }
        let same = self.kinds.iter().filter(|(known, _)| known.same_kind(kind));
        same.min_by_key(|(_, resource)| resource.preference)
            .map(|(known, resource)| (known.clone(), resource.clone()))
    }

    fn enter(&mut self, list: APIGroupDiscoveryList) {
        for group in list.items {
            let name = group
                .metadata
                .and_then(|metadata| metadata.name)
                .unwrap_or_default();
            self.groups.insert(name.clone());
            for (at, version) in group.versions.into_iter().enumerate() {
                let version_name = version.version.unwrap_or_default();
                if version.freshness.as_deref() == Some(STALE) {
                    self.stale.insert((name.clone(), version_name.clone()));
                }
                for resource in version.resources {
                    if let Some((kind, found)) = resource_of(&name, &version_name, at, resource) {
                        self.kinds.entry(kind).or_insert(found);
                    }
                }
            }
        }
    }
}

fn resource_of(
    group: &str,
    version: &str,
    at: usize,
    resource: APIResourceDiscovery,
) -> Option<(Kind, ServedResource)> {
    // An empty response kind means that only subresources are served.
    let kind = resource.response_kind?.kind?;
    let has = |verb: &str| resource.verbs.iter().any(|known| known == verb);
    let found = ServedResource {
        plural: resource.resource?.into(),
        namespaced: resource.scope.as_deref() == Some("Namespaced"),
        searchable: has("list") && has("delete"),
        preference: u16::try_from(at).unwrap_or(u16::MAX),
    };
    (!kind.is_empty()).then(|| (Kind::new(group, version, &kind), found))
}

#[cfg(test)]
mod tests;
