//! The packages whose renderings are known, on real clusters: installed side by side, upgraded and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use stevedore_fleet::HUB;
use stevedore_package::files::PackageFiles;
use stevedore_package::image::build;

use super::rights::allow;
use stevedore_e2e::api::{
    condition, core, create, create_namespace, delete, get, list, merge, ours,
};
use stevedore_e2e::draft::{is_available, named, push};
use stevedore_e2e::harness::{await_state, shared};
use stevedore_e2e::world::World;

/// Where packages of the whole cluster go; others go to the hub's own cluster, as they always do.
const MEMBER: &str = "member-3";
/// Installed as a `Package`, into a namespace of its own name.
const TENANTS: [&str; 6] = [
    "both-scopes",
    "files-read-by-templates",
    "namespaced-only",
    "renders-to-nothing",
    "secrets-as-text",
    "yaml-documents",
];
const PACKAGES: usize = 25;
/// An account that may do anything: what a package may do is the matter of other tests.
const ACCOUNT: &str = "packages-of-every-kind";
/// What every package has somewhere, and what its second edition has there.
const EDITIONS: [&str; 2] = ["edition-1", "edition-2"];
const HELD: &str = "held-by-finalizers";
/// How long all of them may take for one step, beside whatever else the suite does.
const ALL_WITHIN: Duration = Duration::from_secs(240);

/// A package that is ordered on the hub under its own name.
struct Ordered {
    name: String,
    files: PackageFiles,
}

impl Ordered {
    fn is_tenant(&self) -> bool {
        TENANTS.contains(&&*self.name)
    }

    fn collection(&self) -> String {
        match self.is_tenant() {
            true => ours(&format!("namespaces/{}/packages", self.name)),
            false => ours("clusterpackages"),
        }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// What is asked for beside the image.
    fn spec(&self) -> Value {
        let mut spec = json!({"serviceAccountName": ACCOUNT});
        if !self.is_tenant() {
            spec["placement"] = named(&[MEMBER]);
        }
        match &*self.name {
            "component-installed-alone" => spec["component"] = "worker".into(),
            "config-with-rules" => spec["config"] = json!({"domain": "lamp.example"}),
            _ => {}
        }
        spec
    }

    /// Builds and pushes an edition; the reference to order it by.
    async fn push(&self, world: &World, edition: &str) -> String {
        let mut files = PackageFiles::new();
        let mut changed = 0;
        for (path, bytes) in self.files.iter() {
            let bytes = match std::str::from_utf8(bytes) {
                Ok(text) => {
                    changed += text.matches(EDITIONS[0]).count();
                    text.replace(EDITIONS[0], edition).into_bytes()
                }
                Err(_) => bytes.to_vec(),
            };
            files.insert(path, bytes).expect("a file");
        }
        assert!(changed > 0, "{} says no edition", self.name);
        let image = build(&files, &BTreeMap::new()).expect("an image");
        let registry = world.fleet.registry().address();
        let reference = format!("{registry}/{}:{edition}", self.name);
        push(&image, &reference).await;
        reference
    }
}

fn add_files(files: &mut PackageFiles, root: &Path, folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            add_files(files, root, &path);
            continue;
        }
        let name = path.strip_prefix(root).expect("a path below it");
        let name = name.to_str().expect("a path of Unicode");
        let bytes = std::fs::read(&path).expect("a file");
        files.insert(name, bytes).expect("a path of a package");
    }
}

fn packages() -> Vec<Ordered> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../package/tests/packages");
    let mut found = vec![];
    for entry in std::fs::read_dir(&folder).expect("a folder of packages") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("a name").to_owned();
        if !path.is_dir() || name == "golden" {
            continue;
        }
        let mut files = PackageFiles::new();
        add_files(&mut files, &path, &path);
        found.push(Ordered { name, files });
    }
    assert_eq!(found.len(), PACKAGES);
    found
}

/// An account that may do anything, and the right of the agent to act as it.
async fn add_account(client: &Client, namespace: &str) {
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}});
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let created = create(client, &accounts, &account).await;
    created.expect("an account");
    let subject = |namespace: &str, name: &str| json!({"kind": "ServiceAccount", "namespace": namespace, "name": name});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("{ACCOUNT}-{namespace}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [subject(namespace, ACCOUNT)],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let created = create(client, bindings, &binding).await;
    created.expect("a right");
    let impersonation = json!({
        "apiGroups": [""], "resources": ["serviceaccounts"],
        "resourceNames": [ACCOUNT], "verbs": ["impersonate"],
    });
    let agent = subject("stevedore-system", "stevedore-agent");
    allow(client, namespace, ACCOUNT, &impersonation, &agent).await;
}

/// What the clusters have to have: accounts, namespaces, and a label that one of the packages reads.
async fn prepare(world: &World, packages: &[Ordered]) {
    add_account(&world.cluster(MEMBER).client(), "stevedore-system").await;
    for package in packages.iter().filter(|package| package.is_tenant()) {
        create_namespace(&world.client(), &package.name).await;
        add_account(&world.client(), &package.name).await;
    }
    let member = format!("{}/{MEMBER}", ours("memberclusters"));
    let label = json!({"metadata": {"labels": {"region": "north"}}});
    let labelled = merge(&world.client(), &member, &label).await;
    labelled.expect("a label");
}

/// The packages on the hub, by name.
async fn ordered(world: &World) -> BTreeMap<String, Value> {
    let mut found = list(&world.client(), &ours("clusterpackages")).await;
    found.extend(list(&world.client(), &ours("packages")).await);
    let name = |package: &Value| package["metadata"]["name"].as_str().map(str::to_owned);
    let named = found
        .into_iter()
        .filter_map(|package| Some((name(&package)?, package)));
    named.collect()
}

/// Waits until this revision of every package is available.
async fn all_available(world: &World, packages: &[Ordered], revision: i64) {
    let what = format!("revision {revision} of every package is available");
    await_state(&what, ALL_WITHIN, || async {
        let found = ordered(world).await;
        let late = packages.iter().filter_map(|package| {
            let seen = found.get(&package.name)?;
            let is_done = is_available(seen) && seen["status"]["revision"] == revision;
            (!is_done).then(|| format!("{}: {}", package.name, seen["status"]))
        });
        let late: Vec<_> = late.collect();
        match found.len() >= packages.len() && late.is_empty() {
            true => Ok(()),
            false => Err(late.join("\n")),
        }
    })
    .await;
}

/// Collections by API version and kind, as a cluster serves them.
#[derive(Default)]
struct Plurals(BTreeMap<(String, String), String>);

impl Plurals {
    /// Where an object is that a set controls.
    async fn place(&mut self, client: &Client, object: &Value) -> String {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let version = match text("group") {
            "" => format!("api/{}", text("version")),
            group => format!("apis/{group}/{}", text("version")),
        };
        let namespace = match object["namespace"].as_str() {
            Some(namespace) => format!("/namespaces/{namespace}"),
            None => String::new(),
        };
        let key = (version, text("kind").to_owned());
        if !self.0.contains_key(&key) {
            let served = get(client, &format!("/{}", key.0)).await;
            let served = served.expect("the group is served");
            let resources = served["resources"].as_array().into_iter().flatten();
            let names = resources.filter(|one| one["kind"] == key.1);
            let mut names = names.filter_map(|one| one["name"].as_str());
            let plural = names.find(|name| !name.contains('/'));
            let plural = plural.expect("the kind is served").to_owned();
            self.0.insert(key.clone(), plural);
        }
        format!("/{}{namespace}/{}/{}", key.0, self.0[&key], text("name"))
    }
}

/// The newest set of each of these packages on a cluster, by the package's name.
async fn newest_sets(client: &Client, packages: &[Ordered]) -> BTreeMap<String, Value> {
    let number = |set: &Value| set["spec"]["order"]["tuple"]["number"].as_i64();
    let mut newest: BTreeMap<String, Value> = BTreeMap::new();
    for set in list(client, &ours("clusterobjectsets")).await {
        let name = set["spec"]["order"]["package"]["name"].as_str();
        let name = name.unwrap_or_default().to_owned();
        let is_ours = packages.iter().any(|package| package.name == name);
        if is_ours && newest.get(&name).is_none_or(|it| number(it) < number(&set)) {
            newest.insert(name, set);
        }
    }
    newest
}

/// What the newest sets of these packages control on a cluster, when each says that it is available and controls all
/// that its phases have. The hub knows it before: an agent writes the status of a set less often than it tells the hub.
async fn controlled(client: &Client, packages: &[Ordered]) -> Vec<Value> {
    let what = "the sets say that they are available and control their objects";
    await_state(what, ALL_WITHIN, || async {
        let mut all = vec![];
        for (name, set) in newest_sets(client, packages).await {
            let status = &set["status"];
            let phases = status["phases"].as_array().into_iter().flatten();
            let wanted: i64 = phases.filter_map(|phase| phase["objects"].as_i64()).sum();
            let held = status["controllerOf"].as_array();
            let held = held.cloned().unwrap_or_default();
            let controls_all = i64::try_from(held.len()) == Ok(wanted);
            if !controls_all || condition(&set, "Available").0 != "True" {
                let conditions = &status["conditions"];
                return Err(format!("{name}: {} of {wanted}, {conditions}", held.len()));
            }
            all.extend(held);
        }
        Ok(all)
    })
    .await
}

/// Where the objects are that these packages control on a cluster.
async fn objects(client: &Client, packages: &[Ordered]) -> BTreeSet<String> {
    let mut plurals = Plurals::default();
    let mut places = BTreeSet::new();
    for object in controlled(client, packages).await {
        places.insert(plurals.place(client, &object).await);
    }
    places
}

/// Everything that the packages have on both clusters, which is there and of this edition.
async fn all_objects(world: &World, packages: &[Ordered], edition: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut told = 0;
    for cluster in [MEMBER, HUB] {
        let client = world.cluster(cluster).client();
        for path in objects(&client, packages).await {
            let object = get(&client, &path).await;
            let object = object.unwrap_or_else(|| panic!("{cluster} has no {path}"));
            let text = without_managed_fields(object).to_string();
            told += text.matches(edition).count();
            for other in EDITIONS.iter().filter(|other| **other != edition) {
                assert!(!text.contains(other), "{path} is still of {other}: {text}");
            }
            found.push((cluster.to_owned(), path));
        }
    }
    assert!(found.len() > 200, "{} objects", found.len());
    assert!(told >= PACKAGES, "{told} objects say {edition}");
    found
}

fn without_managed_fields(mut object: Value) -> Value {
    object["metadata"]["managedFields"].take();
    object
}

/// Deletes every package, and takes the finalizer off that holds one of their objects.
async fn remove(world: &World, packages: &[Ordered]) {
    for package in packages {
        delete(&world.client(), &package.path()).await;
    }
    let member = world.cluster(MEMBER).client();
    let held = core(HELD, "configmaps", "held");
    await_state("the deletion of what is held waits", ALL_WITHIN, || async {
        let object = get(&member, &held).await.ok_or("it is gone")?;
        if !object["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        Err(ordered(world).await[HELD]["status"].to_string())
    })
    .await;
    let released = json!({"metadata": {"finalizers": null}});
    let released = merge(&member, &held, &released).await;
    released.expect("it is let go");
    await_state("every package is gone", ALL_WITHIN, || async {
        let found = ordered(world).await;
        let left = packages.iter().filter_map(|it| found.get(&it.name));
        let left: Vec<_> = left
            .map(|it| format!("{}: {}", it["metadata"]["name"], it["status"]))
            .collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(left.join("\n")),
        }
    })
    .await;
}

#[test]
fn every_package_is_installed_upgraded_and_removed_beside_all_others() {
    shared(async |world| {
        let packages = packages();
        prepare(world, &packages).await;
        for package in &packages {
            let mut order = json!({
                "apiVersion": "stevedore.dev/v1alpha1",
                "kind": if package.is_tenant() { "Package" } else { "ClusterPackage" },
                "metadata": {"name": package.name},
                "spec": package.spec(),
            });
            order["spec"]["image"] = package.push(world, EDITIONS[0]).await.into();
            let created = create(&world.client(), &package.collection(), &order).await;
            created.expect("a valid package");
        }
        all_available(world, &packages, 1).await;
        let mut objects = all_objects(world, &packages, EDITIONS[0]).await;

        for package in &packages {
            let image = package.push(world, EDITIONS[1]).await;
            let change = json!({"spec": {"image": image}});
            let changed = merge(&world.client(), &package.path(), &change).await;
            changed.expect("a valid change");
        }
        all_available(world, &packages, 2).await;
        objects.extend(all_objects(world, &packages, EDITIONS[1]).await);

        remove(world, &packages).await;
        for (cluster, path) in objects {
            world.gone(&world.cluster(&cluster).client(), &path).await;
        }
    });
}
