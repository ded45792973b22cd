//! Packages and sets that are confined to one namespace.

use serde_json::{Value, json};
use stevedore_fleet::HUB;
use stevedore_fleet::stack::prepare_agent;

use super::audit_log::package_writes;
use super::rights::add_package_account;
use stevedore_e2e::api::{condition, core, create, create_namespace, get, list, ours};
use stevedore_e2e::draft::{Draft, named, object};
use stevedore_e2e::harness::{WITHIN, alone, shared};
use stevedore_e2e::world::{SMALL, Shape, seen_on};

/// A member whose cluster has no agent yet.
const EMPTY: Shape = Shape { joined: 0, ..SMALL };

#[test]
fn a_package_of_a_namespace_is_done_as_that_namespaces_account_and_reaches_nothing_else() {
    shared(async |world| {
        let client = world.client();
        create_namespace(&client, "tenant").await;
        add_package_account(&client, "tenant").await;
        let shop = Draft::new("shop", &["only"])
            .tenant("tenant")
            .config_map("shop-map", "only", "ours");
        shop.roll_out(world, &Value::Null, 1).await;
        let map = core("tenant", "configmaps", "shop-map");
        assert!(get(&client, &map).await.is_some());
        let writes = package_writes(world.cluster(HUB), "tenant");
        assert!(!writes.is_empty());
        for entry in writes {
            let account = entry.impersonated_user.expect("as an account").username;
            assert_eq!(account, "system:serviceaccount:tenant:stevedore-packages");
        }

        let elsewhere = object("v1", "ConfigMap", "default", "escaped", "only", "");
        let wide = object("v1", "Namespace", "", "escaped", "only", "");
        for (name, text) in [("elsewhere", elsewhere), ("wide", wide)] {
            let escape = Draft::new(name, &["only"])
                .tenant("tenant")
                .file("escape.yaml", &text);
            escape.install(world, &Value::Null).await;
            escape.fails(world, "escape").await;
            escape.remove(world).await;
        }
        assert_eq!(
            get(&client, &core("default", "configmaps", "escaped")).await,
            None
        );
        assert_eq!(get(&client, "/api/v1/namespaces/escaped").await, None);

        let afar = Draft::new("afar", &["only"])
            .tenant("tenant")
            .config_map("afar-map", "only", "ours");
        afar.install(world, &named(&["member-1"])).await;
        afar.says(world, "Available", "Unknown", "NotBound").await;
        let member = world.cluster("member-1").client();
        assert_eq!(get(&member, "/api/v1/namespaces/tenant").await, None);

        afar.remove(world).await;
        shop.remove(world).await;
        world.gone(&client, &map).await;
    });
}

#[test]
fn a_set_for_a_namespace_that_is_missing_names_it_and_never_creates_it() {
    alone(EMPTY, async |world| {
        let member = world.cluster("member-1");
        let client = member.client();
        let agent = prepare_agent(
            &world.fleet,
            member,
            &world.programs,
            ["--standalone".to_owned()],
        )
        .await
        .expect("the agent can be installed");
        agent.daemon.start().await.expect("the agent starts");
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}});
        let set = json!({
            "apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
            "metadata": {"name": "confined"},
            "spec": {
                "revision": 1, "targetNamespace": "nowhere", "serviceAccountName": "stevedore-packages",
                "phases": [{"name": "only", "objects": [{"object": map}]}],
            },
        });
        create(&client, &ours("clusterobjectsets"), &set)
            .await
            .expect("a set");
        let path = format!("{}/confined", ours("clusterobjectsets"));
        let blocked = seen_on(&client, "the namespace is named", WITHIN, &path, |set| {
            let (status, reason, message) = condition(set, "Available");
            status == "False" && reason == "NamespaceMissing" && message.contains("nowhere")
        })
        .await;
        let namespaces = list(&client, "/api/v1/namespaces").await;
        let there = |namespace: &Value| namespace["metadata"]["name"] == "nowhere";
        assert!(!namespaces.iter().any(there), "{blocked}");

        // Nobody has to tell it that the owner made the namespace.
        create_namespace(&client, "nowhere").await;
        add_package_account(&client, "nowhere").await;
        seen_on(&client, "the set is available", WITHIN, &path, |set| {
            condition(set, "Available").0 == "True"
        })
        .await;
        let map = core("nowhere", "configmaps", "map");
        assert!(get(&client, &map).await.is_some());
        agent.daemon.kill().await;
    });
}
