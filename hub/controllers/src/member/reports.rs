//! Reports of members: from memory to memory, and which keys they queue.

use std::time::Duration;

use jiff::Timestamp;
use stevedore_hub_core::package_key::PackageKey;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::{ClusterUid, Stage};

use crate::hub::{Hub, lock};

/// For how long reports of one package are gathered before it is planned again.
const DEBOUNCE: Duration = Duration::from_millis(50);

impl Hub {
    fn note(&self, cluster: ClusterUid, member: &str, report: &Report) {
        let is_news = match report {
            Report::Connected { .. }
            | Report::Environment(_)
            | Report::DuplicateIdentity { .. } => true,
            // A member with a session has a newer certificate: whoever has an old one of it changes nothing.
            Report::ExchangeRefused(_) => !lock(&self.fleet).contact_of(&cluster).connected,
            _ => false,
        };
        if is_news {
            let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
            let mut notes = lock(&self.notes);
            notes
                .entry(member.to_owned())
                .or_default()
                .take(report, now);
        }
    }

    /// Takes a report of a session: from memory to memory, and marks what has to be looked at.
    pub(crate) fn take_report(&self, cluster: ClusterUid, member: &str, report: &Report) {
        self.note(cluster, member, report);
        match report {
            Report::Listing(held) => {
                if let Some(listings) = lock(&self.listings).as_mut() {
                    listings.insert(cluster, held.clone());
                }
            }
            Report::Progress {
                deployment,
                tuple,
                stage: Stage::Deleted,
            } => {
                self.orders.finish(&cluster, deployment, tuple.number);
            }
            _ => {}
        }
        let mut was_fenced = false;
        let touched = {
            let mut fleet = lock(&self.fleet);
            was_fenced |= fleet.contact_of(&cluster).fenced.is_some();
            let touched = fleet.report(cluster, report);
            let connected = i64::try_from(fleet.connected()).unwrap_or(i64::MAX);
            self.metrics.connected.set(connected);
            touched
        };
        self.metrics.reports.inc();
        // Only what the planner looks at is planned again; everything else is only shown.
        let replan = match report {
            Report::Frozen { .. }
            | Report::Thawed(_)
            | Report::ContentMissing { .. }
            | Report::Fenced { .. } => true,
            Report::Connected { .. } => was_fenced,
            Report::Progress { stage, .. } => *stage == Stage::Deleted,
            Report::Status { status, .. } => status.stage == Stage::Deleted,
            _ => false,
        };
        let contact = matches!(report, Report::Connected { .. } | Report::Lost);
        for package in touched.into_iter().map(PackageKey::package) {
            let ends = || {
                self.package(&package)
                    .is_none_or(|package| package.deleting)
            };
            if replan || (contact && ends()) {
                // Many members finish at about the same time: one plan takes them all.
                self.to_plan.add_after(package, DEBOUNCE);
            }
            self.to_show.add(package);
            lock(&self.to_observe).insert(package);
        }
        // What a member's packages amount to may wait for the next reports, a session that came or went not.
        let together = if contact { Duration::ZERO } else { DEBOUNCE };
        self.to_note.add_after(member.to_owned(), together);
    }
}
