//! Finding out what there is to be taken away.

use std::collections::HashMap;
use std::sync::Arc;

use stevedore_agent_core::desired::{self, Setting};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::Kind;
use stevedore_agent_core::order::SetUid;
use stevedore_agent_core::plan::{Outcome, Surveyed};
use stevedore_agent_core::prune::Named;
use stevedore_agent_core::rollout::Block;
use stevedore_agent_core::teardown;
use stevedore_proto_core::Reason;

use super::{Baggage, Carried, Tools, scopes};
use crate::engine::head::inventory;
use crate::ports::{ContentFailure, Note, ObjectApi, Ports, SetRef, StoredSet};

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
                Err(ContentFailure::Unavailable(failure))
                    if failure.kind == FailureKind::Unreadable =>
                {
                    surveyed.incomplete = true;
                }
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

/// Searches for every object of a deployment. What its account may not list is left alone; `set` says so.
pub(in crate::engine) fn search(
    ports: &Ports,
    tools: Tools,
    namespace: Option<String>,
    set: SetRef,
) -> Carried {
    let notes = Arc::clone(&ports.notes);
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
                // An account that may not list a kind could not have kept objects of it in order.
                let (skipped, failed): (Vec<_>, Vec<_>) = found
                    .unlistable
                    .iter()
                    .partition(|(_, failure)| failure.kind == FailureKind::Forbidden);
                if !skipped.is_empty() {
                    notes.note(&set, not_searched(&skipped));
                }
                let blocks: Vec<Block> = failed
                    .into_iter()
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

fn not_searched(kinds: &[&(Kind, Failure)]) -> Note {
    let kinds: Vec<String> = kinds.iter().map(|(kind, _)| kind.to_string()).collect();
    let message = format!(
        "objects of {} kinds are left alone if there are any, for the account may not list them: {}",
        kinds.len(),
        kinds.join(", ")
    );
    Note {
        warning: true,
        reason: Reason::NotSearched,
        message,
    }
}

fn unlistable(kind: &str, failure: &Failure) -> Block {
    let reason = match failure.kind {
        // Why is found out by asking for the account again.
        FailureKind::AccountNotAllowed => Reason::AccountNotAllowed,
        _ => Reason::NotListable,
    };
    Block::new(reason, format!("{kind} cannot be listed: {failure}"))
}
