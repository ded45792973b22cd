//! Shared watches over packages' objects.
//!
//! One watch per (account, kind, namespace or cluster), filtered by the label `stevedore.dev/deployment`,
//! used by every deployment with that key, and gone with the last of them. An object is handed to the sink
//! whole and dropped before the next one is read; nothing is cached here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::Failure;
use stevedore_agent_core::key::WatchKey;
use stevedore_client::Path;
use stevedore_client::decode::decode;
use stevedore_client::watch::{self, Circumstances, Handler, Notice, Subject};
use stevedore_proto_core::{DeploymentUid, label};
use stevedore_runtime::retry::{Delays, Schedule};
use stevedore_runtime::supervise::{Task, Tasks};

use crate::cluster_api::watch_requests::WatchRequests;
use crate::cluster_api::{Discovery, Transport, package_client};
use crate::ports::{Account, Answer, ObjectSink, WatchNotice, Watches};
use crate::wait::until_next_attempt;

/// Between attempts to find a kind that is not served; an event of its definition ends the wait.
const KIND_RETRY: Schedule = Schedule::new(Duration::from_millis(500), Duration::from_secs(60));

/// Every watch over packages' objects. One per process.
pub struct SharedWatches {
    transport: Transport,
    discovery: Arc<Discovery>,
    circumstances: Circumstances,
    tasks: Tasks,
    sink: OnceLock<Arc<dyn ObjectSink>>,
    table: Mutex<Table>,
}

type Key = (Account, WatchKey);

#[derive(Default)]
struct Table {
    interests: BTreeMap<DeploymentUid, BTreeSet<Key>>,
    running: BTreeMap<Key, Running>,
}

struct Running {
    users: usize,
    task: Task<Option<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedWatches {
    /// No watch yet. `circumstances` ends the waits of what is refused.
    pub fn new(
        transport: Transport,
        discovery: Arc<Discovery>,
        circumstances: Circumstances,
        tasks: &Tasks,
    ) -> Self {
        Self {
            transport,
            discovery,
            circumstances,
            tasks: tasks.owner("watch"),
            sink: OnceLock::new(),
            table: Mutex::default(),
        }
    }

    /// Where everything goes that is seen. Once, before the first interest.
    pub fn attach(&self, sink: Arc<dyn ObjectSink>) {
        let _ = self.sink.set(sink);
    }

    /// Number of watches that run.
    pub fn len(&self) -> usize {
        self.table.lock().running.len()
    }

    /// Whether no watch runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn start(&self, key: Key) -> Task<Option<()>> {
        let sink = self
            .sink
            .get()
            .cloned()
            .expect("the sink is attached before the engine runs");
        let (account, watch) = key;
        let name = format!(
            "{} {}",
            watch.kind.kind(),
            watch.namespace.as_deref().unwrap_or("cluster")
        );
        let transport = self.transport.clone();
        let discovery = Arc::clone(&self.discovery);
        let circumstances = self.circumstances.clone();
        self.tasks.spawn_until_shutdown(name, async move {
            let mut handler = WatchHandler {
                sink,
                account: account.clone(),
                watch: watch.clone(),
            };
            let path = handler.find(&discovery, circumstances.clone()).await;
            let subject = Subject {
                labels: Some(label::DEPLOYMENT),
                ..Subject::all(path)
            };
            let requests = WatchRequests::of(transport, account);
            watch::run(&requests, &subject, circumstances, &mut handler).await;
        })
    }
}

impl Watches for SharedWatches {
    fn is_server_silent(&self) -> bool {
        self.transport.answers().is_silent()
    }

    fn set_interest(&self, deployment: DeploymentUid, account: &Account, scopes: Vec<WatchKey>) {
        let new: BTreeSet<Key> = scopes
            .into_iter()
            .map(|scope| (account.clone(), scope))
            .collect();
        let mut table = self.table.lock();
        let old = if new.is_empty() {
            table.interests.remove(&deployment).unwrap_or_default()
        } else {
            table
                .interests
                .insert(deployment, new.clone())
                .unwrap_or_default()
        };
        for key in new.difference(&old) {
            match table.running.get_mut(key) {
                Some(running) => running.users += 1,
                None => {
                    let task = self.start(key.clone());
                    table
                        .running
                        .insert(key.clone(), Running { users: 1, task });
                }
            }
        }
        for key in old.difference(&new) {
            if let Some(running) = table.running.get_mut(key) {
                running.users -= 1;
                if running.users == 0 {
                    table.running.remove(key);
                }
            }
        }
    }
}

/// Hands on what one watch saw.
struct WatchHandler {
    sink: Arc<dyn ObjectSink>,
    account: Account,
    watch: WatchKey,
}

impl WatchHandler {
    /// The path of what is watched, as soon as its kind is served.
    async fn find(&self, discovery: &Discovery, mut circumstances: Circumstances) -> Path {
        let mut delays = Delays::new(KIND_RETRY);
        loop {
            match self.try_find(discovery).await {
                Ok(path) => return path,
                Err(failure) => self.failed(failure).await,
            }
            until_next_attempt(&mut delays, &mut circumstances).await;
        }
    }

    async fn try_find(&self, discovery: &Discovery) -> Answer<Path> {
        let kind = &self.watch.kind;
        let resource = discovery.find(kind).await?.reached(kind)?;
        package_client::collection(kind, &resource, self.watch.namespace.as_deref())
    }

    async fn failed(&self, failure: Failure) {
        let notice = WatchNotice::Failed(self.account.clone(), self.watch.clone(), failure);
        self.sink.offer(notice).await;
    }

    fn seen(&self, text: &RawValue) -> Option<WatchNotice> {
        match decode(text) {
            Ok(object) => {
                let object = package_client::named(object, &self.watch.kind);
                Some(WatchNotice::Seen(object))
            }
            Err(why) => {
                let head = self.head(text)?;
                tracing::warn!(
                    kind = %self.watch.kind,
                    namespace = head["metadata"]["namespace"].as_str(),
                    name = head["metadata"]["name"].as_str(),
                    %why,
                    "an object of a package cannot be read"
                );
                Some(WatchNotice::Unreadable(head))
            }
        }
    }

    fn head(&self, text: &RawValue) -> Option<Value> {
        let head = package_client::metadata_only(text)?;
        Some(package_client::named(head, &self.watch.kind))
    }
}

impl Handler<Failure> for WatchHandler {
    async fn take(&mut self, notice: Notice<Failure>) {
        let notice = match notice {
            Notice::Seen(text) => self.seen(&text),
            Notice::Removed(text) => self.head(&text).map(WatchNotice::Removed),
            Notice::Restarted => Some(WatchNotice::Restarted(
                self.account.clone(),
                self.watch.clone(),
            )),
            Notice::Synced => Some(WatchNotice::Synced(
                self.account.clone(),
                self.watch.clone(),
            )),
            Notice::Failed(failure) => Some(WatchNotice::Failed(
                self.account.clone(),
                self.watch.clone(),
                failure,
            )),
        };
        if let Some(notice) = notice {
            self.sink.offer(notice).await;
        }
    }
}

#[cfg(test)]
mod tests {

    use futures::future::BoxFuture;
    use serde_json::json;
    use stevedore_agent_core::key::{Kind, ObjectKey};

    use super::*;

    #[derive(Default)]
    struct Sink(Mutex<Vec<WatchNotice>>);

    impl ObjectSink for Sink {
        fn offer(&self, notice: WatchNotice) -> BoxFuture<'_, ()> {
            self.0.lock().push(notice);
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn of_an_object_that_cannot_be_decoded_the_metadata_is_told() {
        let sink = Arc::new(Sink::default());
        let mut handler = WatchHandler {
            sink: Arc::clone(&sink) as _,
            account: Account {
                namespace: "shop".into(),
                name: "packages".into(),
            },
            watch: WatchKey {
                kind: Kind::new("example.org", "v1", "Thing"),
                namespace: None,
            },
        };
        let deep = (0..200).fold(json!("marker-7f3a"), |inner, _| json!({"f:a": inner}));
        let object = |name: &str, spec: &Value| {
            let object = json!({"metadata": {"name": name, "uid": "u", "resourceVersion": "1",
                "labels": {"a": "b"}, "managedFields": [{"fieldsV1": spec}]}, "spec": spec});
            serde_json::value::to_raw_value(&object).unwrap()
        };
        for notice in [
            Notice::Seen(object("a", &deep)),
            Notice::Seen(object("b", &json!({}))),
            Notice::Removed(object("a", &deep)),
        ] {
            handler.take(notice).await;
        }
        let told = std::mem::take(&mut *sink.0.lock());
        let [
            WatchNotice::Unreadable(one),
            WatchNotice::Seen(other),
            WatchNotice::Removed(gone),
        ] = &told[..]
        else {
            panic!("{told:?}");
        };
        for (object, name) in [(one, "a"), (other, "b"), (gone, "a")] {
            let key = ObjectKey::of(object).unwrap();
            assert_eq!(&*key.name, name);
            assert_eq!(object["metadata"]["labels"]["a"], "b");
        }
        assert!(!format!("{told:?}").contains("marker"));
    }
}
