//! The Secret `stevedore-agent-state`, which holds what must outlive every set.
//!
//! Key `state`: the tuples of finished tombstones, kept for 90 days, and the highest epoch and term that any of
//! them had. Every other epoch and term stands in the set that the order is stored as.
//! Key `digest-key`: the key under which Secrets of objects are named.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;
use parking_lot::Mutex;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::session::accept::highest;
use stevedore_agent_core::set::is_newer;
use stevedore_crds::record::AGENT_STATE;
use stevedore_proto_core::{DeploymentUid, Held, Leadership, PackageRef, Stage, Tuple};

use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

const STATE: &str = "state";
const DIGEST_KEY: &str = "digest-key";
/// How long the tuple of a finished tombstone is kept, in seconds.
const RETENTION: i64 = 90 * 24 * 3600;
/// The most that are kept; the oldest go first. Together they stay below the size of a Secret.
const MAX_FINISHED: usize = 2000;
/// Attempts to write against another writer.
const ATTEMPTS: usize = 5;

/// The state as it was last read or written.
pub(crate) struct StateSecret {
    client: AgentClient,
    namespace: String,
    digest_key: [u8; 32],
    known: Mutex<Known>,
    writing: tokio::sync::Mutex<()>,
}

struct Known {
    state: State,
    forgotten: Vec<DeploymentUid>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Leadership>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    finished: Vec<Finished>,
}

/// A tombstone that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finished {
    deployment: DeploymentUid,
    package: PackageRef,
    tuple: Tuple,
    /// When, in seconds of Unix time.
    at: i64,
}

impl State {
    /// Adds a finished tombstone; gives the deployments whose time is over, and which are forgotten.
    fn finish(&mut self, new: Finished) -> Vec<DeploymentUid> {
        self.seen = Some(highest(self.seen, new.tuple.leadership()));
        self.finished.retain(|old| old.deployment != new.deployment);
        let surplus = (self.finished.len() + 1).saturating_sub(MAX_FINISHED);
        let (mut gone, now) = (vec![], new.at);
        let old = std::mem::take(&mut self.finished);
        for (at, finished) in old.into_iter().enumerate() {
            if at < surplus || now.saturating_sub(finished.at) > RETENTION {
                gone.push(finished.deployment);
            } else {
                self.finished.push(finished);
            }
        }
        self.finished.push(new);
        gone
    }
}

impl StateSecret {
    /// Reads the state, or creates it with this digest key.
    pub(crate) async fn open(
        client: AgentClient,
        namespace: &str,
        fresh_key: [u8; 32],
    ) -> Answer<Self> {
        let stored = match read(&client, namespace).await? {
            Some(stored) => stored,
            None => create(&client, namespace, fresh_key, &State::default()).await?,
        };
        Ok(Self {
            client,
            namespace: namespace.to_owned(),
            digest_key: stored.digest_key,
            known: Mutex::new(Known {
                state: stored.state,
                forgotten: Vec::new(),
            }),
            writing: tokio::sync::Mutex::new(()),
        })
    }

    pub(crate) fn digest_key(&self) -> [u8; 32] {
        self.digest_key
    }

    /// The highest epoch and term that a finished tombstone had.
    pub(crate) fn seen(&self) -> Option<Leadership> {
        self.known.lock().state.seen
    }

    /// Finished tombstones, as they are told to the hub.
    pub(crate) fn finished(&self) -> Vec<Held> {
        let held = |finished: &Finished| Held {
            deployment: finished.deployment,
            package: finished.package.clone(),
            tuple: finished.tuple,
            content: None,
            stage: Stage::Deleted,
        };
        self.known.lock().state.finished.iter().map(held).collect()
    }

    /// Deployments whose tombstones are no longer kept, since the last call.
    pub(crate) fn take_forgotten(&self) -> Vec<DeploymentUid> {
        std::mem::take(&mut self.known.lock().forgotten)
    }

    /// Stores that a tombstone was carried out.
    pub(crate) async fn finish(
        &self,
        deployment: DeploymentUid,
        package: PackageRef,
        tuple: Tuple,
        at: i64,
    ) -> Answer<()> {
        let _turn = self.writing.lock().await;
        let new = Finished {
            deployment,
            package,
            tuple,
            at,
        };
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let stored = self.read().await?;
            let mut state = stored.state;
            let forgotten = state.finish(new.clone());
            let mut secret = stored.secret;
            secret
                .data
                .get_or_insert_default()
                .insert(STATE.into(), encode(&state));
            match self
                .client
                .replace(
                    Resource::SECRET,
                    Some(&self.namespace),
                    AGENT_STATE,
                    &secret,
                )
                .await
            {
                Ok(_) => {
                    let mut known = self.known.lock();
                    known.state = state;
                    known.forgotten.extend(forgotten);
                    return Ok(());
                }
                Err(failure) if failure.kind == FailureKind::Conflict => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or_else(missing))
    }

    /// Whether a tombstone of this deployment at least as new as `tuple` was carried out, by this process or
    /// by a second copy of it.
    pub(crate) async fn is_finished(
        &self,
        deployment: DeploymentUid,
        tuple: &Tuple,
    ) -> Answer<bool> {
        let stored = self.read().await?;
        let finished = stored.state.finished.iter();
        let mut of_it = finished.filter(|finished| finished.deployment == deployment);
        let answer = of_it.any(|finished| !is_newer(tuple, &finished.tuple));
        self.known.lock().state = stored.state;
        Ok(answer)
    }

    /// What is stored. Where somebody deleted it, it is stored again as it is known: the digest key above all,
    /// by which the Secrets of every set are named.
    async fn read(&self) -> Answer<Stored> {
        if let Some(stored) = read(&self.client, &self.namespace).await? {
            return Ok(stored);
        }
        tracing::warn!(
            "Secret {AGENT_STATE} was deleted while the agent runs; it is written again"
        );
        let known = self.known.lock().state.clone();
        create(&self.client, &self.namespace, self.digest_key, &known).await
    }
}

struct Stored {
    secret: Secret,
    state: State,
    digest_key: [u8; 32],
}

fn missing() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        format!("Secret {AGENT_STATE} was deleted in between"),
    )
}

async fn read(client: &AgentClient, namespace: &str) -> Answer<Option<Stored>> {
    let Some(secret) = client
        .get::<Secret>(Resource::SECRET, Some(namespace), AGENT_STATE)
        .await?
    else {
        return Ok(None);
    };
    decode(secret).map(Some)
}

async fn create(
    client: &AgentClient,
    namespace: &str,
    key: [u8; 32],
    state: &State,
) -> Answer<Stored> {
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(AGENT_STATE.into()),
            namespace: Some(namespace.into()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([
            (STATE.into(), encode(state)),
            (DIGEST_KEY.into(), ByteString(key.to_vec())),
        ])),
        ..Secret::default()
    };
    match client
        .create::<IgnoredAny>(Resource::SECRET, Some(namespace), &secret, false)
        .await
    {
        Ok(_) => {}
        Err(failure) if failure.kind == FailureKind::Conflict => {}
        Err(failure) => return Err(failure),
    }
    read(client, namespace).await?.ok_or_else(missing)
}

fn encode(state: &State) -> ByteString {
    ByteString(serde_json::to_vec(state).expect("the state is always JSON"))
}

fn decode(secret: Secret) -> Answer<Stored> {
    let broken = |what: &str| {
        Failure::new(
            FailureKind::Invalid,
            format!("key {what} of Secret {AGENT_STATE} cannot be read"),
        )
    };
    let data = secret.data.as_ref();
    let of = |key: &str| {
        data.and_then(|data| data.get(key))
            .map(|bytes| bytes.0.as_slice())
    };
    let digest_key = of(DIGEST_KEY)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| broken(DIGEST_KEY))?;
    let state = match of(STATE) {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| broken(STATE))?,
        None => State::default(),
    };
    Ok(Stored {
        secret,
        state,
        digest_key,
    })
}

#[cfg(test)]
mod tests {
    use super::super::script::{self, STATE, Script};
    use super::*;
    use stevedore_proto_core::{Digest, Epoch, EpochId, PackageUid, Term, TermId};

    fn finished(deployment: u8, number: u64, at: i64) -> Finished {
        Finished {
            deployment: DeploymentUid::from_bytes([deployment; 16]),
            package: PackageRef {
                namespace: None,
                name: "p".repeat(45),
                uid: PackageUid::from_bytes([1; 16]),
                revision: 1,
            },
            tuple: Tuple {
                epoch: Epoch {
                    counter: 1,
                    id: EpochId::from_bytes([1; 16]),
                },
                term: Term {
                    counter: number,
                    id: TermId::from_bytes([1; 16]),
                },
                number,
                digest: Digest::of(b"t"),
            },
            at,
        }
    }

    #[test]
    fn a_finished_tombstone_replaces_the_one_before_and_old_ones_go_after_ninety_days() {
        let mut state = State::default();
        assert_eq!(state.finish(finished(1, 4, 0)), []);
        assert_eq!(state.finish(finished(2, 2, RETENTION)), []);
        assert_eq!(state.finish(finished(2, 7, RETENTION)), []);
        assert_eq!(
            state.finished,
            [finished(1, 4, 0), finished(2, 7, RETENTION)]
        );
        let forgotten = state.finish(finished(3, 1, RETENTION + 1));
        assert_eq!(forgotten, [DeploymentUid::from_bytes([1; 16])]);
        assert_eq!(state.finished.len(), 2);
        assert_eq!(state.seen.unwrap().term.counter, 7);
    }

    #[test]
    fn the_most_that_is_kept_fits_a_secret() {
        let mut state = State::default();
        let one = finished(1, u64::MAX, i64::MAX);
        state.finished = vec![one; MAX_FINISHED];
        assert!(encode(&state).0.len() < 1024 * 1024);
        let forgotten = state.finish(finished(2, 1, i64::MAX));
        assert_eq!(forgotten, [DeploymentUid::from_bytes([1; 16])]);
        assert_eq!(state.finished.len(), MAX_FINISHED);
    }

    #[tokio::test]
    async fn a_state_that_somebody_deletes_is_written_again_under_the_same_key() {
        let reads = std::sync::atomic::AtomicUsize::new(0);
        let created = std::sync::Arc::new(Mutex::new(None::<serde_json::Value>));
        let stored = std::sync::Arc::clone(&created);
        let key = format!("{}=", "A".repeat(43));
        let script = Script::new(move |question, body| {
            let mut stored = stored.lock();
            if question == format!("GET {STATE}") {
                let first = reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
                return Some(match stored.clone() {
                    Some(secret) => (200, secret),
                    None if first => (200, script::state(&key)),
                    None => script::refusal(404, "deleted"),
                });
            }
            let written = question.starts_with("POST") || question.starts_with("PUT");
            written.then(|| {
                *stored = Some(body.clone());
                (200, body.clone())
            })
        })
        .await;
        let one = finished(1, 4, 7);
        let state = &script.store.state;
        let finish = state.finish(one.deployment, one.package, one.tuple, 7);
        assert_eq!(finish.await, Ok(()));
        assert_eq!(state.take_forgotten(), []);
        *created.lock() = None;
        assert_eq!(
            state.is_finished(one.deployment, &one.tuple).await,
            Ok(true)
        );
        let secret: Secret = serde_json::from_value(created.lock().clone().unwrap()).unwrap();
        assert_eq!(decode(secret).unwrap().digest_key, state.digest_key());
    }
}
