//! Inventory of what there is to be taken away: what stored sets name, and what a search finds.

use std::collections::HashMap;
use std::sync::Arc;

use stevedore_agent_core::desired::{self, Setting};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::plan::{Inventories, Outcome};
use stevedore_agent_core::prune::SetInventory;
use stevedore_agent_core::rollout::{Block, Record};
use stevedore_agent_core::set::{SetHead, SetRef, SetUid};
use stevedore_agent_core::teardown;
use stevedore_proto_core::{Content, Reason};

use super::execution::{Execution, Output, Requester};
use super::preparation::known_kinds;
use super::set_status::NamedPhases;
use crate::ports::{ContentFailure, ObjectApi, Ports, SetEvent};

/// A set that tells what it names.
pub(super) struct Survey {
    pub(super) head: SetHead,
    /// What its status says that it controls.
    pub(super) recorded: Vec<(ObjectKey, Record)>,
    pub(super) setting: Setting,
}

/// Tells what sets name: their contents and the inventories in their statuses.
pub(super) fn survey(ports: &Ports, api: Arc<dyn ObjectApi>, sets: Vec<Survey>) -> Execution {
    let store = Arc::clone(&ports.store);
    Box::pin(async move {
        let mut inventories = Inventories::default();
        let mut phases = HashMap::new();
        for set in sets {
            let content = if set.head.has_content() {
                store.content(&set.head.set).await
            } else {
                Err(ContentFailure::Missing("it has none".into()))
            };
            let mut named = SetInventory {
                number: set.head.number,
                objects: Vec::new(),
            };
            match content {
                Ok(content) => {
                    let (by_phase, objects) = names_of(&*api, &content, &set).await;
                    phases.insert(SetUid::clone(&set.head.set.uid), by_phase);
                    named.objects = objects;
                }
                Err(ContentFailure::Missing(_)) => inventories.incomplete = true,
                Err(ContentFailure::Unavailable(failure))
                    if failure.kind == FailureKind::Unreadable =>
                {
                    inventories.incomplete = true;
                }
                Err(ContentFailure::Unavailable(failure)) => {
                    return (Outcome::InventoriesRead(Err(failure)), Output::None);
                }
            }
            add_recorded(&mut named.objects, set.recorded);
            inventories.sets.push(named);
        }
        (
            Outcome::InventoriesRead(Ok(inventories)),
            Output::Phases(phases),
        )
    })
}

type NamedObjects = Vec<(ObjectKey, u16, Option<Box<str>>)>;

/// What a content names, by phase and as a whole.
async fn names_of(
    api: &dyn ObjectApi,
    content: &Content,
    set: &Survey,
) -> (NamedPhases, NamedObjects) {
    let recorded = set.recorded.iter().map(|(key, _)| key.clone());
    let recorded: Vec<ObjectKey> = recorded.collect();
    // A kind that discovery cannot tell now keeps the namespace it was written with.
    let known = known_kinds(api, content, &recorded)
        .await
        .unwrap_or_default();
    let all = desired::inventory(content, &set.setting, &known);
    let by_phase = content.phases.iter().enumerate().map(|(at, phase)| {
        let keys = all.iter().filter(|(_, rank)| usize::from(*rank) == at);
        let keys = keys.map(|(key, _)| key.clone()).collect();
        (phase.name.clone(), keys)
    });
    let by_phase = by_phase.collect();
    let objects = all.into_iter().map(|(key, rank)| (key, rank, None));
    (by_phase, objects.collect())
}

fn add_recorded(objects: &mut NamedObjects, recorded: Vec<(ObjectKey, Record)>) {
    for (key, record) in recorded {
        let known = objects
            .iter_mut()
            .find(|(known, ..)| known.same_object(&key));
        match known {
            Some((_, _, uid)) => *uid = Some(record.uid),
            None => objects.push((key, 0, Some(record.uid))),
        }
    }
}

/// Searches for every object of a deployment. What its account may not list is left alone; `set` says so.
pub(super) fn search(
    ports: &Ports,
    requester: Requester,
    namespace: Option<String>,
    set: SetRef,
) -> Execution {
    let events = Arc::clone(&ports.events);
    Box::pin(async move {
        let (api, deployment) = (&requester.api, requester.deployment);
        let found = api.find_all(deployment, namespace.as_deref()).await;
        let outcome = found
            .map_err(|failure| vec![unlistable("every kind", &failure)])
            .and_then(|found| {
                // An account that may not list a kind could not have kept objects of it in order.
                let (skipped, failed): (Vec<_>, Vec<_>) = found
                    .unlistable
                    .iter()
                    .partition(|(_, failure)| failure.kind == FailureKind::Forbidden);
                if !skipped.is_empty() {
                    events.record(&set, not_searched(&skipped));
                }
                let blocks: Vec<Block> = failed
                    .into_iter()
                    .map(|(kind, failure)| unlistable(&kind.to_string(), failure))
                    .collect();
                if blocks.is_empty() {
                    Ok(teardown::rebuilt(&found.objects, requester.deployment))
                } else {
                    Err(blocks)
                }
            });
        (Outcome::Searched(outcome), Output::None)
    })
}

fn not_searched(kinds: &[&(Kind, Failure)]) -> SetEvent {
    let kinds: Vec<String> = kinds.iter().map(|(kind, _)| kind.to_string()).collect();
    let message = format!(
        "objects of {} kinds are left alone if there are any, for the account may not list them: {}",
        kinds.len(),
        kinds.join(", ")
    );
    SetEvent {
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
