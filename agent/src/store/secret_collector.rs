//! The garbage collection of Secrets of objects that no set names any more.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stevedore_crds::record::OBJECTS_TYPE;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::index::Index;
use super::secrets::SecretsInUse;
use super::set_object::Metadata;
use crate::cluster_api::agent_client::Select;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// Younger ones may belong to a set that a second copy of the agent is about to write; in seconds.
const GRACE_PERIOD: u32 = 600;
/// After this time what is left is tried again: then nothing of it is too young.
const RETRY_AFTER: Duration = Duration::from_secs(GRACE_PERIOD as u64 + 1);

#[derive(serde::Deserialize)]
struct Head {
    metadata: Metadata,
}

/// Deletes what no stored set names.
pub(super) struct SecretCollector {
    pub(super) client: AgentClient,
    pub(super) namespace: String,
    pub(super) index: Arc<Index>,
    pub(super) secrets: Arc<SecretsInUse>,
    /// Said whenever a set, and with it the name of Secrets, is gone.
    pub(super) unnamed: Notify,
}

impl SecretCollector {
    /// Deletes what no stored set names: now, whenever sets were deleted, and once more as long as something had to be
    /// left. Only right once the index has every set.
    pub(super) async fn run(&self) {
        loop {
            let is_clean = self.collect().await.unwrap_or_else(|failure| {
                tracing::warn!(%failure, "Secrets that no set names could not be removed");
                false
            });
            let again = async {
                match is_clean {
                    true => std::future::pending().await,
                    false => sleep(RETRY_AFTER).await,
                }
            };
            tokio::select! {
                () = self.unnamed.notified() => {}
                () = again => {}
            }
        }
    }

    /// Deletes what no stored set names, unless there is a set that cannot be read: it may name any of them.
    /// Whether nothing was left for later.
    pub(super) async fn collect(&self) -> Answer<bool> {
        if !self.index.is_complete() {
            return Ok(true);
        }
        let named = self.index.secrets();
        let fields = format!("type={OBJECTS_TYPE}");
        let select = Select {
            labels: None,
            fields: Some(&fields),
            limit: "250",
            metadata_only: true,
        };
        let mut is_clean = true;
        let mut after: Option<String> = None;
        loop {
            let (page, next) = self
                .client
                .list::<Head>(
                    Resource::SECRET,
                    Some(&self.namespace),
                    select,
                    after.as_deref(),
                )
                .await?;
            for secret in page {
                let metadata = secret.metadata;
                if named.contains(&metadata.name) {
                    continue;
                }
                is_clean &= is_old(metadata.creation_timestamp) && self.remove(&metadata).await?;
            }
            after = next;
            if after.is_none() {
                return Ok(is_clean);
            }
        }
    }

    /// Deletes a Secret that was not named; not while orders are being stored, which may be about to name it.
    /// Nobody waits for that, and no order for more than this one request.
    async fn remove(&self, secret: &Metadata) -> Answer<bool> {
        let Some(_alone) = self.secrets.try_alone() else {
            return Ok(false);
        };
        if self.index.is_complete() && !self.index.secrets().contains(&secret.name) {
            self.client
                .delete(
                    Resource::SECRET,
                    Some(&self.namespace),
                    &secret.name,
                    &secret.uid,
                )
                .await?;
        }
        Ok(true)
    }
}

fn is_old(created: Option<Timestamp>) -> bool {
    created.is_some_and(|created| {
        Timestamp::now().as_second() - created.as_second() > i64::from(GRACE_PERIOD)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::FutureExt as _;
    use serde_json::json;

    use super::super::script::Script;
    use super::*;

    const SECRETS: &str = "/api/v1/namespaces/system/secrets";
    const ONE: &str = "/api/v1/namespaces/system/secrets/objects-1";

    /// An API server with a Secret that nobody names, young until it is said to be old.
    async fn with_secret(old: Arc<AtomicBool>) -> Script {
        Script::new(move |question, _| {
            let age = if old.load(Ordering::Relaxed) { 601 } else { 5 };
            let created = Timestamp::now() - jiff::SignedDuration::from_secs(age);
            Some(match question.split_once(' ')? {
                ("GET", SECRETS) => {
                    let metadata = json!({"name": "objects-1", "uid": "u",
                        "creationTimestamp": created.to_string()});
                    (200, json!({"items": [{"metadata": metadata}]}))
                }
                ("DELETE", ONE) => (200, json!({})),
                _ => return None,
            })
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_was_too_young_goes_when_it_is_old_enough() {
        let old = Arc::new(AtomicBool::new(false));
        let script = with_secret(Arc::clone(&old)).await;
        script.store.start_garbage_collection();
        let began = tokio::time::Instant::now();
        let mut asked = script.asked();
        while !asked.iter().any(|asked| asked.starts_with("DELETE")) {
            let listed = asked.iter().any(|asked| asked.ends_with(SECRETS));
            old.fetch_or(listed, Ordering::Relaxed);
            sleep(Duration::from_secs(1)).await;
            assert!(began.elapsed() < 2 * RETRY_AFTER, "never");
            asked = script.asked();
        }
        assert!(began.elapsed() >= RETRY_AFTER);
        // Nothing is left: nothing is asked any more.
        sleep(10 * RETRY_AFTER).await;
        let lists = script.asked().into_iter();
        assert_eq!(lists.filter(|asked| asked.ends_with(SECRETS)).count(), 0);
    }

    #[tokio::test]
    async fn a_slow_order_neither_waits_for_the_collection_nor_makes_others_wait_for_it() {
        let script = with_secret(Arc::new(AtomicBool::new(true))).await;
        let collector = &script.store.collector;
        let slow_order = collector.secrets.about_to_be_named().await;
        assert_eq!(collector.collect().await, Ok(false), "it is left for later");
        let another = collector.secrets.about_to_be_named().now_or_never();
        assert!(another.is_some());
        drop((slow_order, another));
        assert_eq!(collector.collect().await, Ok(true));
        assert!(script.asked().contains(&format!("DELETE {ONE}")));
    }
}
