//! The command line as a person types it: its answers and its exit codes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stevedore_e2e::api::{core, merge};
use stevedore_e2e::draft::{Draft, GATE, named, object};
use stevedore_e2e::harness::{WITHIN, await_state, shared};
use stevedore_e2e::world::{Said, World, seen_on};

/// Its arguments, and then `-o json`; the answer with its exit code.
async fn json(world: &World, args: &[&str]) -> (Option<i32>, Value) {
    let said = world
        .stevedore(args.iter().chain(&["-o", "json"]).copied())
        .await;
    let value = serde_json::from_str(&said.out);
    (
        said.code,
        value.unwrap_or_else(|error| panic!("{error}: {said:?}")),
    )
}

/// It failed, says this to a person, and nothing in the form of Rust.
fn fails(said: &Said, with: &str) {
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.starts_with("error") && said.err.contains(with),
        "{said:?}"
    );
    assert!(
        !said.err.contains("ApiError") && !said.err.contains("Status {"),
        "{said:?}"
    );
}

/// A package of one ConfigMap as a folder.
fn folder(world: &World, name: &str) -> PathBuf {
    let folder = world.fleet.folder().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let manifest = format!(
        "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\nmetadata: {{name: {name}}}\nspec:\n  scopes: [Cluster]\n  phases:\n  - name: only\n"
    );
    let map = object("v1", "ConfigMap", "default", name, "only", "");
    write(&folder, "manifest.yaml", &manifest);
    write(
        &folder,
        "map.yaml",
        &format!("{map}data: {{value: typed}}\n"),
    );
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join(file), text).expect("a file");
}

#[test]
fn clusters_are_listed_and_shown_in_every_form() {
    shared(async |world| {
        let all = ["cluster", "list"];
        let (code, list) = json(world, &all).await;
        let items = list["items"].as_array().expect("items");
        let names: Vec<_> = items
            .iter()
            .filter_map(|item| item["metadata"]["name"].as_str())
            .collect();
        assert_eq!(code, Some(0));
        assert!(names.is_sorted(), "{names:?}");
        for name in ["hub", "member-1", "member-2", "member-3"] {
            assert!(names.contains(&name), "{names:?}");
        }
        let table = world.stevedore(all).await.ok();
        assert!(table.starts_with("NAME "), "{table}");
        assert!(table.lines().all(|line| line.len() <= 100), "{table}");
        let yaml = world.stevedore(["cluster", "ls", "-o", "yaml"]).await.ok();
        assert!(yaml.starts_with("items:\n"), "{yaml}");
        let members = world
            .stevedore(["cluster", "list", "-l", "e2e.example/fleet", "-o", "name"])
            .await
            .ok();
        assert!(members.lines().any(|name| name == "member-2"), "{members}");
        assert!(members.lines().all(|name| name != "hub"), "{members}");
        let none = world.stevedore(["cluster", "list", "-l", "no=such"]).await;
        assert_eq!(none.err, "nothing found\n");
        assert_eq!(none.ok(), "");

        let (code, member) = json(world, &["cluster", "get", "member-1"]).await;
        assert_eq!(code, Some(0));
        assert_eq!(member["kind"], "MemberCluster", "{member}");
        let shown = world.stevedore(["cluster", "get", "member-1"]).await.ok();
        assert!(shown.contains("Connected"), "{shown}");
    });
}

#[test]
fn a_cluster_is_invited_and_its_invitation_is_taken_back_for_programs() {
    shared(async |world| {
        let (code, invited) = json(world, &["cluster", "join", "typed"]).await;
        assert_eq!(code, Some(0));
        assert_eq!(invited["cluster"], "typed", "{invited}");
        assert!(invited["token"].is_string() && invited["expires"].is_string());
        let table = world.stevedore(["cluster", "list"]).await.ok();
        let row = table.lines().find(|line| line.starts_with("typed "));
        assert!(row.is_some_and(|row| row.contains("not joined")), "{table}");
        let (code, removed) = json(world, &["cluster", "remove", "typed"]).await;
        assert_eq!(code, Some(0));
        assert_eq!(removed, json!({"cluster": "typed", "state": "Removed"}));
    });
}

#[test]
fn mistakes_are_told_once_and_say_what_to_do() {
    shared(async |world| {
        let said = world.stevedore(["cluster", "get", "nobody"]).await;
        fails(&said, "`stevedore cluster list`");
        let said = world.stevedore(["rollout", "history", "nothing"]).await;
        fails(&said, "`stevedore fleet status`");
        let member = world.cluster("member-1").kubeconfig().display().to_string();
        for wrong in [
            &["cluster", "get", "member-1"][..],
            &["cluster", "list"],
            &["fleet", "status"],
            &["explain", "nothing", "--cluster", "member-1"],
        ] {
            let args = ["--kubeconfig", &member].into_iter();
            let said = world.stevedore(args.chain(wrong.iter().copied())).await;
            fails(&said, "no Stevedore definitions; is it the hub?");
        }
        for wrong in [
            &["cluster", "list", "-o", "wide"][..],
            &["demo", "-o", "json"],
            &["rollout", "undo", "package/typed"],
            &["rollout", "undo", "../x"],
            &["cluster", "get", "?limit=0"],
            &["cluster", "remove", "../.."],
            &["nothing"],
        ] {
            assert_eq!(world.stevedore(wrong).await.code, Some(2), "{wrong:?}");
        }
        let bash = world.stevedore(["completion", "bash"]).await.ok();
        assert!(bash.contains("_stevedore()"), "{bash}");
    });
}

#[test]
fn a_folder_is_validated_built_pushed_and_followed_to_where_it_is_available() {
    shared(async |world| {
        let name = "typed-folder";
        let folder = folder(world, name);
        let path = folder.to_str().expect("UTF-8");
        let said = world.stevedore(["package", "validate", path]).await.ok();
        assert!(said.contains("valid package of 2 files"), "{said}");
        write(&folder, "broken.yaml.gotmpl", "a: {{ nosuchfunction }}\n");
        fails(
            &world.stevedore(["package", "validate", path]).await,
            "nosuchfunction",
        );
        let (code, found) = json(world, &["package", "validate", path]).await;
        assert_eq!((code, &found["valid"]), (Some(1), &json!(false)), "{found}");
        assert_eq!(found["violations"].as_array().map(Vec::len), Some(1));
        std::fs::remove_file(folder.join("broken.yaml.gotmpl")).expect("it was written");

        let layout = world.fleet.folder().join("typed-folder.tar");
        let file = layout.to_str().expect("UTF-8");
        let reference = format!("{}/{name}:1", world.fleet.registry().address());
        let (_, built) = json(world, &["package", "build", path, file]).await;
        assert!(layout.is_file(), "{built}");
        let second = format!("{}/{name}:2", world.fleet.registry().address());
        let push = ["package", "push", path, &reference, &second];
        let (code, pushed) = json(world, &push).await;
        assert_eq!(code, Some(0), "{pushed}");
        assert_eq!(pushed["digest"], built["digest"], "one folder, one digest");
        assert_eq!(pushed["references"], json!([reference, second]));
        pulled(world, &second, &folder, &built["digest"]).await;

        let draft = Draft::new(name, &["only"]);
        draft.order(world, &reference, &named(&["member-1"])).await;
        draft.available(world, 1).await;
        followed(world, name).await;
        draft.remove(world).await;
    });
}

/// What was pushed is pulled again, from a registry that is asked for TLS first; and is validated and built the same.
async fn pulled(world: &World, reference: &str, folder: &Path, digest: &Value) {
    let copy = world.fleet.folder().join("typed-copy");
    let into = copy.to_str().expect("UTF-8");
    let pull = ["package", "pull", reference, into, "--insecure"];
    let (code, fetched) = json(world, &pull).await;
    assert_eq!((code, &fetched["digest"]), (Some(0), digest), "{fetched}");
    for entry in std::fs::read_dir(folder).expect("it is a folder") {
        let name = entry.expect("an entry").file_name();
        let read = |folder: &Path| std::fs::read(folder.join(&name)).expect("a file");
        assert_eq!(read(folder), read(&copy), "{name:?}");
    }
    fails(&world.stevedore(pull).await, "is not empty");
    let validate = ["package", "validate", "--pull", reference];
    let said = world.stevedore(validate).await.ok();
    assert!(said.contains("valid package of 2 files"), "{said}");
    let build = [
        "package",
        "build",
        into,
        "-t",
        reference,
        "-t",
        "registry.example/x:2",
    ];
    let (_, built) = json(world, &build).await;
    assert_eq!(&built["digest"], digest);
    let by_digest = format!(
        "{}@{}",
        reference.trim_end_matches(":2"),
        built["digest"].as_str().unwrap_or_default()
    );
    let validate = ["package", "validate", "--pull", &by_digest];
    world.stevedore(validate).await.ok();
}

/// The commands about a package that is available on the first member, and on no other.
async fn followed(world: &World, name: &str) {
    let (code, here) = json(world, &["explain", name, "--cluster", "member-1"]).await;
    assert_eq!((code, &here["standing"]), (Some(0), &json!("Available")));
    let (code, there) = json(world, &["explain", name, "--cluster", "member-2"]).await;
    assert_eq!((code, &there["standing"]), (Some(3), &json!("NotPlaced")));
    let words = world
        .stevedore(["explain", name, "--cluster", "member-2"])
        .await;
    assert!(words.out.contains("not placed there"), "{words:?}");

    let (code, fleet) = json(world, &["fleet", "status"]).await;
    assert_eq!(code, Some(0));
    let lines = fleet["items"].as_array().expect("items");
    let line = lines.iter().find(|line| line["package"] == name);
    assert_eq!(line.expect("the package")["available"], "True", "{fleet}");
    await_state("a ledger says where it is available", WITHIN, || async {
        let (_, rows) = json(world, &["fleet", "status", name]).await;
        let row = &rows["items"][0];
        match row["cluster"] == "member-1" && row["state"] == "Available" {
            true => Ok(()),
            false => Err(rows.to_string()),
        }
    })
    .await;

    let typed = format!("clusterpackage/{name}");
    let (code, history) = json(world, &["rollout", "history", &typed]).await;
    assert_eq!(code, Some(0));
    assert_eq!(history["items"][0]["spec"]["number"], 1, "{history}");
    let said = world.stevedore(["rollout", "undo", name]).await;
    fails(&said, "no revision before 1");
    let (code, pin) = json(world, &["rollout", "undo", name, "--to-revision", "1"]).await;
    assert_eq!(code, Some(0), "{pin}");
    assert_eq!(pin["kind"], "PackageAction", "{pin}");
    assert_eq!(pin["spec"]["verb"], "Pin", "{pin}");
    let released = world
        .stevedore(["rollout", "release", name, "-o", "yaml"])
        .await
        .ok();
    assert!(released.contains("verb: Release"), "{released}");
}

#[test]
fn a_package_that_is_not_available_yet_is_no_success() {
    shared(async |world| {
        let name = "typed-gate";
        let draft = Draft::new(name, &["only"])
            .probe(GATE)
            .inside("default")
            .gate("typed-gate", "only");
        draft.install(world, &named(&["member-1"])).await;
        let gate = core("default", "configmaps", "typed-gate");
        let member = world.cluster("member-1").client();
        seen_on(&member, "the gate is there", WITHIN, &gate, |_| true).await;
        let explain = ["explain", name, "--cluster", "member-1"];
        let (code, waits) = json(world, &explain).await;
        assert_eq!(code, Some(3), "{waits}");
        assert_ne!(waits["standing"], "Available", "{waits}");
        // The ledger is written every ten seconds at most; then it says why.
        await_state("what it waits for is told", WITHIN, || async {
            let said = world.stevedore(explain).await;
            match said.code == Some(3) && said.out.contains("the gate is closed") {
                true => Ok(()),
                false => Err(format!("{said:?}")),
            }
        })
        .await;
        let opened = json!({"metadata": {"annotations": {"e2e.example/gate": "open"}}});
        merge(&member, &gate, &opened).await.expect("an edit");
        draft.available(world, 1).await;
        world.stevedore(explain).await.ok();
        draft.remove(world).await;
    });
}
