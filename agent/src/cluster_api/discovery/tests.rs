use super::*;

fn list() -> APIGroupDiscoveryList {
    let resource = |name: &str, kind: &str, scope: &str, verbs: &[&str]| {
        serde_json::json!({"resource": name, "scope": scope, "verbs": verbs,
            "responseKind": {"group": "", "version": "", "kind": kind}})
    };
    let all = ["create", "delete", "get", "list", "patch", "watch"];
    serde_json::from_value(serde_json::json!({"items": [{
        "metadata": {"name": "apps"},
        "versions": [
            {"version": "v2", "resources": [resource("deployments", "Deployment", "Namespaced", &all)]},
            {"version": "v1", "resources": [
                resource("deployments", "Deployment", "Namespaced", &all),
                resource("reviews", "Review", "Cluster", &["create"]),
                resource("scales", "", "Namespaced", &[]),
            ]},
        ],
    }]}))
    .unwrap()
}

#[test]
fn aggregated_discovery_becomes_a_compact_table() {
    let mut table = Table::default();
    table.enter(list());
    assert_eq!(table.kinds.len(), 3);
    let deployment = &table.kinds[&Kind::new("apps", "v1", "Deployment")];
    assert!(deployment.namespaced && deployment.searchable);
    assert_eq!(
        (&*deployment.plural, deployment.preference),
        ("deployments", 1)
    );
    let review = &table.kinds[&Kind::new("apps", "v1", "Review")];
    assert!(!review.namespaced && !review.searchable);
}

/// Discovery of an API server that serves `apps`, and behind which `metrics.example` is away.
fn with_one_away() -> Discovery {
    let server = tower::service_fn(|request: http::Request<kube::client::Body>| {
        let groups = match request.uri().path() {
            "/apis" => serde_json::json!({"items": [list().items[0],
                {"metadata": {"name": "metrics.example"},
                    "versions": [{"version": "v1", "resources": [], "freshness": "Stale"}]}]}),
            _ => serde_json::json!({"items": []}),
        };
        let body = kube::client::Body::from(groups.to_string().into_bytes());
        std::future::ready(http::Response::builder().body(body))
    });
    Discovery::new(Transport::new(kube::Client::new(server, "default")))
}

impl Discovery {
    /// As if every absence had been noted so long ago.
    fn age_absences(&self, by: Duration) {
        for since in self.table.lock().absent.values_mut() {
            *since = since.checked_sub(by).unwrap();
        }
    }

    async fn served_version(&self, group: &str, kind: &str) -> Answer<Option<Kind>> {
        let kind = Kind::new(group, "v1alpha1", kind);
        let found = self.find_any_version(&kind).await?;
        Ok(found.map(|(kind, _)| kind))
    }
}

#[tokio::test]
async fn a_kind_is_gone_only_when_no_version_is_served_and_the_server_knows_it() {
    let discovery = with_one_away();
    let found = |group, kind| discovery.served_version(group, kind);
    let preferred = Kind::new("apps", "v2", "Deployment");
    assert_eq!(found("apps", "Deployment").await, Ok(Some(preferred)));
    assert_eq!(found("apps", "Nothing").await, Ok(None));
    let unknown = found("metrics.example", "Reading").await;
    assert_eq!(unknown.unwrap_err().kind, FailureKind::KindUnavailable);

    // A whole group that is not there may be one that is not there yet.
    let missing = found("other.example", "Thing").await;
    assert_eq!(missing.unwrap_err().kind, FailureKind::Unavailable);
    discovery.age_absences(ABSENCE_GRACE_PERIOD);
    assert_eq!(found("other.example", "Thing").await, Ok(None));
}

#[tokio::test]
async fn a_kind_of_which_nobody_can_say_is_told_from_one_that_is_not_served() {
    let discovery = with_one_away();
    let failure = async |group: &str, version: &str| {
        let kind = Kind::new(group, version, "Reading");
        let found = discovery.find(&kind).await.unwrap();
        found.reached(&kind).unwrap_err().kind
    };
    let away = FailureKind::KindUnavailable;
    assert_eq!(failure("metrics.example", "v1").await, away);
    assert_eq!(failure("metrics.example", "v2").await, FailureKind::NoKind);
    assert_eq!(failure("apps", "v1").await, FailureKind::NoKind);
}

#[tokio::test]
async fn what_was_waited_for_in_vain_need_not_be_missing_as_long_again_to_be_gone() {
    let discovery = with_one_away();
    let thing = Kind::new("other.example", "v1", "Thing");
    assert_eq!(discovery.find(&thing).await, Ok(Lookup::NotServed));
    discovery.age_absences(ABSENCE_GRACE_PERIOD);
    let found = || discovery.served_version("other.example", "Thing");
    assert_eq!(found().await, Ok(None));

    // Between readings that are far apart it may have been there.
    let long_ago = ABSENCE_UNSEEN + Duration::from_secs(1);
    {
        let mut table = discovery.table.lock();
        table.read = table.read.and_then(|read| read.checked_sub(long_ago));
    }
    let missing = found().await;
    assert_eq!(missing.unwrap_err().kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn a_known_kind_does_not_wait_while_an_unknown_one_is_searched() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        let groups = match request.uri().path() {
            "/apis" => serde_json::json!(list()),
            _ => serde_json::json!({"items": []}),
        };
        async move {
            if !first {
                std::future::pending::<()>().await;
            }
            let body = kube::client::Body::from(groups.to_string().into_bytes());
            http::Response::builder().body(body)
        }
    });
    let transport = Transport::new(kube::Client::new(server, "default"));
    let discovery = Discovery::new(transport);
    let known = Kind::new("apps", "v1", "Deployment");
    let found = discovery.find(&known).await.unwrap();
    assert!(matches!(found, Lookup::Served(_)));
    discovery.changed();
    let unknown = Kind::new("apps", "v1", "Nothing");
    let mut search = std::pin::pin!(discovery.find(&unknown));
    assert!(futures::poll!(&mut search).is_pending());
    let found = futures::FutureExt::now_or_never(discovery.find(&known));
    assert!(matches!(found.expect("at once"), Ok(Lookup::Served(_))));
}
