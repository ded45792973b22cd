//! A new certificate well before the present one ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use stevedore_runtime::retry::{self, Delays, Schedule};
use tokio_util::sync::CancellationToken;

use super::credentials::{IdentityStore, Validity};
use super::dial::Dialer;
use super::{chain, enrol};

/// Clocks may be set while this sleeps; so it looks at the clock at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How renewals that fail are repeated.
const AGAIN: Schedule = Schedule {
    initial: Duration::from_secs(2),
    factor: 2.0,
    cap: Duration::from_secs(600),
};

/// Renews at two thirds of the certificate's life, spread by 10 %, with a new key, until shutdown. The next
/// identity is saved before it is used. The open session is left alone: the hub ends it with its certificate.
///
/// # Errors
/// None; a renewal that fails is repeated, also after the certificate has ended.
pub async fn keep_renewed(
    dialer: Dialer,
    store: Arc<dyn IdentityStore>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut failures = Delays::new(AGAIN);
    let mut wait = first_wait(&dialer);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait.min(LOOK_AGAIN)) => {}
        }
        wait = wait.saturating_sub(LOOK_AGAIN).min(first_wait(&dialer));
        if !wait.is_zero() {
            continue;
        }
        match renew(&dialer, store.as_ref()).await {
            Ok(validity) => {
                failures.reset();
                tracing::info!(until = validity.not_after, "the certificate was renewed");
                // A certificate that is already in its last third (a very short one) is used half way first.
                wait = due(&validity, rand::random()).max(validity.left() / 2);
            }
            Err(error) => {
                wait = failures.next(rand::random());
                tracing::warn!(error, again_in = ?wait, "the certificate could not be renewed");
            }
        }
    }
}

async fn renew(dialer: &Dialer, store: &dyn IdentityStore) -> Result<Validity, String> {
    let next = enrol::renew(dialer).await.map_err(|error| chain(&error))?;
    let validity = next.validity().map_err(|error| error.to_string())?;
    store
        .save(next.clone())
        .await
        .map_err(|error| error.to_string())?;
    dialer.replace(next);
    Ok(validity)
}

fn first_wait(dialer: &Dialer) -> Duration {
    dialer
        .credentials()
        .validity()
        .map_or(Duration::ZERO, |validity| due(&validity, rand::random()))
}

/// Time until the renewal is due: a third of the life before the end, spread by 10 %.
fn due(validity: &Validity, random: u64) -> Duration {
    validity
        .left()
        .saturating_sub(retry::spread(validity.length() / 3, 10, random))
}
