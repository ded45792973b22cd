//! Facts of this member: its UID, and what packages may read.

mod open_shift;
mod watches;

use std::time::Duration;

use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::watch::{Circumstances, changed};
use stevedore_proto_core::environment::Fact;
use stevedore_proto_core::{ClusterUid, Environment};
use stevedore_runtime::retry::spread;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::cluster_api::agent_client::Identified;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;
use watches::Watches;

/// The namespace whose UID is the cluster's.
const CLUSTER: &str = "kube-system";
/// Between two readings of the facts when nothing tells of a change.
const INTERVAL: Duration = Duration::from_secs(30 * 60);
/// The same while one of them cannot be told: a right that is given is told by nobody.
const UNKNOWN_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// For how long changes of what the facts are read from are gathered.
const GATHER: Duration = Duration::from_secs(5);
/// A fact that may only seem to have changed counts when it is the same after this time.
const DEBOUNCE: Duration = Duration::from_secs(60);

/// The UID of the cluster: that of its namespace `kube-system`.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn cluster_uid(client: &AgentClient) -> Answer<ClusterUid> {
    let broken =
        |what: &str| Failure::new(FailureKind::NotFound, format!("namespace {CLUSTER} {what}"));
    let namespace = client
        .get::<Identified>(Resource::NAMESPACE, None, CLUSTER)
        .await?;
    let namespace = namespace.ok_or_else(|| broken("is not there"))?;
    namespace
        .metadata
        .uid
        .parse()
        .map_err(|_| broken("has a UID that is no UUID"))
}

/// Reads the facts. Those that cannot be read but for the version are not known.
///
/// # Errors
/// When the API server does not tell its version.
pub async fn read(client: &AgentClient) -> Answer<Environment> {
    let version = client.server_version().await?;
    let (open_shift, proxy) = open_shift::platform(client).await;
    let environment = Environment {
        kubernetes_version: version.git_version,
        platform: version.platform,
        open_shift,
        proxy,
        hyper_shift: open_shift::hyper_shift(client).await,
    };
    let bounded = environment.clone().bounded();
    if bounded != environment {
        tracing::warn!("facts about this cluster are too large to be reported whole");
    }
    Ok(bounded)
}

/// Keeps `facts` current, for ever. `circumstances` rise whenever definitions or rights may have changed.
pub async fn follow(
    client: AgentClient,
    facts: watch::Sender<Environment>,
    mut circumstances: Circumstances,
    tasks: Tasks,
) {
    let mut watches = Watches::new(&client, circumstances.clone(), tasks);
    // Of the last reading: what was known before stands in for what it could not tell.
    let mut is_incomplete = has_unknown(&facts.borrow());
    loop {
        let known = facts.borrow().clone();
        watches.follow(&known);
        let interval = match is_incomplete {
            true => UNKNOWN_INTERVAL,
            false => INTERVAL,
        };
        tokio::select! {
            () = sleep(spread(interval, 10, rand::random())) => {}
            () = watches.changed() => sleep(GATHER).await,
            () = changed(&mut circumstances) => sleep(GATHER).await,
        }
        let told = read(&client).await.ok();
        is_incomplete = told.as_ref().is_none_or(has_unknown);
        let Some(new) = told.map(|new| beside(new, &known)) else {
            continue;
        };
        if new == known {
            continue;
        }
        if is_doubtful(&known, &new) {
            sleep(DEBOUNCE).await;
            let again = read(&client).await.ok();
            if again.map(|again| beside(again, &known)).as_ref() != Some(&new) {
                continue;
            }
        }
        tracing::info!("facts about this cluster changed");
        facts.send_replace(new);
    }
}

/// The facts as they are now; what cannot be told now is what it was.
fn beside(new: Environment, known: &Environment) -> Environment {
    let known = known.clone();
    Environment {
        open_shift: new.open_shift.or(known.open_shift),
        proxy: new.proxy.or(known.proxy),
        hyper_shift: new.hyper_shift.or(known.hyper_shift),
        ..new
    }
}

fn has_unknown(environment: &Environment) -> bool {
    environment.open_shift == Fact::Unknown
        || environment.proxy == Fact::Unknown
        || environment.hyper_shift == Fact::Unknown
}

/// Whether this change may be none: API servers that are being upgraded answer with two versions in turn, and one that
/// restores its store lacks objects for a while.
fn is_doubtful(known: &Environment, new: &Environment) -> bool {
    fn is_lost<T>(known: &Fact<T>, new: &Fact<T>) -> bool {
        known.present().is_some() && new.present().is_none()
    }
    (&known.kubernetes_version, &known.platform) != (&new.kubernetes_version, &new.platform)
        || is_lost(&known.open_shift, &new.open_shift)
        || is_lost(&known.proxy, &new.proxy)
        || is_lost(&known.hyper_shift, &new.hyper_shift)
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::environment::{OpenShift, Proxy};

    use super::*;

    fn open_shift(version: &str) -> Environment {
        Environment {
            kubernetes_version: "v1.36.3".into(),
            open_shift: Fact::Present(OpenShift {
                version: version.into(),
                managed: None,
            }),
            proxy: Fact::Absent,
            hyper_shift: Fact::Absent,
            ..Environment::default()
        }
    }

    #[test]
    fn another_version_of_the_api_server_and_a_lost_platform_are_looked_at_twice() {
        let known = open_shift("4.17.3");
        let upgraded = Environment {
            kubernetes_version: "v1.37.0".into(),
            ..known.clone()
        };
        assert!(is_doubtful(&known, &upgraded));
        let lost = Environment {
            open_shift: Fact::Absent,
            ..known.clone()
        };
        assert!(is_doubtful(&known, &lost));
    }

    #[test]
    fn what_objects_say_anew_counts_at_once() {
        let known = open_shift("4.17.3");
        assert!(!is_doubtful(&known, &open_shift("4.17.4")));
        let proxied = Environment {
            proxy: Fact::Present(Proxy::default()),
            ..known.clone()
        };
        assert!(!is_doubtful(&known, &proxied));
    }
}
