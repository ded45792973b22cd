//! The owner of how far packages got: the content of the spec, and the last plan. Both are for the status.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::placement::Shortfall;
use stevedore_hub_core::rollout::RolloutReport;
use stevedore_hub_core::status::Source;
use stevedore_proto_core::{ClusterUid, Digest, PackageUid};

use crate::package::refused::Refused;

/// How far every package got.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<BTreeMap<PackageUid, PackageProgress>>);

/// How far one package got.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackageProgress {
    pub(crate) source: Option<SourceState>,
    pub(crate) plan: Option<LastPlan>,
    /// Why the last plan was not made or carried out.
    pub(crate) blocked: Option<Blocked>,
    /// What members report may lead to another plan.
    under_way: bool,
    /// Conflicts in a row although nothing had changed.
    conflicts: u32,
}

/// How far the content of one package's spec got.
#[derive(Debug, Clone)]
pub(crate) struct SourceState {
    /// Of the spec this speaks about.
    pub(crate) spec_hash: Digest,
    pub(crate) source: Source,
    pub(crate) attempts: u32,
    /// What asked for this look, if somebody did.
    pub(crate) asked: Option<Digest>,
    /// Its image cannot be used, and its tag may come to stand for another one.
    pub(crate) refused: Option<Refused>,
}

impl SourceState {
    /// The source of the content with this hash, as something asked for it, without failures so far.
    pub(crate) fn new(spec_hash: Digest, asked: Option<Digest>, source: Source) -> Self {
        Self {
            spec_hash,
            source,
            attempts: 0,
            asked,
            refused: None,
        }
    }
}

/// What the last plan of a package found.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastPlan {
    /// Generation of the package that was planned.
    pub(crate) generation: i64,
    /// Whether the content of the spec was there to be planned with.
    pub(crate) has_content: bool,
    pub(crate) revision: Option<u64>,
    pub(crate) resolved_image: Option<String>,
    /// Why nothing new may be ordered: a record that decides it, or the revision that should run, cannot be read.
    pub(crate) unreadable: Option<Failure>,
    /// For how many clusters the content was rendered.
    pub(crate) rendered: usize,
    pub(crate) unrendered: BTreeMap<ClusterUid, Failure>,
    /// Targeted clusters that the package is not for, and why.
    pub(crate) ineligible: BTreeMap<ClusterUid, Failure>,
    pub(crate) pending_render: usize,
    pub(crate) shortfall: Option<Shortfall>,
    /// Whether some targets are still to be rendered for.
    pub(crate) rendering: bool,
    pub(crate) pinned: Option<u64>,
    /// Revisions that stay ordered, oldest and newest, while what the spec asks for cannot be ordered.
    pub(crate) kept: Option<RangeInclusive<u64>>,
    /// How far the rollout is.
    pub(crate) rollout: Arc<RolloutReport>,
}

/// Why a package is not planned.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    pub(crate) failure: Failure,
    /// How often that happened in a row before.
    pub(crate) attempts: u32,
}

impl Progress {
    /// How far a package got.
    pub(crate) fn of(&self, package: &PackageUid) -> PackageProgress {
        self.0.lock().get(package).cloned().unwrap_or_default()
    }

    /// How far the content of a package's spec got.
    pub(crate) fn source(&self, package: &PackageUid) -> Option<SourceState> {
        self.0.lock().get(package)?.source.clone()
    }

    /// Notes how far the content got; says whether that is news.
    pub(crate) fn set_source(&self, package: PackageUid, state: SourceState) -> bool {
        let mut packages = self.0.lock();
        let before = packages.entry(package).or_default().source.replace(state);
        let now = packages.get(&package).and_then(|it| it.source.as_ref());
        before.zip(now).is_none_or(|(before, now)| {
            before.spec_hash != now.spec_hash || before.source != now.source
        })
    }

    /// What the package asks for is not known any more.
    pub(crate) fn forget_source(&self, package: &PackageUid) {
        let mut packages = self.0.lock();
        if let Some(progress) = packages.get_mut(package) {
            progress.source = None;
            // It may have been let go before a pull for it ended.
            if progress.plan.is_none() && progress.blocked.is_none() {
                packages.remove(package);
            }
        }
    }

    /// Notes what a plan found. What was in the way stays noted until the plan is carried out.
    pub(crate) fn set_plan(&self, package: PackageUid, plan: LastPlan) {
        self.0.lock().entry(package).or_default().plan = Some(plan);
    }

    /// Notes why a package of this generation was not planned; says how often that failed in a row before.
    pub(crate) fn block(
        &self,
        package: PackageUid,
        generation: Option<i64>,
        failure: Failure,
    ) -> u32 {
        let mut packages = self.0.lock();
        let progress = packages.entry(package).or_default();
        let plan = progress.plan.get_or_insert_default();
        plan.generation = generation.unwrap_or(plan.generation);
        let before = progress.blocked.as_ref();
        let attempts = before.map_or(0, |blocked| blocked.attempts + 1);
        progress.blocked = Some(Blocked { failure, attempts });
        attempts
    }

    /// A plan was carried out; says whether something was in the way before.
    pub(crate) fn unblock(&self, package: &PackageUid) -> bool {
        let mut packages = self.0.lock();
        packages.get_mut(package).is_some_and(|progress| {
            progress.conflicts = 0;
            progress.blocked.take().is_some()
        })
    }

    /// A write of a plan was refused although nothing had changed; says how often in a row.
    pub(crate) fn conflict(&self, package: PackageUid) -> u32 {
        let mut packages = self.0.lock();
        let conflicts = &mut packages.entry(package).or_default().conflicts;
        *conflicts += 1;
        *conflicts
    }

    /// Notes whether what members report may lead to another plan of a package.
    pub(crate) fn set_under_way(&self, package: PackageUid, is_under_way: bool) {
        let mut packages = self.0.lock();
        if is_under_way {
            packages.entry(package).or_default().under_way = true;
        } else if let Some(progress) = packages.get_mut(&package) {
            progress.under_way = false;
        }
    }

    /// Whether what members report may lead to another plan of a package.
    pub(crate) fn is_under_way(&self, package: &PackageUid) -> bool {
        let packages = self.0.lock();
        packages.get(package).is_some_and(|it| it.under_way)
    }

    /// Lets a package go.
    pub(crate) fn forget(&self, package: &PackageUid) {
        self.0.lock().remove(package);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_that_ends_after_its_package_was_let_go_leaves_nothing_once_that_is_seen() {
        let (progress, package) = (Progress::default(), PackageUid::from_bytes([1; 16]));
        let pulled = || SourceState::new(Digest::of(b"spec"), None, Source::Ready);
        progress.set_plan(package, LastPlan::default());
        progress.set_source(package, pulled());
        progress.forget_source(&package);
        assert!(progress.of(&package).plan.is_some());
        progress.forget(&package);
        progress.set_source(package, pulled());
        progress.forget_source(&package);
        assert!(progress.0.lock().is_empty());
    }
}
