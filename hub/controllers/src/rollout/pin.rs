//! The actions on a package: takes new ones, writes what became of them, and gives the pin and the other verbs that hold.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use stevedore_client::Api;
use stevedore_crds::v1alpha1::PackageAction;
use stevedore_hub_core::history::{Pin, Revision};
use stevedore_hub_core::rollout::Verbs;

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::rollout::actions::{self, Found};
use crate::write;

/// What holds of the actions on a package.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) pin: Option<Pin>,
    /// Of the rollout of the active revision.
    pub(super) verbs: Verbs,
}

/// What holds. Nothing is planned by an action before what became of it is written.
pub(super) async fn settle(
    hub: &Hub,
    package: &AnyPackage,
    kept: &[Revision],
) -> Result<Settled, kube::Error> {
    let objects = actions_on(hub, package);
    if objects.is_empty() {
        return Ok(Settled::default());
    }
    let found: Vec<_> = objects.iter().map(|action| found(action)).collect();
    let content = package.content_hash();
    let ledger = hub.orders.ledger(&package.uid);
    let rollout = ledger.as_ref().and_then(|stored| stored.ledger.rollout());
    let retried = rollout.map_or(0, |record| record.retried);
    let decision = actions::decide(&found, &content, kept, retried, Timestamp::now());
    let server = &hub.api;
    let namespace = package.record_namespace(server.namespace());
    let api: Api<PackageAction> = Api::namespaced(server.client.clone(), namespace);
    for (at, status) in decision.writes {
        let (name, uid) = (objects[at].name_any(), write::uid(&*objects[at]));
        let written = server.write_status(&api, &name, uid, &status).await?;
        hub.packages.actions.apply(written);
    }
    Ok(Settled {
        pin: decision.pin,
        verbs: decision.verbs,
    })
}

/// The actions on a package. One speaks about the package it was made for, not a later one of the same name.
fn actions_on(hub: &Hub, package: &AnyPackage) -> Vec<Arc<PackageAction>> {
    let namespace = package.record_namespace(hub.api.namespace());
    let created = package.created.as_ref().map(|time| time.0);
    let mut actions = hub.packages.actions.all();
    actions.retain(|action| {
        let target = &action.spec.package;
        target.kind == package.kind
            && target.name == package.name
            && action.namespace().as_deref() == Some(namespace)
            && action.creation_timestamp().map(|time| time.0) >= created
    });
    actions
}

fn found(action: &PackageAction) -> Found {
    let created = action.creation_timestamp().map(|time| time.0);
    Found {
        order: (created, action.name_any()),
        generation: action.metadata.generation.unwrap_or_default(),
        spec: action.spec.clone(),
        status: action.status.clone().unwrap_or_default(),
    }
}
