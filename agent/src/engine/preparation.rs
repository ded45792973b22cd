//! Preparation of a rollout: the account is opened, the content is read and checked.

use std::sync::Arc;

use futures::StreamExt as _;
use stevedore_agent_core::desired::{self, Blueprint, KnownKinds, Setting};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::ObjectKey;
use stevedore_agent_core::plan::{Outcome, PreparationFailure};
use stevedore_agent_core::set::{SetHead, SetRef};
use stevedore_proto_core::Content;

use super::execution::{Execution, Output};
use crate::ports::{Answer, ContentFailure, ObjectApi, Ports, Serving};

/// Requests of discovery at the same time.
const DISCOVERY: usize = 8;

/// Opens the account of a set.
pub(super) fn open(ports: &Ports, head: SetHead) -> Execution {
    let accounts = Arc::clone(&ports.accounts);
    Box::pin(async move {
        match accounts.open(&head).await {
            Ok((account, api)) => (Outcome::Opened(Ok(())), Output::Client(account, api)),
            Err(block) => (Outcome::Opened(Err(block)), Output::None),
        }
    })
}

/// Reads and checks the content of a set; `recorded` is what sets of the deployment control.
pub(super) fn prepare(
    ports: &Ports,
    api: Arc<dyn ObjectApi>,
    set: SetRef,
    setting: Setting,
    recorded: Vec<ObjectKey>,
) -> Execution {
    let store = Arc::clone(&ports.store);
    Box::pin(async move {
        let prepared = async {
            let content = store.content(&set).await.map_err(prevented)?;
            let known = known_kinds(&*api, &content, &recorded).await;
            let known = known.map_err(PreparationFailure::Failed)?;
            let held = Arc::clone(&content);
            // Compiling probes and hashing a set takes a while: not on the reactor.
            let check = tokio::task::spawn_blocking(move || Blueprint::of(&held, &setting, &known));
            let interrupted =
                || Failure::new(FailureKind::Unavailable, "the check was interrupted");
            let checked = check
                .await
                .map_err(|_| PreparationFailure::Failed(interrupted()))?;
            let blueprint = checked.map_err(PreparationFailure::Refused)?;
            Ok((blueprint, content))
        };
        match prepared.await {
            Ok((blueprint, content)) => {
                (Outcome::Prepared(Ok(blueprint)), Output::Content(content))
            }
            Err(prevented) => (Outcome::Prepared(Err(prevented)), Output::None),
        }
    })
}

fn prevented(failure: ContentFailure) -> PreparationFailure {
    match failure {
        ContentFailure::Missing(what) => PreparationFailure::Missing(what),
        ContentFailure::Unavailable(failure) => PreparationFailure::Failed(failure),
    }
}

/// What is known of the content's kinds.
pub(super) async fn known_kinds(
    api: &dyn ObjectApi,
    content: &Content,
    recorded: &[ObjectKey],
) -> Answer<KnownKinds> {
    let answers: Vec<_> = futures::stream::iter(desired::kinds(content))
        .map(|kind| async move { (api.serving(&kind).await, kind) })
        .buffer_unordered(DISCOVERY)
        .collect()
        .await;
    let mut known = KnownKinds::default();
    for (answer, kind) in answers {
        if let Serving::Served { namespaced } = answer? {
            known.add_served(kind, namespaced);
        }
    }
    for key in recorded {
        known.add_recorded(key);
    }
    Ok(known)
}
