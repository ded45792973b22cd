//! Packages of several components on a member: installed, upgraded to, and removed.

use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use super::audit_log::package_writes;
use stevedore_e2e::api::{core, delete, get, list, merge, ours, uid};
use stevedore_e2e::draft::{Draft, GATE, named, object};
use stevedore_e2e::harness::{WITHIN, shared};
use stevedore_e2e::world::{World, seen_on};

const HEAD: &str = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";
const MEMBER: &str = "member-2";

fn map(namespace: &str, name: &str, phase: &str, gated: bool) -> String {
    let labels = match gated {
        true => "  labels: {e2e.example/gated: \"true\"}\n",
        false => "",
    };
    object("v1", "ConfigMap", namespace, name, phase, labels)
}

/// What asks for a component of the package's own image.
fn asks(component: &str) -> String {
    let head = object(
        "package-operator.run/v1alpha1",
        "ClusterPackage",
        "",
        &format!("dockyard-{component}"),
        "parts",
        "",
    );
    format!(
        "{head}spec:\n  image: '{{{{ .package.image }}}}'\n  component: {component}\n  config: {{greeting: ahoy}}\n"
    )
}

/// A package without components: a namespace, and two ConfigMaps.
fn plain() -> Draft {
    Draft::new("dockyard", &["ground", "parts", "last"])
        .namespace("ground")
        .config_map("crane", "parts", "1")
        .config_map("lamp", "last", "1")
}

/// The same with the crane in a component, and a mast in another one whose first phase waits for a gate.
fn of_components() -> Draft {
    let root = format!(
        "{HEAD}metadata: {{name: dockyard}}\nspec:\n  scopes: [Cluster]\n  components: {{}}\n  \
         phases: [{{name: ground}}, {{name: parts}}, {{name: last}}]\n"
    );
    let config =
        "  config: {openAPIV3Schema: {type: object, properties: {greeting: {type: string}}}}\n";
    let component = |phases: &str, more: &str| {
        format!("{HEAD}spec:\n  scopes: [Cluster]\n  phases: [{phases}]\n{config}{more}")
    };
    let probes = format!("  availabilityProbes:{GATE}");
    let crane = format!(
        "{}data: {{value: \"1\"}}\n",
        map("dockyard", "crane", "lift", false)
    );
    let secret = object("v1", "Secret", "dockyard", "flag", "raise", "");
    let secret = format!("{secret}stringData: {{greeting: '{{{{ .config.greeting }}}}'}}\n");
    plain()
        .without("crane.yaml")
        .file("manifest.yaml", &root)
        .file("crane.yaml.gotmpl", &asks("crane"))
        .file("mast.yaml.gotmpl", &asks("mast"))
        .file(
            "components/crane/manifest.yaml",
            &component("{name: lift}", ""),
        )
        .file("components/crane/crane.yaml", &crane)
        .file(
            "components/mast/manifest.yaml",
            &component("{name: raise}, {name: hoist}", &probes),
        )
        .file(
            "components/mast/mast.yaml",
            &map("dockyard", "mast", "raise", true),
        )
        .file("components/mast/flag.yaml.gotmpl", &secret)
        .file(
            "components/mast/sail.yaml",
            &map("dockyard", "sail", "hoist", false),
        )
}

async fn object_of(member: &ControlPlane, plural: &str, name: &str) -> Option<Value> {
    get(&member.client(), &core("dockyard", plural, name)).await
}

async fn uids(member: &ControlPlane) -> [String; 2] {
    let mut uids = [const { String::new() }; 2];
    for (found, name) in uids.iter_mut().zip(["crane", "lamp"]) {
        let object = object_of(member, "configmaps", name).await;
        *found = uid(&object.expect("it is there")).to_owned();
    }
    uids
}

async fn opens_gate(member: &ControlPlane) {
    let gate = core("dockyard", "configmaps", "mast");
    let client = member.client();
    seen_on(&client, "the mast is there", WITHIN, &gate, |_| true).await;
    let opened = json!({"metadata": {"annotations": {"e2e.example/gate": "open"}}});
    merge(&client, &gate, &opened).await.expect("an edit");
}

/// Of the newest set that is not archived, whose objects stand by phase and component.
async fn phases(member: &ControlPlane) -> Vec<(String, Value)> {
    let sets = list(&member.client(), &ours("clusterobjectsets")).await;
    let newest = sets
        .iter()
        .filter(|set| set["spec"]["order"]["package"]["name"] == "dockyard")
        .max_by_key(|set| set["spec"]["order"]["tuple"]["number"].as_i64());
    let phases = newest.expect("a set")["spec"]["phases"].as_array().cloned();
    let phases = phases.unwrap_or_default().into_iter();
    phases
        .map(|phase| {
            let name = phase["name"].as_str().unwrap_or_default().to_owned();
            (name, phase["component"].clone())
        })
        .collect()
}

/// Upgrades to the package of components, and sees that they wait for each other where they should and nowhere else.
async fn upgrades(world: &World, member: &ControlPlane) {
    let draft = of_components();
    let before = uids(member).await;
    draft.upgrade(world, "2").await;
    let message = draft.fails(world, "mast/raise").await;
    assert!(message.contains("the gate is closed"), "{message}");
    assert_eq!(object_of(member, "configmaps", "sail").await, None);
    let explained = world
        .stevedore(["explain", "dockyard", "--cluster", MEMBER])
        .await;
    assert!(explained.out.contains("mast/raise"), "{}", explained.out);

    opens_gate(member).await;
    draft.available(world, 1).await;
    assert_eq!(uids(member).await, before, "an object was made again");
    let found = phases(member).await;
    let expected = [
        ("ground", Value::Null),
        ("parts", Value::Null),
        ("crane/lift", "crane".into()),
        ("mast/raise", "mast".into()),
        ("mast/hoist", "mast".into()),
        ("last", Value::Null),
    ];
    assert_eq!(found, expected.map(|(name, of)| (name.to_owned(), of)));
    let flag = object_of(member, "secrets", "flag").await;
    let flag = flag.expect("the component's Secret");
    assert_eq!(flag["data"]["greeting"], "YWhveQ==");
    let labels = &flag["metadata"]["labels"];
    assert_eq!(labels["stevedore.dev/package"], "mast");
    assert_eq!(labels["stevedore.dev/instance"], "dockyard-mast");
    let sets = list(&member.client(), &ours("clusterobjectsets")).await;
    let told = Value::from(sets).to_string();
    assert!(!told.contains("ahoy") && !told.contains("YWhveQ=="));
}

#[test]
fn a_package_is_upgraded_to_one_of_two_components_and_removed_in_reverse() {
    shared(async |world| {
        let member = world.cluster(MEMBER);
        plain().roll_out(world, &named(&[MEMBER]), 1).await;
        upgrades(world, member).await;
        let written = package_writes(member, "dockyard").len();
        delete(&world.client(), &plain().path()).await;
        world.gone(&world.client(), &plain().path()).await;
        world
            .gone(&member.client(), "/api/v1/namespaces/dockyard")
            .await;
        let writes = package_writes(member, "dockyard");
        let mut deleted: Vec<_> = writes[written..]
            .iter()
            .filter(|entry| entry.verb == "delete")
            .filter_map(|entry| Some(entry.object_ref.as_ref()?.name.clone()))
            .collect();
        deleted.dedup();
        // The mast and its flag are of one phase.
        deleted[2..4].sort();
        assert_eq!(
            deleted,
            ["lamp", "sail", "flag", "mast", "crane", "dockyard"]
        );
    });
}

#[test]
fn a_component_is_installed_in_the_place_of_the_root_and_one_that_there_is_not_changes_nothing() {
    shared(async |world| {
        let manifest = |more: &str| {
            format!(
                "{HEAD}metadata: {{name: parted}}\nspec:\n  scopes: [Cluster]\n  phases: [{{name: only}}]\n{more}"
            )
        };
        let draft = Draft::new("parted", &[])
            .file("manifest.yaml", &manifest("  components: {}\n"))
            .file("root.yaml", &map("default", "parted-root", "only", false))
            .file("components/part/manifest.yaml", &manifest(""))
            .file(
                "components/part/part.yaml",
                &map("default", "parted-part", "only", false),
            );
        draft.roll_out(world, &named(&["member-1"]), 1).await;
        let member = world.cluster("member-1").client();
        let place = |name: &str| core("default", "configmaps", name);
        assert!(get(&member, &place("parted-root")).await.is_some());

        draft.change(world, &json!({"component": "part"})).await;
        draft.available(world, 1).await;
        assert!(get(&member, &place("parted-part")).await.is_some());
        world.gone(&member, &place("parted-root")).await;
        let explain = ["explain", "parted", "--cluster", "member-1"];
        let explained = world.stevedore(explain).await.ok();
        assert!(explained.contains("component   part"), "{explained}");

        draft.change(world, &json!({"component": "other"})).await;
        let message = draft.fails(world, "other").await;
        assert!(message.contains("\"other\" is none of part"), "{message}");
        assert!(get(&member, &place("parted-part")).await.is_some());
        draft.remove(world).await;
        world.gone(&member, &place("parted-part")).await;
    });
}

#[test]
fn a_phase_of_a_class_is_not_touched_and_the_member_says_so() {
    shared(async |world| {
        let manifest = format!(
            "{HEAD}metadata: {{name: delegating}}\nspec:\n  scopes: [Cluster]\n  \
             phases: [{{name: here}}, {{name: there, class: hosted-cluster}}, {{name: later}}]\n"
        );
        let draft = Draft::new("delegating", &[])
            .inside("default")
            .file("manifest.yaml", &manifest)
            .config_map("delegating-here", "here", "1")
            .config_map("delegating-there", "there", "1")
            .config_map("delegating-later", "later", "1");
        draft.install(world, &named(&["member-1"])).await;
        let message = draft.fails(world, "hosted-cluster").await;
        assert!(message.contains("\"there\""), "{message}");
        let package = get(&world.client(), &draft.path())
            .await
            .expect("a package");
        let reason = &package["status"]["failures"][0]["reason"];
        assert_eq!(reason, "NoSuchPhaseClass", "{package}");
        let member = world.cluster("member-1").client();
        let map = |name: &str| core("default", "configmaps", name);
        assert!(get(&member, &map("delegating-here")).await.is_some());
        for name in ["delegating-there", "delegating-later"] {
            assert_eq!(get(&member, &map(name)).await, None, "{name}");
        }
        draft.remove(world).await;
        world.gone(&member, &map("delegating-here")).await;
    });
}
