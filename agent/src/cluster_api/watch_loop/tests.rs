use super::*;

#[tokio::test]
async fn a_body_is_cut_into_lines_and_an_unfinished_one_is_dropped() {
    let mut lines = Lines::new(Body::from(b"one\ntwo\nunfinished".to_vec()));
    assert_eq!(lines.next().await.unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(lines.next().await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(lines.next().await.unwrap(), None);
}

#[test]
fn events_are_told_apart() {
    let line = |kind: &str| {
        format!(r#"{{"type":"{kind}","object":{{"metadata":{{"resourceVersion":"7"}}}}}}"#)
    };
    let of = |kind: &str| event(line(kind).as_bytes()).unwrap();
    assert!(matches!(of("ADDED"), Event::Seen(_, version) if version == "7"));
    assert!(matches!(of("MODIFIED"), Event::Seen(..)));
    assert!(matches!(of("DELETED"), Event::Removed(..)));
    assert!(matches!(of("BOOKMARK"), Event::Bookmark(version) if version == "7"));
    let gone = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#;
    assert!(matches!(event(gone).unwrap(), Event::Gone));
    let error = br#"{"type":"ERROR","object":{"kind":"Status","code":500,"message":"x"}}"#;
    assert!(matches!(event(error).unwrap(), Event::Failed(_)));
}

/// Remembers what it is told, and says when that was enough.
struct Told(
    Vec<&'static str>,
    usize,
    Option<tokio::sync::oneshot::Sender<()>>,
);

impl Handler for Told {
    async fn take(&mut self, notice: Notice) {
        self.0.push(match notice {
            Notice::Restarted => "restarted",
            Notice::Seen(_) => "seen",
            Notice::Removed(_) => "removed",
            Notice::Synced => "synced",
            Notice::Failed(_) => "failed",
        });
        if self.0.len() == self.1
            && let Some(enough) = self.2.take()
        {
            let _ = enough.send(());
        }
    }
}

#[tokio::test]
async fn a_watch_that_broke_says_that_it_works_again() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = tower::service_fn(move |_: http::Request<Body>| {
        let (code, body) = match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => (200, r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#),
            1 => (503, ""),
            _ => (
                200,
                "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}\n",
            ),
        };
        let answer = http::Response::builder()
            .status(code)
            .body(Body::from(body.as_bytes().to_vec()));
        std::future::ready(answer)
    });
    let transport = Transport::new(kube::Client::new(server, "default"));
    let subject = subject();
    let (_changes, circumstances) = tokio::sync::watch::channel(0);
    let (enough, done) = tokio::sync::oneshot::channel();
    let mut told = Told(vec![], 5, Some(enough));
    let told_all = tokio::select! {
        () = run(&transport, &subject, circumstances, &mut told) => false,
        _ = done => true,
        () = sleep(Duration::from_secs(30)) => false,
    };
    let expected = ["restarted", "synced", "failed", "synced", "seen"];
    assert!(told_all && told.0[..5] == expected, "{:?}", told.0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_ended_at_once_is_not_taken_up_in_a_hot_loop() {
    let watches = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&watches);
    let server = tower::service_fn(move |request: http::Request<Body>| {
        let watch = request.uri().query().unwrap_or_default().contains("watch=");
        if watch {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        let body: &[u8] = if watch {
            b""
        } else {
            br#"{"metadata":{"resourceVersion":"5"},"items":[]}"#
        };
        std::future::ready(http::Response::builder().body(Body::from(body.to_vec())))
    });
    let transport = Transport::new(kube::Client::new(server, "default"));
    let (_changes, circumstances) = tokio::sync::watch::channel(0);
    let mut told = Told(vec![], usize::MAX, None);
    let subject = subject();
    tokio::select! {
        () = run(&transport, &subject, circumstances, &mut told) => {}
        () = sleep(FLOOR * 10) => {}
    }
    let watches = watches.load(std::sync::atomic::Ordering::Relaxed);
    assert!((2..=11).contains(&watches), "{watches}");
}

#[tokio::test]
async fn lists_of_packages_that_hang_hold_up_no_list_of_our_own() {
    let server = tower::service_fn(|request: http::Request<Body>| async move {
        if request.headers().contains_key("impersonate-user") {
            std::future::pending::<()>().await;
        }
        let body = br#"{"metadata":{"resourceVersion":"5"},"items":[]}"#;
        http::Response::builder().body(Body::from(body.to_vec()))
    });
    let transport = Transport::new(kube::Client::new(server, "default"));
    let account = Account {
        namespace: "shop".into(),
        name: "packages".into(),
    };
    let (own, theirs) = (
        subject(),
        Subject {
            account: Some(account),
            ..subject()
        },
    );
    let mut handlers: Vec<_> = (0..8).map(|_| Told(vec![], usize::MAX, None)).collect();
    let lists = handlers.iter_mut();
    let mut lists: Vec<_> = lists
        .map(|handler| Box::pin(list(&transport, &theirs, handler)))
        .collect();
    for hanging in &mut lists {
        assert!(futures::poll!(hanging).is_pending());
    }
    let mut told = Told(vec![], usize::MAX, None);
    let listed = timeout(Duration::from_secs(20), list(&transport, &own, &mut told)).await;
    assert!(listed.expect("not behind those that hang").is_ok());
}

fn subject() -> Subject {
    Subject {
        path: Path::root("/api/v1/configmaps"),
        selector: None,
        metadata_only: false,
        account: None,
    }
}
