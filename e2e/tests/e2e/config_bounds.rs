//! Bounds of a package's config, in depth and size, as a real API server holds them.

use serde_json::{Value, json};
use stevedore_crds::v1alpha1::{CONFIG_DEPTH, CONFIG_FIELDS, CONFIG_SIZE};
use stevedore_fleet::install::install_hub;
use stevedore_fleet::{Extent, Fleet, progress::Lines};

use super::definitions::{contains, object, on_definitions};
use stevedore_e2e::api::{POLICY_BINDINGS, create, delete, get, merge, ours, policy_binding};
use stevedore_e2e::harness::{WITHIN, await_state, run};

/// A cluster package with this config.
async fn take(name: &str, config: Value) -> kube::Result<Value> {
    let spec = json!({"image": "registry.example/a:1", "config": config});
    let package = object("ClusterPackage", name, &spec);
    create(
        &on_definitions().await.client(),
        &ours("clusterpackages"),
        &package,
    )
    .await
}

/// A config of so many levels; maps and lists count alike.
fn levels(count: usize) -> Value {
    let inner = (2..count).fold(json!([]), |inner, at| match at % 2 {
        0 => json!({"a": inner}),
        _ => json!([inner]),
    });
    json!({"a": inner})
}

#[test]
fn a_config_is_bounded_in_depth_size_and_fields() {
    let text = |size: usize| json!({"a": "x".repeat(size - json!({"a": ""}).to_string().len())});
    let fields = |count: usize| -> Value {
        let fields = (0..count).map(|at| (at.to_string(), json!(1)));
        Value::Object(fields.collect())
    };
    run(async {
        for (name, config) in [
            ("config-deep", levels(CONFIG_DEPTH)),
            ("config-large", text(CONFIG_SIZE)),
            ("config-wide", fields(CONFIG_FIELDS)),
        ] {
            take(name, config).await.expect("it is within its bounds");
        }
        let too_deep = "spec.config is nested more than 32 levels deep";
        let too_large = "spec.config is larger than 65536 characters";
        for (config, words) in [
            (levels(CONFIG_DEPTH + 1), too_deep),
            (levels(200), too_deep),
            (text(CONFIG_SIZE + 1), too_large),
            (fields(CONFIG_FIELDS + 1), "must have at most 1024 items"),
        ] {
            match take("config-refused", config).await {
                Err(kube::Error::Api(status)) if status.code == 422 => {
                    contains(&status.message, words);
                }
                other => panic!("{words}: {other:?}"),
            }
        }
    });
}

#[test]
fn a_config_that_was_stored_before_the_policy_stays_until_it_is_changed() {
    run(async {
        // A cluster of its own: without the policy others would see what they must not.
        let fleet = Fleet::builder().hub_extent(Extent::ApiServer).start(&Lines);
        let fleet = fleet.await.expect("the cluster starts");
        let client = fleet.hub().client();
        install_hub(&client).await.expect("the hub's definitions");
        let path = policy_binding("stevedore-config");
        let mut binding = get(&client, &path).await.expect("the binding");
        delete(&client, &path).await;
        let collection = ours("clusterpackages");
        let spec = json!({"image": "registry.example/a:1", "config": levels(CONFIG_DEPTH + 1)});
        let package = object("ClusterPackage", "old", &spec);
        await_state("it is taken without the policy", WITHIN, || async {
            let taken = create(&client, &collection, &package).await;
            taken.map_err(|error| error.to_string())
        })
        .await;
        binding["metadata"] = json!({"name": "stevedore-config"});
        create(&client, POLICY_BINDINGS, &binding)
            .await
            .expect("the binding");
        let old = format!("{collection}/old");
        let attempts = std::sync::atomic::AtomicUsize::new(0);
        await_state("another one is refused", WITHIN, || async {
            // What was let in by an attempt before is no change.
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let config = json!({(format!("b{attempt}")): levels(CONFIG_DEPTH)});
            match merge(&client, &old, &json!({"spec": {"config": config}})).await {
                Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let beside = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"paused": true}});
        for change in [beside, json!({"spec": {"config": null}})] {
            merge(&client, &old, &change)
                .await
                .expect("it may be changed so");
        }
    });
}
