//! Objects that hub or agent cannot decode: each says so, none stops another, and none is taken for deleted.
//!
//! What the definitions let pass today is decoded; so the definitions are opened here, as those of an older or newer
//! release may be, and every kind that is watched gets an object that is nested 200 deep where a word should be.

use kube::Client;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stevedore_client::decode::part;

use super::rollout::package_writes;
use super::tenant::grant;
use stevedore_e2e::api::{condition, core, create, delete, get, list, merge, ours, uid};
use stevedore_e2e::draft::{Draft, named, object};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World, seen_on};

/// Planted in what cannot be decoded.
const MARKER: &str = "marker-7f3a-of-what-cannot-be-decoded";

/// Audit logs have no bodies, for they are decoded too.
const ONE: Shape = Shape {
    audit_bodies: false,
    ..SMALL
};
const TWO: Shape = Shape {
    members: 2,
    joined: 2,
    ..ONE
};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

/// Nested 200 deep.
fn deep() -> Value {
    (0..200).fold(json!(MARKER), |inner, _| json!({"a": inner}))
}

/// Makes a request of whose answer nothing is decoded.
#[expect(
    clippy::disallowed_methods,
    reason = "the object cannot be decoded; the path is the test's own"
)]
async fn send(client: &Client, method: &str, path: &str, body: &Value) -> kube::Result<String> {
    let content_type = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .body(body.to_string().into_bytes())
        .expect("a path of ours is a URI");
    client.request_text(request).await
}

/// The status of an object, however deep the rest of it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the object cannot be decoded; the path is the test's own"
)]
async fn status(client: &Client, path: &str) -> Value {
    let request = http::Request::get(path).body(vec![]);
    let request = request.expect("a path of ours is a URI");
    let text = client.request_text(request).await.expect("it is there");
    let object = RawValue::from_string(text).expect("JSON");
    let status = part(&object, &["status"]).unwrap_or(Value::Null);
    json!({ "status": status })
}

/// Waits until an object says by this condition that it cannot be read.
async fn says_unreadable(client: &Client, path: &str, type_: &str) {
    let what = format!("{path} says {type_} for it is Unreadable");
    await_state(&what, WITHIN, || async {
        let now = status(client, path).await;
        let (_, reason, message) = condition(&now, type_);
        assert!(!now.to_string().contains(MARKER), "{now}");
        if reason == "Unreadable" && message.contains("levels deep") {
            return Ok(());
        }
        Err(now.to_string())
    })
    .await;
}

/// Lets the definition of a kind take whatever it is given as spec.
async fn open(client: &Client, plural: &str) {
    let path = format!("{DEFINITIONS}/{plural}.stevedore.dev");
    let mut definition = get(client, &path).await.expect("the definition");
    let versions = &mut definition["spec"]["versions"];
    let schema = &mut versions[0]["schema"]["openAPIV3Schema"];
    schema["x-kubernetes-validations"] = Value::Null;
    schema["properties"]["spec"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let change = json!({"spec": {"versions": versions}});
    merge(client, &path, &change).await.expect("a definition");
}

/// Writes what the definition that was opened a moment ago takes.
async fn spoil(client: &Client, path: &str, spec: &Value) {
    let change = json!({"spec": spec});
    await_state(&format!("{path} takes it"), WITHIN, || async {
        match send(client, "PATCH", path, &change).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

/// The log of a daemon has nothing of what cannot be decoded.
fn is_clean(log: &std::path::Path) {
    let log = std::fs::read(log).expect("a log");
    let log = String::from_utf8_lossy(&log);
    let line = log.lines().find(|line| line.contains(MARKER));
    assert!(line.is_none(), "{line:?}");
}

fn logs_are_clean(world: &World, members: &[&str]) {
    is_clean(world.hub.daemon.log_path());
    for member in members {
        is_clean(world.agent(member).daemon.log_path());
    }
}

/// One ConfigMap `NAME-map` in the namespace `default`.
fn draft(name: &str, value: &str) -> Draft {
    Draft::new(name, &["only"])
        .inside("default")
        .config_map(&format!("{name}-map"), "only", value)
}

fn map(name: &str) -> String {
    core("default", "configmaps", &format!("{name}-map"))
}

/// A package that runs on these members.
async fn running(world: &World, name: &str, members: &[&str]) -> Draft {
    let draft = draft(name, "one");
    let image = draft.push(world, "one").await;
    draft.order(world, &image, &named(members)).await;
    let clusters = i64::try_from(members.len()).expect("few members");
    draft.available(world, clusters).await;
    draft
}

/// Rolls another value out, to prove that the hub is at work.
async fn rolls_out(world: &World, name: &str, value: &str) {
    let next = draft(name, value);
    let image = next.push(world, value).await;
    next.change(world, &json!({"image": image})).await;
    next.available(world, 1).await;
    shows(world, "member-1", name, value).await;
}

async fn shows(world: &World, member: &str, name: &str, value: &str) {
    let client = world.cluster(member).client();
    let what = format!("{name} on {member} is {value}");
    seen_on(&client, &what, WITHIN, &map(name), |map| {
        map["data"]["value"] == value
    })
    .await;
}

/// What is unreadable on the hub, where and how it says so.
struct Spoilt {
    path: String,
    condition: &'static str,
}

const REVISION: &str = "revised";
const PINNED: &str = "pinned";
const LEDGER: &str = "ledgered";

/// The package of the records: what a record of it decides stays.
const RECORDS: [&str; 3] = [REVISION, PINNED, LEDGER];

/// Spoils an object of every kind that the hub watches or loads.
async fn spoil_all(world: &World) -> Vec<Spoilt> {
    let client = world.client();
    let hub = |path: &str| ours(&format!("namespaces/stevedore-system/{path}"));
    let named_by = async |plural: &str, package: &str| {
        let all = list(&client, &hub(plural)).await;
        let mut all = all.into_iter();
        let found = all.find(|one| one["spec"]["package"]["name"] == package);
        let found = found.unwrap_or_else(|| panic!("no {plural} of {package}"));
        let name = found["metadata"]["name"].as_str().expect("a name");
        hub(&format!("{plural}/{name}"))
    };
    let tenant = ours("namespaces/default/packages");
    let image = format!("{}/victim:one", world.fleet.registry().address());
    let package = json!({
        "apiVersion": "stevedore.dev/v1alpha1", "kind": "Package", "metadata": {"name": "tenant"},
        "spec": {"image": image, "config": deep()},
    });
    await_state("the definition takes it", WITHIN, || async {
        let made = send(&client, "POST", &tenant, &package).await;
        made.map_err(|error| error.to_string())
    })
    .await;
    let cases = [
        (ours("clusterpackages/victim"), "config", "Invalid"),
        (ours("memberclusters/member-2"), "leaving", "Healthy"),
        (
            named_by("packagerevisions", REVISION).await,
            "imageDigest",
            "",
        ),
        (named_by("packageactions", PINNED).await, "verb", "Stalled"),
        (
            named_by("packageledgers", LEDGER).await,
            "contents",
            "Stalled",
        ),
    ];
    let mut all = vec![Spoilt {
        path: format!("{tenant}/tenant"),
        condition: "Invalid",
    }];
    for (path, field, condition) in cases {
        spoil(&client, &path, &json!({(field): deep()})).await;
        all.push(Spoilt { path, condition });
    }
    all
}

/// Waits until everything says that it cannot be read.
async fn all_say_so(world: &World, spoilt: &[&Spoilt]) {
    let client = world.client();
    let with_status = spoilt.iter().filter(|one| !one.condition.is_empty());
    for Spoilt { path, condition } in with_status {
        says_unreadable(&client, path, condition).await;
    }
    // A revision has no status.
    let events = "/apis/events.k8s.io/v1/namespaces/stevedore-system/events";
    await_state("an Event about the revision", WITHIN, || async {
        let all = list(&client, events).await;
        let of = |one: &&Value| {
            one["reason"] == "Unreadable" && one["regarding"]["kind"] == "PackageRevision"
        };
        match all.iter().find(of) {
            Some(event) => {
                assert!(!event.to_string().contains(MARKER), "{event}");
                Ok(())
            }
            None => Err(format!("{} Events", all.len())),
        }
    })
    .await;
}

/// The objects of every package that must stay, with the members that have them.
async fn objects(world: &World) -> Vec<(String, Value)> {
    let mut all = vec![];
    for member in ["member-1", "member-2"] {
        let client = world.cluster(member).client();
        for name in RECORDS.iter().chain(&["victim"]) {
            if let Some(found) = get(&client, &map(name)).await {
                all.push((format!("{member} {name}"), found));
            }
        }
    }
    all
}

#[test]
fn what_the_hub_cannot_read_stops_nothing_beside_it_and_is_no_deletion() {
    alone(TWO, async |world| {
        let client = world.client();
        running(world, "healthy", &["member-1"]).await;
        let victim = running(world, "victim", &["member-1", "member-2"]).await;
        let doomed = running(world, "doomed", &["member-1"]).await;
        for name in RECORDS {
            running(world, name, &["member-1"]).await;
        }
        rolls_out(world, PINNED, "two").await;
        let undo = ["rollout", "undo", PINNED];
        world.stevedore(undo).await.ok();
        shows(world, "member-1", PINNED, "one").await;
        for binding in ["stevedore-config", "stevedore-records"] {
            delete(&client, &format!("{BINDINGS}/{binding}")).await;
        }
        for plural in [
            "clusterpackages",
            "packages",
            "memberclusters",
            "packagerevisions",
            "packageactions",
            "packageledgers",
        ] {
            open(&client, plural).await;
        }
        let before = objects(world).await;
        assert_eq!(before.len(), 5, "{before:?}");
        let ledger = world.ledger(LEDGER).await;
        let member = get(&client, &ours("memberclusters/member-2")).await;
        let member = member.expect("a member");
        let revisions = list(&client, &ours("packagerevisions")).await;
        let spoilt = spoil_all(world).await;

        // A ledger is read again when a write to it is refused.
        let (ledgers, others): (Vec<_>, Vec<_>) = spoilt
            .iter()
            .partition(|one| one.path.contains("packageledgers"));
        all_say_so(world, &others).await;
        for name in RECORDS {
            let next = draft(name, "new");
            let image = next.push(world, "new").await;
            next.change(world, &json!({"image": image})).await;
        }
        all_say_so(world, &ledgers).await;
        rolls_out(world, "healthy", "three").await;
        records_are_blocked(world).await;
        delete(&client, &doomed.path()).await;
        spoil(
            &client,
            &ours("clusterpackages/victim"),
            &json!({"config": {"b": deep()}}),
        )
        .await;

        world.hub.daemon.kill().await;
        let started = world.hub.daemon.start().await;
        started.expect("the hub starts again beside what it cannot read");
        world.sessions(1).await;
        all_say_so(world, &[others, ledgers].concat()).await;
        rolls_out(world, "healthy", "four").await;
        records_are_blocked(world).await;

        // Nothing was taken away, and nothing that a record decides was changed.
        for (of, before) in &before {
            let (member, name) = of.split_once(' ').expect("both");
            let now = get(&world.cluster(member).client(), &map(name)).await;
            let now = now.unwrap_or_else(|| panic!("{of} is gone"));
            assert_eq!(uid(&now), uid(before), "{of}");
            assert_eq!(now["data"]["value"], "one", "{of}");
        }
        world.gone(&client, &doomed.path()).await;

        repaired(world, &ledger, &member, &revisions).await;
        rolls_out_again(world, &victim).await;
        logs_are_clean(world, &["member-1", "member-2"]);
    });
}

/// Packages with a record that cannot be read say so, and why.
async fn records_are_blocked(world: &World) {
    for (name, reason) in [
        (REVISION, "Unreadable"),
        (PINNED, "Unreadable"),
        (LEDGER, "LedgerUnreadable"),
    ] {
        let says = draft(name, "").says(world, "Ready", "False", reason).await;
        assert!(says.contains("levels deep"), "{says}");
    }
}

/// Puts back what was spoilt; the unreadable package of the tenant is deleted as it is.
async fn repaired(world: &World, ledger: &Value, member: &Value, revisions: &[Value]) {
    let client = world.client();
    let tenant = ours("namespaces/default/packages/tenant");
    let removed = send(&client, "DELETE", &tenant, &json!({})).await;
    removed.expect("it can be deleted");
    world.gone(&client, &tenant).await;
    let victim = ours("clusterpackages/victim");
    spoil(&client, &victim, &json!({"config": null})).await;
    let leaving = json!({"leaving": member["spec"]["leaving"]});
    spoil(&client, &ours("memberclusters/member-2"), &leaving).await;
    let hub = |plural: &str, object: &Value| {
        let name = object["metadata"]["name"].as_str().expect("a name");
        ours(&format!("namespaces/stevedore-system/{plural}/{name}"))
    };
    let contents = json!({"contents": ledger["spec"]["contents"]});
    spoil(&client, &hub("packageledgers", ledger), &contents).await;
    let mut revisions = revisions.iter();
    let revision = revisions.find(|one| one["spec"]["package"]["name"] == REVISION);
    let revision = revision.expect("a revision");
    let digest = json!({"imageDigest": revision["spec"]["imageDigest"]});
    spoil(&client, &hub("packagerevisions", revision), &digest).await;
    let actions = ours("namespaces/stevedore-system/packageactions");
    let all = send(&client, "GET", &actions, &Value::Null).await;
    let all = RawValue::from_string(all.expect("actions")).expect("JSON");
    let items: Vec<Box<RawValue>> = part(&all, &["items"]).expect("items");
    for action in &items {
        let name: String = part(action, &["metadata", "name"]).expect("a name");
        spoil(
            &client,
            &format!("{actions}/{name}"),
            &json!({"verb": "Pin"}),
        )
        .await;
    }
}

/// Everything goes on from where it was.
async fn rolls_out_again(world: &World, victim: &Draft) {
    world.connected("member-2", "True").await;
    world.sessions(2).await;
    let next = draft("victim", "two");
    let image = next.push(world, "two").await;
    next.change(world, &json!({"image": image})).await;
    let package = victim.available(world, 2).await;
    assert_eq!(condition(&package, "Invalid"), ("", "", ""), "{package}");
    for member in ["member-1", "member-2"] {
        shows(world, member, "victim", "two").await;
    }
    shows(world, "member-1", REVISION, "new").await;
    shows(world, "member-1", LEDGER, "new").await;
    for name in RECORDS {
        draft(name, "").available(world, 1).await;
    }
    let path = format!("{}/member-2", ours("memberclusters"));
    world
        .seen("the member is healthy", &path, |member| {
            condition(member, "Healthy").0 == "True" && condition(member, "Stalled").0 == "False"
        })
        .await;
}

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

/// A package of one Beam and one ConfigMap.
async fn lit(world: &World) -> Draft {
    let head = object(
        "lighthouse.example/v1",
        "Beam",
        "default",
        "lit",
        "only",
        "",
    );
    let draft = draft("lit", "one").file("beam.yaml", &format!("{head}spec: {{color: red}}\n"));
    let image = draft.push(world, "one").await;
    draft.order(world, &image, &named(&["member-1"])).await;
    draft.available(world, 1).await;
    draft
}

async fn starts_again(world: &World) {
    let agent = world.agent("member-1");
    agent.daemon.kill().await;
    let started = agent.daemon.start().await;
    started.expect("the agent starts again beside what it cannot read");
    world.sessions(1).await;
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story on one API server")]
fn what_the_agent_cannot_read_stops_nothing_beside_it_and_is_no_deletion() {
    alone(ONE, async |world| {
        let member = world.cluster("member-1");
        let client = member.client();
        define_beams(&client).await;
        grant(&client, "default").await;
        running(world, "healthy", &["member-1"]).await;
        running(world, "victim", &["member-1"]).await;
        let lit = lit(world).await;
        let beam = "/apis/lighthouse.example/v1/namespaces/default/beams/lit";
        let before = get(&client, &map("victim")).await.expect("it runs");
        for plural in ["clusterobjectsets", "memberpolicies"] {
            open(&client, plural).await;
        }

        // Of every kind one that cannot be read: a set that the hub ordered, the policy, what people made, and an
        // object of a package.
        let sets = list(&client, &ours("clusterobjectsets")).await;
        let of = |set: &&Value| set["spec"]["order"]["package"]["name"] == "victim";
        let set = sets.iter().find(of).expect("the set of the order");
        let name = set["metadata"]["name"].as_str().expect("a name");
        let set = format!("{}/{name}", ours("clusterobjectsets"));
        spoil(&client, &set, &json!({"lifecycleState": deep()})).await;
        let policy = ours("memberpolicies/default");
        let account = json!({"defaultServiceAccount": "stevedore-packages"});
        let no_account = json!({"defaultServiceAccount": deep()});
        spoil(&client, &policy, &no_account).await;
        for (kind, collection) in BY_HAND {
            let object = by_hand(kind, "deep", &deep());
            let made = send(&client, "POST", &ours(collection), &object).await;
            made.expect("the definition takes it");
        }
        let writes = package_writes(member, "default").len();
        spoil(&client, beam, &json!({"more": deep()})).await;

        let all_say_so = async || {
            says_unreadable(&client, &set, "Stalled").await;
            for (_, collection) in BY_HAND {
                says_unreadable(&client, &ours(&format!("{collection}/deep")), "Stalled").await;
            }
            lit.fails(world, "levels deep").await;
        };
        all_say_so().await;
        // What the policy said last goes on.
        rolls_out(world, "healthy", "two").await;
        let beside = async |name: &str| {
            for (kind, collection) in [BY_HAND[1], BY_HAND[3]] {
                let name = format!("{name}-{}", kind.to_lowercase());
                let object = by_hand(kind, &name, &Value::Null);
                let made = create(&client, &ours(collection), &object).await;
                made.expect("one that can be read");
                let path = ours(&format!("{collection}/{name}"));
                seen_on(
                    &client,
                    &format!("{path} is available"),
                    WITHIN,
                    &path,
                    |one| condition(one, "Available").0 == "True",
                )
                .await;
            }
        };
        beside("before").await;

        starts_again(world).await;
        // After a start what it says is not known.
        let says = draft("healthy", "").fails(world, "MemberPolicy").await;
        assert!(says.contains("cannot be read"), "{says}");
        spoil(&client, &policy, &account).await;
        all_say_so().await;
        rolls_out(world, "healthy", "three").await;
        beside("after").await;
        let now = get(&client, &map("victim")).await.expect("it still runs");
        assert_eq!(uid(&now), uid(&before));
        let deletions = package_writes(member, "default").split_off(writes);
        let deletions: Vec<_> = deletions
            .iter()
            .filter(|entry| entry.verb == "delete")
            .collect();
        assert!(deletions.is_empty(), "{deletions:#?}");

        // What can be read again goes on; what people made goes away when they delete it.
        spoil(&client, beam, &json!({"more": null})).await;
        spoil(&client, &set, &json!({"lifecycleState": null})).await;
        lit.available(world, 1).await;
        draft("victim", "").available(world, 1).await;
        rolls_out(world, "victim", "two").await;
        for (_, collection) in BY_HAND {
            let path = ours(&format!("{collection}/deep"));
            let deleted = send(&client, "DELETE", &path, &json!({})).await;
            deleted.expect("it can be deleted");
        }
        for (_, collection) in BY_HAND {
            let path = ours(&format!("{collection}/deep"));
            await_state(&format!("{path} is gone"), WITHIN, || async {
                match send(&client, "GET", &path, &Value::Null).await {
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                    other => {
                        Err(other.map_or_else(|error| error.to_string(), |_| "it is there".into()))
                    }
                }
            })
            .await;
        }
        logs_are_clean(world, &["member-1"]);
    });
}
