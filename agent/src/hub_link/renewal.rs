//! A new certificate well before the present one ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use stevedore_proto_core::join::JoinToken;
use stevedore_proto_core::message::CloseReason;
use stevedore_proto_core::{ClusterUid, Digest};
use stevedore_runtime::retry::{self, Delays, Schedule};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::credentials::{IdentityStore, Validity};
use super::dial::Dialer;
use super::enrol::JoinError;
use super::{Standing, chain, enrol};

/// Clocks may be set while this sleeps; so it looks at the clock at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How renewals that fail are repeated.
const AGAIN: Schedule = Schedule::new(Duration::from_secs(2), Duration::from_secs(600));

/// While the present identity is of no use, a new token is looked for at least this often.
const LOOK_FOR_TOKEN: Duration = Duration::from_secs(30);

/// How a member whose certificate has ended, or was revoked, comes back.
pub struct Rejoin {
    /// The cluster that joins again, as itself.
    pub cluster: ClusterUid,
    /// Reads the join token that stands ready now; `None` when there is none.
    pub token: Box<dyn Fn() -> Result<Option<JoinToken>, String> + Send + Sync>,
    /// How the agent stands with its hub.
    pub standing: watch::Receiver<Standing>,
}

/// Renews at two thirds of the certificate's life, spread by 10 %, with a new key, until shutdown. The next
/// identity is saved before it is used. The open session is left alone: the hub ends it with its certificate.
/// Once the certificate has ended, or the hub says that it is revoked, a join token that was not used before
/// makes the next identity.
///
/// # Errors
/// None; a renewal that fails is repeated, also after the certificate has ended.
pub async fn keep_renewed(
    dialer: Dialer,
    store: Arc<dyn IdentityStore>,
    mut rejoin: Rejoin,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut revoked = false;
    let mut failures = Delays::new(AGAIN);
    // Drawn once for each certificate, so that looking again does not move its time.
    let mut random = rand::random();
    let mut not_before = Instant::now();
    loop {
        let in_use = if revoked {
            Duration::ZERO
        } else {
            present_due(&dialer, random)
        };
        let wait = in_use.max(not_before.saturating_duration_since(Instant::now()));
        if !wait.is_zero() {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait.min(LOOK_AGAIN)) => {}
                now = is_revoked(&mut rejoin.standing) => {
                    if now && !revoked {
                        not_before = Instant::now();
                    }
                    revoked = now;
                }
            }
            continue;
        }
        let renewed = if revoked {
            Err("it is revoked".to_owned())
        } else {
            let renewed = renew(&dialer, store.as_ref()).await;
            let refusal = renewed.as_ref().err().and_then(JoinError::reason);
            revoked = refusal == Some(CloseReason::Revoked.as_str());
            renewed.map_err(|error| chain(&error))
        };
        let useless = revoked || has_ended(&dialer);
        let renewed = match renewed {
            Err(error) if useless => join_again(&dialer, store.as_ref(), &rejoin)
                .await
                .map_err(|why| format!("{error}; its identity is of no use, and {why}")),
            renewed => renewed,
        };
        match renewed {
            Ok(validity) => {
                revoked = false;
                failures.reset();
                random = rand::random();
                tracing::info!(until = validity.not_after, "the certificate was renewed");
                // One that is in its last third from the start (a very short one) is used half way first.
                if due(&validity, random).is_zero() {
                    not_before = Instant::now() + validity.left() / 2;
                }
            }
            Err(error) => {
                let mut again_in = failures.next(rand::random());
                if useless {
                    again_in = again_in.min(LOOK_FOR_TOKEN);
                }
                not_before = Instant::now() + again_in;
                tracing::warn!(error, ?again_in, "the certificate could not be renewed");
            }
        }
    }
}

/// What the hub says next about this identity.
async fn is_revoked(standing: &mut watch::Receiver<Standing>) -> bool {
    if standing.changed().await.is_err() {
        // The link ended, and so does the process.
        return std::future::pending().await;
    }
    matches!(
        *standing.borrow_and_update(),
        Standing::Refused {
            reason: CloseReason::Revoked,
            ..
        }
    )
}

async fn renew(dialer: &Dialer, store: &dyn IdentityStore) -> Result<Validity, JoinError> {
    let next = enrol::renew(dialer).await?;
    let validity = next.validity()?;
    store.save(next.clone()).await?;
    dialer.replace(next);
    Ok(validity)
}

/// Becomes a member again with a token that was not used before.
async fn join_again(
    dialer: &Dialer,
    store: &dyn IdentityStore,
    rejoin: &Rejoin,
) -> Result<Validity, String> {
    let used = dialer.credentials().joined_with;
    let token = (rejoin.token)()?
        .filter(|token| Digest::of(token.secret.reveal().as_bytes()) != used)
        .ok_or("there is no new join token; `stevedore cluster join NAME` on the hub makes one")?;
    let next = enrol::obtain(store, Some(&token), rejoin.cluster)
        .await
        .map_err(|error| chain(&error))?;
    let validity = next.validity().map_err(|error| error.to_string())?;
    dialer.replace(next);
    Ok(validity)
}

fn has_ended(dialer: &Dialer) -> bool {
    dialer
        .credentials()
        .validity()
        .is_ok_and(|validity| validity.left().is_zero())
}

fn present_due(dialer: &Dialer, random: u64) -> Duration {
    dialer
        .credentials()
        .validity()
        .map_or(Duration::ZERO, |validity| due(&validity, random))
}

/// Time until the renewal is due: a third of the life before the end, spread by 10 %.
fn due(validity: &Validity, random: u64) -> Duration {
    validity
        .left()
        .saturating_sub(retry::spread(validity.length() / 3, 10, random))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_renewal_is_due_at_two_thirds_of_the_life_give_or_take_a_tenth() {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let now = i64::try_from(now).unwrap();
        let day = Validity {
            not_before: now,
            not_after: now + 86_400,
        };
        let near = |random, hours: f64| {
            let due = due(&day, random).as_secs_f64() / 3600.0;
            assert!((due - hours).abs() < 0.01, "{due} instead of {hours}");
        };
        near(u64::MAX / 2, 16.0);
        near(0, 16.8);
        near(u64::MAX, 15.2);
        let ended = Validity {
            not_before: now - 100,
            not_after: now - 1,
        };
        assert!(due(&ended, 0).is_zero());
    }
}
