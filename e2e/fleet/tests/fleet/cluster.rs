//! Started clusters behave as real ones: they serve, collect garbage, run pods, and come back after a kill.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use kube::api::PostParams;
use serde_json::json;
use stevedore_client::Api;
use stevedore_fleet::tools::Locator;
use stevedore_fleet::{BROKEN_IMAGE, Error, Extent, Fleet, Program, progress::Silent};

use super::support::{WITHIN, api, apply, config_map, deployment, eventually, fleet, run};

#[test]
fn create_only_apply_creates_what_is_absent_and_leaves_what_is_there() {
    run(async {
        let client = fleet().await.members()[0].client();
        let maps = api(&client, "ConfigMap");
        let mut object = config_map("create-only", "first");
        object["metadata"]["resourceVersion"] = json!("1");
        apply(&maps, "stevedore", &object)
            .await
            .expect("absent: created");
        object["data"]["value"] = json!("second");
        let refused = apply(&maps, "stevedore", &object).await;
        assert!(
            matches!(&refused, Err(kube::Error::Api(status)) if status.code == 409),
            "present: refused, but {refused:?}"
        );
        let stored = maps.get("create-only").await.expect("it is there");
        assert_eq!(stored.data["data"]["value"], "first", "nothing was merged");
    });
}

#[test]
fn deployment_becomes_available_unless_its_image_is_broken() {
    run(async {
        let client = fleet().await.members()[0].client();
        let deployments = api(&client, "Deployment");
        let start = async |name: &str, image: &str| {
            let object = deployment(name, image);
            apply(&deployments, "test", &object).await.expect("applied");
        };
        let status = async |name: &str| {
            let read = deployments.get(name).await.expect("it is there");
            read.data["status"].clone()
        };
        let broken = [
            ("broken", BROKEN_IMAGE),
            ("also-broken", "registry.example/also-broken:2"),
        ];
        for (name, image) in broken {
            start(name, image).await;
            eventually("the broken one has its pods", || async {
                let status = status(name).await;
                match status["replicas"].as_u64() {
                    Some(2) => Ok(()),
                    _ => Err(status.to_string()),
                }
            })
            .await;
        }
        start("works", "registry.example/app:1").await;
        eventually("the good one is available", || async {
            let status = status("works").await;
            match status["availableReplicas"].as_u64() {
                Some(2) => Ok(()),
                _ => Err(status.to_string()),
            }
        })
        .await;
        // Its pods came later, through the same queues.
        for (name, _) in broken {
            let status = status(name).await;
            assert_eq!(status["unavailableReplicas"], 2, "{name}: {status}");
            assert!(status["readyReplicas"].is_null(), "{name}: {status}");
        }
    });
}

#[test]
fn service_account_acts_under_its_own_name_and_rights_and_the_audit_log_tells() {
    run(async {
        let cluster = &fleet().await.members()[0];
        let mut audit = cluster.audit_from_now();
        let access = eventually("a token of the default account", || async {
            cluster
                .service_account("default", "default")
                .await
                .map_err(|error| error.to_string())
        })
        .await;
        let own = access.client().await.expect("a client");
        let refused = apply(
            &api(&own, "ConfigMap"),
            "nobody",
            &config_map("forbidden", ""),
        )
        .await;
        assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403));
        let entry = audit
            .await_entry("the refused write", WITHIN, |entry| {
                entry.is_about("configmaps", "forbidden")
            })
            .await
            .expect("the audit log has it");
        assert_eq!(entry.user.username, "system:serviceaccount:default:default");
        assert!(entry.impersonated_user.is_none());
        assert_eq!((entry.verb.as_str(), entry.code()), ("patch", 403));
        assert!(entry.is_write() && !entry.is_dry_run());
    });
}

#[test]
fn audit_log_keeps_bodies_of_writes_and_none_of_secrets() {
    run(async {
        let cluster = &fleet().await.members()[0];
        let mut audit = cluster.audit_from_now();
        let client = cluster.client();
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "confidential"},
            "stringData": {"password": "not-in-the-audit-log"},
        });
        apply(&api(&client, "Secret"), "test", &secret)
            .await
            .expect("applied");
        apply(
            &api(&client, "ConfigMap"),
            "test",
            &config_map("recorded", "in the audit log"),
        )
        .await
        .expect("applied");
        let entries = audit.read_new().expect("a readable log");
        let find = |resource, name| {
            let mut found = entries
                .iter()
                .filter(|entry| entry.is_about(resource, name));
            found
                .next_back()
                .unwrap_or_else(|| panic!("no entry for {name}"))
        };
        let recorded = find("configmaps", "recorded");
        for body in [&recorded.request_object, &recorded.response_object] {
            let body = body.as_ref().expect("a body");
            assert_eq!(body["data"]["value"], "in the audit log");
        }
        let confidential = find("secrets", "confidential");
        assert!(confidential.request_object.is_none());
        assert!(confidential.response_object.is_none());
        let path = cluster.folder().join("audit.log");
        let text = std::fs::read_to_string(path).expect("the log");
        assert!(!text.contains("not-in-the-audit-log"));
    });
}

#[test]
fn person_logs_in_by_certificate_with_name_and_group() {
    run(async {
        let cluster = &fleet().await.members()[0];
        let access = cluster
            .user("jo", Some("fleet-operators"))
            .expect("a certificate");
        let client = access.client().await.expect("a client");
        let review: k8s_openapi::api::authentication::v1::SelfSubjectReview = Api::all(client)
            .create(&PostParams::default(), &Default::default())
            .await
            .expect("an answer");
        let user = review.status.and_then(|status| status.user_info);
        let user = user.expect("who I am");
        assert_eq!(user.username.as_deref(), Some("jo"));
        assert!(
            user.groups
                .unwrap_or_default()
                .contains(&"fleet-operators".to_owned())
        );
    });
}

#[test]
fn registry_answers_and_comes_back_at_the_same_address_after_a_kill() {
    run(async {
        let registry = fleet().await.registry();
        let before = registry.address();
        let exit = registry.kill().await.expect("it ran");
        assert!(exit.code.is_none(), "{exit:?}");
        registry.start().await.expect("it starts again");
        assert_eq!(registry.address(), before);
    });
}

#[test]
fn program_that_a_cluster_has_not_is_refused_by_name() {
    run(async {
        let fleet = fleet().await;
        let refused = fleet.hub().kill_program(Program::Scheduler).await;
        assert!(matches!(refused, Err(Error::NoSuchProgram { .. })));
        let refused = fleet.members()[0].kill_program(Program::Etcd).await;
        assert!(matches!(refused, Err(Error::NoSuchProgram { .. })));
        assert!(matches!(
            fleet.members()[0].back_up().await,
            Err(Error::SharedEtcd(_))
        ));
    });
}

#[test]
fn cluster_that_cannot_come_up_says_so_with_the_end_of_its_log() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        for program in ["etcd", "kube-apiserver"] {
            let path = folder.path().join(program);
            std::fs::write(&path, "#!/bin/sh\necho no room on the quay\nexit 7\n")
                .expect("written");
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("executable");
        }
        let started = Fleet::builder()
            .hub_extent(Extent::ApiServer)
            .locator(Locator {
                assets: Some(folder.path().to_owned()),
                cache: folder.path().to_owned(),
                go: "no-go".into(),
            })
            .start(&Silent)
            .await;
        let error = started.err().expect("an error").to_string();
        for part in ["etcd ended", "exit status: 7", "no room on the quay"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    });
}
