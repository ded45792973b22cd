//! The renewal of the agent's identity: renews its certificate, exchanges an expired one, joins again.
//!
//! ```text
//!   a third of its life has passed ─────────▶ renew ─────┐
//!   the hub says: expired ──────────────────▶ exchange ──┼──▶ used from the next connection on, and saved
//!        │ never exchanged (too old, …)                  │
//!        ▼                                               │
//!   the hub says: revoked; is another hub ──▶ join ──────┘
//!                                             with a token that was not used before
//! ```
//!
//! # Guarantees
//! * Whether a certificate has expired, the hub says; when it is renewed depends on the hub's clock and the
//!   monotonic one. The wall clock of this member decides nothing.
//! * Two certificates are an hour apart ([`schedule`]); what fails is repeated after a growing, jittered delay.
//! * The next identity is used from the next connection on, also while it cannot be saved; a process that
//!   ends by then leaves the one before. Until it is saved the hub is asked for no other one, and readiness says so.
//!   The open session is left alone.
//! * An identity that is of no use is reported in the log and in the readiness, with what would help.

mod schedule;

use std::sync::Arc;
use std::time::Duration;

use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::join::JoinToken;
use stevedore_proto_core::message::CloseReason;
use stevedore_runtime::admin::ReadyHandle;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::sync::watch;
use tokio::time::Instant;

use super::credentials::{Credentials, IdentityStore};
use super::dial::{DialError, Dialer};
use super::enrol;
use super::hub_clock::Readings;
use super::join_error::JoinError;
use super::link::LinkStatus;
use crate::chain::chain;
use crate::wait::until;

/// How attempts that fail are repeated.
const RETRY: Schedule = Schedule::new(Duration::from_secs(2), Duration::from_secs(300));

/// While the present identity is of no use, the token file is read at least this often.
const TOKEN_INTERVAL: Duration = Duration::from_secs(30);

/// How long a refusal that no attempt can change is believed: the hub may be another one after it.
const PERMANENT_FOR: Duration = Duration::from_secs(600);

/// How a member whose identity is of no use comes back, and where that is reported.
pub struct Rejoin {
    /// The cluster that joins again, as itself.
    pub cluster: ClusterUid,
    /// Reads the join token that stands ready now; `None` when there is none.
    pub token: Box<dyn Fn() -> Result<Option<JoinToken>, String> + Send + Sync>,
    /// How the agent stands with its hub.
    pub link_status: watch::Receiver<LinkStatus>,
    /// Not ready while the identity is of no use.
    pub ready: ReadyHandle,
}

/// Why the present identity is of no use, as the hub says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdentityProblem {
    /// The certificate has expired.
    Expired,
    /// The `MemberCluster` is gone or another one.
    Revoked,
    /// The hub is of another authority than the one that was joined.
    ForeignHub,
}

impl IdentityProblem {
    /// The problem once the link says this.
    fn after(known: Option<Self>, status: &LinkStatus) -> Option<Self> {
        match status {
            LinkStatus::CertificateExpired => Some(Self::Expired),
            LinkStatus::ForeignHub(_) => Some(Self::ForeignHub),
            LinkStatus::Refused {
                reason: CloseReason::Revoked,
                ..
            } => Some(Self::Revoked),
            // The hub did not say anything.
            LinkStatus::Starting | LinkStatus::Unreachable(_) => known,
            // The hub takes the certificate.
            LinkStatus::Refused { .. } | LinkStatus::Connected | LinkStatus::Synced => None,
        }
    }
}

/// What is to be done next for the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Renewal,
    Exchange,
    Token,
}

/// Keeps the identity good, for ever. What fails is repeated.
pub async fn keep_renewed(dialer: Dialer, store: Arc<dyn IdentityStore>, rejoin: Rejoin) {
    Renewal::new(dialer, store, rejoin).run().await;
}

struct Renewal {
    dialer: Dialer,
    store: Arc<dyn IdentityStore>,
    rejoin: Rejoin,
    clock_readings: Readings,
    problem: Option<IdentityProblem>,
    /// When the renewal is due; unknown until the hub's clock is.
    due: Option<Instant>,
    /// Drawn once for each certificate, so that its time does not move.
    random: u64,
    /// Whether this process received the present certificate: then its time is settled.
    received: bool,
    /// No certificate is asked for before this; a join is not held up by it.
    earliest: Instant,
    /// After what failed, nothing is tried before this.
    again: Instant,
    failures: Delays,
    /// Until then the expired certificate is not offered for exchange again.
    permanent_until: Instant,
    /// What was logged last about a failure.
    last_error: Option<String>,
}

impl Renewal {
    fn new(dialer: Dialer, store: Arc<dyn IdentityStore>, rejoin: Rejoin) -> Self {
        let now = Instant::now();
        let mut renewal = Self {
            clock_readings: dialer.clock().readings(),
            dialer,
            store,
            rejoin,
            problem: None,
            due: None,
            random: rand::random(),
            received: false,
            earliest: now,
            again: now,
            failures: Delays::new(RETRY),
            permanent_until: now,
            last_error: None,
        };
        renewal.hub_time_known();
        renewal
    }

    async fn run(&mut self) {
        loop {
            let (need, at) = self.next(Instant::now());
            tokio::select! {
                () = until(at) => self.act(need).await,
                changed = self.rejoin.link_status.changed() => {
                    if changed.is_err() {
                        // The link ended, and so does the process.
                        return std::future::pending().await;
                    }
                    self.link_status_changed();
                }
                () = self.clock_readings.changed() => self.hub_time_known(),
            }
        }
    }

    fn next(&self, now: Instant) -> (Need, Option<Instant>) {
        match self.problem {
            Some(IdentityProblem::Expired) if now >= self.permanent_until => {
                (Need::Exchange, Some(self.again.max(self.earliest)))
            }
            Some(_) => (Need::Token, Some(self.again)),
            None => {
                let due = self.due.map(|due| due.max(self.again).max(self.earliest));
                (Need::Renewal, due)
            }
        }
    }

    /// Takes what the link says about the identity.
    fn link_status_changed(&mut self) {
        let status = self.rejoin.link_status.borrow_and_update().clone();
        let problem = IdentityProblem::after(self.problem, &status);
        if matches!(status, LinkStatus::Connected | LinkStatus::Synced) {
            self.rejoin.ready.ready();
        }
        if problem.is_some() && problem != self.problem {
            self.again = Instant::now();
        }
        self.problem = problem;
    }

    /// A certificate of an earlier process is as old as the hub's clock says.
    fn hub_time_known(&mut self) {
        if self.received {
            return;
        }
        let validity = self.dialer.credentials().validity().ok();
        if let (Some(validity), Some(now)) = (validity, self.dialer.clock().now()) {
            let due = schedule::of_stored(&validity, now, self.random);
            self.due = Some(Instant::now() + due);
        }
    }

    async fn act(&mut self, need: Need) {
        let cluster = self.rejoin.cluster;
        let asked = match need {
            Need::Renewal => enrol::renew(&self.dialer, cluster).await,
            Need::Exchange => enrol::exchange(&self.dialer, cluster).await,
            Need::Token => return self.join_again(None).await,
        };
        let error = match asked {
            Ok(next) => return self.take(next, need).await,
            Err(error) => error,
        };
        if let Some(problem) = problem_of(&error) {
            self.problem = Some(problem);
        }
        let permanent = need == Need::Exchange && error.is_permanent();
        if permanent {
            self.permanent_until = Instant::now() + PERMANENT_FOR;
        }
        match self.problem {
            Some(IdentityProblem::Revoked | IdentityProblem::ForeignHub) => {
                self.join_again(Some(error)).await
            }
            Some(IdentityProblem::Expired) if permanent => self.join_again(Some(error)).await,
            // Found out by renewing: the exchange comes next, at once.
            Some(IdentityProblem::Expired) if need == Need::Renewal => {}
            _ => self.failed(&chain(&error), error.retry_after()),
        }
    }

    /// Becomes a member again with a token that was not used before; `error` says why nothing else helps.
    async fn join_again(&mut self, error: Option<JoinError>) {
        let (joined, asked) = self.try_token().await;
        match joined {
            Ok(next) => self.take(next, Need::Token).await,
            Err(why) => {
                let problem = match self.problem {
                    Some(IdentityProblem::Revoked) => {
                        "the hub says that this cluster's identity is revoked"
                    }
                    Some(IdentityProblem::ForeignHub) => {
                        "the hub is not the one that this cluster has joined"
                    }
                    _ => "the certificate has expired and is not exchanged",
                };
                let error = error.map_or(String::new(), |error| format!(" ({})", chain(&error)));
                self.failed(&format!("{problem}{error}; {why}"), asked);
            }
        }
    }

    /// New credentials, or why there are none and how long the hub asks to be left alone.
    async fn try_token(&self) -> (Result<Credentials, String>, Duration) {
        let used = self.dialer.credentials().joined_with;
        let token = match (self.rejoin.token)() {
            Ok(token) => token.filter(|token| enrol::joined_with(token) != used),
            Err(error) => return (Err(error), Duration::ZERO),
        };
        let Some(token) = token else {
            let help =
                "there is no new join token; `stevedore cluster join NAME` on the hub makes one";
            return (Err(help.to_owned()), Duration::ZERO);
        };
        match enrol::join(&token, self.rejoin.cluster, self.dialer.clock()).await {
            Ok(credentials) => (Ok(credentials), Duration::ZERO),
            Err(error) => (Err(chain(&error)), error.retry_after()),
        }
    }

    /// Uses credentials and saves them. What cannot be saved is of use until the process ends, and readiness says so.
    async fn take(&mut self, next: Credentials, need: Need) {
        self.dialer.replace(next.clone());
        let not_saved = |why| self.rejoin.ready.not_ready(why);
        let next = enrol::save(self.store.as_ref(), next, not_saved).await;
        let (now, validity) = (Instant::now(), next.validity().ok());
        self.random = rand::random();
        self.received = true;
        self.problem = None;
        self.failures.reset();
        (self.again, self.permanent_until, self.last_error) = (now, now, None);
        if let Some(validity) = validity {
            let hub_now = self.dialer.clock().now();
            let times = schedule::after_receipt(&validity, hub_now, self.random);
            self.due = Some(now + times.due);
            self.earliest = now + times.earliest;
            let (until, renewed_in) = (validity.not_after, times.due);
            match need {
                Need::Renewal => tracing::info!(until, ?renewed_in, "the certificate was renewed"),
                Need::Exchange => {
                    tracing::info!(until, ?renewed_in, "the expired certificate was exchanged");
                }
                Need::Token => tracing::info!(until, ?renewed_in, "this cluster has joined again"),
            }
        }
        self.rejoin.ready.ready();
    }

    /// Waits before the next attempt. The same words are logged as a warning once.
    fn failed(&mut self, error: &str, asked: Duration) {
        let mut again_in = self.failures.next_after(asked, rand::random());
        let useless = self.problem.is_some();
        if self.next(Instant::now()).0 == Need::Token {
            again_in = again_in.min(TOKEN_INTERVAL);
        }
        self.again = Instant::now() + again_in;
        if useless {
            self.rejoin.ready.not_ready(error);
        }
        if self.last_error.as_deref() == Some(error) {
            tracing::debug!(error, ?again_in, "the next certificate is still not there");
        } else {
            tracing::warn!(error, ?again_in, "there is no next certificate yet");
            self.last_error = Some(error.to_owned());
        }
    }
}

/// What an attempt to renew or exchange says about the present identity.
fn problem_of(error: &JoinError) -> Option<IdentityProblem> {
    match error {
        JoinError::Dial(DialError::CertificateExpired) => Some(IdentityProblem::Expired),
        JoinError::Dial(DialError::ForeignHub { .. }) => Some(IdentityProblem::ForeignHub),
        error if error.is_revoked() => Some(IdentityProblem::Revoked),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_that_is_known_stays_until_the_hub_takes_the_certificate() {
        let refused = |reason| LinkStatus::Refused {
            reason,
            message: String::new(),
        };
        let silent = [
            LinkStatus::Starting,
            LinkStatus::Unreachable("no route".into()),
        ];
        let taken = [
            LinkStatus::Connected,
            LinkStatus::Synced,
            refused(CloseReason::NotAccepted),
        ];
        for (status, problem) in [
            (LinkStatus::CertificateExpired, IdentityProblem::Expired),
            (
                LinkStatus::ForeignHub(String::new()),
                IdentityProblem::ForeignHub,
            ),
            (refused(CloseReason::Revoked), IdentityProblem::Revoked),
        ] {
            let known = IdentityProblem::after(None, &status);
            assert_eq!(known, Some(problem));
            for status in &silent {
                assert_eq!(IdentityProblem::after(known, status), known, "{status:?}");
            }
            for status in &taken {
                assert_eq!(IdentityProblem::after(known, status), None, "{status:?}");
            }
        }
    }
}
