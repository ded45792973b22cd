//! Reports: the latest per deployment, sent on an edge at once and otherwise at most once a second.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use stevedore_proto_core::{DeploymentStatus, DeploymentUid, Millis, Stage, limit};

/// Shortest time between two reports of one deployment that differ in counts and texts only.
const DEBOUNCE: Millis = 1_000;

/// What decides whether and when a report has to go out, computed once per report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprints {
    edge: u64,
    whole: u64,
}

#[derive(Debug, Clone)]
struct Report {
    status: DeploymentStatus,
    prints: Fingerprints,
    sent: Option<(Millis, Fingerprints)>,
}

impl Report {
    /// When it has to go out: `None` when the hub has it already.
    fn due_at(&self) -> Option<Millis> {
        match self.sent {
            None => Some(0),
            Some((_, sent)) if sent.whole == self.prints.whole => None,
            Some((_, sent)) if sent.edge != self.prints.edge => Some(0),
            Some((at, _)) => Some(at + DEBOUNCE),
        }
    }
}

/// The latest report of every deployment, and which of them the hub lacks.
#[derive(Debug, Clone, Default)]
pub(super) struct Reports {
    latest: BTreeMap<DeploymentUid, Report>,
    sequence: u64,
}

impl Reports {
    /// Takes the newest report of a deployment; an older one that was not sent is replaced.
    pub(super) fn put(&mut self, status: DeploymentStatus) {
        let status = status.bounded();
        let prints = fingerprints(&status);
        if let Some(report) = self.latest.get_mut(&status.deployment) {
            (report.status, report.prints) = (status, prints);
            return;
        }
        if self.latest.len() >= limit::DEPLOYMENTS
            && let Some(done) = self.most_dispensable()
        {
            self.latest.remove(&done);
        }
        if self.latest.len() < limit::DEPLOYMENTS {
            self.latest.insert(
                status.deployment,
                Report {
                    status,
                    prints,
                    sent: None,
                },
            );
        }
    }

    /// A deployment that is torn down, best one of which the hub knows: the stage held says the same.
    fn most_dispensable(&self) -> Option<DeploymentUid> {
        self.latest
            .iter()
            .filter(|(_, report)| report.status.stage == Stage::Deleted)
            .max_by_key(|(_, report)| report.due_at().is_none())
            .map(|(deployment, _)| *deployment)
    }

    pub(super) fn remove(&mut self, deployment: &DeploymentUid) {
        self.latest.remove(deployment);
    }

    /// A session opened. Without `all` the hub has every report sent before.
    pub(super) fn opened(&mut self, all: bool) {
        self.sequence = 0;
        if all {
            self.repeat();
        }
    }

    /// Every report goes out again.
    pub(super) fn repeat(&mut self) {
        for report in self.latest.values_mut() {
            report.sent = None;
        }
    }

    /// The highest sequence given in the last session.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Takes what has to go out now, with its sequence.
    pub(super) fn due(&mut self, now: Millis) -> Vec<(u64, DeploymentStatus)> {
        let mut due = Vec::new();
        for report in self.latest.values_mut() {
            if report.due_at().is_some_and(|at| at <= now) {
                self.sequence += 1;
                report.sent = Some((now, report.prints));
                due.push((self.sequence, report.status.clone()));
            }
        }
        due
    }

    pub(super) fn wake_at(&self) -> Option<Millis> {
        self.latest.values().filter_map(Report::due_at).min()
    }
}

/// An edge is what makes a report urgent: tuple, stage, availability, a phase's state.
fn fingerprints(status: &DeploymentStatus) -> Fingerprints {
    let fingerprint = |add: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        add(&mut hasher);
        hasher.finish()
    };
    Fingerprints {
        edge: fingerprint(&|hasher| {
            let available = &status.available;
            (
                &status.observed,
                status.stage,
                available.status,
                &available.reason,
            )
                .hash(hasher);
            status
                .phases
                .iter()
                .for_each(|phase| phase.state.hash(hasher));
        }),
        whole: fingerprint(&|hasher| status.hash(hasher)),
    }
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::status::{PhaseState, PhaseStatus, Truth, Verdict};
    use stevedore_proto_core::{Digest, Epoch, EpochId, Term, TermId, Tuple};

    use super::*;

    fn status(ready: u32, available: Truth) -> DeploymentStatus {
        DeploymentStatus {
            deployment: DeploymentUid::from_bytes([1; 16]),
            observed: Tuple {
                epoch: Epoch {
                    counter: 1,
                    id: EpochId::from_bytes([1; 16]),
                },
                term: Term {
                    counter: 1,
                    id: TermId::from_bytes([1; 16]),
                },
                number: 1,
                digest: Digest::of(b""),
            },
            stage: Stage::Received,
            available: Verdict {
                status: available,
                ..Verdict::default()
            },
            phases: vec![PhaseStatus {
                name: "a".into(),
                state: PhaseState::Progressing,
                objects: 3,
                ready,
                message: String::new(),
            }],
            blockers: vec![],
            attributions: vec![],
            conditions: vec![],
        }
    }

    #[test]
    fn an_edge_goes_out_at_once_and_a_count_waits_for_calm() {
        let mut reports = Reports::default();
        reports.put(status(0, Truth::False));
        assert_eq!(reports.due(10).len(), 1);
        reports.put(status(1, Truth::False));
        reports.put(status(2, Truth::False));
        assert_eq!(reports.due(11), vec![]);
        assert_eq!(reports.wake_at(), Some(10 + DEBOUNCE));
        let due = reports.due(10 + DEBOUNCE);
        assert_eq!(due, vec![(2, status(2, Truth::False))]);
        reports.put(status(2, Truth::True));
        assert_eq!(
            reports.due(11 + DEBOUNCE),
            vec![(3, status(2, Truth::True))]
        );
    }

    #[test]
    fn the_same_report_is_not_sent_twice_until_the_hub_asks() {
        let mut reports = Reports::default();
        reports.put(status(0, Truth::False));
        assert_eq!(reports.due(0).len(), 1);
        reports.put(status(0, Truth::False));
        assert_eq!(reports.due(100_000), vec![]);
        reports.opened(false);
        assert_eq!(reports.due(100_000), vec![]);
        reports.opened(true);
        assert_eq!(reports.due(100_000), vec![(1, status(0, Truth::False))]);
    }

    #[test]
    fn where_there_is_no_room_a_torn_down_deployment_makes_it() {
        let of = |number: u64, stage| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            DeploymentStatus {
                deployment: DeploymentUid::from_bytes(bytes),
                stage,
                ..status(0, Truth::False)
            }
        };
        let most = limit::DEPLOYMENTS as u64;
        let mut reports = Reports::default();
        reports.put(of(0, Stage::Deleted));
        reports.due(0);
        (1..most).for_each(|number| reports.put(of(number, Stage::Applied)));
        reports.due(1);
        reports.put(of(most, Stage::Applied));
        assert_eq!(reports.due(2), [(most + 1, of(most, Stage::Applied))]);
        reports.put(of(most + 1, Stage::Applied));
        assert_eq!(reports.due(3), [], "nobody is evicted for it");
    }
}
