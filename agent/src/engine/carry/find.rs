//! Finding out what there is to be taken away.

use std::collections::HashMap;
use std::sync::Arc;

use stevedore_agent_core::desired::{self, Setting};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::order::SetUid;
use stevedore_agent_core::plan::{Outcome, Surveyed};
use stevedore_agent_core::prune::Named;
use stevedore_agent_core::rollout::Block;
use stevedore_agent_core::teardown;

use super::{Baggage, Carried, Tools, scopes};
use crate::engine::head::inventory;
use crate::engine::ports::{ContentFailure, ObjectApi, Ports, StoredSet};

/// Tells what sets name: their contents and the inventories in their statuses.
pub(in crate::engine) fn survey(
    ports: &Ports,
    api: Arc<dyn ObjectApi>,
    sets: Vec<(StoredSet, Setting)>,
) -> Carried {
    let store = Arc::clone(&ports.store);
    Box::pin(async move {
        let mut surveyed = Surveyed::default();
        let mut phases = HashMap::new();
        for (set, setting) in sets {
            let mut named = Named {
                number: set.number,
                objects: Vec::new(),
            };
            let content = if set.has_content {
                store.content(&set.reference).await
            } else {
                Err(ContentFailure::Missing("it has none".into()))
            };
            match content {
                Ok(content) => {
                    // A kind that discovery cannot tell now keeps the namespace it was written with.
                    let scopes = scopes(&*api, &content).await.unwrap_or_default();
                    let all =
                        desired::inventory(&content, &setting, &|kind| scopes.get(kind).copied());
                    let by_phase = content.phases.iter().enumerate().map(|(at, phase)| {
                        let keys = all.iter().filter(|(_, rank)| usize::from(*rank) == at);
                        (
                            phase.name.clone(),
                            keys.map(|(key, _)| key.clone()).collect(),
                        )
                    });
                    phases.insert(SetUid::from(set.reference.uid.as_str()), by_phase.collect());
                    named.objects = all
                        .into_iter()
                        .map(|(key, rank)| (key, rank, None))
                        .collect();
                }
                Err(ContentFailure::Missing(_)) => surveyed.incomplete = true,
                Err(ContentFailure::Unavailable(failure)) => {
                    return (Outcome::Surveyed(Err(failure)), Baggage::None);
                }
            }
            for (key, record) in inventory(&set.status) {
                let known = named
                    .objects
                    .iter_mut()
                    .find(|(known, ..)| known.same_object(&key));
                match known {
                    Some((_, _, uid)) => *uid = Some(record.uid),
                    None => named.objects.push((key, 0, Some(record.uid))),
                }
            }
            surveyed.named.push(named);
        }
        (Outcome::Surveyed(Ok(surveyed)), Baggage::Phases(phases))
    })
}

/// Searches for every object of a deployment.
pub(in crate::engine) fn search(tools: Tools, namespace: Option<String>) -> Carried {
    Box::pin(async move {
        let found = {
            let _permit = tools.shared.requests.acquire().await;
            tools
                .api
                .find_all(tools.deployment, namespace.as_deref())
                .await
        };
        let outcome = found
            .map_err(|failure| vec![unlistable("every kind", &failure)])
            .and_then(|found| {
                let blocks: Vec<Block> = found
                    .unlistable
                    .iter()
                    // An account that may not list a kind could not have kept objects of it in order.
                    .filter(|(_, failure)| failure.kind != FailureKind::Forbidden)
                    .map(|(kind, failure)| unlistable(&kind.to_string(), failure))
                    .collect();
                if blocks.is_empty() {
                    Ok(teardown::rebuilt(&found.objects, tools.deployment))
                } else {
                    Err(blocks)
                }
            });
        (Outcome::Searched(outcome), Baggage::None)
    })
}

fn unlistable(kind: &str, failure: &Failure) -> Block {
    Block {
        reason: match failure.kind {
            // Why is found out by asking for the account again.
            FailureKind::AccountNotAllowed => failure.kind.as_str(),
            _ => "NotListable",
        },
        message: format!("{kind} cannot be listed: {failure}"),
        preflight: false,
    }
}
