//! Secrets of objects that no set names any more are deleted.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use stevedore_crds::record::OBJECTS_TYPE;

use super::Store;
use super::head::Metadata;
use crate::cluster_api::agent_client::Select;
use crate::engine::ports::Answer;

/// Younger ones may belong to a set that a second copy of the agent is about to write; in seconds.
const GRACE: i64 = 600;

#[derive(serde::Deserialize)]
struct Head {
    metadata: Metadata,
}

impl Store {
    /// Deletes what no stored set names, unless there is a set that cannot be read: it may name any of them.
    /// Only right once the index has every set.
    pub(crate) async fn sweep(&self) {
        if let Err(failure) = self.try_sweep().await {
            tracing::warn!(%failure, "Secrets that no set names could not be removed");
        }
    }

    async fn try_sweep(&self) -> Answer<()> {
        let _alone = self.sweeping.write().await;
        if !self.index.is_complete() {
            return Ok(());
        }
        let named = self.index.secrets();
        let fields = format!("type={OBJECTS_TYPE}");
        let select = Select {
            labels: None,
            fields: Some(&fields),
            limit: "250",
            metadata_only: true,
        };
        let mut after: Option<String> = None;
        loop {
            let (page, next) = self
                .client
                .list::<Secret, Head>(Some(&self.namespace), select, after.as_deref())
                .await?;
            for secret in page {
                let metadata = secret.metadata;
                if !named.contains(&metadata.name) && is_old(metadata.creation_timestamp) {
                    self.client
                        .delete::<Secret>(Some(&self.namespace), &metadata.name, &metadata.uid)
                        .await?;
                }
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn is_old(created: Option<Timestamp>) -> bool {
    created.is_some_and(|created| Timestamp::now().as_second() - created.as_second() > GRACE)
}
