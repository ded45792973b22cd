//! An order on its way from being accepted to being available.

use std::sync::Arc;
use std::time::Duration;

use stevedore_agent::engine::Engine;
use stevedore_agent::event_writer::EventWriter;
use stevedore_agent::ports::{Notified, Ports};
use stevedore_agent::report_queue::ReportQueue;
use stevedore_agent::shared_watches::SharedWatches;
use stevedore_proto_core::content::{Phase, PhaseObject};
use stevedore_proto_core::{Content, DeploymentUid, OrderBody, Stage};

use super::store::order;
use super::support::{Parts, config_map, eventually, namespace, parts, quiet, run, test_tasks};

/// Tells an engine of one deployment only: the others of this cluster belong to other tests.
struct Only(DeploymentUid, Arc<Engine>);

impl Notified for Only {
    fn sets_changed(&self, deployment: DeploymentUid) {
        if deployment == self.0 {
            self.1.sets_changed(deployment);
        }
    }

    fn circumstances_changed(&self) {
        self.1.circumstances_changed();
    }
}

/// Three phases, of four objects each.
fn content() -> Content {
    let object = |at: usize| PhaseObject {
        object: config_map("orders", &format!("one-{at}"), "x"),
        ..PhaseObject::default()
    };
    let phase = |at: usize| Phase {
        name: format!("phase-{at}"),
        objects: (4 * at..4 * at + 4).map(object).collect(),
        ..Phase::default()
    };
    Content {
        phases: (0..3).map(phase).collect(),
        ..Content::default()
    }
}

/// An engine over these parts, and what it reports.
fn start_engine(parts: &Parts) -> (Arc<Engine>, Arc<ReportQueue>) {
    let watches = Arc::new(SharedWatches::new(
        parts.client.transport().clone(),
        parts.discovery.clone(),
        parts.store.circumstances(),
        &test_tasks(),
    ));
    let engine = Engine::new(test_tasks());
    watches.attach(engine.clone());
    let reports = Arc::new(ReportQueue::default());
    let events = EventWriter::start(parts.client.clone(), "test".into(), &test_tasks());
    engine.start(Ports {
        accounts: parts.accounts.clone(),
        watches,
        store: parts.store.clone(),
        reporter: reports.clone(),
        events: Arc::new(events),
    });
    (engine, reports)
}

async fn available(reports: &ReportQueue) {
    let is_available = async {
        while !reports
            .next()
            .await
            .iter()
            .any(|report| report.stage == Stage::Available)
        {}
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), is_available).await;
    waited.expect("available");
}

#[test]
fn an_order_gets_available_without_reading_what_was_just_written() {
    run(async {
        let cluster = quiet().await;
        namespace(cluster, "orders").await;
        let parts = parts().await;
        let (engine, reports) = start_engine(&parts);
        let content = content();
        let order = order(9, 1, OrderBody::Apply(content.reference()));
        let deployment = order.deployment;
        parts.store.attach(Arc::new(Only(deployment, engine)));

        let mut audit = cluster.audit_from_now();
        let bytes = content.to_bytes().into();
        parts.store.accept(&order, Some(bytes)).await.unwrap();
        available(&reports).await;
        let set = format!("p9-{}-1", deployment.short());
        let mut seen = vec![];
        eventually("the last apply is in the log", || {
            seen.extend(audit.read_new().expect("the log can be read"));
            let written = seen.iter().filter(|entry| !entry.is_dry_run());
            let mut written = written.filter(|entry| entry.verb == "patch");
            let there = written.any(|entry| entry.is_about("configmaps", "one-11"));
            async move { there.then_some(()).ok_or_else(String::new) }
        })
        .await;
        let asked = |dry_run: bool| {
            let patches = seen.iter().filter(|entry| entry.verb == "patch");
            let patches = patches.filter(|entry| {
                let object = entry.object_ref.as_ref();
                object.is_some_and(|object| object.resource == "configmaps")
            });
            patches
                .filter(|entry| entry.is_dry_run() == dry_run)
                .count()
        };
        assert_eq!((asked(true), asked(false)), (12, 12));
        let read = seen.iter().filter(|entry| entry.verb == "get");
        let read: Vec<_> = read
            .filter(|entry| {
                let object = entry.object_ref.as_ref();
                object.is_some_and(|object| object.name == set || object.namespace == "orders")
            })
            .map(|entry| &entry.request_uri)
            .collect();
        assert!(read.is_empty(), "{read:?}");
    });
}
