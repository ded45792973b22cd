//! A package with all that the format has (components, configuration, constraints, images by lock file, conditional
//! paths) on three members that differ in facts: installed, upgraded, undone and removed.

use serde_json::json;

use super::open_shift::{become_open_shift, shows};
use stevedore_e2e::api::{condition, core, delete, get};
use stevedore_e2e::draft::{Draft, members, object};
use stevedore_e2e::harness::{WITHIN, alone};
use stevedore_e2e::world::{SMALL, Shape, World, seen_on};

const NAME: &str = "harbour";
/// These members have no controllers: a namespace would never be gone.
const NAMESPACE: &str = "default";
const THREE: Shape = Shape {
    members: 3,
    joined: 3,
    ..SMALL
};
/// The members that the package is for, with their versions of OpenShift; it is not for `member-2`.
const OPEN_SHIFT: [(&str, &str); 2] = [("member-1", "4.16.1"), ("member-3", "4.18.3")];
const HEAD: &str = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";

/// The lock file of one image: its digest is 64 times this digit.
fn lock(name: &str, digit: char) -> String {
    let digest = String::from(digit).repeat(64);
    format!(
        "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifestLock\nmetadata: {{name: lock}}\n\
         spec:\n  images:\n  - {{name: {name}, image: 'registry.example/{name}:1', digest: 'sha256:{digest}'}}\n"
    )
}

fn image(name: &str, digit: char) -> String {
    format!(
        "registry.example/{name}@sha256:{}",
        String::from(digit).repeat(64)
    )
}

fn map(name: &str, phase: &str, data: &str) -> String {
    let head = object("v1", "ConfigMap", NAMESPACE, name, phase, "");
    format!("{head}data:\n{data}")
}

/// An edition of the package: the default of its configuration, and the digit of the digests of its images.
fn edition(greeting: &str, digit: char) -> Draft {
    let config = format!(
        "  config:\n    openAPIV3Schema:\n      type: object\n      properties:\n        \
         greeting: {{type: string, default: {greeting}, maxLength: 32}}\n"
    );
    let root = format!(
        "{HEAD}metadata: {{name: {NAME}}}\nspec:\n  scopes: [Cluster]\n  components: {{}}\n  \
         phases: [{{name: ground}}, {{name: parts}}, {{name: last}}]\n  \
         constraints: [{{platform: [OpenShift]}}]\n  images: [{{name: quay, image: 'registry.example/quay:1'}}]\n  \
         filter:\n    conditions:\n    - name: modern\n      \
         expression: environment.openShift.version.startsWith(\"4.18\")\n    \
         paths:\n    - {{glob: modern/**, expression: cond.modern}}\n    \
         - {{glob: old/*.yaml, expression: '!cond.modern'}}\n{config}"
    );
    let component = format!(
        "{HEAD}spec:\n  scopes: [Cluster]\n  phases: [{{name: lift}}]\n  \
         images: [{{name: crane, image: 'registry.example/crane:1'}}]\n{config}"
    );
    let asks = object(
        "package-operator.run/v1alpha1",
        "ClusterPackage",
        "",
        "harbour-crane",
        "parts",
        "",
    );
    let asks = format!(
        "{asks}spec:\n  image: '{{{{ .package.image }}}}'\n  component: crane\n  \
         config: {{greeting: '{{{{ .config.greeting }}}}'}}\n"
    );
    let shown = "  greeting: '{{ .config.greeting }}'\n  image: '{{ .images.quay }}'\n  \
         version: '{{ .environment.openShift.version }}'\n";
    Draft::new(NAME, &[])
        .file("ground.yaml", &map("ground", "ground", "  is: there\n"))
        .file("manifest.yaml", &root)
        .file("manifest.lock.yaml", &lock("quay", digit))
        .file("shown.yaml.gotmpl", &map("shown", "last", shown))
        .file("modern/pier.yaml", &map("pier", "last", "  is: modern\n"))
        .file("old/jetty.yaml", &map("jetty", "last", "  is: old\n"))
        .file("crane.yaml.gotmpl", &asks)
        .file("components/crane/manifest.yaml", &component)
        .file("components/crane/manifest.lock.yaml", &lock("crane", digit))
        .file(
            "components/crane/crane.yaml.gotmpl",
            &map(
                "crane",
                "lift",
                "  greeting: '{{ .config.greeting }}'\n  image: '{{ .images.crane }}'\n",
            ),
        )
}

/// Waits until both members run an edition, each as its facts have it.
async fn run(world: &World, greeting: &str, digit: char) {
    for (member, version) in OPEN_SHIFT {
        let client = world.cluster(member).client();
        let expected =
            json!({"greeting": greeting, "image": image("quay", digit), "version": version});
        let what = format!("{member} runs the edition {greeting}");
        let shown = core(NAMESPACE, "configmaps", "shown");
        seen_on(&client, &what, WITHIN, &shown, |map| {
            map["data"] == expected
        })
        .await;
        let expected = json!({"greeting": greeting, "image": image("crane", digit)});
        let crane = core(NAMESPACE, "configmaps", "crane");
        seen_on(&client, &what, WITHIN, &crane, |map| {
            map["data"] == expected
        })
        .await;
        let is_modern = version.starts_with("4.18");
        for (name, wanted) in [("pier", is_modern), ("jetty", !is_modern)] {
            let found = get(&client, &core(NAMESPACE, "configmaps", name)).await;
            assert_eq!(found.is_some(), wanted, "{name} on {member}");
        }
    }
}

/// Looks at the package on the hub: two of three, and why not the third.
async fn stands(world: &World) {
    let package = edition("", '0').available(world, 2).await;
    let counts = &package["status"]["counts"];
    let found = (&counts["targeted"], &counts["ineligible"]);
    assert_eq!(found, (&json!(3), &json!(1)), "{counts}");
    let why = &package["status"]["ineligible"][0];
    assert_eq!(why["clusters"], json!(["member-2"]));
    let said = condition(&package, "Available").2;
    assert!(said.contains("2 of 2 clusters are available"), "{said}");
}

#[test]
fn a_package_with_all_that_the_format_has_is_installed_upgraded_undone_and_removed() {
    alone(THREE, async |world| {
        for (member, version) in OPEN_SHIFT {
            become_open_shift(&world.cluster(member).client(), version).await;
            shows(world, member, version).await;
        }
        let draft = edition("ahoy", 'a');
        draft.install(world, &members()).await;
        run(world, "ahoy", 'a').await;
        stands(world).await;

        edition("welcome", 'b').upgrade(world, "2").await;
        run(world, "welcome", 'b').await;
        stands(world).await;
        draft
            .change(world, &json!({"config": {"greeting": "hello"}}))
            .await;
        run(world, "hello", 'b').await;

        let undone = world
            .stevedore(["rollout", "undo", NAME, "--to-revision", "1"])
            .await;
        undone.ok();
        run(world, "ahoy", 'a').await;
        stands(world).await;

        for name in ["ground", "shown", "crane", "pier", "jetty"] {
            let path = core(NAMESPACE, "configmaps", name);
            let found = get(&world.cluster("member-2").client(), &path).await;
            assert_eq!(found, None, "{name} on member-2");
        }
        delete(&world.client(), &draft.path()).await;
        world.gone(&world.client(), &draft.path()).await;
        for (member, _) in OPEN_SHIFT {
            let client = world.cluster(member).client();
            for name in ["ground", "shown", "crane", "pier", "jetty"] {
                world
                    .gone(&client, &core(NAMESPACE, "configmaps", name))
                    .await;
            }
        }
    });
}
