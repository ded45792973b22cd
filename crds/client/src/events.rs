//! Events about objects, as `kubectl describe` shows them.
//!
//! An event that is like one of the last minutes becomes part of its series instead of another object, as
//! client-go has it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event as Object, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::core::ObjectMeta;
use kube::core::params::{Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::json;

use crate::api::Api;

/// For how long after its last event a series goes on.
const SERIES_FOR: SignedDuration = SignedDuration::from_mins(6);
/// Most series that are known; beyond it the one that was quiet for longest ends.
const SERIES: usize = 4096;
/// Where events about objects without a namespace are.
const DEFAULT_NAMESPACE: &str = "default";
/// Most bytes of a note, as the API server has it.
const NOTE_BYTES: usize = 1024;

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whether somebody should look at it.
    pub warning: bool,
    /// One CamelCase word, at most 128 bytes.
    pub reason: String,
    /// For people; cut at 1 KiB.
    pub note: String,
}

/// Writes events. One per process.
pub struct Recorder {
    client: Client,
    controller: String,
    instance: String,
    known: Mutex<HashMap<Key, Series>>,
}

/// What makes two events one series.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    warning: bool,
    reason: String,
    uid: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Clone)]
struct Series {
    /// Name of the first event's object.
    object: String,
    count: i32,
    last: Timestamp,
}

impl Recorder {
    /// Events come from this controller, such as `stevedore-hub`, and this one of its processes.
    pub fn new(client: Client, controller: &str, instance: &str) -> Self {
        Self {
            client,
            controller: controller.to_owned(),
            instance: instance.to_owned(),
            known: Mutex::default(),
        }
    }

    /// Writes an event about an object, in its namespace.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn publish(&self, event: &Event, regarding: &ObjectReference) -> Result<(), Error> {
        let now = Timestamp::now();
        let namespace = regarding.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let api: Api<Object> = Api::namespaced(self.client.clone(), namespace);
        let key = Key::of(event, regarding);
        let series = match self.series(&key, now) {
            Some(series) => self.go_on(&api, series, now).await?,
            None => None,
        };
        let series = match series {
            Some(series) => series,
            None => self.begin(&api, event, regarding, now).await?,
        };
        let mut known = self.lock();
        if known.len() >= SERIES && !known.contains_key(&key) {
            let oldest = known.iter().min_by_key(|(_, series)| series.last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                known.remove(&oldest);
            }
        }
        known.insert(key, series);
        Ok(())
    }

    /// The series that the event belongs to; those that have ended are forgotten.
    fn series(&self, key: &Key, now: Timestamp) -> Option<Series> {
        let mut known = self.lock();
        known.retain(|_, series| series.last + SERIES_FOR > now);
        known.get(key).cloned()
    }

    /// Counts one more; nothing if the object of the series is gone.
    async fn go_on(
        &self,
        api: &Api<Object>,
        series: Series,
        now: Timestamp,
    ) -> Result<Option<Series>, Error> {
        let count = series.count.saturating_add(1);
        let patch = json!({"series": EventSeries {
            count,
            last_observed_time: MicroTime(now),
        }});
        let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
        match api.patch(&series.object, &params, &patch).await {
            Ok(_) => Ok(Some(Series {
                count,
                last: now,
                ..series
            })),
            Err(Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn begin(
        &self,
        api: &Api<Object>,
        event: &Event,
        regarding: &ObjectReference,
        now: Timestamp,
    ) -> Result<Series, Error> {
        let about = regarding.name.as_deref().unwrap_or(&self.controller);
        let name = format!("{about}.{:x}", now.as_nanosecond());
        let mut note = event.note.clone();
        note.truncate(note.floor_char_boundary(NOTE_BYTES));
        let object = Object {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: api.namespace().map(str::to_owned),
                ..ObjectMeta::default()
            },
            type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
            action: Some(event.reason.clone()),
            reason: Some(event.reason.clone()),
            note: Some(note),
            event_time: Some(MicroTime(now)),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..Object::default()
        };
        api.create(&PostParams::default(), &object).await?;
        Ok(Series {
            object: name,
            count: 1,
            last: now,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Series>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn of(event: &Event, regarding: &ObjectReference) -> Self {
        let regarding = regarding.clone();
        Self {
            warning: event.warning,
            reason: event.reason.clone(),
            uid: regarding.uid,
            kind: regarding.kind,
            namespace: regarding.namespace,
            name: regarding.name,
        }
    }
}
