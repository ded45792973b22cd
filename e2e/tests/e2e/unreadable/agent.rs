//! Objects on a member that the agent cannot read.

use kube::Client;
use serde_json::{Value, json};

use super::super::audit_log::package_writes;
use super::super::rights::add_package_account;
use super::{
    DEFINITIONS, ONE, deep, is_deleted, logs_are_clean, map, open, rolls_out, running,
    says_unreadable, spoil,
};
use stevedore_e2e::api::{condition, create, get, list, ours, send_text, uid};
use stevedore_e2e::draft::{Draft, named, object};
use stevedore_e2e::harness::{WITHIN, alone};
use stevedore_e2e::world::{World, seen_on};

/// The object of a package.
const BEAM: &str = "/apis/lighthouse.example/v1/namespaces/default/beams/lit";

/// The kinds of the agent of which objects are made by hand.
const BY_HAND: [(&str, &str); 4] = [
    ("ObjectSet", "namespaces/default/objectsets"),
    ("ClusterObjectSet", "clusterobjectsets"),
    ("ObjectDeployment", "namespaces/default/objectdeployments"),
    ("ClusterObjectDeployment", "clusterobjectdeployments"),
];

/// A set or a deployment of one ConfigMap of this name, with this beside its data.
fn by_hand(kind: &str, name: &str, more: &Value) -> Value {
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}, "data": {"a": "b"}});
    if !more.is_null() {
        map["more"] = more.clone();
    }
    let phases = json!([{"name": "only", "objects": [{"object": map}]}]);
    let spec = if kind.ends_with("Set") {
        json!({"revision": 1, "phases": phases})
    } else {
        json!({
            "selector": {"matchLabels": {"e2e.example/of": name}},
            "template": {"metadata": {"labels": {"e2e.example/of": name}}, "spec": {"phases": phases}},
        })
    };
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A kind that packages may have objects of.
async fn define_beams(client: &Client) {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "beams.lighthouse.example"},
        "spec": {
            "group": "lighthouse.example", "scope": "Namespaced",
            "names": {"plural": "beams", "singular": "beam", "kind": "Beam", "listKind": "BeamList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let made = create(client, DEFINITIONS, &definition).await;
    made.expect("a definition");
}

/// A package `lit` of one Beam and one ConfigMap.
async fn light(world: &World) {
    let head = object(
        "lighthouse.example/v1",
        "Beam",
        "default",
        "lit",
        "only",
        "",
    );
    let draft =
        Draft::one_map("lit", "one").file("beam.yaml", &format!("{head}spec: {{color: red}}\n"));
    let image = draft.push(world, "one").await;
    draft.order(world, &image, &named(&["member-1"])).await;
    draft.available(world, 1).await;
}

/// Of every kind that the agent watches one object that cannot be read: a set that the hub ordered, what people made,
/// and an object of a package.
struct Spoilt {
    set: String,
}

impl Spoilt {
    async fn new(client: &Client) -> Self {
        let sets = list(client, &ours("clusterobjectsets")).await;
        let of = |set: &&Value| set["spec"]["order"]["package"]["name"] == "victim";
        let set = sets.iter().find(of).expect("the set of the order");
        let name = set["metadata"]["name"].as_str().expect("a name");
        let set = format!("{}/{name}", ours("clusterobjectsets"));
        spoil(client, &set, &json!({"lifecycleState": deep()})).await;
        for (kind, collection) in BY_HAND {
            let object = by_hand(kind, "deep", &deep());
            let made = send_text(client, "POST", &ours(collection), Some(&object)).await;
            made.expect("the definition takes it");
        }
        spoil(client, BEAM, &json!({"more": deep()})).await;
        Self { set }
    }

    async fn all_say_so(&self, world: &World) {
        let client = world.cluster("member-1").client();
        says_unreadable(&client, &self.set, "Stalled").await;
        for (_, collection) in BY_HAND {
            says_unreadable(&client, &ours(&format!("{collection}/deep")), "Stalled").await;
        }
        Draft::one_map("lit", "").fails(world, "levels deep").await;
    }

    /// What can be read again goes on; what people made goes away when they delete it.
    async fn repaired(&self, world: &World) {
        let client = world.cluster("member-1").client();
        spoil(&client, BEAM, &json!({"more": null})).await;
        spoil(&client, &self.set, &json!({"lifecycleState": null})).await;
        Draft::one_map("lit", "").available(world, 1).await;
        Draft::one_map("victim", "").available(world, 1).await;
        rolls_out(world, "victim", "two").await;
        for (_, collection) in BY_HAND {
            let path = ours(&format!("{collection}/deep"));
            is_deleted(&client, &path).await;
        }
    }
}

/// What people make beside it becomes available.
async fn becomes_available(client: &Client, name: &str) {
    for (kind, collection) in [BY_HAND[1], BY_HAND[3]] {
        let name = format!("{name}-{}", kind.to_lowercase());
        let object = by_hand(kind, &name, &Value::Null);
        let made = create(client, &ours(collection), &object).await;
        made.expect("one that can be read");
        let path = ours(&format!("{collection}/{name}"));
        let what = format!("{path} is available");
        seen_on(client, &what, WITHIN, &path, |one| {
            condition(one, "Available").0 == "True"
        })
        .await;
    }
}

async fn starts_again(world: &World) {
    world.agent("member-1").daemon.kill().await;
    world.start_agent("member-1").await;
    world.sessions(1).await;
}

#[test]
fn what_the_agent_cannot_read_stops_nothing_beside_it_and_is_no_deletion() {
    alone(ONE, async |world| {
        let member = world.cluster("member-1");
        let client = member.client();
        define_beams(&client).await;
        add_package_account(&client, "default").await;
        running(world, "healthy", &["member-1"]).await;
        running(world, "victim", &["member-1"]).await;
        light(world).await;
        let before = get(&client, &map("victim")).await.expect("it runs");
        for plural in ["clusterobjectsets", "memberpolicies"] {
            open(&client, plural).await;
        }
        let writes = package_writes(member, "default").len();
        let spoilt = Spoilt::new(&client).await;
        let policy = ours("memberpolicies/default");
        let account = json!({"defaultServiceAccount": "stevedore-packages"});
        spoil(&client, &policy, &json!({"defaultServiceAccount": deep()})).await;

        spoilt.all_say_so(world).await;
        // What the policy said last goes on.
        rolls_out(world, "healthy", "two").await;
        becomes_available(&client, "before").await;
        starts_again(world).await;
        // After a start what it says is not known.
        let says = Draft::one_map("healthy", "")
            .fails(world, "MemberPolicy")
            .await;
        assert!(says.contains("cannot be read"), "{says}");
        spoil(&client, &policy, &account).await;
        spoilt.all_say_so(world).await;
        rolls_out(world, "healthy", "three").await;
        becomes_available(&client, "after").await;

        let now = get(&client, &map("victim")).await;
        assert_eq!(uid(&now.expect("it still runs")), uid(&before));
        let mut written = package_writes(member, "default").split_off(writes);
        written.retain(|entry| entry.verb == "delete");
        assert!(written.is_empty(), "{written:#?}");
        spoilt.repaired(world).await;
        logs_are_clean(world, &["member-1"]);
    });
}
