//! Targets of a package: the clusters that it goes to, and what it renders to on each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use stevedore_crds::v1alpha1::{self as api, PackageRevision};
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::history::{self, ActiveRevision, Pin};
use stevedore_hub_core::ledger::Ledger;
use stevedore_hub_core::placement::{self, Placement};
use stevedore_hub_core::rollout::{Intent, Rendering};
use stevedore_package::package::Package;
use stevedore_proto_core::{ClusterUid, Reason};
use stevedore_runtime::retry;

use crate::hub::Hub;
use crate::member::members::Joined;
use crate::package::any_package::AnyPackage;
use crate::package::content::ReadError;
use crate::package::progress::LastPlan;
use crate::package::{render_input, revisions};
use crate::rollout::{eligibility, selector};

/// The longest a package may keep a planner with rendering, but for one that has begun: the hub plans few at a
/// time, and one that is slow to render on ten thousand clusters must not delay the others.
const PASS: Duration = Duration::from_secs(5);

/// When content that could not be read is read again.
const CONTENT_AGAIN: Duration = Duration::from_secs(30);

/// What is wanted of a package that is not being deleted.
pub(crate) async fn intent(
    hub: &Arc<Hub>,
    package: &AnyPackage,
    pin: Option<&Pin>,
    last_plan: &mut LastPlan,
) -> Intent {
    let members = hub.members.snapshot();
    let wanted = package.spec.placement.as_ref().map(placement);
    let selection = placement::select(
        wanted.as_ref(),
        package.namespace.is_some(),
        &hub.api.own,
        members.joined().map(|joined| &joined.member),
    );
    last_plan.shortfall = selection.shortfall;
    let paused = package.spec.paused;
    // A record that decides what may be ordered cannot be read.
    let found = match last_plan.unreadable {
        Some(_) => None,
        None => content(hub, package, pin, last_plan).await,
    };
    let Some((revision, content)) = found else {
        return Intent::Keep {
            paused,
            targets: selection.targets,
        };
    };
    let targets = selection.targets.iter();
    let clusters: Vec<_> = targets
        .filter_map(|target| members.get(target).cloned())
        .collect();
    Intent::Present {
        revision,
        paused,
        account: package.spec.service_account_name.clone(),
        targets: render(hub, package, content, clusters, last_plan).await,
    }
}

/// A revision that may be ordered, and what it consists of.
struct Content {
    object: Arc<PackageRevision>,
    package: Arc<Package>,
}

/// The active revision with its content. There is none while what the spec asks for is not unpacked, or what was
/// unpacked cannot be read; of the latter the view is told.
async fn content(
    hub: &Hub,
    package: &AnyPackage,
    pin: Option<&Pin>,
    last_plan: &mut LastPlan,
) -> Option<(ActiveRevision, Content)> {
    let mut unreadable = |reason, message| {
        last_plan.unreadable = Some(Failure { reason, message });
    };
    let revisions = hub.revisions.history(&package.identity());
    let active = history::active(&revisions, &package.content_hash(), pin);
    let Some(active) = active else {
        if let Some(Pin { revision, .. }) = pin {
            let message = format!(
                "revision {revision}, at which the package is pinned, is not kept any more; release it, or pin it at another one"
            );
            unreadable(Reason::RevisionMissing, message);
        }
        return None;
    };
    let object = object(hub, package, active.number())?;
    let loaded = crate::package::content::package_of(hub, &object).await;
    if let Err(error) = &loaded {
        tracing::warn!(package = package.name, %error, "a revision's content cannot be read");
        unreadable(Reason::ContentUnavailable, error.to_string());
        // What is missing is planned once it was pulled again; of anything else nobody tells that it got better.
        if !matches!(error, ReadError::Missing(_)) {
            let wait = retry::spread(CONTENT_AGAIN, 20, rand::random());
            hub.queues.plan.add_after(package.uid, wait);
        }
    }
    last_plan.revision = Some(active.number());
    last_plan.resolved_image = resolved_image(&object);
    let package = loaded.ok()?;
    Some((active, Content { object, package }))
}

fn object(hub: &Hub, package: &AnyPackage, number: u64) -> Option<Arc<PackageRevision>> {
    let mut objects = hub.revisions.of(&package.identity()).into_iter();
    objects.find(|object| revisions::number(object) == number)
}

/// The image of a revision, by digest. It was pulled once, so it is a reference.
fn resolved_image(revision: &PackageRevision) -> Option<String> {
    let image = render_input::resolved(revision).ok()?;
    Some(image.to_string())
}

/// What a package that stays as it was ordered runs meanwhile, for its status.
pub(crate) fn describe_kept(
    hub: &Hub,
    package: &AnyPackage,
    ledger: &Ledger,
    last_plan: &mut LastPlan,
) {
    let active = last_plan.revision;
    let is_other = |kept: &RangeInclusive<u64>| active.is_none_or(|it| *kept != (it..=it));
    last_plan.kept = ledger.revisions().filter(is_other);
    if let (None, Some(kept)) = (active, &last_plan.kept) {
        let newest = *kept.end();
        last_plan.revision = Some(newest);
        let object = object(hub, package, newest);
        last_plan.resolved_image = object.and_then(|object| resolved_image(&object));
    }
}

/// Renders a revision for every target, off the reactor.
async fn render(
    hub: &Arc<Hub>,
    package: &AnyPackage,
    content: Content,
    mut clusters: Vec<Arc<Joined>>,
    last_plan: &mut LastPlan,
) -> BTreeMap<ClusterUid, Rendering> {
    let Content {
        object,
        package: loaded,
    } = content;
    let all: Vec<_> = clusters.iter().map(|it| it.member.cluster).collect();
    eligibility::retain(hub, package, loaded.manifest(), &mut clusters, last_plan);
    let prefixes = &hub.api.settings.image_prefixes;
    // Nothing is known of a member's environment before it connected for the first time.
    let inputs: Vec<_> = clusters
        .iter()
        .filter_map(|joined| {
            let input = render_input::input(package, &object, joined, prefixes)?;
            Some((joined.member.cluster, input))
        })
        .collect();
    let asked: Vec<_> = inputs.iter().map(|(cluster, _)| *cluster).collect();
    let shared = Arc::clone(hub);
    let pass = tokio::task::spawn_blocking(move || shared.renderer.render(&loaded, inputs, PASS));
    let unusable = |cluster: &ClusterUid| match last_plan.ineligible.contains_key(cluster) {
        true => Rendering::Ineligible,
        false => Rendering::Unusable,
    };
    let mut targets: BTreeMap<_, _> = all.iter().map(|it| (*it, unusable(it))).collect();
    targets.extend(asked.into_iter().map(|it| (it, Rendering::Pending)));
    let Ok(pass) = pass.await else {
        return targets;
    };
    if !pass.is_complete {
        // Behind those that wait: the rest is rendered when it is this package's turn again.
        last_plan.rendering = true;
        hub.queues.plan.add(package.uid);
    }
    for (cluster, result) in pass.results {
        match result {
            Ok(rendered) => {
                last_plan.rendered += 1;
                let rendering = Rendering::Content {
                    input: rendered.input,
                    content: rendered.content,
                    needs: rendered.needs,
                };
                targets.insert(cluster, rendering);
            }
            Err(failure) => {
                targets.insert(cluster, Rendering::Unusable);
                last_plan.unrendered.insert(cluster, failure);
            }
        }
    }
    targets
}

fn placement(placement: &api::Placement) -> Placement {
    Placement {
        selector: placement.cluster_selector.as_ref().map(selector::of),
        names: placement
            .cluster_names
            .as_ref()
            .map(|names| names.iter().cloned().collect::<BTreeSet<_>>()),
    }
}
