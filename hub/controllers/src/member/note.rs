//! Notes about members: what an agent said about itself, and what else is known of a member that no object keeps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use stevedore_hub_core::ports::{JoinRefusal, MemberUid};
use stevedore_hub_core::session::Report;
use stevedore_proto_core::clock::ClockOffset;
use stevedore_proto_core::exchange::ExchangeRefusal;
use stevedore_proto_core::{Environment, Held};
use tokio::time::Instant;

/// Why a cluster got no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Its token was not taken.
    #[error(transparent)]
    Join(#[from] JoinRefusal),
    /// Its expired certificate was not exchanged.
    #[error(transparent)]
    Exchange(#[from] ExchangeRefusal),
}

impl Refusal {
    /// One CamelCase word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Join(refusal) => refusal.as_str(),
            Self::Exchange(refusal) => refusal.as_str(),
        }
    }
}

/// The notes about every member, by UID of its `MemberCluster`.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<BTreeMap<MemberUid, MemberNote>>);

impl Notes {
    /// What is noted about a member.
    pub(crate) fn get(&self, uid: &MemberUid) -> MemberNote {
        self.0.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Keeps what a report says about an agent and its member; `now_millis` is since the Unix epoch.
    pub(crate) fn take(&self, uid: &MemberUid, report: &Report, now_millis: u64) {
        let mut notes = self.0.lock();
        notes.entry(*uid).or_default().take(report, now_millis);
    }

    /// Keeps what a member holds that is not ordered.
    pub(crate) fn set_orphaned(&self, uid: &MemberUid, orphaned: Vec<Held>) {
        self.0.lock().entry(*uid).or_default().orphaned = orphaned;
    }

    /// A member was refused a certificate.
    pub(crate) fn refuse(&self, uid: &MemberUid, refusal: Refusal) {
        self.0.lock().entry(*uid).or_default().refusal = Some(refusal);
    }

    /// Whether an event says now that the member's clock is wrong.
    pub(crate) fn announce_clock(&self, uid: &MemberUid, is_wrong: bool) {
        if let Some(note) = self.0.lock().get_mut(uid) {
            note.clock_announced = is_wrong;
        }
    }

    /// Lets a member go.
    pub(crate) fn forget(&self, uid: &MemberUid) {
        self.0.lock().remove(uid);
    }
}

/// What an agent said about itself and its member, and what else is known of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemberNote {
    pub(crate) agent_version: Option<String>,
    pub(crate) environment: Option<Environment>,
    /// Why it has no session, where it was refused one.
    pub(crate) refusal: Option<Refusal>,
    /// When its session opened.
    pub(crate) session_since: Option<Instant>,
    /// Since when its API server does not answer its agent.
    pub(crate) api_server_silent_since: Option<Timestamp>,
    /// What it said that it holds, and was not ordered then.
    pub(crate) orphaned: Vec<Held>,
    /// How far its clock was from ours when its session opened, where it said so.
    pub(crate) clock: Option<ClockOffset>,
    /// Whether an event has said that its clock is wrong.
    pub(crate) clock_announced: bool,
    /// Two processes use its identity.
    pub(crate) duplicate: Option<(String, Instant)>,
}

impl MemberNote {
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
                self.session_since = Some(Instant::now());
                self.api_server_silent_since = None;
                self.clock = time.map(|time| ClockOffset::between(time, now_millis));
            }
            Report::ApiServer { silent } => {
                let since = silent.map(|silent| now_millis.saturating_sub(silent));
                let since = since.and_then(|since| i64::try_from(since).ok());
                self.api_server_silent_since =
                    since.and_then(|since| Timestamp::from_millisecond(since).ok());
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

    /// How far its clock is off, where that is too far.
    pub(crate) fn skew(&self) -> Option<ClockOffset> {
        self.clock.filter(|offset| offset.is_skew())
    }
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::InstanceId;

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
