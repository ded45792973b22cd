//! Shared watches as an account.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_agent::ports::{Account, ObjectSink, WatchNotice, Watches as _};
use stevedore_agent::shared_watches::SharedWatches;
use stevedore_agent_core::failure::FailureKind;
use stevedore_agent_core::key::{Kind, ObjectKey, WatchKey};
use stevedore_proto_core::DeploymentUid;

use super::support::{
    Parts, SYSTEM, api, config_map, create, eventually, namespace, parts, quiet, run, test_tasks,
};

/// Writes down what was seen.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics while writing").clone()
    }

    async fn has(&self, line: &str) {
        eventually(line, || async {
            let lines = self.lines();
            if lines.iter().any(|known| known == line) {
                Ok(())
            } else {
                Err(format!("{lines:?}"))
            }
        })
        .await;
    }
}

impl ObjectSink for Recorder {
    fn offer(&self, notice: WatchNotice) -> BoxFuture<'_, ()> {
        let name = |object: &Value| ObjectKey::of(object).expect("kind and name").to_string();
        let line = match &notice {
            WatchNotice::Seen(object) => {
                format!("seen {} {}", name(object), object["data"]["value"])
            }
            WatchNotice::Unreadable(object) => format!("unreadable {}", name(object)),
            WatchNotice::Removed(object) => format!("removed {}", name(object)),
            WatchNotice::Restarted(..) => "restarted".into(),
            WatchNotice::Synced(..) => "synced".into(),
            WatchNotice::Failed(_, _, failure) => format!("failed {:?}", failure.kind),
        };
        self.0
            .lock()
            .expect("nobody panics while writing")
            .push(line);
        Box::pin(async {})
    }
}

fn key(kind: Kind, namespace: &str) -> WatchKey {
    WatchKey {
        kind,
        namespace: Some(namespace.into()),
    }
}

/// Watches as the account of packages, whose notices a recorder takes.
fn watching(parts: &Parts) -> (SharedWatches, Arc<Recorder>, Account) {
    let watches = SharedWatches::new(
        parts.client.transport().clone(),
        parts.discovery.clone(),
        parts.store.circumstances(),
        &test_tasks(),
    );
    let recorder = Arc::new(Recorder::default());
    watches.attach(recorder.clone());
    let account = Account {
        namespace: SYSTEM.into(),
        name: "stevedore-packages".into(),
    };
    (watches, recorder, account)
}

#[test]
fn deployments_share_a_watch_that_sees_labelled_objects_and_ends_with_the_last_of_them() {
    run(async {
        let cluster = quiet().await;
        namespace(cluster, "watches").await;
        let parts = parts().await;
        let (watches, recorder, account) = watching(&parts);
        let labelled = |name: &str, value: &str| {
            let mut object = config_map("watches", name, value);
            object["metadata"]["labels"] = json!({"stevedore.dev/deployment": "d"});
            object
        };
        create(cluster, labelled("listed", "1")).await;
        create(cluster, config_map("watches", "foreign", "1")).await;

        let maps = key(Kind::new("", "v1", "ConfigMap"), "watches");
        let one = DeploymentUid::from_bytes([1; 16]);
        let two = DeploymentUid::from_bytes([2; 16]);
        watches.set_interest(one, &account, vec![maps.clone()]);
        watches.set_interest(two, &account, vec![maps.clone()]);
        assert_eq!(watches.len(), 1);
        recorder.has("synced").await;
        assert_eq!(
            recorder.lines(),
            ["restarted", "seen ConfigMap watches/listed \"1\"", "synced"]
        );

        let all = api(cluster, "ConfigMap", Some("watches"));
        create(cluster, labelled("later", "2")).await;
        recorder.has("seen ConfigMap watches/later \"2\"").await;
        let change = json!({"data": {"value": "3"}});
        all.patch("later", &PatchParams::default(), &Patch::Merge(&change))
            .await
            .unwrap();
        recorder.has("seen ConfigMap watches/later \"3\"").await;
        let unlabel = json!({"metadata": {"labels": {"stevedore.dev/deployment": null}}});
        all.patch("later", &PatchParams::default(), &Patch::Merge(&unlabel))
            .await
            .unwrap();
        recorder.has("removed ConfigMap watches/later").await;
        all.delete("listed", &DeleteParams::default())
            .await
            .unwrap();
        recorder.has("removed ConfigMap watches/listed").await;

        watches.set_interest(one, &account, vec![]);
        assert_eq!(watches.len(), 1);
        watches.set_interest(two, &account, vec![]);
        assert!(watches.is_empty());
    });
}

#[test]
fn what_may_not_be_watched_or_is_not_served_is_told_and_tried_again() {
    run(async {
        let parts = parts().await;
        let (watches, recorder, account) = watching(&parts);
        let roles = key(
            Kind::new("rbac.authorization.k8s.io", "v1", "Role"),
            "default",
        );
        let nothing = key(Kind::new("nobody.example", "v1", "Nothing"), "default");
        let one = DeploymentUid::from_bytes([3; 16]);
        watches.set_interest(one, &account, vec![roles, nothing]);
        recorder
            .has(&format!("failed {:?}", FailureKind::Forbidden))
            .await;
        recorder
            .has(&format!("failed {:?}", FailureKind::NoKind))
            .await;
        watches.set_interest(one, &account, vec![]);
    });
}

#[test]
fn more_watches_than_a_connection_takes_hold_up_no_request() {
    run(async {
        let parts = parts().await;
        let (watches, recorder, account) = watching(&parts);
        let maps = |at| {
            let kind = Kind::new("", "v1", "ConfigMap");
            key(kind, &format!("watches-many-{at}"))
        };
        let many = 150;
        let one = DeploymentUid::from_bytes([4; 16]);
        watches.set_interest(one, &account, (0..many).map(maps).collect());
        eventually("every watch has begun", || async {
            let synced = |line: &&String| *line == "synced";
            match recorder.lines().iter().filter(synced).count() {
                begun if begun == many => Ok(()),
                begun => Err(begun.to_string()),
            }
        })
        .await;
        // The last of them is open when it sees what comes now.
        namespace(quiet().await, "watches-many-149").await;
        let mut late = config_map("watches-many-149", "late", "1");
        late["metadata"]["labels"] = json!({"stevedore.dev/deployment": "d"});
        create(quiet().await, late).await;
        recorder
            .has("seen ConfigMap watches-many-149/late \"1\"")
            .await;
        let answer = parts.client.server_version();
        let answer = tokio::time::timeout(std::time::Duration::from_secs(20), answer).await;
        assert!(answer.expect("not behind the watches").is_ok());
        watches.set_interest(one, &account, vec![]);
    });
}
