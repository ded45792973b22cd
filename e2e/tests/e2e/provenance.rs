//! Revisions and ledgers are the hub's: nobody else writes them, and a forged one is shown and changes nothing.

use kube::Client;
use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use super::definitions::{contains, object, on_definitions, policy_refuses};
use super::rights::allow;
use stevedore_e2e::api::{
    core, create, create_namespace, delete, get, in_system, list, merge, ours, policy_binding, uid,
};
use stevedore_e2e::draft::{Draft, members, named};
use stevedore_e2e::harness::{WITHIN, alone, await_state, run};
use stevedore_e2e::world::{SMALL, Shape, World, hub_account};

/// A hub without members.
const HUB_ONLY: Shape = Shape { joined: 0, ..SMALL };

/// Where somebody may create revisions, and nothing else.
const TENANT: &str = "intruder";
/// The admission policy that keeps revisions and ledgers for the hub.
const POLICY: &str = "stevedore-records";

/// Any digest, as text.
const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn revisions(namespace: &str) -> String {
    ours(&format!("namespaces/{namespace}/packagerevisions"))
}

/// Takes the admission policy away: what is left is what the hub itself believes.
async fn without_policy(world: &World) {
    let client = world.client();
    delete(&client, &policy_binding(POLICY)).await;
    // The API server takes up the change within a moment, not at once.
    await_state("anybody may write revisions", WITHIN, || async {
        let probe = object("PackageRevision", "probe", &revision("ghost", 1, &[]));
        match create(&client, &revisions("default"), &probe).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    delete(&client, &format!("{}/probe", revisions("default"))).await;
}

/// A revision of a package that nobody has ever heard of.
fn revision(package: &str, number: i64, secrets: &[&str]) -> Value {
    let unknown = "00000000-7d3f-4b8e-9a3e-5a7c1b2d3e4f";
    json!({
        "package": {"kind": "ClusterPackage", "name": package, "uid": unknown},
        "number": number, "image": "registry.example/ghost:1", "imageDigest": DIGEST,
        "contentDigest": DIGEST, "contentSecrets": secrets,
    })
}

/// Creates a revision and waits until an Event says why the hub does not believe it. `holds` is asked meanwhile.
async fn is_not_believed(
    world: &World,
    namespace: &str,
    name: &str,
    spec: &Value,
    reason: &str,
    holds: &impl AsyncFn(),
) {
    let client = world.client();
    let forged = object("PackageRevision", name, spec);
    let made = create(&client, &revisions(namespace), &forged).await;
    let made = made.expect("a revision of the schema");
    let events = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    await_state(
        &format!("an Event {reason} about {name}"),
        WITHIN,
        || async {
            holds().await;
            let all = list(&client, &events).await;
            let of = |event: &&Value| event["regarding"]["uid"] == uid(&made);
            let reasons: Vec<_> = all.iter().filter(of).map(|one| &one["reason"]).collect();
            if reasons == [reason] {
                return Ok(());
            }
            Err(format!("{reasons:?}"))
        },
    )
    .await;
}

#[test]
fn a_forged_revision_of_an_unknown_package_costs_no_secret() {
    alone(HUB_ONLY, async |world| {
        let client = world.client();
        without_policy(world).await;
        create_namespace(&client, TENANT).await;
        let secret = |name: &str| core("stevedore-system", "secrets", name);
        let content = "content-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        // Of another type, although its name is one of content.
        let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": content}});
        let secrets = "/api/v1/namespaces/stevedore-system/secrets";
        create(&client, secrets, &other).await.expect("a Secret");
        let before = [
            get(&client, &secret("stevedore-ca")).await.expect("the CA"),
            get(&client, &secret(content)).await.expect("the other one"),
        ];
        let keeps = async || {
            for kept in &before {
                let name = kept["metadata"]["name"].as_str().expect("a name");
                let now = get(&client, &secret(name)).await;
                let now = now.unwrap_or_else(|| panic!("{name} is gone"));
                // Not as a whole: that would print a key.
                assert_eq!(now["metadata"], kept["metadata"], "{name}");
            }
        };
        let names_the_ca = revision("ghost", 1, &["stevedore-ca"]);
        let fits = revision("ghost", 2, &[content]);
        for (namespace, name, spec, reason) in [
            (TENANT, "forged", &names_the_ca, "WrongNamespace"),
            (
                "stevedore-system",
                "ghost-00000000-1",
                &names_the_ca,
                "WrongContentSecret",
            ),
            (
                "stevedore-system",
                "ghost-00000000-2",
                &fits,
                "UnknownPackage",
            ),
        ] {
            is_not_believed(world, namespace, name, spec, reason, &keeps).await;
            let path = format!("{}/{name}", revisions(namespace));
            let held = json!({"metadata": {"finalizers": ["stevedore.dev/history"]}});
            merge(&client, &path, &held).await.expect("an edit");
            delete(&client, &path).await;
            world.gone(&client, &path).await;
            keeps().await;
        }
    });
}

/// Content that the hub has, under the name of the package `fleet`.
async fn content_of_another(client: &Client) -> Value {
    let kept = list(client, &in_system("packagerevisions")).await;
    let of = |name: &str| {
        let mut all = kept.iter();
        let found = all.find(|one| one["spec"]["package"]["name"] == name);
        found.expect("a revision")["spec"].clone()
    };
    let mut forged = of("other");
    forged["package"] = of("fleet")["package"].take();
    forged
}

#[test]
fn a_forged_revision_of_a_cluster_package_is_never_rolled_out_and_blocks_no_number() {
    alone(SMALL, async |world| {
        let client = world.client();
        let fleet = Draft::one_map("fleet", "1");
        fleet.roll_out(world, &members(), 1).await;
        let other = Draft::one_map("other", "forged");
        other.install(world, &named(&[])).await;
        other.says_any(world, "Unpacked", "True").await;

        let mut forged = content_of_another(&client).await;
        let short = forged["package"]["uid"].as_str().expect("a UID")[..8].to_owned();
        let name = |number: i64| format!("fleet-{short}-{number}");
        let ordered = world.ledger("fleet").await["spec"].clone();
        let stays = async || {
            let ledger = world.ledger("fleet").await;
            assert_eq!(ledger["spec"], ordered, "something was ordered");
            let package = get(&client, &fleet.path()).await.expect("the package");
            assert_eq!(package["status"]["revision"], 1, "{package}");
        };
        without_policy(world).await;
        create_namespace(&client, TENANT).await;
        for (namespace, name, number, reason) in [
            (TENANT, name(1000), 1000, "WrongNamespace"),
            (TENANT, "fleet".to_owned(), i64::MAX, "WrongNumber"),
            ("stevedore-system", name(i64::MAX), i64::MAX, "WrongNumber"),
            // Where the hub is about to make the next two.
            ("stevedore-system", name(2), 5000, "WrongName"),
            ("stevedore-system", name(3), 5000, "WrongName"),
        ] {
            forged["number"] = json!(number);
            is_not_believed(world, namespace, &name, &forged, reason, &stays).await;
        }

        let next = fleet.clone().config_map("fleet-map", "only", "2");
        next.upgrade(world, "2").await;
        let package = next.available(world, 1).await;
        assert_eq!(package["status"]["revision"], 4, "{package}");
        let ledger = world.ledger("fleet").await;
        let highest = |spec: &Value| spec["highestNumber"].as_i64().expect("a number");
        assert_eq!(highest(&ledger["spec"]), highest(&ordered) + 1, "{ledger}");
        let member = world.cluster("member-1").client();
        let maps = ["fleet-map", "other-map"].map(|name| core("default", "configmaps", name));
        let map = get(&member, &maps[0]).await.expect("it is there");
        assert_eq!(map["data"]["value"], "2");
        assert_eq!(get(&member, &maps[1]).await, None);
    });
}

/// The API server's words about what it must refuse this user.
fn forbidden(answer: kube::Result<Value>) -> String {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => status.message.clone(),
        other => panic!("it was not forbidden: {other:?}"),
    }
}

/// Waits until the admission policy refuses this user a revision that RBAC lets it make; the API server's words.
async fn revision_refused(who: &Client, collection: &str) -> String {
    let forged = object("PackageRevision", "forged", &revision("ghost", 1, &[]));
    policy_refuses(who, collection, &forged, POLICY).await
}

#[test]
fn only_the_account_of_the_hub_writes_revisions_and_ledgers() {
    run(async {
        let cluster = on_definitions().await;
        create_namespace(&cluster.client(), TENANT).await;
        let tess = owner_of_the_namespace(cluster).await;
        let words = revision_refused(&tess, &revisions(TENANT)).await;
        for part in [
            "system:serviceaccount:stevedore-system:stevedore-hub",
            "packagerevisions",
            "tess",
        ] {
            contains(&words, part);
        }
        let hub = hub_account(cluster).await;
        only_the_hub_writes_revisions(&hub, &tess, &cluster.client()).await;
        only_the_hub_writes_ledgers(&hub, &cluster.client()).await;
    });
}

/// A person who may do everything with our kinds in one namespace.
async fn owner_of_the_namespace(cluster: &ControlPlane) -> Client {
    let rule = json!({"apiGroups": ["stevedore.dev"], "resources": ["*"], "verbs": ["*"]});
    let tess = json!({"kind": "User", "name": "tess", "apiGroup": "rbac.authorization.k8s.io"});
    allow(&cluster.client(), TENANT, "owner", &rule, &tess).await;
    let tess = cluster.user("tess", None).expect("a certificate");
    tess.client().await.expect("a client")
}

async fn only_the_hub_writes_revisions(hub: &Client, tess: &Client, admin: &Client) {
    let collection = revisions(TENANT);
    let spec = revision("ghost", 1, &["stevedore-ca"]);
    let made = create(hub, &collection, &object("PackageRevision", "real", &spec)).await;
    made.expect("the hub may");
    let path = format!("{collection}/real");
    for metadata in [
        json!({"labels": {"a": "b"}}),
        json!({"annotations": {"a": "b"}}),
        json!({"finalizers": ["e2e.example/hold"]}),
    ] {
        let change = json!({"metadata": metadata});
        for who in [tess, admin] {
            forbidden(merge(who, &path, &change).await);
        }
    }
    // Deleting is asked for by whoever may; the hub keeps what is needed by its finalizer.
    delete(tess, &path).await;
    assert_eq!(get(admin, &path).await, None);
}

async fn only_the_hub_writes_ledgers(hub: &Client, admin: &Client) {
    let ledgers = in_system("packageledgers");
    let package = revision("ghost", 1, &[])["package"].take();
    let spec = json!({"package": package, "shard": 0, "highestNumber": 1});
    let ledger = object("PackageLedger", "theirs", &spec);
    forbidden(create(admin, &ledgers, &ledger).await);
    let made = create(hub, &ledgers, &object("PackageLedger", "kept", &spec)).await;
    made.expect("the hub may");
    let path = format!("{ledgers}/kept");
    let status = format!("{path}/status");
    let higher = json!({"spec": {"highestNumber": 7}});
    let observed = json!({"status": {"observed": ""}});
    for (path, change) in [(&path, &higher), (&status, &observed)] {
        forbidden(merge(admin, path, change).await);
        merge(hub, path, change).await.expect("the hub may");
    }
}

#[test]
fn the_garbage_collector_finishes_the_deletion_of_a_record_and_writes_nothing_else_of_it() {
    run(async {
        let cluster = on_definitions().await;
        let hub = hub_account(cluster).await;
        let ledgers = in_system("packageledgers");
        let spec = json!({"package": revision("ghost", 1, &[])["package"], "shard": 0, "highestNumber": 1});
        let mut ledger = object("PackageLedger", "cascading", &spec);
        // As the API server leaves it when its deletion in the foreground was asked for.
        ledger["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
        create(&hub, &ledgers, &ledger).await.expect("the hub may");
        let path = format!("{ledgers}/cascading");
        delete(&cluster.client(), &path).await;
        let collector = "system:serviceaccount:kube-system:generic-garbage-collector";
        let collector = cluster.user(collector, None).expect("a certificate");
        let collector = collector.client().await.expect("a client");
        let released = json!({"metadata": {"finalizers": null}});
        let higher = json!({"spec": {"highestNumber": 7}, "metadata": {"finalizers": null}});
        revision_refused(&cluster.client(), &in_system("packagerevisions")).await;
        forbidden(merge(&collector, &path, &higher).await);
        forbidden(merge(&cluster.client(), &path, &released).await);
        let done = merge(&collector, &path, &released).await;
        done.expect("the garbage collector may");
        assert_eq!(get(&cluster.client(), &path).await, None);
    });
}
