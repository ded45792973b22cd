//! Actions on packages: recorded as who asks, and awaited until the hub has taken them up.

use std::time::Duration;

use anyhow::{Context as _, bail};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::ResourceExt as _;
use kube::api::{ObjectMeta, PostParams};
use stevedore_client::{Api, await_condition};
use stevedore_crds::v1alpha1::{
    ActionState, ActionTarget, ActionVerb, PackageAction, PackageActionSpec,
};

use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::package_name::PackageName;
use crate::packages::Packages;

/// How long the hub may take to take up an action.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) verb: ActionVerb,
    /// The revision that it speaks about, for verbs that have one.
    pub(crate) revision: Option<i64>,
    /// The wave, for verbs that have one.
    pub(crate) wave: Option<String>,
    /// The cluster, for verbs that have one.
    pub(crate) cluster: Option<String>,
    /// Why, for the record.
    pub(crate) reason: Option<String>,
}

impl Asked {
    /// The same of this wave.
    pub(super) fn of_wave(self, wave: String) -> Self {
        Self {
            wave: Some(wave),
            ..self
        }
    }
}

/// Records the verb and waits until the hub has taken it up; the action as it was seen last.
///
/// # Errors
/// When the action cannot be recorded, or the hub refuses it.
pub(crate) async fn record_action(
    packages: &Packages,
    name: &PackageName,
    asked: Asked,
) -> anyhow::Result<PackageAction> {
    let Asked {
        verb,
        revision,
        wave,
        cluster,
        reason,
    } = asked;
    let api: Api<PackageAction> = Api::namespaced(packages.client(), packages.namespace_of(name));
    let action = PackageAction {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", name.name)),
            ..ObjectMeta::default()
        },
        spec: PackageActionSpec {
            package: ActionTarget {
                kind: name.kind(),
                name: name.name.clone(),
            },
            verb,
            revision,
            wave,
            cluster,
            reason,
            requested_by: requester(packages).await?,
        },
        status: None,
    };
    let recorded = api
        .create(&PostParams::default(), &action)
        .await
        .context("cannot record the action")?;
    let name_of_action = recorded.name_any();
    let taken = await_condition(api, &name_of_action, |action: Option<&PackageAction>| {
        action.is_some_and(is_decided)
    });
    let Ok(taken) = tokio::time::timeout(TAKEN_WITHIN, taken).await else {
        return Ok(recorded);
    };
    let action = taken.context("cannot read the action")?.unwrap_or(recorded);
    let status = action.status.as_ref();
    if let Some(status) = status.filter(|status| status.state == Some(ActionState::Refused)) {
        bail!(
            "the hub refused: {}",
            status.message.as_deref().unwrap_or_default()
        );
    }
    Ok(action)
}

/// Prints a recorded action, with these words if the hub has taken it up.
pub(super) fn show(action: &PackageAction, format: Format, words: &str) -> anyhow::Result<Outcome> {
    let name = action.name_any();
    if is_decided(action) {
        output::one(format, action, &name, words)?;
        return Ok(Outcome::Done);
    }
    if format != Format::Table {
        output::one(format, action, &name, words)?;
    }
    eprintln!(
        "PackageAction {name} is recorded, but the hub has not taken it up within {} s; is it running?",
        TAKEN_WITHIN.as_secs()
    );
    Ok(Outcome::NotAsAsked)
}

/// Whether the hub has taken the action up.
pub(crate) fn is_decided(action: &PackageAction) -> bool {
    let status = action.status.as_ref();
    status.is_some_and(|status| status.state.is_some())
}

/// The user that the API server takes us for.
async fn requester(packages: &Packages) -> anyhow::Result<String> {
    let api: Api<SelfSubjectReview> = Api::all(packages.client());
    let review = api
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .context("cannot ask the API server who we are")?;
    let user = review
        .status
        .and_then(|status| status.user_info)
        .and_then(|user| user.username);
    user.context("the API server does not say who we are")
}
