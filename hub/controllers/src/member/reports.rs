//! What a member says: from memory to memory, and who has to look at it.

use std::time::Duration;

use jiff::Timestamp;
use stevedore_hub_core::package_key::PackageKey;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::clock::ClockOffset;
use stevedore_proto_core::{ClusterUid, Stage};
use tokio::time::Instant;

use crate::hub::{Hub, MemberNote, lock};

/// For how long reports of one package are gathered before it is planned again.
const DEBOUNCE: Duration = Duration::from_millis(50);

impl MemberNote {
    /// Keeps what a report says about the agent and its member; `now_millis` is since the Unix epoch.
    fn take(&mut self, report: &Report, now_millis: u64) {
        match report {
            Report::Connected {
                agent_version,
                environment,
                time,
                ..
            } => {
                self.agent_version = Some(agent_version.clone());
                self.environment = Some(environment.as_ref().clone());
                self.refusal = None;
                self.clock = time.map(|time| ClockOffset::between(time, now_millis));
            }
            Report::Environment(environment) => {
                self.environment = Some(environment.as_ref().clone());
            }
            Report::ExchangeRefused(refusal) => {
                self.refusal = Some((*refusal).into());
            }
            Report::DuplicateIdentity { kept, refused } => {
                let message = format!(
                    "agent instances {kept} and {refused} use the identity of this cluster; the second is refused"
                );
                self.duplicate = Some((message, Instant::now()));
            }
            _ => {}
        }
    }
}

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
                lock(&self.listings).insert(cluster, held.clone());
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

#[cfg(test)]
mod tests {
    use stevedore_proto_core::exchange::ExchangeRefusal;
    use stevedore_proto_core::{Environment, InstanceId};

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn connected(time: Option<u64>) -> Report {
        Report::Connected {
            incarnation: 1,
            instance: InstanceId::from_bytes([1; 16]),
            anew: true,
            agent_version: "0".into(),
            environment: Box::new(Environment::default()),
            time,
        }
    }

    #[test]
    fn a_refused_exchange_is_kept_until_a_session_opens_and_a_clock_until_the_next() {
        let mut note = MemberNote::default();
        let refusal = ExchangeRefusal::CertificateTooOld;
        note.take(&Report::ExchangeRefused(refusal), NOW);
        let kept = note.refusal.map(|refusal| refusal.as_str());
        assert_eq!(kept, Some("CertificateTooOld"));
        note.take(&connected(Some(NOW - 3_600_000)), NOW);
        assert_eq!(note.refusal, None);
        assert_eq!(note.skew().map(ClockOffset::ahead_seconds), Some(-3_600));
        note.take(&connected(Some(NOW + 1_000)), NOW);
        assert_eq!(note.skew(), None);
        // An agent of a release that does not say.
        note.take(&connected(None), NOW);
        assert_eq!(note.clock, None);
    }
}
