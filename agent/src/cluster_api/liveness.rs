//! The liveness of the API server: it is asked for a word when it has been quiet, and whoever waits for it is told.

use stevedore_agent_core::liveness::{Liveness, Step};
use tokio::time::{sleep_until, timeout};

use super::transport::Transport;

/// Watches over the API server, which has just answered, for ever.
pub async fn follow(transport: Transport) {
    let answers = transport.answers();
    let mut liveness = Liveness::new(answers.now());
    loop {
        liveness.heard(answers.last());
        let now = answers.now();
        answers.tell(liveness.silent_since(now));
        match liveness.step(now, rand::random()) {
            Step::Wait(until) => sleep_until(answers.at(until)).await,
            Step::Ask(within) => {
                let heard = answers.last();
                // What it says is noted where it comes in; how it failed does not matter.
                let _ = timeout(within, transport.ask()).await;
                if answers.last() == heard {
                    liveness.missed(answers.now());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use stevedore_agent_core::liveness::SILENT_AFTER;
    use stevedore_client::Path;
    use tokio::time::{Duration, Instant, sleep};

    use super::super::transport::Call;
    use super::*;

    /// A server that can be stopped, and how often it was asked for its version.
    fn server() -> (Transport, Arc<AtomicBool>, Arc<AtomicU64>) {
        let (hangs, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let service = {
            let (hangs, asked) = (Arc::clone(&hangs), Arc::clone(&asked));
            tower::service_fn(move |request: Request<Body>| {
                let hangs = hangs.load(Ordering::Relaxed);
                let is_asked = request.uri().path() == "/version";
                asked.fetch_add(u64::from(is_asked), Ordering::Relaxed);
                async move {
                    if hangs {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(Response::new(Body::empty()))
                }
            })
        };
        (
            Transport::new(Client::new(service, "default")),
            hangs,
            asked,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_silent_in_time_and_told_to_be_back_when_it_answers() {
        let (transport, hangs, asked) = server();
        let (answers, mut silence) = (transport.answers(), transport.answers().silence());
        let following = follow(transport.clone());
        let story = async {
            sleep(Duration::from_secs(600)).await;
            let at_rest = asked.load(Ordering::Relaxed);
            assert!((42..=50).contains(&at_rest), "{at_rest}");
            assert!(!answers.is_silent());
            hangs.store(true, Ordering::Relaxed);
            let stopped = Instant::now();
            silence.changed().await.unwrap();
            assert!(answers.is_silent());
            assert!(stopped.elapsed() <= SILENT_AFTER, "{:?}", stopped.elapsed());
            let back = answers.back();
            tokio::pin!(back);
            assert!(futures::poll!(&mut back).is_pending());
            sleep(Duration::from_secs(60)).await;
            hangs.store(false, Ordering::Relaxed);
            let resumed = Instant::now();
            back.await;
            assert!(!answers.is_silent());
            let after = resumed.elapsed();
            assert!(after <= Duration::from_secs(7), "{after:?}");
        };
        tokio::select! {
            () = following => {}
            () = story => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_others_is_not_asked() {
        let (transport, _, asked) = server();
        let following = follow(transport.clone());
        let story = async {
            for _ in 0..60 {
                sleep(Duration::from_secs(10)).await;
                let call = Call::get(Path::root("/api/v1/configmaps"));
                transport.call(call).await.unwrap();
            }
        };
        tokio::select! {
            () = following => {}
            () = story => {}
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_take_all_turns_keep_nobody_from_asking() {
        let service = tower::service_fn(|request: Request<Body>| async move {
            if request.uri().path() != "/version" {
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let transport = Transport::new(Client::new(service, "default"));
        let mut hanging: Vec<_> = (0..100)
            .map(|_| Box::pin(transport.call(Call::get(Path::root("/hang")))))
            .collect();
        for one in &mut hanging {
            assert!(futures::poll!(one).is_pending());
        }
        let following = follow(transport.clone());
        tokio::select! {
            () = following => {}
            () = sleep(Duration::from_secs(120)) => {}
        }
        assert!(!transport.answers().is_silent());
    }
}
