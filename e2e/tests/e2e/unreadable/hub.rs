//! Objects on the hub that the hub cannot read.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use stevedore_client::decode::part;

use super::{
    MARKER, ONE, deep, is_deleted, logs_are_clean, map, open, rolls_out, running, says_unreadable,
    shows, spoil,
};
use stevedore_e2e::api::{
    condition, delete, get, in_system, list, ours, policy_binding, send_text, uid,
};
use stevedore_e2e::draft::Draft;
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{Shape, World};

const TWO: Shape = Shape {
    members: 2,
    joined: 2,
    ..ONE
};

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
    let named_by = async |plural: &str, package: &str| {
        let all = list(&client, &in_system(plural)).await;
        let mut all = all.into_iter();
        let found = all.find(|one| one["spec"]["package"]["name"] == package);
        let found = found.unwrap_or_else(|| panic!("no {plural} of {package}"));
        let name = found["metadata"]["name"].as_str().expect("a name");
        in_system(&format!("{plural}/{name}"))
    };
    let tenant = ours("namespaces/default/packages");
    let image = format!("{}/victim:one", world.fleet.registry().address());
    let package = json!({
        "apiVersion": "stevedore.dev/v1alpha1", "kind": "Package", "metadata": {"name": "tenant"},
        "spec": {"image": image, "config": deep()},
    });
    await_state("the definition takes it", WITHIN, || async {
        let made = send_text(&client, "POST", &tenant, Some(&package)).await;
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

/// What is there before anything is spoilt.
struct Before {
    objects: Vec<(String, Value)>,
    ledger: Value,
    member: Value,
    revisions: Vec<Value>,
}

/// Packages that run, a pin, and definitions that take anything.
async fn prepared(world: &World) -> Before {
    let client = world.client();
    running(world, "healthy", &["member-1"]).await;
    running(world, "victim", &["member-1", "member-2"]).await;
    running(world, "doomed", &["member-1"]).await;
    for name in RECORDS {
        running(world, name, &["member-1"]).await;
    }
    rolls_out(world, PINNED, "two").await;
    world.stevedore(["rollout", "undo", PINNED]).await.ok();
    shows(world, "member-1", PINNED, "one").await;
    for policy in ["stevedore-config", "stevedore-records"] {
        delete(&client, &policy_binding(policy)).await;
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
    let member = get(&client, &ours("memberclusters/member-2")).await;
    Before {
        objects: objects(world).await,
        ledger: world.ledger(LEDGER).await,
        member: member.expect("a member"),
        revisions: list(&client, &ours("packagerevisions")).await,
    }
}

#[test]
fn what_the_hub_cannot_read_stops_nothing_beside_it_and_is_no_deletion() {
    alone(TWO, async |world| {
        let client = world.client();
        let before = prepared(world).await;
        assert_eq!(before.objects.len(), 5, "{:?}", before.objects);
        let spoilt = spoil_all(world).await;
        // A ledger is read again when a write to it is refused.
        let (ledgers, others): (Vec<_>, Vec<_>) = spoilt
            .iter()
            .partition(|one| one.path.contains("packageledgers"));
        all_say_so(world, &others).await;
        for name in RECORDS {
            let next = Draft::one_map(name, "new");
            next.upgrade(world, "new").await;
        }
        all_say_so(world, &ledgers).await;
        rolls_out(world, "healthy", "three").await;
        records_are_blocked(world).await;
        is_torn_down(world, "doomed").await;

        world.hub_starts_again(async || {}).await;
        world.sessions(1).await;
        all_say_so(world, &[others, ledgers].concat()).await;
        rolls_out(world, "healthy", "four").await;
        records_are_blocked(world).await;

        // Nothing was taken away, and nothing that a record decides was changed.
        for (of, before) in &before.objects {
            let (member, name) = of.split_once(' ').expect("both");
            let now = get(&world.cluster(member).client(), &map(name)).await;
            let now = now.unwrap_or_else(|| panic!("{of} is gone"));
            assert_eq!(uid(&now), uid(before), "{of}");
            assert_eq!(now["data"]["value"], "one", "{of}");
        }
        let tenant = ours("namespaces/default/packages/tenant");
        is_deleted(&client, &tenant).await;
        repaired(world, &before).await;
        rolls_out_again(world).await;
        logs_are_clean(world, &["member-1", "member-2"]);
    });
}

/// A package that cannot be read any more is torn down when somebody deletes it.
async fn is_torn_down(world: &World, name: &str) {
    let client = world.client();
    let package = ours(&format!("clusterpackages/{name}"));
    spoil(&client, &package, &json!({"config": deep()})).await;
    says_unreadable(&client, &package, "Invalid").await;
    is_deleted(&client, &package).await;
    world
        .gone(&world.cluster("member-1").client(), &map(name))
        .await;
}

/// Packages with a record that cannot be read say so, and why.
async fn records_are_blocked(world: &World) {
    for (name, reason) in [
        (REVISION, "Unreadable"),
        (PINNED, "Unreadable"),
        (LEDGER, "LedgerUnreadable"),
    ] {
        let says = Draft::one_map(name, "")
            .says(world, "Ready", "False", reason)
            .await;
        assert!(says.contains("levels deep"), "{says}");
    }
}

/// Puts back what was spoilt.
async fn repaired(world: &World, before: &Before) {
    let client = world.client();
    let Before {
        ledger,
        member,
        revisions,
        ..
    } = before;
    let victim = ours("clusterpackages/victim");
    spoil(&client, &victim, &json!({"config": null})).await;
    let leaving = json!({"leaving": member["spec"]["leaving"]});
    spoil(&client, &ours("memberclusters/member-2"), &leaving).await;
    let hub = |plural: &str, object: &Value| {
        let name = object["metadata"]["name"].as_str().expect("a name");
        in_system(&format!("{plural}/{name}"))
    };
    let contents = json!({"contents": ledger["spec"]["contents"]});
    spoil(&client, &hub("packageledgers", ledger), &contents).await;
    let mut revisions = revisions.iter();
    let revision = revisions.find(|one| one["spec"]["package"]["name"] == REVISION);
    let revision = revision.expect("a revision");
    let digest = json!({"imageDigest": revision["spec"]["imageDigest"]});
    spoil(&client, &hub("packagerevisions", revision), &digest).await;
    let actions = in_system("packageactions");
    let all = send_text(&client, "GET", &actions, None).await;
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
async fn rolls_out_again(world: &World) {
    world.connected("member-2", "True").await;
    world.sessions(2).await;
    let next = Draft::one_map("victim", "two");
    next.upgrade(world, "two").await;
    let package = next.available(world, 2).await;
    assert_eq!(condition(&package, "Invalid"), ("", "", ""), "{package}");
    for member in ["member-1", "member-2"] {
        shows(world, member, "victim", "two").await;
    }
    shows(world, "member-1", REVISION, "new").await;
    shows(world, "member-1", LEDGER, "new").await;
    for name in RECORDS {
        Draft::one_map(name, "").available(world, 1).await;
    }
    let path = format!("{}/member-2", ours("memberclusters"));
    world
        .seen("the member is healthy", &path, |member| {
            condition(member, "Healthy").0 == "True" && condition(member, "Stalled").0 == "False"
        })
        .await;
}
