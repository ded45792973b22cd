//! Eligibility of clusters: which of those that a package goes to it is for, by the constraints of its manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_crds::environment::facts;
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::unique::{Claim, Scope};
use stevedore_package::manifest::{PackageManifest, Unmet};
use stevedore_proto_core::{ClusterUid, PackageUid, Reason};

use crate::hub::Hub;
use crate::member::members::Joined;
use crate::package::any_package::AnyPackage;
use crate::package::progress::LastPlan;

/// Leaves the clusters that a package is for; the last plan is told of the others. One of which nothing is known yet stays:
/// nothing is rendered for it either.
pub(super) fn retain(
    hub: &Hub,
    package: &AnyPackage,
    manifest: &PackageManifest,
    clusters: &mut Vec<Arc<Joined>>,
    last_plan: &mut LastPlan,
) {
    clusters.retain(|joined| {
        let cluster = joined.member.cluster;
        match platform(manifest, joined) {
            Ok(()) => true,
            Err(Unmet::Ineligible(reason, message)) => {
                let failure = Failure { reason, message };
                last_plan.ineligible.insert(cluster, failure);
                false
            }
            Err(Unmet::Unknown(message)) => {
                last_plan.unrendered.insert(cluster, unknown(message));
                false
            }
        }
    });
    let others = others(hub, package, manifest, clusters);
    clusters.retain(|joined| !others.contains_key(&joined.member.cluster));
    for (cluster, failure) in others {
        match failure.reason {
            Reason::FactUnknown => last_plan.unrendered.insert(cluster, failure),
            _ => last_plan.ineligible.insert(cluster, failure),
        };
    }
}

fn unknown(message: String) -> Failure {
    Failure {
        reason: Reason::FactUnknown,
        message,
    }
}

fn platform(manifest: &PackageManifest, joined: &Joined) -> Result<(), Unmet> {
    let status = joined.object.status.as_ref();
    match status.and_then(|status| status.environment.as_ref()) {
        Some(environment) if manifest.constraints.has_platform() => {
            manifest.constraints.check(&facts(environment))
        }
        _ => Ok(()),
    }
}

/// Claims the clusters for a package, and gives those where another one is in the way, or may be.
fn others(
    hub: &Hub,
    package: &AnyPackage,
    manifest: &PackageManifest,
    clusters: &[Arc<Joined>],
) -> BTreeMap<ClusterUid, Failure> {
    let claim = claim(package, manifest, clusters);
    let wanted = claim.wanted.clone();
    let ledgers = match claim.is_unique {
        true => hub.orders.ledgers(),
        false => Vec::new(),
    };
    let ledgers = ledgers.into_iter().map(|it| (it.ledger.package.uid, it));
    let ledgers: BTreeMap<_, _> = ledgers.collect();
    let installed = |uid: &PackageUid, cluster: &ClusterUid| {
        let stored = ledgers.get(uid);
        stored.is_some_and(|stored| stored.ledger.row(cluster).is_some())
    };
    let (answer, unknowns) = {
        let mut claims = hub.packages.claims.lock();
        let answer = claims.claim(package.uid, claim, &installed);
        let is_unknown = |other: &PackageIdentity| {
            other.namespace == package.namespace && !claims.is_known(&other.uid)
        };
        let unknowns = ledgers.values().filter(|it| is_unknown(&it.ledger.package));
        (answer, unknowns.cloned().collect::<Vec<_>>())
    };
    hub.plan_each(answer.concerned);
    let alone = alone(package, manifest);
    let mut found = BTreeMap::new();
    for stored in unknowns {
        let name = &stored.ledger.package.name;
        let message =
            format!("{alone}, and the content of {name}, which is there, is not known yet");
        let rows = stored.ledger.rows().map(|(cluster, _)| cluster);
        // Where it is installed itself it goes on: whoever comes first is told once that is known.
        let rows = rows.filter(|it| wanted.contains(it) && !installed(&package.uid, it));
        found.extend(rows.map(|cluster| (cluster, unknown(message.clone()))));
    }
    for (cluster, rival) in answer.refused {
        let name = hub.packages.name_of(&rival);
        let failure = Failure {
            reason: Reason::NotUnique,
            message: format!("{alone}, and {name} is another one"),
        };
        found.insert(cluster, failure);
    }
    found
}

/// What a package asks for: nothing, unless it has to be the only one of its name.
fn claim(package: &AnyPackage, manifest: &PackageManifest, clusters: &[Arc<Joined>]) -> Claim {
    let is_unique = manifest.constraints.is_unique_in_scope();
    Claim {
        scope: Scope {
            manifest: manifest.name.clone(),
            namespace: package.namespace.clone(),
        },
        is_unique,
        created: package.created.as_ref().map_or(0, |at| at.0.as_second()),
        wanted: match is_unique {
            true => clusters.iter().map(|it| it.member.cluster).collect(),
            false => BTreeSet::new(),
        },
    }
}

/// What such a package asks for, in words.
fn alone(package: &AnyPackage, manifest: &PackageManifest) -> String {
    let scope = match &package.namespace {
        Some(namespace) => format!("namespace {namespace}"),
        None => "cluster".to_owned(),
    };
    let name = &manifest.name;
    format!("{name} has to be the only one of its name in the {scope}")
}
